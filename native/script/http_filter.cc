#include "script/http_filter.h"

#include <charconv>
#include <utility>

#include "http_proxy/stream.h"

namespace nuncio::script {

using http_proxy::Verdict;

namespace {
constexpr std::string_view kFailed = "typescript_filter_failed";
constexpr std::string_view kNoHandle = "typescript_filter_overflow";
constexpr http_proxy::LocalReply kFailedReply{.status = 500, .body = "Internal Server Error", .details = kFailed};

void setLength(http::HeaderMap& headers, size_t size) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof(text), size).ptr;
  headers.setCopy(http::HeaderId::kContentLength, {text, static_cast<size_t>(end - text)});
}
}  // namespace

// ---------------------------------------------------------------- calling

Outcome HttpFilter::run(Stage stage, bool end_stream, std::string_view chunk) {
  return program_->run(stage, handle_, end_stream, chunk);
}

Verdict HttpFilter::reply() { return stream_->reply(reply_ == nullptr ? kFailedReply : *reply_); }

/** A hook failed while the chain waits for its verdict. */
Verdict HttpFilter::fail(Side& side) {
  if (program_->failsOpen()) return Verdict::kContinue;
  if (side.response && stream_->stream().responseStarted()) {
    stream_->reset();
    return Verdict::kReplied;
  }
  return stream_->reply(kFailedReply);
}

/** A hook failed after its verdict was kWaiting. */
void HttpFilter::failLater(Side& side) {
  const Wait wait = std::exchange(side.wait, Wait::kNone);
  if (!program_->failsOpen()) {
    fail(side);
    return;
  }
  if (wait == Wait::kData) {
    inject(side, bytes(side).chunk, false);
    drainQueue(side);
  } else {
    headSettled(side);
  }
}

// ---------------------------------------------------------------- heads

Verdict HttpFilter::onHead(Side& side, FilterStream& stream, bool end_stream) {
  side.ended = side.head_ended = end_stream;
  stream_ = &stream;
  const Stage stage = side.stage(Stage::kRequestHeaders);
  if (!program_ || !program_->has(stage)) return Verdict::kContinue;
  if (!enter(stream)) return stream.reply({.status = 503, .details = kNoHandle, .flag = http::ResponseFlag::kOverloadManager});
  Outcome outcome = side.response ? Outcome::kNotRun : std::exchange(ahead_, Outcome::kNotRun);
  if (outcome == Outcome::kNotRun) {
    if (!side.response && end_stream && program_->bound() && set_.awaitHead(handle_)) {
      in_line_ = true;
      side.wait = Wait::kHead;
      return Verdict::kWatermark;
    }
    outcome = runHead(side);
  }
  switch (outcome) {
    case Outcome::kReplied: return reply();
    case Outcome::kWaiting:
      side.wait = Wait::kHead;
      return end_stream ? Verdict::kWatermark : Verdict::kPause;
    case Outcome::kHeld: return Verdict::kPause;
    case Outcome::kFailed:
    case Outcome::kNotRun:
    case Outcome::kGone: return fail(side);
    default: return passHead(side, end_stream);
  }
}

HeadRun HttpFilter::headRun(bool leads, http::HeaderMap& headers) const {
  constexpr uint32_t kNone = UINT32_MAX;  // its JavaScript is not there
  return {.program = program_->bound() ? program_->index() : kNone,
          .slot = program_->slot(),
          .handle = handle_,
          .leads = leads,
          .headers = &headers};
}

Outcome HttpFilter::runHead(Side& side) {
  if (!program_->bound()) return Outcome::kGone;
  HeadRun run = headRun(true, side.response ? *stream_->responseHeaders() : stream_->requestHeaders());
  set_.runHeads(side.stage(Stage::kRequestHeaders), {&run, 1});
  return run.outcome;
}

size_t HttpFilter::headRuns(std::span<HeadRun> runs) {
  if (!in_line_) return 0;
  http::HeaderMap& headers = stream_->requestHeaders();
  size_t count = 0;
  runs[count++] = headRun(true, headers);
  for (FilterStream* place = stream_->nextOfKind(); place != nullptr; place = place->nextOfKind()) {
    HttpFilter& next = place->filterAs<HttpFilter>();
    if (!next.program_ || !next.program_->has(Stage::kRequestHeaders)) continue;  // the head goes past it
    if (count == kMostTogether || !next.program_->bound() || !next.enter(*place)) break;
    next.request_.ended = true;
    runs[count++] = next.headRun(false, headers);
  }
  return count;
}

