#include "http/well_known_headers.h"

#include <array>

namespace nuncio::http {
namespace {

// Open addressing over a hash of length and three bytes; built at compile time. Names that collide probe on.
constexpr size_t kSlots = 512;

constexpr size_t slotOf(std::string_view name) {
  const size_t n = name.size();
  const auto at = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(name[i])); };
  return (n * 31 + at(n - 1) * 7 + at(n / 2) * 131 + at(n > 12 ? 11 : 0) * 17 + at(n - (n > 6 ? 5 : 1)) * 61) % kSlots;
}

constexpr std::array<uint8_t, kSlots> buildTable() {
  std::array<uint8_t, kSlots> table{};
  for (size_t id = 1; id < kHeaderIdCount; ++id) {
    size_t slot = slotOf(kHeaderNames[id]);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<uint8_t>(id);
  }
  return table;
}

constexpr std::array<uint8_t, kSlots> kTable = buildTable();

}  // namespace

HeaderId headerId(std::string_view lower_name) {
  if (lower_name.empty()) return HeaderId::kUnknown;
  for (size_t slot = slotOf(lower_name); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
    if (kHeaderNames[kTable[slot]] == lower_name) return static_cast<HeaderId>(kTable[slot]);
  }
  return HeaderId::kUnknown;
}

}  // namespace nuncio::http
