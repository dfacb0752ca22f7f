#include "http_proxy/filter_chain.h"

#include <new>
#include <utility>

#include "http_proxy/manager_runtime.h"
#include "http_proxy/stream.h"
#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

using State = FilterSide::State;

namespace {

/** Is the filter to take part? The most specific level that names it decides, else the chain's own word. */
bool enabled(const NamedFilter& filter, const routing::ExtensionConfigs* const* levels, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (const routing::ExtensionConfig* config = levels[i]->find(filter.name)) return !config->disabled;
  }
  return !filter.disabled;
}

bool holds(const FilterSide& side) { return side.held != nullptr && !side.held->empty(); }

}  // namespace

struct FilterChain::Kept {
  DiscoveredFilterRef filter;
  Kept* next;
};

const DiscoveredFilter* FilterChain::keep(DiscoveredFilterRef filter) {
  if (!filter) return nullptr;
  kept_ = stream_.arena().make<Kept>(std::move(filter), kept_);
  return kept_->filter.get();
}

const RouterConfig& FilterChain::routerConfig(const FilterListRuntime& list) {
  static const RouterConfig kDefault;  // of a router that no request comes to
  if (!list.list.router_slot) [[likely]] return list.list.router;
  const DiscoveredFilter* found = keep(list.discoveredRouter());
  return found == nullptr ? kDefault : *found->config->router;
}

void FilterChain::create(const FilterListRuntime& list) {
  if (created_) return;
  created_ = true;
  const auto& filters = list.list.filters;
  if (filters.empty() && !list.list.router_slot) return;
  const routing::ExtensionConfigs* levels[routing::Route::kLevels];
  const routing::Route* route = stream_.route();
  const size_t level_count = route == nullptr ? 0 : route->filterLevels(stream_.weightedCluster(), levels);
  const size_t most = filters.size() + 1;  // and one that says what is missing
  places_ = static_cast<FilterStream*>(stream_.arena().allocate(sizeof(FilterStream) * most, alignof(FilterStream)));
  bool missing = false;
  for (size_t i = 0; i < filters.size(); ++i) {
    if (!enabled(filters[i], levels, level_count)) continue;
    if (!filters[i].config_slot) [[likely]] {
      add(filters[i], list.runtimes[i].get());
    } else if (const DiscoveredFilter* found = keep(list.discovered(i)); found != nullptr) {
      add(found->config->filter, found->runtime.get());
    } else if (!std::exchange(missing, true)) {
      add(kMissingFilter, nullptr);
    }
  }
  if (list.list.router_slot && !missing && !list.discoveredRouter()) add(kMissingFilter, nullptr);
}

void FilterChain::add(const NamedFilter& filter, FilterRuntime* runtime) {
  auto* place = ::new (places_ + count_) FilterStream(*this, filter, count_);
  place->filter_ = filter.factory->create(stream_.arena(), stream_.worker(), runtime);
  response_seen_ = response_seen_ || !place->filter_->ignoresResponse();
  ++count_;
}

FilterChain::~FilterChain() {
  for (uint16_t i = 0; i < count_; ++i) {
    FilterStream& place = places_[i];
    place.filter_->~Filter();
    for (BodyBuffer* held : {place.request_.held, place.response_.held}) {
      if (held != nullptr) held->~BodyBuffer();
    }
  }
  for (; kept_ != nullptr; kept_ = kept_->next) kept_->filter.reset();
}

Stream& FilterChain::client() const { return static_cast<Stream&>(stream_); }

bool FilterChain::stopped(const Direction& direction) const {
  return direction.aborted || (attempt_ == nullptr && client().complete());
}

// ---------------------------------------------------------------- entrances

void FilterChain::requestHeaders(http::HeaderMap& headers, bool end_stream) {
  request_.headers = &headers;
  if (count_ == 0) return deliverHeaders(request_, end_stream);
  runHeaders(request_, 0, end_stream);
}

void FilterChain::requestData(std::string_view data, bool end_stream) {
  if (count_ == 0) return deliverData(request_, data, end_stream);
  runData(request_, 0, data, end_stream);
}

void FilterChain::requestTrailers(http::HeaderMap& trailers) {
  request_.trailers = &trailers;
  runTrailers(request_, 0);
}

void FilterChain::response1xx(http::HeaderMap& headers) {
  for (size_t i = count_; i-- > 0;) {
    if (call(places_[i], [&](Filter& filter) { return filter.on1xx(headers, places_[i]); }) != Verdict::kContinue) return;
    if (stopped(response_)) return;
  }
  if (attempt_ != nullptr) return attempt_->filtered1xx(headers);
  client().send1xx(headers);
}

