#include "tls/stats.h"

#include <utility>

namespace nuncio::tls {

TlsStats::TlsStats(stats::WorkerStats& worker, std::string prefix, std::string_view factory)
    : worker_(worker),
      prefix_(std::move(prefix)),
      counters_(worker.scope<stats::Tls>(prefix_ + "ssl")),
      factory_(worker.scope<stats::TlsFactory>(std::string(prefix_).append(factory))) {}

TlsStats::~TlsStats() {
  worker_.release(counters_);
  worker_.release(factory_);
  for (const Named& named : named_) worker_.release(named.counter);
}

void TlsStats::count(Group group, uint32_t number, std::string_view name) {
  static constexpr std::string_view kGroups[] = {"ciphers", "versions", "curves", "sigalgs"};
  for (const Named& named : named_) {
    if (named.group == group && named.number == number) return named.counter.inc(stats::NamedCounterStat::value);
  }
  std::string full = prefix_ + "ssl.";
  full.append(kGroups[static_cast<size_t>(group)]).append(".").append(name);
  named_.push_back({group, number, worker_.scope<stats::NamedCounter>(full)});
  named_.back().counter.inc(stats::NamedCounterStat::value);
}

}  // namespace nuncio::tls
