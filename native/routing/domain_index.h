// DomainIndex: from a host name to a virtual host, as Envoy looks it up: the exact name, then the longest "*.suffix",
// then the longest "prefix.*", then "*". Immutable after the table is made, shared by all workers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "routing/string_table.h"

namespace nuncio::routing {

class DomainIndex {
 public:
  static constexpr uint32_t kNone = StringTable::kNone;

  /** Adds a domain in lower case; false when the very same one was added before. */
  bool insert(std::string_view domain, uint32_t virtual_host);

  /** `host` in lower case, without a port if ports are ignored. A wildcard stands for at least one character. */
  uint32_t find(std::string_view host) const;

  /** Is there nothing but "*"? Then the host need not be looked at. */
  bool onlyDefault() const { return exact_.empty() && suffixes_.empty() && prefixes_.empty(); }
  uint32_t defaultHost() const { return default_; }

 private:
  struct OfLength {  // all wildcards of one length
    size_t length;
    StringTable table;
  };
  static bool insertWildcard(std::vector<OfLength>& lengths, std::string_view text, uint32_t virtual_host);

  StringTable exact_;
  std::vector<OfLength> suffixes_;  // longest first
  std::vector<OfLength> prefixes_;
  uint32_t default_ = kNone;
};

}  // namespace nuncio::routing
