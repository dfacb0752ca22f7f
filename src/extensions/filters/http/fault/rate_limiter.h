// RateLimiter: lets a response pass at so many bytes a second, in portions every 50 ms. Part of a fault filter; worker
// thread only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "http_proxy/filter_stream.h"
#include "loop/timer_wheel.h"

namespace nuncio::ext::faults {

class RateLimiter {
 public:
  RateLimiter(http_proxy::FilterStream& stream, uint64_t kbps)
      : stream_(stream),
        held_(stream.worker().services.io.blocks()),
        per_second_(kbps * 1024),
        tokens_(per_second_ * kIntervalMs / 1000),
        filled_ns_(stream.worker().services.loop.now()) {}

  void write(std::string_view data, bool end_stream) {
    held_.append(data);
    ended_ = ended_ || end_stream;
    const uint64_t limit = stream_.responseBufferLimit();
    if (limit != 0 && held_.size() > limit) block(true);
    if (!timer_.armed()) timer_.arm(timers(), 0);
  }
  /** Are there bytes that the trailers have to wait for? */
  bool holdsTrailers() {
    trailers_ = true;
    return !held_.empty();
  }
  void stop() {
    timer_.cancel();
    block(false);
  }

 private:
  static constexpr uint64_t kIntervalMs = 50;
  loop::TimerWheel& timers() { return stream_.worker().services.loop.timers(); }

  void fill() {
    const int64_t now = stream_.worker().services.loop.now();
    const auto elapsed_us = static_cast<uint64_t>(now - filled_ns_) / 1000;
    tokens_ = std::min(per_second_, tokens_ + per_second_ * elapsed_us / 1'000'000);
    filled_ns_ = now;
  }

  void onTimer() {
    fill();
    const size_t size = static_cast<size_t>(std::min<uint64_t>(tokens_, held_.size()));
    tokens_ -= size;
    char* bytes = stream_.turnMemory(std::max<size_t>(size, 1));
    held_.take(bytes, size);
    if (!held_.empty()) timer_.arm(timers(), kIntervalMs);
    const uint64_t limit = stream_.responseBufferLimit();
    if (held_.size() <= limit / 2) block(false);
    const bool drained = held_.empty();
    stream_.injectResponseData({bytes, size}, drained && ended_ && !trailers_);
    if (drained && trailers_) stream_.resumeResponse();
  }

  void block(bool blocks) {
    if (blocks_ == blocks) return;
    blocks_ = blocks;
    stream_.pauseResponse(blocks);
  }

  http_proxy::FilterStream& stream_;
  http_proxy::BodyBuffer held_;
  const uint64_t per_second_;
  uint64_t tokens_;
  int64_t filled_ns_;
  bool ended_ = false;
  bool trailers_ = false;
  bool blocks_ = false;
  loop::MemberTimer<&RateLimiter::onTimer> timer_{this};
};

}  // namespace nuncio::ext::faults
