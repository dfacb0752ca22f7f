#include <algorithm>
#include <utility>

#include "snapshot/snapshot.h"

namespace nuncio::snapshot {

std::string Store::put(Kind kind, std::string_view name, const std::string& id, std::span<const uint8_t> bytes) {
  const auto index = static_cast<size_t>(kind);
  {
    std::lock_guard lock(mutex_);
    if (pending_[index].contains(id)) return {};
    const auto known = known_[index].find(id);
    if (known != known_[index].end()) {
      if (PartPtr part = known->second.lock()) {
        pending_[index].emplace(id, std::move(part));
        return {};
      }
    }
  }
  auto decoded = decoders_[index](name, bytes);
  if (!decoded.ok()) return std::move(decoded.error());
  std::lock_guard lock(mutex_);
  known_[index][id] = decoded.value();
  pending_[index].emplace(id, std::move(decoded.value()));
  return {};
}

std::string Store::commit(const std::vector<Change>& changes) {
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<Snapshot>(*current_);
  ++next->version;
  for (const Change& change : changes) {
    const auto index = static_cast<size_t>(change.kind);
    PartPtr part;
    if (!change.id.empty()) {
      const auto found = pending_[index].find(change.id);
      if (found == pending_[index].end()) return "no plan with id " + change.id;
      part = found->second;
    }
    next->tables[index].set(change.slot, std::move(part));
  }
  for (const Change& change : changes) {
    const auto index = static_cast<size_t>(change.kind);
    auto& ids = placed_[index];
    if (ids.size() <= change.slot) ids.resize(change.slot + 1);
    if (!ids[change.slot].empty()) leaving_[index].insert(std::move(ids[change.slot]));
    ids[change.slot] = change.id;
    pending_[index].erase(change.id);
  }
  for (size_t index = 0; index < kKindCount; ++index) {
    for (auto& [id, part] : pending_[index]) leaving_[index].insert(id);
    pending_[index].clear();
  }
  current_ = std::move(next);
  forgetUnused();
  return {};
}

/** Costs what has left lately, however much there is. */
void Store::forgetUnused() {
  for (size_t index = 0; index < kKindCount; ++index) {
    auto& known = known_[index];
    std::erase_if(leaving_[index], [&](const std::string& id) {
      const auto found = known.find(id);
      if (found == known.end()) return true;
      if (!found->second.expired()) return false;
      known.erase(found);
      return true;
    });
  }
}

SnapshotPtr Store::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

PartPtr Store::find(Kind kind, const std::string& id) const {
  const auto index = static_cast<size_t>(kind);
  std::lock_guard lock(mutex_);
  if (const auto pending = pending_[index].find(id); pending != pending_[index].end()) return pending->second;
  const auto known = known_[index].find(id);
  return known == known_[index].end() ? nullptr : known->second.lock();
}

}  // namespace nuncio::snapshot
