#include "stats/registry.h"

#include "base/check.h"

namespace nuncio::stats {

Registry::~Registry() {
  for (ByName& names : names_) {
    for (auto& [name, family] : names) {
      for (const Entry& entry : family.entries) Scope::destroy(entry.scope);
    }
  }
}

Scope* Registry::acquire(int owner, Kind kind, std::string_view name) {
  // Envoy puts the names of virtual hosts, virtual clusters and routes into stats as they are.
  std::string safe;
  if (kind != Kind::kVirtualCluster && name.find_first_of(std::string_view(":\0", 2)) != std::string_view::npos) {
    name = safe = sanitizeName(name);
  }
  const std::lock_guard lock(mutex_);
  ByName& names = names_[static_cast<size_t>(kind)];
  auto at = names.find(name);
  if (at == names.end()) at = names.emplace(std::string(name), Family{}).first;
  Family& family = at->second;
  if (family.dropped) {
    family.dropped = false;
    --dropped_;
  }
  for (const Entry& entry : family.entries) {
    if (entry.owner != owner) continue;
    ++entry.scope->leases_;
    return entry.scope;
  }
  Scope* scope = Scope::make(kind, name, owner == kSharedOwner);
  scope->leases_ = 1;
  family.entries.push_back({scope, owner});
  return scope;
}

void Registry::release(Scope& scope) {
  const std::lock_guard lock(mutex_);
  CHECK(scope.leases_ > 0);
  --scope.leases_;
}

std::vector<const Scope*> Registry::scopes(Kind kind) const {
  std::vector<const Scope*> out;
  const std::lock_guard lock(mutex_);
  const ByName& names = names_[static_cast<size_t>(kind)];
  out.reserve(names.size());
  for (const auto& [name, family] : names) {
    for (const Entry& entry : family.entries) out.push_back(entry.scope);
  }
  return out;
}

std::vector<const Scope*> Registry::scopes(Kind kind, std::string_view name) const {
  std::vector<const Scope*> out;
  const std::lock_guard lock(mutex_);
  const ByName& names = names_[static_cast<size_t>(kind)];
  const auto at = names.find(name);
  if (at == names.end()) return out;
  for (const Entry& entry : at->second.entries) out.push_back(entry.scope);
  return out;
}

bool Registry::freeUnleased(Family& family) {
  std::erase_if(family.entries, [](const Entry& entry) {
    if (entry.scope->leases_ != 0) return false;
    Scope::destroy(entry.scope);
    return true;
  });
  return family.entries.empty();
}

void Registry::drop(Kind kind, std::string_view name) {
  const std::lock_guard lock(mutex_);
  ByName& names = names_[static_cast<size_t>(kind)];
  const auto at = names.find(name);
  if (at == names.end()) return;
  Family& family = at->second;
  if (!family.dropped) ++dropped_;
  family.dropped = true;
  if (!freeUnleased(family)) return;
  names.erase(at);
  --dropped_;
}

void Registry::sweep() {
  const std::lock_guard lock(mutex_);
  if (dropped_ == 0) return;
  for (ByName& names : names_) {
    for (auto at = names.begin(); at != names.end();) {
      Family& family = at->second;
      if (family.dropped && freeUnleased(family)) {
        --dropped_;
        at = names.erase(at);
      } else {
        ++at;
      }
    }
  }
}

std::string sanitizeName(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == ':') {
      if (i + 1 < name.size() && name[i + 1] == '/') {
        ++i;
        if (i + 1 < name.size() && name[i + 1] == '/') ++i;
      }
      out.push_back('_');
    } else {
      out.push_back(name[i] == '\0' ? '_' : name[i]);
    }
  }
  return out;
}

Registry& processRegistry() {
  static Registry& registry = *new Registry;  // never destroyed: workers may count until the very end
  return registry;
}

}  // namespace nuncio::stats
