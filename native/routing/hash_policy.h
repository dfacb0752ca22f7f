// HashPolicy: where the hash comes from that binds requests to a host (ring hash, Maglev). Immutable, shared by workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/regex.h"
#include "base/result.h"
#include "http/header_map.h"

namespace nuncio::plan {
struct HashPolicy;
}
namespace nuncio::http {
class FilterState;
}

namespace nuncio::routing {

/** A cookie the answer must set, because a policy made one up. */
struct NewCookie {
  std::string_view name;
  std::string_view value;
  std::string_view header;  // the whole set-cookie value
};

struct HashInput {
  http::HeaderMap& headers;
  std::string_view source_ip;        // text of the client's address; empty: not IP
  const http::FilterState* filter_state = nullptr;      // of the stream, and of its connection; null: nothing is in it
  const http::FilterState* connection_state = nullptr;
  std::string_view made_up_cookie;   // text to be hashed and used as the value of a new cookie (addresses of the connection)
  std::optional<NewCookie>* new_cookie = nullptr;
};

class HashPolicies {
 public:
  static base::Result<HashPolicies, std::string> make(const std::vector<plan::HashPolicy>& plans);
  HashPolicies() = default;

  bool empty() const { return policies_.empty(); }
  /** The combined hash; null when no policy found its value. */
  std::optional<uint64_t> hash(const HashInput& input) const;

 private:
  enum class Kind : uint8_t { kHeader, kCookie, kSourceIp, kQueryParameter, kFilterState };
  struct Policy {
    Kind kind;
    bool terminal;
    std::string name;
    std::optional<base::RegexRewrite> rewrite;
    std::optional<uint32_t> ttl_s;
    std::string cookie_tail;  // "; Path=/; Max-Age=…; HttpOnly"
  };
  static std::optional<uint64_t> hashOf(const Policy& policy, const HashInput& input);

  std::vector<Policy> policies_;
};

}  // namespace nuncio::routing
