// BodyReader: gives out the body of one message, piece by piece, as its framing says. Part of a codec; worker thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/h1/chunk_decoder.h"
#include "http/h1/framing.h"

namespace nuncio::http::h1 {

class BodyReader {
 public:
  enum class End : uint8_t { kNotYet, kComplete, kTrailers, kError };
  struct Piece {
    size_t consumed;
    std::string_view data;    // lies in the input
    End end;
  };

  void start(const Framing& framing) {
    body_ = framing.body;
    left_ = framing.length;
    chunks_.start();
  }

  Body kind() const { return body_; }

  /** May rearrange the bytes it consumed (chunks are moved together). */
  Piece read(char* input, size_t size) {
    switch (body_) {
      case Body::kNone: return {0, {}, End::kComplete};
      case Body::kLength: {
        const size_t piece = left_ < size ? static_cast<size_t>(left_) : size;
        left_ -= piece;
        return {piece, {input, piece}, left_ == 0 ? End::kComplete : End::kNotYet};
      }
      case Body::kChunked: {
        const ChunkDecoder::Result result = chunks_.decode(input, size);
        const End end = result.outcome == ChunkDecoder::Outcome::kMore       ? End::kNotYet
                        : result.outcome == ChunkDecoder::Outcome::kTrailers ? End::kTrailers
                                                                             : End::kError;
        return {result.consumed, {input, result.decoded}, end};
      }
      case Body::kUntilClose:
      case Body::kRaw: break;
    }
    return {size, {input, size}, End::kNotYet};
  }

 private:
  ChunkDecoder chunks_;
  uint64_t left_ = 0;
  Body body_ = Body::kNone;
};

}  // namespace nuncio::http::h1