void FilterChain::responseHeaders(http::HeaderMap& headers, bool end_stream) {
  response_.headers = &headers;
  if (!response_seen_) return deliverHeaders(response_, end_stream);
  runHeaders(response_, 0, end_stream);
}

void FilterChain::responseData(std::string_view data, bool end_stream) {
  if (!response_seen_) return deliverData(response_, data, end_stream);
  runData(response_, 0, data, end_stream);
}

void FilterChain::responseTrailers(http::HeaderMap& trailers) {
  response_.trailers = &trailers;
  runTrailers(response_, response_seen_ ? 0 : count_);
}

void FilterChain::seeResponse() {
  if (response_seen_) return;
  response_seen_ = true;
  for (uint16_t i = 0; i < count_; ++i) places_[i].response_.head_passed = responseBegun();
}

// ---------------------------------------------------------------- iteration

template <class Call>
Verdict FilterChain::call(FilterStream& place, Call&& hook) {
  ++depth_;
  const Verdict verdict = hook(*place.filter_);
  --depth_;
  if (pending_ != nullptr && depth_ == 0) [[unlikely]] reply(*std::exchange(pending_, nullptr));
  return verdict;
}

void FilterChain::runHeaders(Direction& direction, size_t from, bool end_stream) {
  size_t body_from = kNone;  // a filter that added a body to a message without one
  size_t i = from;
  for (; i < count_; ++i) {
    FilterStream& filter = place(direction, i);
    FilterSide& here = side(direction, filter);
    if (unseen(direction, filter)) {
      here.head_passed = true;
      continue;
    }
    const Verdict verdict = call(filter, [&](Filter& hooks) {
      return direction.response ? hooks.onResponseHeaders(*direction.headers, filter, end_stream)
                                : hooks.onRequestHeaders(*direction.headers, filter, end_stream);
    });
    if (stopped(direction)) return;
    if (verdict == Verdict::kContinueOpen) {
      here.head_passed = true;
      end_stream = false;
      continue;
    }
    const bool trailers = takeFreshTrailers(direction, here, i);
    if (verdict == Verdict::kContinue) {
      here.head_passed = true;
      if (!end_stream || (!trailers && !holds(here))) continue;
      body_from = i;
      here.end_held = true;
      end_stream = false;
      continue;
    }
    here.state = verdict == Verdict::kPause ? State::kPaused : State::kStopped;
    here.streaming = verdict == Verdict::kWatermark;
    here.head_ended = end_stream;
    here.end_held = end_stream;
    break;
  }
  if (i >= count_) deliverHeaders(direction, end_stream);
  if (body_from != kNone && !stopped(direction)) release(direction, side(direction, place(direction, body_from)), body_from + 1);
}

void FilterChain::runData(Direction& direction, size_t from, std::string_view data, bool end_stream) {
  const size_t at = offerData(direction, from, data, end_stream);
  if (at == count_) deliverData(direction, data, end_stream);
  // Trailers that a filter made when it saw the end: the filters behind it get them after the body.
  if (direction.fresh_trailers == kNone || stopped(direction)) return;
  const size_t next = std::exchange(direction.fresh_trailers, kNone) + 1u;
  runTrailers(direction, next);
}

/** Shows the bytes to filter after filter. Returns the count when they went past all of them. */
size_t FilterChain::offerData(Direction& direction, size_t from, std::string_view& data, bool& end_stream) {
  for (size_t i = from; i < count_; ++i) {
    if (stopped(direction)) return kNone;
    FilterStream& filter = place(direction, i);
    FilterSide& here = side(direction, filter);
    if (unseen(direction, filter)) continue;
    if (here.state == State::kStopped) {
      keep(direction, here, data, end_stream);
      return i;
    }
    const Verdict verdict = call(filter, [&](Filter& hooks) {
      return direction.response ? hooks.onResponseData(data, filter, end_stream) : hooks.onRequestData(data, filter, end_stream);
    });
    if (stopped(direction)) return kNone;
    const bool made_trailers = direction.fresh_trailers == i;
    if (verdict == Verdict::kContinue || verdict == Verdict::kContinueOpen) {
      if (here.state != State::kPaused && !holds(here)) {
        if (made_trailers) end_stream = false;
        continue;
      }
      // It lets go: the head if that waited, what was held, and these bytes; then trailers, which may wait here too.
      here.trailers_here = takeFreshTrailers(direction, here, i) || here.trailers_here;
      append(here, data);
      here.end_held = here.end_held || end_stream;
      if (here.state == State::kPaused) {
        resume(direction, filter);
      } else {
        release(direction, here, i + 1);
      }
      return i;
    }
    here.state = State::kPaused;
    takeFreshTrailers(direction, here, i);
    if (verdict == Verdict::kPause) {
      here.end_held = here.end_held || end_stream;
    } else {
      here.streaming = verdict == Verdict::kWatermark;
      keep(direction, here, data, end_stream);
    }
    return i;
  }
  return stopped(direction) ? kNone : count_;
}

