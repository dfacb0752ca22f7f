#include "http_proxy/filter_chain.h"

#include <utility>

#include "http_proxy/manager_config.h"
#include "http_proxy/stream.h"

namespace nuncio::http_proxy {

void FilterChain::create(const ManagerConfig& config) {
  if (config.filters.empty()) return;
  filters_ = stream_.arena().array<Filter*>(config.filters.size());
  for (const NamedFilter& filter : config.filters) {
    filters_[count_++] = filter.factory->create(stream_.arena(), stream_.worker());
  }
}

bool FilterChain::stopped(const Direction& direction) const {
  return stream_.complete() || (replied_ && !direction.response);
}

// ---------------------------------------------------------------- entrances

void FilterChain::requestHeaders(http::HeaderMap& headers, bool end_stream) {
  request_.headers = &headers;
  runHeaders(request_, 0, end_stream);
}

void FilterChain::requestData(std::string_view data, bool end_stream) {
  if (count_ == 0) return deliverData(request_, data, end_stream);
  if (request_.all_held) return hold(request_, data, end_stream);
  runData(request_, request_.head_held ? request_.at : 0, data, end_stream);
}

void FilterChain::requestTrailers(http::HeaderMap& trailers) {
  request_.trailers = &trailers;
  if (request_.all_held || stopped(request_)) return;
  runTrailers(request_, request_.head_held ? request_.at : 0);
}

void FilterChain::responseHeaders(http::HeaderMap& headers, bool end_stream) {
  response_.headers = &headers;
  runHeaders(response_, 0, end_stream);
}

void FilterChain::responseData(std::string_view data, bool end_stream) {
  if (count_ == 0) return deliverData(response_, data, end_stream);
  if (response_.all_held) return hold(response_, data, end_stream);
  runData(response_, response_.head_held ? response_.at : 0, data, end_stream);
}

void FilterChain::responseTrailers(http::HeaderMap& trailers) {
  response_.trailers = &trailers;
  if (response_.all_held || stopped(response_)) return;
  runTrailers(response_, response_.head_held ? response_.at : 0);
}

// ---------------------------------------------------------------- iteration

void FilterChain::runHeaders(Direction& direction, size_t from, bool end_stream) {
  for (size_t i = from; i < count_; ++i) {
    Filter& filter = filterAt(direction, i);
    const Verdict verdict = direction.response ? filter.onResponseHeaders(*direction.headers, stream_, end_stream)
                                               : filter.onRequestHeaders(*direction.headers, stream_, end_stream);
    if (stopped(direction) || verdict == Verdict::kReplied) return;
    if (verdict == Verdict::kContinue) continue;
    direction.at = static_cast<uint16_t>(i);
    direction.head_held = true;
    direction.all_held = verdict == Verdict::kPauseAll;
    direction.end_held = end_stream;
    return;
  }
  deliverHeaders(direction, end_stream);
}

void FilterChain::runData(Direction& direction, size_t from, std::string_view data, bool end_stream) {
  for (size_t i = from; i < count_; ++i) {
    if (stopped(direction)) return;
    Filter& filter = filterAt(direction, i);
    const Verdict verdict = direction.response ? filter.onResponseData(data, stream_, end_stream)
                                               : filter.onRequestData(data, stream_, end_stream);
    if (stopped(direction) || verdict == Verdict::kReplied) return;
    if (verdict != Verdict::kContinue) {
      direction.at = static_cast<uint16_t>(i);
      direction.all_held = verdict == Verdict::kPauseAll;
      return hold(direction, data, end_stream);
    }
    if (direction.head_held && i == direction.at) {  // the filter lets go: the head first, then what was held
      direction.head_held = false;
      runHeaders(direction, i + 1, false);
      if (direction.head_held || stopped(direction)) return hold(direction, data, end_stream);
    }
  }
  if (!direction.held.empty()) {
    direction.held.append(data);
    const std::string all = std::exchange(direction.held, {});
    return deliverData(direction, all, end_stream);
  }
  deliverData(direction, data, end_stream);
}

void FilterChain::runTrailers(Direction& direction, size_t from) {
  for (size_t i = from; i < count_; ++i) {
    Filter& filter = filterAt(direction, i);
    const Verdict verdict = direction.response ? filter.onResponseTrailers(*direction.trailers, stream_)
                                               : filter.onRequestTrailers(*direction.trailers, stream_);
    if (stopped(direction) || verdict == Verdict::kReplied) return;
    if (verdict != Verdict::kContinue) {
      direction.at = static_cast<uint16_t>(i);
      direction.all_held = true;
      return;
    }
    if (direction.head_held && i == direction.at) {
      direction.head_held = false;
      runHeaders(direction, i + 1, false);
      if (direction.head_held || stopped(direction)) return;
      if (!direction.held.empty()) deliverData(direction, std::exchange(direction.held, {}), false);
    }
  }
  deliverTrailers(direction);
}

void FilterChain::hold(Direction& direction, std::string_view data, bool end_stream) {
  direction.held.append(data);
  direction.end_held = direction.end_held || end_stream;
  const size_t limit = stream_.runtime().listener.buffer_limit;
  if (!direction.response && !direction.sender_paused && limit != 0 && direction.held.size() > limit) {
    direction.sender_paused = true;
    stream_.pauseRequest(true);
  }
}

void FilterChain::resume(Direction& direction) {
  if (stopped(direction) || (!direction.head_held && !direction.all_held)) return;
  const bool head_held = std::exchange(direction.head_held, false);
  const bool skipped_data = std::exchange(direction.all_held, false);
  const std::string held = std::exchange(direction.held, {});
  const bool end_with_data = direction.end_held && !held.empty() && direction.trailers == nullptr;
  if (direction.sender_paused) {
    direction.sender_paused = false;
    stream_.pauseRequest(false);
  }
  const size_t next = direction.at + 1u;
  if (head_held) runHeaders(direction, next, direction.end_held && held.empty() && direction.trailers == nullptr);
  // With kPauseAll the filter has not seen the bytes yet.
  const size_t from = head_held && skipped_data ? direction.at : next;
  if (!held.empty() && !stopped(direction)) runData(direction, from, held, end_with_data);
  if (direction.trailers != nullptr && !stopped(direction) && !direction.all_held) runTrailers(direction, from);
}

// ---------------------------------------------------------------- ends of the chain

void FilterChain::deliverHeaders(Direction& direction, bool end_stream) {
  direction.head_passed = true;
  if (direction.response) {
    stream_.sendHead(*direction.headers, end_stream);
  } else {
    stream_.router_->onRequestHeaders(*direction.headers, end_stream);
  }
}

void FilterChain::deliverData(Direction& direction, std::string_view data, bool end_stream) {
  if (stopped(direction)) return;
  if (direction.response) {
    stream_.sendData(data, end_stream);
  } else {
    stream_.router_->onRequestData(data, end_stream);
  }
}

void FilterChain::deliverTrailers(Direction& direction) {
  if (direction.response) {
    stream_.sendTrailers(*direction.trailers);
  } else {
    stream_.router_->onRequestTrailers(*direction.trailers);
  }
}

void FilterChain::startLocalReply() {
  replied_ = true;
  response_ = Direction(true);
}

void FilterChain::complete() {
  for (uint16_t i = 0; i < count_; ++i) {
    filters_[i]->onComplete(stream_);
    filters_[i]->~Filter();
  }
  count_ = 0;
}

}  // namespace nuncio::http_proxy
