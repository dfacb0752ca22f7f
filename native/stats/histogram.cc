#include "stats/histogram.h"

#include <bit>
#include <cstdlib>
#include <new>

namespace nuncio::stats {
namespace {

constexpr uint64_t kPowersOfTen[20] = {1ull,
                                       10ull,
                                       100ull,
                                       1000ull,
                                       10000ull,
                                       100000ull,
                                       1000000ull,
                                       10000000ull,
                                       100000000ull,
                                       1000000000ull,
                                       10000000000ull,
                                       100000000000ull,
                                       1000000000000ull,
                                       10000000000000ull,
                                       100000000000000ull,
                                       1000000000000000ull,
                                       10000000000000000ull,
                                       100000000000000000ull,
                                       1000000000000000000ull,
                                       10000000000000000000ull};

/** floor(log10(value)) for value > 0. */
unsigned decimalExponent(uint64_t value) {
  const unsigned guess = static_cast<unsigned>((std::bit_width(value) * 1233) >> 12);
  return guess - (guess > 19 || value < kPowersOfTen[guess] ? 1 : 0);
}

}  // namespace

Bin binOf(uint64_t value) {
  if (value == 0) return {};
  if (value < 10) return {static_cast<uint8_t>(value * 10), 0};
  if (value < 100) return {static_cast<uint8_t>(value), 1};
  // Division by a constant is a multiplication; most values are milliseconds of less than 100 s.
  if (value < 1000) return {static_cast<uint8_t>(value / 10), 2};
  if (value < 10'000) return {static_cast<uint8_t>(value / 100), 3};
  if (value < 100'000) return {static_cast<uint8_t>(value / 1000), 4};
  const unsigned exponent = decimalExponent(value);
  return {static_cast<uint8_t>(value / kPowersOfTen[exponent - 1]), static_cast<uint8_t>(exponent)};
}

Histogram::~Histogram() {
  Table* table = table_.load(std::memory_order_relaxed);
  while (table != nullptr) {
    Table* older = table->older;
    std::free(table);
    table = older;
  }
}

void Histogram::record(uint64_t value, uint64_t count) {
  Table* table = table_.load(std::memory_order_relaxed);
  if (table == nullptr) table = grow(nullptr);
  const uint32_t key = binOf(value).key();
  Slot* slot = &find(*table, key);
  if (slot->key.load(std::memory_order_relaxed) == 0) [[unlikely]] {
    if ((table->used + 1) * 4 > table->size * 3) {
      table = grow(table);
      slot = &find(*table, key);
    }
    ++table->used;
    slot->key.store(key, std::memory_order_release);
  }
  slot->count.store(slot->count.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

Histogram::Table* Histogram::makeTable(uint32_t size, Table* older) {
  void* memory = std::malloc(sizeof(Table) + size * sizeof(Slot));
  CHECK(memory != nullptr);
  Table* table = ::new (memory) Table{size, 0, older};
  for (uint32_t i = 0; i < size; ++i) ::new (table->slots() + i) Slot;
  return table;
}

/** The slot of `key`, or the empty one where it belongs. The table is never full. */
Histogram::Slot& Histogram::find(Table& table, uint32_t key) {
  uint32_t at = key * 0x9e3779b1u >> 16;
  for (;; ++at) {
    Slot& slot = table.slots()[at & (table.size - 1)];
    const uint32_t found = slot.key.load(std::memory_order_relaxed);
    if (found == key || found == 0) return slot;
  }
}

Histogram::Table* Histogram::grow(Table* table) {
  Table* bigger = makeTable(table == nullptr ? kFirstSize : table->size * 2, table);
  if (table != nullptr) {
    for (uint32_t i = 0; i < table->size; ++i) {
      const Slot& from = table->slots()[i];
      const uint32_t key = from.key.load(std::memory_order_relaxed);
      if (key == 0) continue;
      Slot& to = find(*bigger, key);
      to.count.store(from.count.load(std::memory_order_relaxed), std::memory_order_relaxed);
      to.key.store(key, std::memory_order_relaxed);
      ++bigger->used;
    }
  }
  table_.store(bigger, std::memory_order_release);
  return bigger;
}

}  // namespace nuncio::stats