void FilterChain::runTrailers(Direction& direction, size_t from) {
  for (size_t i = from; i < count_; ++i) {
    if (stopped(direction)) return;
    FilterStream& filter = place(direction, i);
    FilterSide& here = side(direction, filter);
    if (here.state == State::kStopped) {
      here.trailers_here = true;
      return;
    }
    const Verdict verdict = call(filter, [&](Filter& hooks) {
      return direction.response ? hooks.onResponseTrailers(*direction.trailers, filter)
                                : hooks.onRequestTrailers(*direction.trailers, filter);
    });
    if (stopped(direction)) return;
    if (verdict == Verdict::kContinue && here.state == State::kOpen && !holds(here)) continue;
    here.trailers_here = true;
    if (verdict != Verdict::kContinue) {
      here.state = State::kPaused;
    } else if (here.state == State::kPaused) {
      resume(direction, filter);
    } else {
      release(direction, here, i + 1);
    }
    return;
  }
  if (!stopped(direction)) deliverTrailers(direction);
}

// ---------------------------------------------------------------- what waits

void FilterChain::append(FilterSide& side, std::string_view data) {
  if (data.empty()) return;
  if (side.held == nullptr) side.held = stream_.arena().make<BodyBuffer>(stream_.worker().services.io.blocks());
  side.held->append(data);
}

void FilterChain::keep(Direction& direction, FilterSide& side, std::string_view data, bool end_stream) {
  append(side, data);
  side.end_held = side.end_held || end_stream;
  checkLimit(direction, side);
}

uint64_t FilterChain::limitOf(const Direction& direction) const {
  return direction.limit_set ? direction.limit : stream_.bufferLimit();
}

/** Counts for what is held already, too: by this filter, or by one before it that is letting go. */
void FilterChain::setLimit(Direction& direction, uint64_t bytes) {
  direction.limit = bytes;
  direction.limit_set = true;
  for (uint16_t i = 0; i < count_; ++i) checkLimit(direction, side(direction, places_[i]));
}

void FilterChain::checkLimit(Direction& direction, FilterSide& side) {
  const uint64_t limit = limitOf(direction);
  if (limit == 0 || !holds(side) || side.held->size() <= limit) return;
  if (side.streaming) return setBlocks(direction, side, true);
  if (attempt_ == nullptr) {
    client().runtime().http.inc(direction.response ? stats::HttpStat::rs_too_large : stats::HttpStat::downstream_rq_too_large);
  }
  if (direction.response) {
    reply({.status = 500, .body = "Internal Server Error", .details = "response_payload_too_large"});
  } else {
    reply({.status = 413, .body = "Payload Too Large", .details = "request_payload_too_large"});
  }
}

void FilterChain::setBlocks(Direction& direction, FilterSide& side, bool blocks) {
  if (side.blocks == blocks) return;
  side.blocks = blocks;
  block(direction, blocks);
}

/** Holds the sender back, counted. */
void FilterChain::block(const Direction& direction, bool block) {
  if (!direction.response) return stream_.pauseRequest(block);
  if (attempt_ != nullptr) return attempt_->pauseForFilters(block);
  client().blockResponse(block);
}

/** Trailers that the filter's hook just made wait at the filter. */
bool FilterChain::takeFreshTrailers(Direction& direction, FilterSide& side, size_t at) {
  if (direction.fresh_trailers != at) return false;
  direction.fresh_trailers = kNone;
  side.trailers_here = true;
  return true;
}

/** What is held goes on to the filters from `from` on. */
void FilterChain::release(Direction& direction, FilterSide& side, size_t from) {
  const bool trailers = std::exchange(side.trailers_here, false);
  const bool end = std::exchange(side.end_held, false) && !trailers;
  setBlocks(direction, side, false);
  if (holds(side)) {
    net::IoContext& io = stream_.worker().services.io;
    BodyBuffer going(io.blocks());
    going.absorb(*side.held);
    size_t left = going.size();
    going.forEach([&](std::string_view piece) {
      left -= piece.size();
      if (!stopped(direction)) runData(direction, from, piece, end && left == 0);
    });
    io.keepForTurn(going.queue());  // sockets may borrow from it
  } else if (end) {
    runData(direction, from, {}, true);
  }
  if (trailers && !stopped(direction)) runTrailers(direction, from);
}

