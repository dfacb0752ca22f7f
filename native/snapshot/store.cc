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
    auto& table = next->parts[index];
    if (table.size() <= change.slot) table.resize(change.slot + 1);
    if (change.id.empty()) {
      table[change.slot].reset();
      continue;
    }
    const auto found = pending_[index].find(change.id);
    if (found == pending_[index].end()) return "no plan with id " + change.id;
    table[change.slot] = found->second;
  }
  for (auto& pending : pending_) pending.clear();
  current_ = std::move(next);
  for (auto& known : known_) std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  return {};
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
