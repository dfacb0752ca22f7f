// HeadReader: finds the head of a message in the bytes that arrive, whole in the input for nearly all messages, else
// gathered in a buffer that never passes the limit. Also gathers trailers, which are a head without a first line. Part of a
// codec; worker thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/h1/head_buffer.h"

namespace nuncio::http::h1 {

class HeadReader {
 public:
  enum class Found : uint8_t {
    kNothing,     // more bytes are needed
    kFirstLine,   // the first line is there for the first time, the rest is not: `text` is that line with its LF
    kHead,        // `text` is all of it, valid until release()
  };
  struct Result {
    size_t consumed;
    Found found;
    std::string_view text;
    bool too_large;   // more than the limit has come, and no head
  };

  Result read(const char* input, size_t size, uint32_t max_bytes);
  /** Of an HTTP/0.9 request, after kFirstLine or kHead: the first line is the head. How many bytes of the input it took. */
  size_t lineIsHead(const Result& result, size_t line_size);
  void startTrailers() {
    buffer_.append("\n");    // so that an empty first line is found like any other
    line_seen_ = true;
    trailers_ = 1;
  }
  bool started() const { return !buffer_.empty(); }
  /** Done with this head: no memory is kept. */
  void release() {
    buffer_.release();
    line_seen_ = false;
    trailers_ = 0;
  }

 private:
  HeadBuffer buffer_;
  bool line_seen_ = false;
  uint8_t trailers_ = 0;     // bytes at the start of the buffer that are ours
};

/** The header lines of a head or of trailers: without the first line (`skip` bytes) and without the empty one. */
inline std::string_view headerLines(std::string_view head, size_t skip) {
  std::string_view lines = head.substr(skip);
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  if (lines.ends_with('\r')) lines.remove_suffix(1);
  return lines;
}

}  // namespace nuncio::http::h1