void FilterChain::resume(Direction& direction, FilterStream& filter) {
  FilterSide& here = side(direction, filter);
  if (stopped(direction) || here.state == State::kOpen) return;
  const size_t at = positionOf(direction, filter);
  // Who stopped everything at a head with more behind it has not seen that yet.
  const bool shows_self = here.state == State::kStopped && !here.head_ended;
  here.state = State::kOpen;
  setBlocks(direction, here, false);
  if (!std::exchange(here.head_passed, true)) {
    const bool ends = here.head_ended && !holds(here) && !here.trailers_here;
    if (ends) here.end_held = false;
    runHeaders(direction, at + 1, ends);
    if (ends || stopped(direction)) return;
  }
  release(direction, here, shows_self ? at : at + 1);
}

// ---------------------------------------------------------------- what filters do from their place

void FilterChain::add(Direction& direction, FilterStream& filter, std::string_view data) {
  if (stopped(direction)) return;
  if (direction.response) seeResponse();
  FilterSide& here = side(direction, filter);
  append(here, data);
  if (here.state != State::kOpen) checkLimit(direction, here);
}

void FilterChain::inject(Direction& direction, FilterStream& filter, std::string_view data, bool end_stream) {
  if (stopped(direction)) return;
  if (direction.response) seeResponse();
  FilterSide& here = side(direction, filter);
  const size_t next = positionOf(direction, filter) + 1;
  if (!std::exchange(here.head_passed, true)) runHeaders(direction, next, false);
  if (end_stream) here.end_held = false;
  if (!stopped(direction)) runData(direction, next, data, end_stream);
}

http::HeaderMap& FilterChain::addTrailers(Direction& direction, FilterStream& filter) {
  if (direction.trailers == nullptr) {
    if (direction.response) seeResponse();
    direction.trailers = stream_.arena().make<http::HeaderMap>(stream_.arena());
    direction.fresh_trailers = static_cast<uint16_t>(positionOf(direction, filter));
    if (attempt_ == nullptr) client().noteTrailers(*direction.trailers, direction.response);
  }
  return *direction.trailers;
}

void FilterChain::drop(Direction& direction, FilterSide& side) {
  if (holds(side)) side.held->clear();
  setBlocks(direction, side, false);
}

// ---------------------------------------------------------------- ends of the chain

void FilterChain::deliverHeaders(Direction& direction, bool end_stream) {
  if (attempt_ != nullptr) [[unlikely]] return attempt_->filteredHeaders(*direction.headers, end_stream, direction.response);
  if (direction.response) {
    client().sendHead(*direction.headers, end_stream);
  } else {
    client().router_->onRequestHeaders(*direction.headers, end_stream);
  }
}

void FilterChain::deliverData(Direction& direction, std::string_view data, bool end_stream) {
  if (stopped(direction)) return;
  if (attempt_ != nullptr) [[unlikely]] return attempt_->filteredData(data, end_stream, direction.response);
  if (direction.response) {
    client().sendData(data, end_stream);
  } else {
    client().router_->onRequestData(data, end_stream);
  }
}

void FilterChain::deliverTrailers(Direction& direction) {
  // A filter may have taken all of them (gRPC-Web puts them into the body).
  if (direction.trailers->empty()) return deliverData(direction, {}, true);
  if (attempt_ != nullptr) return attempt_->filteredTrailers(*direction.trailers, direction.response);
  if (direction.response) {
    client().sendTrailers(*direction.trailers);
  } else {
    client().router_->onRequestTrailers(*direction.trailers);
  }
}

void FilterChain::replyAfterHook(const LocalReply& reply) {
  if (pending_ != nullptr) return;
  pending_ = stream_.arena().make<LocalReply>(reply);
  request_.aborted = true;
  if (responseBegun() || attempt_ != nullptr) response_.aborted = true;
}

void FilterChain::reply(const LocalReply& reply) {
  if (attempt_ == nullptr) return client().reply(reply);
  if (inHook()) return replyAfterHook(reply);
  attempt_->onFilterReply(reply);
}

void FilterChain::startLocalReply(const LocalReply& reply, bool direct) {
  for (uint16_t i = 0; i < count_; ++i) places_[i].filter_->onLocalReply(reply, places_[i]);
  request_.aborted = true;
  response_.aborted = direct;
}

void FilterChain::onResponseBlocked(bool blocked) {
  for (uint16_t i = 0; i < count_; ++i) places_[i].filter_->onResponseBlocked(blocked, places_[i]);
}

void FilterChain::complete() {
  for (uint16_t i = 0; i < count_; ++i) places_[i].filter_->onComplete(places_[i]);
}

void FilterChain::abandon() {
  request_.aborted = true;
  response_.aborted = true;
  for (uint16_t i = 0; i < count_; ++i) {
    setBlocks(request_, places_[i].request_, false);
    setBlocks(response_, places_[i].response_, false);
  }
}

}  // namespace nuncio::http_proxy
