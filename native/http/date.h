// DateCache: the text of the Date header ("Sat, 21 Nov 2026 15:40:01 GMT"), written anew at most once a second.
// One for each worker; worker thread only.
#pragma once

#include <cstdint>
#include <string_view>

namespace nuncio::http {

/** Writes an IMF-fixdate (RFC 9110 §5.6.7) of `seconds` since the epoch: exactly 29 bytes. */
void writeHttpDate(char* out, int64_t seconds);

class DateCache {
 public:
  static constexpr size_t kLength = 29;

  /** Valid until a call in another second; copy it into the stream's arena. */
  std::string_view at(int64_t wall_ns) {
    const int64_t seconds = wall_ns / 1'000'000'000;
    if (seconds != seconds_) [[unlikely]] {
      writeHttpDate(text_, seconds);
      seconds_ = seconds;
    }
    return {text_, kLength};
  }

 private:
  int64_t seconds_ = -1;
  char text_[kLength];
};

}  // namespace nuncio::http
