#include "routing/domain_index.h"

#include <algorithm>

namespace nuncio::routing {

bool DomainIndex::insertWildcard(std::vector<OfLength>& lengths, std::string_view text, uint32_t virtual_host) {
  auto at = std::find_if(lengths.begin(), lengths.end(), [&](const OfLength& entry) { return entry.length <= text.size(); });
  if (at == lengths.end() || at->length != text.size()) at = lengths.insert(at, OfLength{text.size(), {}});
  return at->table.insert(text, virtual_host);
}

bool DomainIndex::insert(std::string_view domain, uint32_t virtual_host) {
  if (domain == "*") {
    if (default_ != kNone) return false;
    default_ = virtual_host;
    return true;
  }
  if (domain.starts_with('*')) return insertWildcard(suffixes_, domain.substr(1), virtual_host);
  if (domain.ends_with('*')) return insertWildcard(prefixes_, domain.substr(0, domain.size() - 1), virtual_host);
  return exact_.insert(domain, virtual_host);
}

uint32_t DomainIndex::find(std::string_view host) const {
  if (const uint32_t found = exact_.find(host); found != kNone) return found;
  for (const OfLength& entry : suffixes_) {
    if (entry.length >= host.size()) continue;
    if (const uint32_t found = entry.table.find(host.substr(host.size() - entry.length)); found != kNone) return found;
  }
  for (const OfLength& entry : prefixes_) {
    if (entry.length >= host.size()) continue;
    if (const uint32_t found = entry.table.find(host.substr(0, entry.length)); found != kNone) return found;
  }
  return default_;
}

}  // namespace nuncio::routing
