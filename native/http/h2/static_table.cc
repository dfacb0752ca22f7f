#include "http/h2/static_table.h"

#include <array>

namespace nuncio::http::h2 {
namespace {

// Open addressing; built at compile time.
constexpr size_t kNameSlots = 256;
constexpr size_t nameSlot(std::string_view name) {
  const size_t n = name.size();
  const auto at = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(name[i])); };
  return (n * 37 + at(n - 1) * 5 + at(n / 2) * 83 + at(0) * 11) % kNameSlots;
}
constexpr std::array<uint8_t, kNameSlots> buildNames() {
  std::array<uint8_t, kNameSlots> slots{};
  for (size_t index = 1; index <= kStaticFields; ++index) {
    const std::string_view name = kStaticTable[index].name;
    if (index > 1 && name == kStaticTable[index - 1].name) continue;
    size_t slot = nameSlot(name);
    while (slots[slot] != 0) slot = (slot + 1) % kNameSlots;
    slots[slot] = static_cast<uint8_t>(index);
  }
  return slots;
}
constexpr std::array<uint8_t, kNameSlots> kNames = buildNames();

const std::array<HeaderId, kStaticFields + 1>& ids() {
  static const std::array<HeaderId, kStaticFields + 1> made = [] {
    std::array<HeaderId, kStaticFields + 1> all{};
    for (size_t index = 1; index <= kStaticFields; ++index) all[index] = headerId(kStaticTable[index].name);
    return all;
  }();
  return made;
}

}  // namespace

HeaderId staticHeaderId(size_t index) { return ids()[index]; }

uint8_t staticIndexOf(std::string_view name) {
  if (name.empty()) return 0;
  for (size_t slot = nameSlot(name); kNames[slot] != 0; slot = (slot + 1) % kNameSlots) {
    if (kStaticTable[kNames[slot]].name == name) return kNames[slot];
  }
  return 0;
}

}  // namespace nuncio::http::h2