/** The request goes no further: a hook that has not seen it never will. */
void HttpFilter::onLocalReply(const http_proxy::LocalReply&, FilterStream&) {
  if (!std::exchange(in_line_, false)) return;
  request_.wait = Wait::kNone;
}

void HttpFilter::headRan(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNotRun:
      // The thread went before it came to this one, which the next thread does.
      if (!set_.awaitHead(handle_)) settle(Stage::kRequestHeaders, Outcome::kFailed);
      return;
    case Outcome::kWaiting: in_line_ = false; return;
    case Outcome::kHeld:
      in_line_ = false;
      request_.wait = Wait::kNone;
      return;
    case Outcome::kGoOn:
      in_line_ = false;
      if (request_.replaced) break;
      request_.wait = Wait::kNone;
      return stream_->resumeRequest();
    case Outcome::kGone: outcome = Outcome::kFailed; break;
    default: break;
  }
  in_line_ = false;
  settle(Stage::kRequestHeaders, outcome);
}

/** Lets the head go on, with the body that a hook put in place of its own. */
Verdict HttpFilter::passHead(Side& side, bool end_stream) {
  if (!side.replaced) return Verdict::kContinue;
  const std::string_view replacement = bytes(side).replacement;
  setLength(side.response ? *stream_->responseHeaders() : stream_->requestHeaders(), replacement.size());
  if (end_stream) side.response ? stream_->addResponseData(replacement) : stream_->addRequestData(replacement);
  return Verdict::kContinue;
}

void HttpFilter::headSettled(Side& side) {
  side.wait = Wait::kNone;
  side.gathering = false;
  if (side.replaced) {
    const std::string_view replacement = bytes(side).replacement;
    setLength(side.response ? *stream_->responseHeaders() : stream_->requestHeaders(), replacement.size());
    if (side.ended) {
      side.response ? stream_->dropHeldResponse() : stream_->dropHeldRequest();
      side.response ? stream_->addResponseData(replacement) : stream_->addRequestData(replacement);
      side.replaced = false;
    }
    return resume(side);
  }
  // Behind a head that ended its message there is only what its own hook put there.
  if (!program_->has(side.stage(Stage::kRequestData)) || side.head_ended) return resumeAll(side);
  // The body that came meanwhile goes through its hook, like all other; and an end that came by itself, as an empty piece.
  http_proxy::BodyBuffer* waiting = held(side);
  const bool has_bytes = waiting != nullptr && !waiting->empty();
  side.end_waits = side.ended && !side.has_trailers;
  if (!has_bytes && !side.end_waits) return resumeAll(side);
  if (has_bytes) queue(side, heldBody(side, {}));
  side.response ? stream_->dropHeldResponse() : stream_->dropHeldRequest();
  drainQueue(side);
}

// ---------------------------------------------------------------- bodies

Verdict HttpFilter::onData(Side& side, std::string_view& data, FilterStream& stream, bool end_stream) {
  stream_ = &stream;
  if (end_stream) side.ended = true;
  if (!program_) return Verdict::kContinue;
  if (side.wait == Wait::kHead) return whileHeadWaits(side, data, end_stream);
  if (side.wait != Wait::kNone) return whileDataWaits(side, data, end_stream);
  if (side.replaced) {
    if (!end_stream) return Verdict::kPause;  // its own body goes nowhere
    data = bytes(side).replacement;
    return Verdict::kContinue;
  }
  const Stage stage = side.stage(Stage::kRequestData);
  if (!program_->has(stage)) return Verdict::kContinue;
  if (!enter(stream)) return stream.reply({.status = 503, .details = kNoHandle, .flag = http::ResponseFlag::kOverloadManager});
  // The end of a body may come by itself: to its hook that is an empty piece, not none.
  switch (run(stage, end_stream, data.data() == nullptr ? std::string_view("", 0) : data)) {
    case Outcome::kReplied: return reply();
    case Outcome::kChanged:
      data = left_chunk_;
      return Verdict::kContinue;
    case Outcome::kWaiting:
      side.wait = Wait::kData;
      bytes(side).chunk = stream.arena().copy(data);
      return Verdict::kPause;
    case Outcome::kHeld: return Verdict::kPause;
    case Outcome::kFailed:
    case Outcome::kGone: return fail(side);
    default: return Verdict::kContinue;
  }
}

