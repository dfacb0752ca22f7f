// What finding a route costs, in nanoseconds: one route, and the first, middle and last of 10,000, for the kinds of tables
// people write. A stand-alone program:
//
//   node bench/micro/run.mjs route
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/clock.h"
#include "routing/route_table.h"

namespace {

using namespace nuncio;
using Path = plan::RouteMatch::Path;

constexpr int kTurns = 15;
constexpr int kLookups = 40'000;

plan::RouteTable tableOf(size_t count, Path kind, const char* shape) {
  plan::RouteTable plan;
  auto& host = plan.virtual_hosts.emplace_back();
  host.domains = {"*"};
  for (size_t i = 0; i < count; ++i) {
    char value[64];
    std::snprintf(value, sizeof(value), shape, static_cast<int>(i));
    plan::Route& route = host.routes.emplace_back();
    route.match.emplace();
    route.match->path = kind;
    route.match->value = value;
    route.match->case_sensitive = true;
    route.direct.emplace();
    route.direct->status = 200;
  }
  return plan;
}

/** Nanoseconds for one look-up of `target`: the quickest of several turns. */
double measure(const routing::RouteTable& table, std::string_view target, uint32_t expected) {
  base::ChunkPool pool;
  base::Arena arena(pool);
  http::HeaderMap headers(arena);
  headers.add(http::HeaderId::kMethod, "GET");
  headers.add(http::HeaderId::kAuthority, "service.example.com");
  headers.add(http::HeaderId::kPath, target);
  headers.add(http::HeaderId::kScheme, "http");
  double best = 1e9;
  for (int turn = 0; turn < kTurns; ++turn) {
    const int64_t start = base::monotonicNs();
    for (int i = 0; i < kLookups; ++i) {
      const routing::VirtualHost* host = nullptr;
      const routing::Route* route = table.match(routing::MatchInput::of(headers, static_cast<uint64_t>(i)), &host);
      CHECK(route != nullptr && route->index == expected);
    }
    best = std::min(best, static_cast<double>(base::monotonicNs() - start) / kLookups);
  }
  return best;
}

void row(const char* title, const plan::RouteTable& plan, const char* shape, const char* tail) {
  auto made = routing::RouteTable::make(plan);
  CHECK(made.ok());
  const auto count = static_cast<uint32_t>(plan.virtual_hosts[0].routes.size());
  double costs[3];
  const uint32_t places[3] = {0, count / 2, count - 1};
  for (int i = 0; i < 3; ++i) {
    char target[80];
    std::snprintf(target, sizeof(target), shape, static_cast<int>(places[i]));
    costs[i] = measure(*made.value(), std::string(target) + tail, places[i]);
  }
  std::printf("%-28s %6u routes   first %6.1f   middle %6.1f   last %6.1f   last/first %5.2f\n", title, count, costs[0], costs[1], costs[2],
              costs[2] / costs[0]);
}

}  // namespace

int main() {
  row("one prefix \"/\"", tableOf(1, Path::PREFIX, "/"), "/service/00042/items", "?id=7");
  for (const size_t count : {size_t{1}, size_t{100}, size_t{10'000}}) {
    row("prefix /service/NNNNN/", tableOf(count, Path::PREFIX, "/service/%05d/"), "/service/%05d/", "items?id=7");
    row("exact /service/NNNNN", tableOf(count, Path::EXACT, "/service/%05d"), "/service/%05d", "");
  }
  row("any-case prefix", [] {
    auto plan = tableOf(10'000, Path::PREFIX, "/Service/%05d/");
    for (plan::Route& route : plan.virtual_hosts[0].routes) route.match->case_sensitive = false;
    return plan;
  }(), "/sErvice/%05d/", "items");
  row("many hosts", [] {
    plan::RouteTable plan = tableOf(1, Path::PREFIX, "/");
    plan.virtual_hosts[0].domains = {"service.example.com"};
    for (int i = 0; i < 10'000; ++i) {
      plan::VirtualHost host = plan.virtual_hosts[0];
      host.domains = {"host-" + std::to_string(i) + ".example.com"};
      plan.virtual_hosts.push_back(std::move(host));
    }
    return plan;
  }(), "/", "");
}
