// The kinds of scope as types: `stats::Cluster::Stat::upstream_cx_total`,
// `stats::Cluster::Histogram::upstream_rq_time`, and the tables of names behind them. Made from templates.h;
// constant, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "stats/templates.h"

namespace nuncio::stats {

enum class Type : uint8_t { kCounter, kGauge, kLazyCounter };
enum class Unit : uint8_t { kUnspecified, kBytes, kMicroseconds, kMilliseconds, kPercent };

struct StatTemplate {
  std::string_view name;
  Type type;
};

struct HistogramTemplate {
  std::string_view name;
  Unit unit;
  bool lazy;  // printed only after its first value
};

#define NUNCIO_ENUMERATOR(name, ...) name,
#define NUNCIO_NOTHING(...)

// e.g. ClusterStat, ClusterHistogram, and struct Cluster that joins them
#define NUNCIO_KIND_ENUMS(kind, text, prefix, list)                                                              \
  enum class kind##Stat : uint16_t {                                                                             \
    list(NUNCIO_ENUMERATOR, NUNCIO_ENUMERATOR, NUNCIO_ENUMERATOR, NUNCIO_NOTHING, NUNCIO_NOTHING) kCount         \
  };                                                                                                             \
  enum class kind##Histogram : uint16_t {                                                                        \
    list(NUNCIO_NOTHING, NUNCIO_NOTHING, NUNCIO_NOTHING, NUNCIO_ENUMERATOR, NUNCIO_ENUMERATOR) kCount            \
  };
NUNCIO_STAT_KINDS(NUNCIO_KIND_ENUMS)
#undef NUNCIO_KIND_ENUMS

#define NUNCIO_KIND_ID(kind, text, prefix, list) k##kind,
enum class Kind : uint8_t { NUNCIO_STAT_KINDS(NUNCIO_KIND_ID) kCount };
#undef NUNCIO_KIND_ID

#define NUNCIO_COUNTER_ROW(name) case ThisStat::name: return Type::kCounter;
#define NUNCIO_GAUGE_ROW(name) case ThisStat::name: return Type::kGauge;
#define NUNCIO_LAZY_ROW(name) case ThisStat::name: return Type::kLazyCounter;
#define NUNCIO_KIND_TYPE(kind, text, prefix, list)                                                               \
  struct kind {                                                                                                  \
    using Stat = kind##Stat;                                                                                     \
    using Histogram = kind##Histogram;                                                                           \
    static constexpr Kind kKind = Kind::k##kind;                                                                 \
    static constexpr Type typeOf(Stat stat) {                                                                    \
      using ThisStat [[maybe_unused]] = Stat;                                                                    \
      switch (stat) {                                                                                            \
        list(NUNCIO_COUNTER_ROW, NUNCIO_GAUGE_ROW, NUNCIO_LAZY_ROW, NUNCIO_NOTHING, NUNCIO_NOTHING)              \
        case Stat::kCount: break;                                                                                \
      }                                                                                                          \
      return Type::kCounter;                                                                                     \
    }                                                                                                            \
  };
NUNCIO_STAT_KINDS(NUNCIO_KIND_TYPE)
#undef NUNCIO_KIND_TYPE
#undef NUNCIO_COUNTER_ROW
#undef NUNCIO_GAUGE_ROW
#undef NUNCIO_LAZY_ROW
#undef NUNCIO_ENUMERATOR
#undef NUNCIO_NOTHING

/** All that is to be known of a kind at run time: its names in the order of the enumerators. */
struct KindTemplate {
  std::string_view name;    // towards TypeScript, e.g. "listener_http"
  std::string_view prefix;  // of the full name, e.g. "listener."
  std::span<const StatTemplate> stats;
  std::span<const HistogramTemplate> histograms;
};

constexpr size_t kKinds = static_cast<size_t>(Kind::kCount);
const KindTemplate& templateOf(Kind kind);

}  // namespace nuncio::stats
