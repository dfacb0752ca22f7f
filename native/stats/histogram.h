// Histogram: a distribution in circllhist's bins (two significant decimal digits), sparse: only bins that were hit take
// memory. Cumulative; interval views are made by the reader, who subtracts. One writer (its worker); any thread may
// read at any time and sees each bin's count as of some recent moment.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/check.h"

namespace nuncio::stats {

/**
 * A bin: (mantissa 10..99) * 10^(exponent-1) <= value < (mantissa+1) * 10^(exponent-1); mantissa 0 is the bin of zero.
 */
struct Bin {
  uint8_t mantissa = 0;
  uint8_t exponent = 0;
  /** Never 0, so that an empty table slot can be told from the zero bin. */
  uint16_t key() const { return static_cast<uint16_t>(0x8000u | static_cast<unsigned>(exponent) << 8 | mantissa); }
};
Bin binOf(uint64_t value);

class Histogram {
 public:
  Histogram() = default;
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;
  ~Histogram();

  /** Writer only. About 5 ns once the bin exists. */
  void record(uint64_t value, uint64_t count = 1);

  /** Calls visit(Bin, count) for every bin that was hit, in no order. Any thread. */
  template <class Visit>
  void forEach(Visit&& visit) const {
    const Table* table = table_.load(std::memory_order_acquire);
    if (table == nullptr) return;
    for (uint32_t i = 0; i < table->size; ++i) {
      const Slot& slot = table->slots()[i];
      const uint64_t count = slot.count.load(std::memory_order_relaxed);
      if (count == 0) continue;
      const uint32_t key = slot.key.load(std::memory_order_acquire);
      if (key == 0) continue;
      visit(Bin{static_cast<uint8_t>(key & 0xff), static_cast<uint8_t>(key >> 8 & 0x7f)}, count);
    }
  }

 private:
  struct Slot {
    std::atomic<uint32_t> key{0};
    std::atomic<uint64_t> count{0};
  };
  // A grown table is published by its pointer; the ones before it stay (a reader may be inside) until the histogram
  // ends. Sizes double, so that is less than one table's worth.
  struct Table {
    uint32_t size;
    uint32_t used;
    Table* older;
    Slot* slots() { return reinterpret_cast<Slot*>(this + 1); }
    const Slot* slots() const { return reinterpret_cast<const Slot*>(this + 1); }
  };
  static constexpr uint32_t kFirstSize = 8;

  static Table* makeTable(uint32_t size, Table* older);
  static Slot& find(Table& table, uint32_t key);
  Table* grow(Table* table);

  std::atomic<Table*> table_{nullptr};
};

}  // namespace nuncio::stats
