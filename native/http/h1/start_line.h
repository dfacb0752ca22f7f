// The first line of a message, read the way Envoy reads it: white space (spaces, tabs, CRs) between the parts is lenient,
// the parts themselves are not. Pure functions over views; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/codec.h"

namespace nuncio::http::h1 {

struct RequestLine {
  std::string_view method;
  std::string_view target;
  bool has_version = false;    // false: HTTP/0.9, the line is the whole head
  bool http_11 = false;
};

struct StatusLine {
  uint32_t status = 0;
  bool http_11 = false;
};

/** `line` without its LF. */
const CodecError* parseRequestLine(std::string_view line, bool allow_custom_methods, RequestLine& out);
const CodecError* parseStatusLine(std::string_view line, StatusLine& out);

/** The parts of an absolute-form or authority-form target. */
struct TargetParts {
  std::string_view scheme;       // as written
  std::string_view authority;    // without userinfo
  std::string_view path;         // with query; empty for CONNECT
};

/** Takes "http://user@host:80/path?query" apart. */
const CodecError* parseAbsoluteTarget(std::string_view target, TargetParts& out);
/** Is this a "host:port" CONNECT may ask for? */
bool isAuthorityTarget(std::string_view target);

/** Has the text a control character other than tab, CR and LF, or a DEL? */
bool hasControlCharacter(std::string_view text);

}  // namespace nuncio::http::h1
