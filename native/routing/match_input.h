// MatchInput: what of one request decides its route. Made on the stack for one look-up; borrows everything.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/header_map.h"
#include "http/path.h"
#include "http/stream_info.h"
#include "routing/fraction.h"

namespace nuncio::routing {

struct MatchInput {
  http::HeaderMap& headers;
  std::string_view path;   // :path without query and fragment; null data when the request has no :path
  std::string_view query;  // what follows "?", null data when there is no "?"
  uint64_t random = 0;     // one number for each stream: fractions and weighted clusters use it
  bool is_connect = false;
  bool certificate_presented = false;  // where there is no `connection`: of the downstream TLS connection
  bool certificate_validated = false;
  const http::ConnectionInfo* connection = nullptr;  // null: not known
  const FractionLookup* runtime = nullptr;  // null: no runtime layer has an override

  /** From the head of a request: path and query are cut out of :path. */
  static MatchInput of(http::HeaderMap& headers, uint64_t random) {
    const std::string_view target = headers.get(http::HeaderId::kPath);
    MatchInput input{headers, target, {}, random};
    if (target.data() != nullptr) {
      input.path = http::pathWithoutQuery(target);
      if (input.path.size() != target.size()) input.query = http::queryOf(target);
    }
    input.is_connect = headers.get(http::HeaderId::kMethod) == "CONNECT";
    return input;
  }
};

}  // namespace nuncio::routing
