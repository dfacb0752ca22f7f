// What a HTTP/1 codec is told by configuration. Made once from the plans (Http1Options, HttpCommonOptions) and shared by
// all codecs of a filter chain or cluster; immutable, any thread. Text must outlive the codecs.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/underscores.h"

namespace nuncio::http::h1 {

/** How header names are written. */
enum class HeaderCase : uint8_t { kLower, kProper, kPreserve };

using http::Underscores;

struct CommonOptions {
  uint32_t max_head_bytes = 60 * 1024;   // start line, headers and the empty line, as they are on the wire
  uint32_t max_headers = 100;
  bool enable_trailers = false;
  bool allow_chunked_length = false;     // Transfer-Encoding wins over Content-Length instead of an error
  HeaderCase header_case = HeaderCase::kLower;
};

struct ServerOptions : CommonOptions {
  bool allow_absolute_url = true;
  bool accept_http_10 = false;
  bool allow_custom_methods = false;
  Underscores underscores = Underscores::kAllow;
  std::string_view default_host_for_http_10;
  /** Is this Upgrade token to be ignored (ignore_http_11_upgrade)? May be null. */
  bool (*ignores_upgrade)(const void* context, std::string_view token) = nullptr;
  const void* ignores_upgrade_context = nullptr;
};

struct ClientOptions : CommonOptions {
  bool send_fully_qualified_url = false;
};

}  // namespace nuncio::http::h1
