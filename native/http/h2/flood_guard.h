// FloodGuard: counts the frames that wait in the output queue of a connection, without being told of each one's departure:
// frames are counted in groups by where in the stream of bytes their group ends. Owned by a session; worker thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nuncio::http::h2 {

class FloodGuard {
 public:
  /** `bytes` went into the queue as one frame. */
  void wrote(size_t bytes, bool control) {
    written_ += bytes;
    Group& last = groups_[(first_ + used_ - 1) % kGroups];
    Group& group = used_ == 0 || (last.frames >= kGroupFrames && used_ < kGroups) ? groups_[(first_ + used_++) % kGroups] : last;
    group.end = written_;
    ++group.frames;
    ++frames_;
    if (!control) return;
    ++group.control;
    ++control_;
  }
  /** `queued` bytes are left in the queue. */
  void left(size_t queued) {
    const uint64_t gone = queued < written_ ? written_ - queued : 0;
    while (used_ != 0 && groups_[first_].end <= gone) {
      frames_ -= groups_[first_].frames;
      control_ -= groups_[first_].control;
      groups_[first_] = {};
      first_ = (first_ + 1) % kGroups;
      --used_;
    }
  }
  uint32_t frames() const { return frames_; }
  uint32_t control() const { return control_; }

 private:
  struct Group {
    uint64_t end = 0;
    uint32_t frames = 0;
    uint32_t control = 0;
  };
  static constexpr uint32_t kGroups = 16;
  static constexpr uint32_t kGroupFrames = 32;
  Group groups_[kGroups];
  uint32_t first_ = 0;
  uint32_t used_ = 0;
  uint64_t written_ = 0;
  uint32_t frames_ = 0;
  uint32_t control_ = 0;
};

}  // namespace nuncio::http::h2
