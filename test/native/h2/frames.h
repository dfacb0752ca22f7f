// HTTP/2 frames as text: what tests and the documents of test/conformance/h2 write is turned into bytes, and bytes that a
// codec wrote into lines. The notation is in test/conformance/h2/README.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/h2/hpack_decoder.h"
#include "http/h2/hpack_encoder.h"

namespace nuncio::test::h2 {

/** Lines of frames into bytes. One for each connection: HPACK has state. */
class FrameWriter {
 public:
  FrameWriter() : encoder_(4096, false) {}
  /** Fails the running test when a line cannot be understood. */
  std::string bytes(std::string_view text);

 private:
  std::string frame(const std::vector<std::string>& words, const std::vector<std::string>& below);
  std::string block(const std::vector<std::string>& lines);
  http::h2::HpackEncoder encoder_;
};

/** Bytes into lines, in whatever pieces they come; a preface in front is left out. */
class FrameReader {
 public:
  FrameReader();
  /** Lines for the frames that are whole now, each with a line end. */
  std::string lines(std::string_view bytes);
  /** Nothing is left over, and all was well-formed. */
  bool clean() const { return kept_.empty() && good_; }

 private:
  std::string line(std::string_view frame);
  http::h2::DecodeScratch scratch_;
  http::h2::HpackDecoder decoder_;
  std::string kept_;
  std::string block_;
  bool good_ = true;
};

const char* errorName(uint32_t code);

}  // namespace nuncio::test::h2
