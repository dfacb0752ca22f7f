// MessageWriter: writes one message into a ByteSink: head, body with its chunk lines, trailers. The body framing is chosen
// by the caller (server and client choose differently). Part of a codec; worker thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/codec.h"
#include "http/h1/options.h"

namespace nuncio::http::h1 {

/** The header the writer adds behind those of the map. */
enum class FramingHeader : uint8_t { kNone, kChunked, kZeroLength };

struct HeadParts {
  std::string_view start_line[6];   // written one after the other; CRLF is added
  FramingHeader framing = FramingHeader::kNone;
  bool close = false;               // add `connection: close`
};

class MessageWriter {
 public:
  /** Body pieces up to this size are copied behind the head; larger ones are passed on as they are. */
  static constexpr size_t kCopiedPiece = 4096;

  MessageWriter(ByteSink& sink, StreamBytes& bytes) : sink_(sink), bytes_(bytes) {}

  void head(const HeadParts& parts, const HeaderMap& headers, HeaderCase header_case);
  void data(std::string_view data, bool chunked);
  /** The end of a chunked body, with trailers if any. */
  void lastChunk(const HeaderMap* trailers, HeaderCase header_case);

 private:
  ByteSink& sink_;
  StreamBytes& bytes_;
};

}  // namespace nuncio::http::h1
