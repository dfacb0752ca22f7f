// ChunkDecoder: takes the chunk lines out of a chunked body. Ours rather than llhttp's, because the decoded bytes are
// moved together in place (one piece of body for each read, which is also what the peer sees of our own chunks), and
// because 16 bytes of state fit an idle codec. Stricter than Envoy: a chunk ends in exactly CRLF, and nothing but a
// chunk extension follows a size. Owned by a codec; worker thread.
//
//   size ─▶ (ext) ─▶ CR ─▶ LF ─▶ data ─▶ CR ─▶ LF ─▶ size …      size 0 ─▶ LF ─▶ kTrailers
#pragma once

#include <cstddef>
#include <cstdint>

namespace nuncio::http::h1 {

class ChunkDecoder {
 public:
  enum class Outcome : uint8_t { kMore, kTrailers, kError };
  struct Result {
    size_t consumed;   // bytes of input read
    size_t decoded;    // bytes of body, now at the start of the input
    Outcome outcome;
  };

  void start() { *this = ChunkDecoder(); }
  /** Reads up to the trailers (the lines after the last chunk). Overwrites the input it consumed. */
  Result decode(char* data, size_t size);

 private:
  enum class State : uint8_t { kSizeStart, kSize, kSizeSpace, kExtension, kSizeLf, kData, kDataCr, kDataLf };
  bool sizeLine(char c);

  uint64_t left_ = 0;      // the size being read, then the bytes of the chunk still to come
  uint32_t line_ = 0;      // bytes of the size line so far
  State state_ = State::kSizeStart;
};

}  // namespace nuncio::http::h1