Verdict HttpFilter::whileHeadWaits(Side& side, std::string_view data, bool end_stream) {
  if (!side.gathering) return Verdict::kWatermark;
  if (const uint64_t enough = bytes(side).enough; enough != 0) {
    const http_proxy::BodyBuffer* before = held(side);
    if (!end_stream && (before == nullptr ? 0 : before->size()) + data.size() < enough) return Verdict::kWatermark;
    side.gathering = false;
    run(side.response ? Stage::kResponseBody : Stage::kRequestBody, end_stream, heldBody(side, data));
    return Verdict::kWatermark;
  }
  if (!end_stream) return Verdict::kBuffer;
  side.gathering = false;
  run(side.response ? Stage::kResponseBody : Stage::kRequestBody, true, heldBody(side, data));
  return Verdict::kBuffer;
}

Verdict HttpFilter::whileDataWaits(Side& side, std::string_view data, bool end_stream) {
  side.end_waits = end_stream;
  if (!data.empty()) queue(side, data);
  return Verdict::kPause;
}

void HttpFilter::queue(Side& side, std::string_view data) {
  http_proxy::BodyBuffer*& queue = bytes(side).queue;
  if (queue == nullptr) queue = stream_->arena().make<http_proxy::BodyBuffer>(stream_->worker().services.io.blocks());
  queue->append(data);
  const uint64_t limit = side.response ? stream_->responseBufferLimit() : stream_->requestBufferLimit();
  if (limit != 0 && queue->size() > limit) block(side, true);
}

void HttpFilter::block(Side& side, bool blocked) {
  if (side.blocked == blocked) return;
  side.blocked = blocked;
  side.response ? stream_->pauseResponse(blocked) : stream_->pauseRequest(blocked);
}

/** What is held in the chain, and `more` behind it, in one piece. */
std::string_view HttpFilter::heldBody(Side& side, std::string_view more) {
  http_proxy::BodyBuffer* buffer = held(side);
  const size_t before = buffer == nullptr ? 0 : buffer->size();
  if (before == 0) return more.data() == nullptr ? std::string_view("", 0) : more;
  char* memory = stream_->turnMemory(before + more.size());
  size_t at = 0;
  buffer->forEach([&](std::string_view piece) {
    piece.copy(memory + at, piece.size());
    at += piece.size();
  });
  more.copy(memory + at, more.size());
  return {memory, before + more.size()};
}

void HttpFilter::inject(Side& side, std::string_view data, bool end_stream) {
  if (data.empty() && !end_stream) return;
  side.response ? stream_->injectResponseData(data, end_stream) : stream_->injectRequestData(data, end_stream);
}

/** In one piece, for this turn. Never null: to a hook that is no piece at all. */
std::string_view HttpFilter::takeQueue(Side& side) {
  if (!side.queues()) return {"", 0};
  http_proxy::BodyBuffer& queue = *side.bytes->queue;
  char* memory = stream_->turnMemory(queue.size());
  size_t at = 0;
  queue.forEach([&](std::string_view piece) {
    piece.copy(memory + at, piece.size());
    at += piece.size();
  });
  queue.clear();
  block(side, false);
  return {memory, at};
}

/** Gives what queued to the hook, as often as it takes; then the end of the message, or its trailers, go on. */
void HttpFilter::drainQueue(Side& side) {
  while (!over_ && (side.end_waits || side.queues())) {
    std::string_view data = takeQueue(side);
    side.end_waits = false;
    const bool end_stream = side.ended && !side.has_trailers;
    if (!enter(*stream_)) return;
    switch (run(side.stage(Stage::kRequestData), end_stream, data)) {
      case Outcome::kReplied: reply(); return;
      case Outcome::kWaiting:
        side.wait = Wait::kData;
        bytes(side).chunk = stream_->arena().copy(data);
        return;
      case Outcome::kFailed:
      case Outcome::kGone:
        if (!program_->failsOpen()) {
          fail(side);
          return;
        }
        break;
      case Outcome::kChanged: data = left_chunk_; break;
      case Outcome::kHeld: continue;
      default: break;
    }
    inject(side, data, false);
  }
  if (over_) return;
  if (side.ended && !side.has_trailers) return inject(side, {}, true);
  resumeAll(side);
}

/** Lets all go that waits here; trailers see their hook first. */
void HttpFilter::resumeAll(Side& side) {
  const Stage stage = side.stage(Stage::kRequestTrailers);
  if (side.has_trailers && !side.trailers_seen && program_->has(stage) && enter(*stream_)) {
    side.trailers_seen = true;
    switch (run(stage, true)) {
      case Outcome::kReplied: reply(); return;
      case Outcome::kWaiting: side.wait = Wait::kTrailers; return;
      case Outcome::kFailed:
      case Outcome::kGone:
        if (!program_->failsOpen()) {
          fail(side);
          return;
        }
        break;
      default: break;
    }
  }
  resume(side);
}

