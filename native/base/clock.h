// Clocks: monotonic nanoseconds for durations, wall nanoseconds for dates. Read once a loop turn; code on the request
// path uses the loop's cached values.
#pragma once

#include <ctime>

#include <cstdint>

namespace nuncio::base {

inline int64_t readClock(clockid_t id) {
  timespec now;
  clock_gettime(id, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}
inline int64_t monotonicNs() { return readClock(CLOCK_MONOTONIC); }
inline int64_t wallNs() { return readClock(CLOCK_REALTIME); }

}  // namespace nuncio::base
