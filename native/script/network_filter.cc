#include "script/network_filter.h"

#include <utility>

namespace nuncio::script {

using tcp::ReadVerdict;

namespace {
constexpr std::string_view kHookFailed = "typescript_filter_failed";
constexpr std::string_view kTooMuch = "typescript_filter_buffer_limit";
}  // namespace

ReadVerdict NetworkFilter::onNewConnection() {
  if (!has(Stage::kConnection)) return ReadVerdict::kContinue;
  switch (run(Stage::kConnection, false)) {
    case Outcome::kWaiting:
      read_.waits = true;
      return ReadVerdict::kStop;
    case Outcome::kFailed:
    case Outcome::kGone:
      if (program_->failsOpen()) return ReadVerdict::kContinue;
      fail();
      return ReadVerdict::kStop;
    default: return closing_ ? ReadVerdict::kStop : ReadVerdict::kContinue;
  }
}

ReadVerdict NetworkFilter::onData(std::string_view& data, bool end) { return pass(read_, data, end); }
ReadVerdict NetworkFilter::onWrite(std::string_view& data, bool end) { return pass(write_, data, end); }

/** kStop: the bytes stay here, or go nowhere; `data` is empty then, so that nobody else keeps them. */
ReadVerdict NetworkFilter::pass(Side& side, std::string_view& data, bool end) {
  const bool stops = closing_ && &side == &read_;  // a client that is told to go is not heard any more
  if (!stops && side.waits) {
    side.end_queued = side.end_queued || end;
    side.queue.append(data);
    if (side.queue.size() > host_.bufferLimit() && host_.bufferLimit() != 0) slow(side, true);
  }
  if (stops || side.waits) {
    data = {};
    return ReadVerdict::kStop;
  }
  if (!has(side.stage)) return ReadVerdict::kContinue;
  if (!side.queue.empty()) {
    side.queue.append(data);
    side.carried = std::exchange(side.queue, {});
    data = side.carried;
  }
  if (show(side, data, end)) return ReadVerdict::kContinue;
  data = {};
  return ReadVerdict::kStop;
}

/** Gives bytes to the hook. True: `data`, which may be others now, goes on. */
bool NetworkFilter::show(Side& side, std::string_view& data, bool end) {
  switch (run(side.stage, end, data.data() == nullptr ? std::string_view("", 0) : data)) {
    case Outcome::kChanged:
      side.carried = std::exchange(left_chunk_, {});
      data = side.carried;
      return true;
    case Outcome::kMore: return end || !keep(side, data);
    case Outcome::kWaiting:
      side.waits = true;
      side.chunk.assign(data);
      side.chunk_end = end;
      if (&side == &write_) slow(side, true);
      return false;
    case Outcome::kFailed:
    case Outcome::kGone:
      if (program_->failsOpen()) return true;
      fail();
      return false;
    default: return !closing_ || &side == &write_;
  }
}

/** Keeps bytes that the hook wants to see again. Always true: they are kept, or the connection is closed. */
bool NetworkFilter::keep(Side& side, std::string_view data) {
  if (host_.bufferLimit() != 0 && data.size() > host_.bufferLimit()) {
    close(false, kTooMuch);
  } else {
    side.queue.insert(0, data);
  }
  return true;
}

void NetworkFilter::emit(Side& side, std::string_view data, bool end) {
  if (&side == &read_) {
    host_.inject(data, end);
  } else if (!data.empty() || end) {
    host_.injectWrite(data, end);
  }
}

/** What came while a promise was pending has its turn. */
void NetworkFilter::drain(Side& side) {
  if (!side.waits) slow(side, false);
  if (side.waits || (side.queue.empty() && !side.end_queued) || connection()->closed()) return;
  const std::string bytes = std::exchange(side.queue, {});
  const bool end = std::exchange(side.end_queued, false);
  std::string_view data(bytes);
  if (!has(side.stage) || show(side, data, end)) emit(side, data, end);
}

void NetworkFilter::slow(Side& side, bool slowed) {
  if (side.slowed == slowed || connection()->closed()) return;
  side.slowed = slowed;
  if (&side == &read_) {
    connection()->pauseReading(slowed);
  } else {
    host_.stallWrites(slowed);
  }
}

void NetworkFilter::fail() { close(false, kHookFailed); }

// ---------------------------------------------------------------- from JavaScript

void NetworkFilter::close(bool flush, std::string_view reason) {
  if (closing_ || connection()->closed()) return;
  closing_ = true;
  const std::string_view kept = facts().arena.copy(reason);
  if (flush) {
    host_.closeAfterFlush(kept);
  } else {
    host_.close(kept);
  }
}

void NetworkFilter::pauseReading(bool pause) {
  if (paused_ == pause || connection()->closed()) return;
  paused_ = pause;
  connection()->pauseReading(pause);
}

void NetworkFilter::settle(Stage stage, Outcome outcome) {
  Side& side = stage == Stage::kConnectionWrite ? write_ : read_;
  if (!side.waits || connection()->closed()) return;
  side.waits = false;
  const std::string chunk = std::exchange(side.chunk, {});
  const bool end = std::exchange(side.chunk_end, false);
  if ((outcome == Outcome::kFailed || outcome == Outcome::kGone) && !program_->failsOpen()) return fail();
  if (closing_ && &side == &read_) return;
  if (outcome == Outcome::kMore && !end) {
    keep(side, chunk);
  } else {
    emit(side, outcome == Outcome::kChanged ? std::exchange(left_chunk_, {}) : chunk, end);
  }
  const bool has_news = outcome != Outcome::kMore || side.queue.size() > chunk.size() || side.end_queued;
  if (!connection()->closed() && has_news) return drain(side);
  slow(side, false);
}

void NetworkFilter::onHostGone() {
  for (Side* side : {&read_, &write_}) {
    if (side->waits) settle(side->stage, Outcome::kFailed);
  }
}

}  // namespace nuncio::script
