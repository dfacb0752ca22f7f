#include <atomic>
#include <map>
#include <thread>

#include "stats/registry.h"
#include "test/native/test.h"

namespace nuncio::stats {
namespace {

std::map<unsigned, uint64_t> binsOf(const Histogram& histogram) {
  std::map<unsigned, uint64_t> out;
  histogram.forEach([&](Bin bin, uint64_t count) { out[bin.exponent * 1000u + bin.mantissa] += count; });
  return out;
}

TEST("stats: a value's bin keeps two digits") {
  const auto is = [](uint64_t value, unsigned mantissa, unsigned exponent) {
    const Bin bin = binOf(value);
    EXPECT_EQ(static_cast<unsigned>(bin.mantissa), mantissa);
    EXPECT_EQ(static_cast<unsigned>(bin.exponent), exponent);
  };
  is(0, 0, 0);
  is(1, 10, 0);
  is(9, 90, 0);
  is(10, 10, 1);
  is(99, 99, 1);
  is(100, 10, 2);
  is(109, 10, 2);
  is(110, 11, 2);
  is(999, 99, 2);
  is(1000, 10, 3);
  is(12'345'678, 12, 7);
  is(9'999'999'999'999'999'999ull, 99, 18);
  is(10'000'000'000'000'000'000ull, 10, 19);
  is(UINT64_MAX, 18, 19);
}

TEST("stats: every value lies inside its bin") {
  uint64_t powers[20] = {1};
  for (int i = 1; i < 20; ++i) powers[i] = powers[i - 1] * 10;
  uint64_t x = 88172645463325252ull;
  for (int i = 0; i < 200'000; ++i) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    const uint64_t value = x >> (x % 64);
    if (value < 10) continue;
    const Bin bin = binOf(value);
    const uint64_t width = powers[bin.exponent - 1];
    const uint64_t left = bin.mantissa * width;
    if (!EXPECT(bin.mantissa >= 10 && bin.mantissa <= 99) || !EXPECT(value >= left && value - left < width)) return;
  }
}

TEST("stats: a histogram counts through its growth") {
  Histogram histogram;
  std::map<unsigned, uint64_t> expected;
  for (uint64_t i = 0; i < 5000; ++i) {
    const uint64_t value = i * i * 37;
    const Bin bin = binOf(value);
    histogram.record(value);
    ++expected[bin.exponent * 1000u + bin.mantissa];
  }
  EXPECT(binsOf(histogram) == expected);
}

TEST("stats: names of a kind come with their types") {
  const KindTemplate& cluster = templateOf(Kind::kCluster);
  EXPECT_EQ(cluster.name, std::string_view("cluster"));
  EXPECT_EQ(cluster.prefix, std::string_view("cluster."));
  EXPECT_EQ(cluster.stats.size(), static_cast<size_t>(ClusterStat::kCount));
  const StatTemplate& active = cluster.stats[static_cast<size_t>(ClusterStat::upstream_cx_active)];
  EXPECT_EQ(active.name, std::string_view("upstream_cx_active"));
  EXPECT(active.type == Type::kGauge);
  EXPECT(cluster.histograms[static_cast<size_t>(ClusterHistogram::upstream_rq_time)].lazy);
  EXPECT(!cluster.histograms[static_cast<size_t>(ClusterHistogram::upstream_cx_connect_ms)].lazy);
  EXPECT_EQ(templateOf(Kind::kTimeoutBudget).stats.size(), 0u);
}

TEST("stats: counters, gauges below zero in one worker, gauges that were used") {
  Registry registry;
  WorkerStats worker(registry, 0);
  const ClusterScope cluster = worker.scope<Cluster>("c");
  cluster.inc(ClusterStat::upstream_cx_total);
  cluster.inc(ClusterStat::upstream_cx_rx_bytes_total, 1'000'000);
  cluster.dec(ClusterStat::upstream_cx_active);
  cluster.set(ClusterStat::membership_total, 3);
  cluster.inc(ClusterStat::membership_total, 2);
  EXPECT_EQ(cluster.counter(ClusterStat::upstream_cx_total), 1u);
  EXPECT_EQ(cluster.counter(ClusterStat::upstream_cx_rx_bytes_total), 1'000'000u);
  EXPECT_EQ(cluster.gauge(ClusterStat::upstream_cx_active), int64_t{-1});
  EXPECT_EQ(cluster.gauge(ClusterStat::membership_total), int64_t{5});
  const auto used = [&](ClusterStat stat) {
    return GaugeCell::used(cluster.scope()->cell(static_cast<size_t>(stat)).load());
  };
  EXPECT(used(ClusterStat::upstream_cx_active));
  EXPECT(!used(ClusterStat::upstream_rq_active));
}

TEST("stats: response codes by code, class and unknown") {
  Registry registry;
  WorkerStats worker(registry, 0);
  const ClusterScope cluster = worker.scope<Cluster>("c");
  for (unsigned code : {200u, 200u, 204u, 503u, 599u, 100u, 600u, 99u, 0u, 2000u}) cluster.response(code);
  std::map<unsigned, uint64_t> seen;
  cluster.scope()->findResponseCodes()->forEach([&](unsigned id, uint64_t count) { seen[id] = count; });
  const std::map<unsigned, uint64_t> expected = {{0, 4},   {1, 1},   {2, 3},   {5, 2},  {100, 1},
                                                 {200, 2}, {204, 1}, {503, 1}, {599, 1}};
  EXPECT(seen == expected);
  EXPECT_EQ(cluster.counter(ClusterStat::upstream_rq_completed), 10u);
}

TEST("stats: scopes are found again, kept while leased, gone when dropped") {
  Registry registry;
  WorkerStats first(registry, 0);
  WorkerStats second(registry, 1);
  const ClusterScope a = first.scope<Cluster>("c");
  const ClusterScope again = first.scope<Cluster>("c");
  const ClusterScope b = second.scope<Cluster>("c");
  EXPECT(a.scope() == again.scope());
  EXPECT(a.scope() != b.scope());
  EXPECT_EQ(registry.scopes(Kind::kCluster, "c").size(), 2u);
  first.release(a);
  second.release(b);
  registry.drop(Kind::kCluster, "c");  // the second lease of the first worker holds
  EXPECT_EQ(registry.scopes(Kind::kCluster).size(), 1u);
  registry.sweep();
  EXPECT_EQ(registry.scopes(Kind::kCluster).size(), 1u);
  first.release(again);
  registry.sweep();
  EXPECT_EQ(registry.scopes(Kind::kCluster).size(), 0u);

  const ClusterScope c = first.scope<Cluster>("d");
  c.inc(ClusterStat::upstream_rq_total);
  registry.drop(Kind::kCluster, "d");
  const ClusterScope back = first.scope<Cluster>("d");  // came back before it was freed: its values go on
  first.release(c);
  first.release(back);
  registry.sweep();
  EXPECT_EQ(registry.scopes(Kind::kCluster, "d").size(), 1u);
}

TEST("stats: shared scopes are one for all workers") {
  Registry registry;
  const CircuitBreakerScope a = registry.shared<CircuitBreaker>("c.circuit_breakers.default");
  const CircuitBreakerScope b = registry.shared<CircuitBreaker>("c.circuit_breakers.default");
  EXPECT(a.scope() == b.scope());
  a.set(CircuitBreakerStat::cx_open, 1);
  EXPECT_EQ(b.gauge(CircuitBreakerStat::cx_open), int64_t{1});
  registry.releaseShared(a);
  registry.releaseShared(b);
  registry.drop(Kind::kCircuitBreaker, "c.circuit_breakers.default");
  EXPECT_EQ(registry.scopes(Kind::kCircuitBreaker).size(), 0u);
}

TEST("stats: a reader beside a writing worker sees counts that only grow") {
  Registry registry;
  WorkerStats worker(registry, 0);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    const ClusterScope cluster = worker.scope<Cluster>("c");
    for (uint64_t i = 0; i < 200'000; ++i) {
      cluster.inc(ClusterStat::upstream_rq_total);
      cluster.record(ClusterHistogram::upstream_rq_time, i);
      cluster.response(static_cast<unsigned>(100 + i % 500));
    }
    done.store(true, std::memory_order_release);
  });
  uint64_t last_counter = 0, last_samples = 0, last_codes = 0;
  bool grows = true;
  const auto read = [&] {
    for (const Scope* scope : registry.scopes(Kind::kCluster)) {
      const uint64_t counter = scope->cell(static_cast<size_t>(ClusterStat::upstream_rq_total)).load();
      uint64_t samples = 0, codes = 0;
      if (const Histogram* h = scope->findHistogram(static_cast<size_t>(ClusterHistogram::upstream_rq_time))) {
        h->forEach([&](Bin, uint64_t count) { samples += count; });
      }
      if (const ResponseCodes* r = scope->findResponseCodes()) {
        r->forEach([&](unsigned id, uint64_t count) { codes += id >= 100 ? count : 0; });
      }
      grows = grows && counter >= last_counter && samples >= last_samples && codes >= last_codes;
      last_counter = counter, last_samples = samples, last_codes = codes;
    }
  };
  while (!done.load(std::memory_order_acquire)) read();
  writer.join();
  read();
  EXPECT(grows);
  EXPECT_EQ(last_counter, 200'000u);
  EXPECT_EQ(last_samples, 200'000u);
  EXPECT_EQ(last_codes, 200'000u);
}

TEST("stats: names are made safe for a stat") {
  EXPECT_EQ(sanitizeName("[::1]:80"), std::string("[__1]_80"));
  EXPECT_EQ(sanitizeName("http://a:/b"), std::string("http_a_b"));
  Registry registry;
  WorkerStats worker(registry, 0);
  EXPECT_EQ(worker.scope<Cluster>("a:b").scope()->name(), std::string_view("a_b"));
  EXPECT(worker.scope<Cluster>("a:b").scope() == worker.scope<Cluster>("a_b").scope());
  EXPECT_EQ(worker.scope<VirtualCluster>("v:h.vcluster.c").scope()->name(), std::string_view("v:h.vcluster.c"));
}

}  // namespace
}  // namespace nuncio::stats