void HttpFilter::dataSettled(Side& side, bool changed) {
  side.wait = Wait::kNone;
  inject(side, changed ? left_chunk_ : bytes(side).chunk, false);
  drainQueue(side);
}

// ---------------------------------------------------------------- trailers

Verdict HttpFilter::onTrailers(Side& side, FilterStream& stream) {
  stream_ = &stream;
  side.ended = true;
  side.has_trailers = true;
  if (!program_) return Verdict::kContinue;
  if (side.wait == Wait::kHead && side.gathering) {
    side.gathering = false;
    run(side.response ? Stage::kResponseBody : Stage::kRequestBody, true, heldBody(side, {}));
  }
  if (side.wait != Wait::kNone) return Verdict::kPause;
  if (side.replaced) side.response ? stream.addResponseData(bytes(side).replacement) : stream.addRequestData(bytes(side).replacement);
  const Stage stage = side.stage(Stage::kRequestTrailers);
  if (!program_->has(stage)) return Verdict::kContinue;
  if (!enter(stream)) return Verdict::kContinue;
  side.trailers_seen = true;
  switch (run(stage, true)) {
    case Outcome::kReplied: return reply();
    case Outcome::kWaiting:
      side.wait = Wait::kTrailers;
      return Verdict::kPause;
    case Outcome::kFailed:
    case Outcome::kGone: return fail(side);
    default: return Verdict::kContinue;
  }
}

// ---------------------------------------------------------------- from JavaScript

void HttpFilter::leaveChunk(std::string_view bytes) {
  char* memory = stream_->turnMemory(bytes.size());
  bytes.copy(memory, bytes.size());
  left_chunk_ = {memory, bytes.size()};
}

void HttpFilter::lookAtResponse() {
  if (!std::exchange(ignores_response_, false)) return;
  stream_->seeResponse();
}

std::optional<std::string_view> HttpFilter::bufferBody(bool response, uint64_t limit, bool partial) {
  Side& side = response ? response_ : request_;
  if (response) lookAtResponse();
  if (side.ended) return heldBody(side, {});
  bytes(side).enough = partial ? limit : 0;
  if (!partial) response ? stream_->setResponseBufferLimit(limit) : stream_->setRequestBufferLimit(limit);
  side.gathering = true;
  return std::nullopt;
}

void HttpFilter::appendBody(bool response, std::string_view bytes) {
  response ? stream_->addResponseData(bytes) : stream_->addRequestData(bytes);
}

void HttpFilter::replaceBody(bool response, std::string_view bytes) {
  Side& side = response ? response_ : request_;
  if (response) lookAtResponse();
  side.replaced = true;
  this->bytes(side).replacement = stream_->arena().copy(bytes);
}

void HttpFilter::settle(Stage stage, Outcome outcome) {
  if (over_) return;
  const bool response = stage >= Stage::kResponseHeaders && stage <= Stage::kResponseTrailers;
  Side& side = response ? response_ : request_;
  if (side.wait == Wait::kNone) return;
  if (outcome == Outcome::kFailed) return failLater(side);
  if (outcome == Outcome::kReplied) {
    side.wait = Wait::kNone;
    reply();
    return;
  }
  if (side.wait == Wait::kData) return dataSettled(side, outcome == Outcome::kChanged);
  if (side.wait == Wait::kHead) return headSettled(side);
  side.wait = Wait::kNone;
  resume(side);
}

void HttpFilter::onHostGone() {
  for (Side* side : {&request_, &response_}) {
    if (!over_ && side->wait != Wait::kNone && !in_line_) failLater(*side);
  }
}

void HttpFilter::onComplete(FilterStream& stream) {
  over_ = true;
  stream_ = &stream;
  const bool waits = (request_.wait != Wait::kNone && !in_line_) || response_.wait != Wait::kNone;
  if (program_ && (program_->has(Stage::kComplete) || watched_ || waits) && enter(stream)) {
    run(Stage::kComplete, true);
  }
  if (handle_ != 0) set_.streams().leave(handle_);
  for (Side* side : {&request_, &response_}) {
    if (side->bytes != nullptr && side->bytes->queue != nullptr) side->bytes->queue->~BodyBuffer();
  }
}

}  // namespace nuncio::script
