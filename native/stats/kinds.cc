#include "stats/kinds.h"

namespace nuncio::stats {
namespace {

#define COUNTER_ROW(name) {#name, Type::kCounter},
#define GAUGE_ROW(name) {#name, Type::kGauge},
#define LAZY_COUNTER_ROW(name) {#name, Type::kLazyCounter},
#define HISTOGRAM_ROW(name, unit) {#name, Unit::unit, false},
#define LAZY_HISTOGRAM_ROW(name, unit) {#name, Unit::unit, true},
#define NOTHING(...)

// The empty last row keeps a list without entries a legal array; it is cut off below.
#define KIND_ROWS(kind, text, prefix, list)                                                                    \
  constexpr StatTemplate k##kind##Stats[] = {list(COUNTER_ROW, GAUGE_ROW, LAZY_COUNTER_ROW, NOTHING, NOTHING){ \
      "", Type::kCounter}};                                                                                    \
  constexpr HistogramTemplate k##kind##Histograms[] = {                                                        \
      list(NOTHING, NOTHING, NOTHING, HISTOGRAM_ROW, LAZY_HISTOGRAM_ROW){"", Unit::kUnspecified, false}};
NUNCIO_STAT_KINDS(KIND_ROWS)

template <class T, size_t N>
constexpr std::span<const T> withoutLast(const T (&rows)[N]) {
  return std::span<const T>(rows, N - 1);
}

#define KIND_TABLE(kind, text, prefix, list) \
  KindTemplate{#text, prefix, withoutLast(k##kind##Stats), withoutLast(k##kind##Histograms)},
constexpr KindTemplate kTable[] = {NUNCIO_STAT_KINDS(KIND_TABLE)};

}  // namespace

const KindTemplate& templateOf(Kind kind) { return kTable[static_cast<size_t>(kind)]; }

}  // namespace nuncio::stats
