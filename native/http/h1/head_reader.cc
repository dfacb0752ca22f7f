#include "http/h1/head_reader.h"

#include <algorithm>

namespace nuncio::http::h1 {

HeadReader::Result HeadReader::read(const char* input, size_t size, uint32_t max_bytes) {
  const size_t limit = size_t{max_bytes} + trailers_;
  if (buffer_.empty()) {
    const size_t end = findHeadEnd(input, size, 0);
    if (end != 0 && end <= limit) return {end, Found::kHead, {input, end}, false};
  }
  const size_t before = buffer_.size();
  const size_t taken = std::min(size, limit + 1 - std::min(limit + 1, before));    // one too many shows that it is too large
  buffer_.append({input, taken});
  const size_t end = findHeadEnd(buffer_.data(), buffer_.size(), before < 2 ? 0 : before - 2);
  if (end != 0 && end <= limit) {
    buffer_.truncate(end);
    return {end - before, Found::kHead, buffer_.view().substr(trailers_), false};
  }
  const bool too_large = buffer_.size() > limit;
  if (!line_seen_) {
    const size_t lf = buffer_.view().find('\n', before);
    if (lf != std::string_view::npos) {
      line_seen_ = true;
      return {taken, Found::kFirstLine, buffer_.view().substr(0, lf + 1), too_large};
    }
  }
  return {taken, Found::kNothing, {}, too_large};
}

size_t HeadReader::lineIsHead(const Result& result, size_t line_size) {
  if (buffer_.empty()) return line_size;
  const size_t before = buffer_.size() - result.consumed;    // the buffer ends where the input taken ends
  buffer_.truncate(line_size);
  return line_size - before;
}

}  // namespace nuncio::http::h1
