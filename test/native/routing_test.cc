#include "routing/route_scopes.h"
#include "routing/route_table.h"

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/xxhash64.h"
#include "routing/retry_on.h"
#include "test/native/test.h"

namespace nuncio::routing {
namespace {

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
using Path = plan::RouteMatch::Path;

plan::Route direct(Path path, std::string value, std::string name = {}) {
  plan::Route route;
  route.name = name.empty() ? value : std::move(name);
  route.match.emplace();
  route.match->path = path;
  route.match->value = std::move(value);
  route.match->case_sensitive = true;
  route.direct.emplace();
  route.direct->status = 200;
  return route;
}

plan::RouteTable tableOf(std::vector<plan::Route> routes) {
  plan::RouteTable plan;
  plan.virtual_hosts.emplace_back();
  plan.virtual_hosts[0].name = "v";
  plan.virtual_hosts[0].domains = {"*"};
  plan.virtual_hosts[0].routes = std::move(routes);
  return plan;
}

plan::Format literal(std::string text) {
  plan::Format format;
  if (!text.empty()) format.pieces.emplace_back().text = std::move(text);
  return format;
}

// One request against one table; owns what the look-up borrows.
class Request {
 public:
  explicit Request(const plan::RouteTable& plan) : arena_(pool_), headers(arena_) {
    auto made = RouteTable::make(plan);
    if (EXPECT(made.ok())) {
      table = std::move(made.value());
    } else {
      test::fail(__FILE__, __LINE__, made.error());
    }
  }
  Request& with(std::string_view name, std::string_view value) {
    headers.setCopy(name, value);
    return *this;
  }
  Request& get(std::string_view host, std::string_view target) {
    return with(":method", "GET").with(":authority", host).with(":path", target).with(":scheme", "http").with("x-forwarded-proto", "http");
  }
  const Route* match(uint64_t random = 0) {
    if (table == nullptr) return nullptr;
    return table->match(MatchInput::of(headers, random), &virtual_host);
  }
  /** The name of the route of a target; "-" when there is none. */
  std::string route(std::string_view target, uint64_t random = 0) {
    get("a.com", target);
    const Route* found = match(random);
    return found == nullptr ? "-" : found->name;
  }
  std::string host(std::string_view name) {
    get(name, "/");
    match();
    return virtual_host == nullptr ? "-" : virtual_host->name;
  }
  http::FormatContext context() { return {&headers, nullptr, nullptr, info_, 0, 0}; }

 private:
  base::ChunkPool pool_;
  base::Arena arena_;
  http::StreamInfo info_;

 public:
  http::HeaderMap headers;
  std::unique_ptr<const RouteTable> table;
  const VirtualHost* virtual_host = nullptr;
  base::TextBuffer scratch;
};

plan::RouteTable domainTable(bool ignore_port) {
  plan::RouteTable plan;
  plan.ignore_port_in_host = ignore_port;
  for (const std::string_view domain : {"a.com", "*.com", "a.*", "*.a.com", "*-x.com", "a.b.*", "*", "b.com:80", "*.net:81", "[::1]", "c.*"}) {
    auto& host = plan.virtual_hosts.emplace_back();
    host.name = domain;
    host.domains = {std::string(domain)};
  }
  return plan;
}

// As Envoy 1.40 answered for these hosts.
TEST("routing: domains") {
  Request request(domainTable(false));
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"a.com", "a.com"}, {"A.COM", "a.com"}, {"x.a.com", "*.a.com"}, {"y.x.a.com", "*.a.com"}, {".a.com", "*.com"}, {".com", "*"},
      {"com", "*"}, {"a.net", "a.*"}, {"a.", "*"}, {"a.b.c", "a.b.*"}, {"q-x.com", "*-x.com"}, {"-x.com", "*.com"}, {"a.com:80", "a.*"},
      {"x.a.com:80", "*"}, {"b.com:80", "b.com:80"}, {"b.com:81", "*"}, {"z.net:81", "*.net:81"}, {"z.net", "*"}, {"[::1]", "[::1]"},
      {"[::1]:80", "*"}, {"c.com", "*.com"}, {"c.:80", "c.*"}, {"", "*"},
  };
  for (const auto& [host, expected] : kCases) EXPECT_EQ(request.host(host), expected);

  Request portless(domainTable(true));
  EXPECT_EQ(portless.host("a.com:80"), "a.com");
  EXPECT_EQ(portless.host("x.a.com:80"), "*.a.com");
  EXPECT_EQ(portless.host("[::1]:80"), "[::1]");
  EXPECT_EQ(portless.host("c.:80"), "*");
}

TEST("routing: a header can stand for the host") {
  auto plan = domainTable(false);
  plan.vhost_header = "x-vh";
  Request request(plan);
  EXPECT_EQ(request.host("a.com"), "-");
  request.with("x-vh", "A.com");
  EXPECT_EQ(request.host("zzz"), "a.com");
}

TEST("routing: duplicate domains are refused") {
  for (const std::string_view domain : {"*", "a.com", "*.a.com", "a.*"}) {
    plan::RouteTable plan;
    for (int i = 0; i < 2; ++i) plan.virtual_hosts.emplace_back().domains = {std::string(domain)};
    EXPECT(!RouteTable::make(plan).ok());
  }
}

TEST("routing: kinds of path match") {
  auto insensitive = direct(Path::PREFIX, "/Pp", "pi");
  insensitive.match->case_sensitive = false;
  auto exact_insensitive = direct(Path::EXACT, "/Xx", "xi");
  exact_insensitive.match->case_sensitive = false;
  Request request(tableOf({direct(Path::EXACT, "/a"), direct(Path::PATH_SEPARATED_PREFIX, "/sp"), insensitive, exact_insensitive,
                           direct(Path::REGEX, "/r[a-z]*"), direct(Path::TEMPLATE, "/v1/{id}/x/{r=**}.m3u8", "tpl"),
                           direct(Path::TEMPLATE, "/t/{b}/**", "tpm"), direct(Path::PREFIX, "/a/b")}));
  EXPECT_EQ(request.route("/a?x"), "/a");
  EXPECT_EQ(request.route("/ab"), "-");
  EXPECT_EQ(request.route("/a/bc"), "/a/b");
  EXPECT_EQ(request.route("/sp"), "/sp");
  EXPECT_EQ(request.route("/sp/x"), "/sp");
  EXPECT_EQ(request.route("/sp?x"), "/sp");
  EXPECT_EQ(request.route("/spx"), "-");
  EXPECT_EQ(request.route("/sp;x"), "-");
  EXPECT_EQ(request.route("/pPx"), "pi");
  EXPECT_EQ(request.route("/p"), "-");
  EXPECT_EQ(request.route("/xX?y"), "xi");
  EXPECT_EQ(request.route("/xxx"), "-");
  EXPECT_EQ(request.route("/rab?Q"), "/r[a-z]*");
  EXPECT_EQ(request.route("/rab/"), "-");
  EXPECT_EQ(request.route("/v1/7/x/q.m3u8"), "tpl");
  EXPECT_EQ(request.route("/v1/7/x/q/r.m3u8?z"), "tpl");
  EXPECT_EQ(request.route("/v1//x/q.m3u8"), "-");
  EXPECT_EQ(request.route("/t/b"), "-");
  EXPECT_EQ(request.route("/t/b/"), "tpm");
  EXPECT_EQ(request.route("/t/b*/c/d="), "tpm");
  EXPECT_EQ(request.route("/t//c"), "-");
}

TEST("routing: the first match wins, whatever its kind") {
  Request request(tableOf({direct(Path::PREFIX, "/a/b/c"), direct(Path::REGEX, "/a/.*z", "re"), direct(Path::PREFIX, "/a"),
                           direct(Path::EXACT, "/a/b"), direct(Path::PREFIX, "/", "root")}));
  EXPECT_EQ(request.route("/a/b/cz"), "/a/b/c");
  EXPECT_EQ(request.route("/a/z"), "re");
  EXPECT_EQ(request.route("/a/b"), "/a");
  EXPECT_EQ(request.route("/x"), "root");
}

TEST("routing: path parameters may be ignored") {
  auto plan = tableOf({direct(Path::EXACT, "/a"), direct(Path::PREFIX, "/b;"), direct(Path::PATH_SEPARATED_PREFIX, "/c")});
  plan.ignore_path_parameters = true;
  Request request(plan);
  EXPECT_EQ(request.route("/a;x"), "/a");
  EXPECT_EQ(request.route("/a;x=1/"), "-");  // they end with their segment
  EXPECT_EQ(request.route("/b;"), "-");
  EXPECT_EQ(request.route("/c;x/d"), "/c");
}

TEST("routing: CONNECT has no path") {
  Request request(tableOf({direct(Path::PREFIX, "", "any"), direct(Path::CONNECT, "", "connect")}));
  EXPECT_EQ(request.route("/x"), "any");
  request.headers.clear();
  request.with(":method", "CONNECT").with(":authority", "a.com:443");
  const Route* route = request.match();
  REQUIRE(route != nullptr);
  EXPECT_EQ(route->name, "connect");
}

TEST("routing: gRPC, TLS and fractions") {
  auto grpc = direct(Path::PREFIX, "/g");
  grpc.match->grpc = true;
  auto presented = direct(Path::PREFIX, "/p");
  presented.match->tls_presented = true;
  auto absent = direct(Path::PREFIX, "/q");
  absent.match->tls_presented = false;
  auto fraction = direct(Path::PREFIX, "/f");
  fraction.match->runtime_fraction.emplace();
  fraction.match->runtime_fraction->ppm = 50'000;
  fraction.match->runtime_fraction->denominator = 100;
  fraction.match->runtime_fraction->runtime_key = "key";
  Request request(tableOf({grpc, presented, absent, fraction}));
  request.with("content-type", "application/grpc+proto");
  EXPECT_EQ(request.route("/g"), "/g");
  request.with("content-type", "application/grpc-web");
  EXPECT_EQ(request.route("/g"), "-");
  EXPECT_EQ(request.route("/p"), "-");
  EXPECT_EQ(request.route("/q"), "/q");
  EXPECT_EQ(request.route("/f", 104), "/f");
  EXPECT_EQ(request.route("/f", 105), "-");
  const auto lookup = [](std::string_view key) -> std::optional<FractionValue> {
    return key == "key" ? std::optional(FractionValue{7, 10000}) : std::nullopt;
  };
  const FractionLookup runtime(lookup);
  MatchInput input = MatchInput::of(request.headers, 10'006);
  input.runtime = &runtime;
  EXPECT(request.table->match(input) != nullptr);
  input.random = 10'007;
  EXPECT(request.table->match(input) == nullptr);
}

TEST("routing: require_tls") {
  auto plan = tableOf({direct(Path::PREFIX, "/")});
  plan.virtual_hosts[0].require_tls = 2;
  Request request(plan);
  const Route* route = request.get("tls.com:80", "/x?y").match();
  REQUIRE(route != nullptr);
  EXPECT_EQ(route->kind, RouteKind::kTlsRedirect);
  EXPECT_EQ(route->location(request.headers, true), "https://tls.com:80/x?y");
  EXPECT_EQ(route->status(), 301u);
  request.with("x-forwarded-proto", "https");
  EXPECT_EQ(request.match()->kind, RouteKind::kDirect);

  plan.virtual_hosts[0].require_tls = 1;
  Request external(plan);
  EXPECT_EQ(external.get("a", "/").match()->kind, RouteKind::kTlsRedirect);
  EXPECT_EQ(external.with("x-envoy-internal", "true").match()->kind, RouteKind::kDirect);
}

// ---- the index yields what trying every route in turn yields

std::string randomPath(base::Random& random, size_t longest) {
  std::string path;
  const size_t size = random.below(longest + 1);
  for (size_t i = 0; i < size; ++i) path += "/aAb;"[random.below(5)];
  return path;
}

plan::Route randomRoute(base::Random& random) {
  constexpr Path kKinds[] = {Path::PREFIX, Path::PREFIX, Path::EXACT, Path::PATH_SEPARATED_PREFIX, Path::REGEX, Path::CONNECT};
  const Path kind = kKinds[random.below(random.below(4) == 0 ? 6 : 4)];
  std::string value = randomPath(random, 6);
  if (kind == Path::REGEX) value += random.below(2) == 0 ? ".*" : "[a-z]?";
  plan::Route route = direct(kind, value);
  route.match->case_sensitive = random.below(3) != 0;
  if (random.below(3) == 0) {
    auto& header = route.match->headers.emplace_back();
    header.name = random.below(2) == 0 ? "x" : "y";
    header.kind = plan::FieldMatcher::Kind::PRESENT;
    header.present = random.below(2) == 0;
  }
  return route;
}

TEST("routing: the index agrees with a scan on random tables") {
  base::Random random(20261121);
  for (int round = 0; round < 400; ++round) {
    std::vector<plan::Route> routes;
    const size_t count = 1 + random.below(round % 8 == 0 ? 300 : 40);
    for (size_t i = 0; i < count; ++i) routes.push_back(randomRoute(random));
    Request request(tableOf(std::move(routes)));
    const VirtualHost& host = *request.table->virtualHosts()[0];
    for (int i = 0; i < 60; ++i) {
      request.headers.clear();
      const bool connect = random.below(10) == 0;
      request.with(":method", connect ? "CONNECT" : "GET").with(":authority", "a");
      if (!connect || random.below(2) == 0) request.with(":path", randomPath(random, 9));
      if (random.below(2) == 0) request.with("x", "1");
      if (random.below(2) == 0) request.with("y", "1");
      const MatchInput input = MatchInput::of(request.headers, 0);
      const Route* found = host.match(input, input.path);
      const Route* expected = host.matchLinear(input, input.path);
      if (found == expected) continue;
      test::fail(__FILE__, __LINE__, "path " + std::string(input.path) + ": index " + std::to_string(found ? found->index : -1) +
                                         ", scan " + std::to_string(expected ? expected->index : -1));
      return;
    }
  }
}

TEST("routing: more rules on one path than the index holds at once") {
  std::vector<plan::Route> routes;
  for (size_t length = 60; length > 0; --length) {
    routes.push_back(direct(Path::PREFIX, "/" + std::string(length, 'a')));
    routes.back().match->headers.emplace_back().name = "x-" + std::to_string(length);
    routes.back().match->headers.back().kind = plan::FieldMatcher::Kind::PRESENT;
    routes.back().match->headers.back().present = true;
  }
  Request request(tableOf(std::move(routes)));
  request.with("x-3", "1");
  EXPECT_EQ(request.route("/" + std::string(60, 'a')), "/aaa");
}

// ---- actions

plan::RouteTable redirectTable(const plan::RedirectAction& action, Path path, std::string value) {
  plan::Route route = direct(path, std::move(value));
  route.direct.reset();
  route.redirect = action;
  return tableOf({route});
}

std::string location(const plan::RedirectAction& action, std::string_view host, std::string_view target, std::string_view forwarded = "http",
                     Path path = Path::PREFIX, std::string value = "/") {
  Request request(redirectTable(action, path, std::move(value)));
  request.get(host, target).with("x-forwarded-proto", forwarded).with(":scheme", forwarded);
  const Route* route = request.match();
  return route == nullptr ? "-" : std::string(route->location(request.headers, true));
}

// As Envoy 1.40 wrote them.
TEST("routing: Location of redirects") {
  plan::RedirectAction https;
  https.https = true;
  EXPECT_EQ(location(https, "a.com", "/https?q=1"), "https://a.com/https?q=1");
  EXPECT_EQ(location(https, "a.com:80", "/x"), "https://a.com/x");
  EXPECT_EQ(location(https, "a.com:443", "/x"), "https://a.com:443/x");
  EXPECT_EQ(location(https, "[::1]:80", "/x"), "https://[::1]/x");
  EXPECT_EQ(location(https, "[::1]", "/x"), "https://[::1]/x");
  EXPECT_EQ(location(https, "a.com:80", "/x", "https"), "https://a.com:80/x");
  EXPECT_EQ(location(https, "", "/x"), "https:///x");
  plan::RedirectAction port;
  port.port = 8443;
  EXPECT_EQ(location(port, "a.com:80", "/port"), "http://a.com:8443/port");
  EXPECT_EQ(location(port, "[::1]:80", "/port"), "http://[::1]:8443/port");
  EXPECT_EQ(location(port, "a.com:80", "/port", "https"), "https://a.com:8443/port");
  plan::RedirectAction all;
  all.host = "h.com:80";
  all.port = 80;
  all.https = true;
  EXPECT_EQ(location(all, "a.com", "/hp"), "https://h.com:80:80/hp");
  plan::RedirectAction path;
  path.path = "/new";
  EXPECT_EQ(location(path, "a.com", "/path?a"), "http://a.com/new?a");
  path.strip_query = true;
  EXPECT_EQ(location(path, "a.com", "/path?a"), "http://a.com/new");
  path.path = "/new?z=1";
  EXPECT_EQ(location(path, "a.com", "/path?a"), "http://a.com/new?z=1");
}

TEST("routing: redirects that rewrite the path") {
  plan::RedirectAction prefix;
  prefix.prefix_rewrite = "/x";
  EXPECT_EQ(location(prefix, "a.com", "/pre/fix/t?u", "http", Path::PREFIX, "/pre/fix"), "http://a.com/x/t?u");
  EXPECT_EQ(location(prefix, "a.com", "/exact?e", "http", Path::EXACT, "/exact"), "http://a.com/x?e");
  EXPECT_EQ(location(prefix, "a.com", "/sp/x?y", "http", Path::PATH_SEPARATED_PREFIX, "/sp"), "http://a.com/x/x?y");
  EXPECT_EQ(location(prefix, "a.com", "/rg/x?y", "http", Path::REGEX, "/rg/.*"), "http://a.com/x?y");
  prefix.strip_query = true;
  EXPECT_EQ(location(prefix, "a.com", "/pre/t?u", "http", Path::PREFIX, "/pre"), "http://a.com/x/t");
  prefix.prefix_rewrite = "";
  EXPECT_EQ(location(prefix, "a.com", "/pre/t", "http", Path::PREFIX, "/pre"), "http://a.com/pre/t");
  plan::RedirectAction regex;
  regex.regex_rewrite.emplace();
  regex.regex_rewrite->pattern = "^/re/(.*)$";
  regex.regex_rewrite->substitution = "/R/\\1";
  EXPECT_EQ(location(regex, "a.com", "/re/abc?u=/re/x", "http", Path::PREFIX, "/re"), "http://a.com/R/abc?u=/re/x");
  EXPECT_EQ(location(regex, "a.com", "/re", "http", Path::PREFIX, "/re"), "http://a.com/re");
}

TEST("routing: Location of direct responses") {
  Request request(tableOf({direct(Path::PREFIX, "/")}));
  const Route* route = request.get("a.com:80", "/d201?x").match();
  EXPECT_EQ(route->location(request.headers, true), "http://a.com:80/d201?x");
}

plan::Route forwarding(std::string prefix) {
  plan::Route route = direct(Path::PREFIX, std::move(prefix));
  route.direct.reset();
  route.cluster.emplace();
  route.cluster->name = "up";
  route.cluster->timeout_ms = 15000;
  return route;
}

std::vector<plan::HeaderMutation> levelMutations(std::string level) {
  std::vector<plan::HeaderMutation> list(3);
  list[0].name = "x-ow";
  list[0].action = plan::HeaderMutation::Action::OVERWRITE_IF_EXISTS_OR_ADD;
  list[1].name = "x-app";
  list[2].name = "x-abs";
  list[2].action = plan::HeaderMutation::Action::ADD_IF_ABSENT;
  for (plan::HeaderMutation& one : list) one.value = literal(level);
  return list;
}

std::string dump(const http::HeaderMap& headers) {
  std::string text;
  for (const http::Header& header : headers.entries()) text += std::string(header.name) + "=" + std::string(header.value) + " ";
  return text;
}

plan::RouteTable levelsTable(bool most_specific) {
  plan::Route route = forwarding("/");
  route.request_mutations = levelMutations("route");
  route.cluster->host_rewrite_literal = "lit.com";
  route.cluster->append_x_forwarded_host = true;
  route.cluster->prefix_rewrite = "/p/";
  auto& weighted = route.cluster->weighted.emplace_back();
  weighted.name = "up";
  weighted.weight = 1;
  weighted.host_rewrite = "w.com";
  weighted.request_mutations = levelMutations("weighted");
  weighted.request_mutations.emplace_back().name = "x-gone";
  weighted.request_mutations.back().action = plan::HeaderMutation::Action::REMOVE;
  auto plan = tableOf({route});
  plan.virtual_hosts[0].request_mutations = levelMutations("vhost");
  plan.request_mutations = levelMutations("table");
  plan.most_specific_mutations_win = most_specific;
  return plan;
}

// The order of headers is what Envoy 1.40 sent upstream for the same configuration.
TEST("routing: order of header mutations, host and path rewrites") {
  for (const bool most_specific : {true, false}) {
    Request request(levelsTable(most_specific));
    request.get("a.com", "/a?q").with("x-gone", "1").with("x-app", "cl").with("x-envoy-original-path", "/old").with("x-forwarded-host", "h0");
    const Route* route = request.match();
    REQUIRE(route != nullptr);
    const WeightedCluster* weighted = route->cluster->pick(request.headers, 5);
    REQUIRE(weighted != nullptr);
    route->prepareRequest(request.headers, weighted, request.context(), request.scratch, true);
    const std::string levels = most_specific ? "x-app=table x-app=vhost x-ow=route x-app=route " : "x-app=route x-app=vhost x-ow=table x-app=table ";
    EXPECT_EQ(dump(request.headers),
              ":method=GET :authority=lit.com :path=/p/a?q :scheme=http x-forwarded-proto=http x-app=cl x-envoy-original-path=/a?q "
              "x-forwarded-host=h0,w.com x-app=weighted x-abs=weighted " + levels + "x-envoy-original-host=w.com ");
  }
}

TEST("routing: repeated headers that are kept in one piece are joined") {
  plan::Route route = forwarding("/");
  for (const std::string_view name : {"user-agent", "x-foo"}) {
    auto& mutation = route.request_mutations.emplace_back();
    mutation.name = name;
    mutation.value = literal("v2");
  }
  Request request(tableOf({route}));
  request.get("a", "/").with("user-agent", "v1").with("x-foo", "v1");
  request.match()->prepareRequest(request.headers, nullptr, request.context(), request.scratch, false);
  EXPECT_EQ(request.headers.get("user-agent"), "v1,v2");
  EXPECT_EQ(request.headers.get("x-foo"), "v1");
  EXPECT_EQ(request.headers.entries().back().value, "v2");
}

TEST("routing: empty values are added only when asked for") {
  plan::Route route = forwarding("/");
  for (const bool keep : {false, true}) {
    auto& mutation = route.request_mutations.emplace_back();
    mutation.name = keep ? "x-kept" : "x-dropped";
    mutation.value = literal("");
    mutation.keep_empty_value = keep;
  }
  Request request(tableOf({route}));
  request.get("a", "/").match()->prepareRequest(request.headers, nullptr, request.context(), request.scratch, false);
  EXPECT(request.headers.find("x-kept") != nullptr);
  EXPECT(request.headers.find("x-dropped") == nullptr);
}

TEST("routing: rewrites keep the query") {
  plan::Route route = forwarding("/");
  route.cluster->regex_rewrite.emplace();
  route.cluster->regex_rewrite->pattern = "^/([^/]*)/(.*)$";
  route.cluster->regex_rewrite->substitution = "/\\2/\\1";
  route.cluster->host_rewrite_path_regex.emplace();
  route.cluster->host_rewrite_path_regex->pattern = "^/([^/]*)/.*$";
  route.cluster->host_rewrite_path_regex->substitution = "\\1.com";
  Request request(tableOf({route}));
  request.get("a", "/x/y?x/y").match()->prepareRequest(request.headers, nullptr, request.context(), request.scratch, false);
  EXPECT_EQ(request.headers.get(":path"), "/y/x?x/y");
  EXPECT_EQ(request.headers.get(":authority"), "x.com");
  EXPECT(request.headers.find("x-envoy-original-path") == nullptr);
}

TEST("routing: weighted clusters") {
  plan::Route route = forwarding("/");
  for (const uint32_t weight : {10u, 0u, 30u}) {
    auto& one = route.cluster->weighted.emplace_back();
    one.name = "w" + std::to_string(weight);
    one.weight = weight;
  }
  route.cluster->weighted_random_header = "x-random";
  route.cluster->weighted_runtime_prefix = "rt";
  Request request(tableOf({route}));
  const ClusterAction& action = *request.get("a", "/").match()->cluster;
  EXPECT_EQ(action.pick(request.headers, 9)->cluster.name, "w10");
  EXPECT_EQ(action.pick(request.headers, 10)->cluster.name, "w30");
  EXPECT_EQ(action.pick(request.headers, 39)->cluster.name, "w30");
  EXPECT_EQ(action.pick(request.headers, 40)->cluster.name, "w10");
  request.with("x-random", "11");
  EXPECT_EQ(action.pick(request.headers, 0)->cluster.name, "w30");
  request.with("x-random", "x");
  EXPECT_EQ(action.pick(request.headers, 0)->cluster.name, "w10");
  const auto lookup = [](std::string_view key) -> std::optional<uint64_t> { return key == "rt.w0" ? std::optional<uint64_t>(100) : std::nullopt; };
  const NumberLookup runtime(lookup);
  EXPECT_EQ(action.pick(request.headers, 50, &runtime)->cluster.name, "w0");
}

TEST("routing: what a route lacks comes from its virtual host or table") {
  auto plan = tableOf({forwarding("/a"), forwarding("/")});
  auto& host = plan.virtual_hosts[0];
  host.retry_policy.emplace();
  host.retry_policy->num_retries = 7;
  host.request_body_buffer_limit = 9;
  host.per_filter_config.emplace_back().name = "f";
  plan.per_filter_config.emplace_back().name = "g";
  host.routes[0].cluster->retry_policy.emplace();
  host.routes[0].cluster->retry_policy->num_retries = 3;
  host.routes[0].cluster->retry_policy->retry_on = {"5xx", "cancelled", "nonsense"};
  host.routes[0].request_body_buffer_limit = 5;
  plan.mirrors.emplace_back().name = "m";
  Request request(plan);
  const Route* own = request.get("a", "/a").match();
  const Route* inherited = request.get("a", "/b").match();
  EXPECT_EQ(own->retryPolicy()->num_retries, 3u);
  EXPECT_EQ(own->retryPolicy()->retry_on, kRetryOn5xx | kRetryOnGrpcCancelled);
  EXPECT_EQ(*own->request_body_buffer_limit, 5u);
  EXPECT_EQ(inherited->retryPolicy()->num_retries, 7u);
  EXPECT_EQ(*inherited->request_body_buffer_limit, 9u);
  EXPECT_EQ(inherited->mirrors().size(), 1u);
  const ExtensionConfigs* levels[Route::kLevels];
  REQUIRE(own->filterLevels(nullptr, levels) == 2);
  EXPECT(levels[0]->find("f") != nullptr);
  EXPECT(levels[0]->find("g") == nullptr);
  EXPECT(levels[1]->find("g") != nullptr);
}

TEST("routing: virtual clusters") {
  auto plan = tableOf({});
  auto& cluster = plan.virtual_hosts[0].virtual_clusters.emplace_back();
  cluster.name = "posts";
  auto& header = cluster.headers.emplace_back();
  header.name = ":method";
  header.kind = plan::FieldMatcher::Kind::STRING;
  header.string.emplace();
  header.string->value = "POST";
  Request request(plan);
  const VirtualHost& host = *request.table->virtualHosts()[0];
  EXPECT(host.virtualCluster(request.get("a", "/").headers) == nullptr);
  const VirtualCluster* found = host.virtualCluster(request.with(":method", "POST").headers);
  EXPECT(found != nullptr && found->name == "posts");
}

TEST("routing: hash policies") {
  EXPECT_EQ(base::xxHash64(""), 0xef46db3751d8e999u);
  EXPECT_EQ(base::xxHash64("a"), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(base::xxHash64("abc"), 0x44bc2cf5ad770999u);
  EXPECT_EQ(base::xxHash64("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1u);

  plan::Route route = forwarding("/");
  auto& header = route.cluster->hash_policies.emplace_back();
  header.name = "x-key";
  header.terminal = true;
  auto& cookie = route.cluster->hash_policies.emplace_back();
  cookie.kind = plan::HashPolicy::Kind::COOKIE;
  cookie.name = "k";
  cookie.cookie_ttl_s = 60;
  cookie.cookie_path = "/p";
  cookie.cookie_attributes = {"Secure", "SameSite=Lax"};
  Request request(tableOf({route}));
  const HashPolicies& policies = request.get("a", "/").match()->hashPolicies();
  std::optional<NewCookie> made;
  HashInput input{.headers = request.headers, .source_ip = {}, .made_up_cookie = "127.0.0.1:1", .new_cookie = &made};
  EXPECT(policies.hash(input).has_value());
  REQUIRE(made.has_value());
  EXPECT_EQ(made->value.size(), 16u);
  EXPECT_EQ(made->header, "k=\"" + std::string(made->value) + "\"; Max-Age=60; Path=/p; Secure; SameSite=Lax; HttpOnly");
  made.reset();
  request.with("cookie", "k=v");
  EXPECT_EQ(*policies.hash(input), base::xxHash64("v"));
  EXPECT(!made.has_value());
  request.with("x-key", "abc");
  EXPECT_EQ(*policies.hash(input), base::xxHash64("abc"));
}

TEST("routing: words of retry_on") {
  EXPECT_EQ(parseRetryOn("5xx, reset ,connect-failure").bits, kRetryOn5xx | kRetryOnReset | kRetryOnConnectFailure);
  EXPECT(parseRetryOn("5xx").all_known);
  EXPECT(!parseRetryOn("5xx,cancelled").all_known);
  EXPECT_EQ(parseRetryGrpcOn("unavailable,internal").bits, kRetryOnGrpcUnavailable | kRetryOnGrpcInternal);
  EXPECT_EQ(parseRetryOn("").bits, 0u);
}

// ---------------------------------------------------------------- scopes

plan::ScopeKeyFragment fragment(std::string separator, std::optional<uint32_t> index, std::string key = {}, std::string key_separator = {}) {
  plan::ScopeKeyFragment out;
  out.header = "x-scope";
  out.element_separator = std::move(separator);
  out.index = index;
  out.key = std::move(key);
  out.key_separator = std::move(key_separator);
  return out;
}

/** The fragments that a builder makes of a header, as a key of one scope: its name when it is found. */
bool finds(const std::vector<plan::ScopeKeyFragment>& fragments, std::string_view header, std::vector<std::string> key) {
  Request request{plan::RouteTable()};
  request.with("x-scope", header);
  plan::RouteScopes plan;
  auto& scope = plan.scopes.emplace_back();
  scope.key = std::move(key);
  scope.route_table_slot = 7;
  const auto scopes = RouteScopes::make(plan);
  if (!scopes.ok()) return false;
  const auto made = ScopeKeyBuilder(fragments).keyOf(request.headers, request.headers.arena());
  const RouteScope* found = made ? scopes.value()->find(*made) : nullptr;
  return found != nullptr && found->route_table_slot == 7;
}

TEST("routing: the key of a scope is made of elements of headers") {
  EXPECT(finds({fragment("", 0)}, "a;b", {"a;b"}));
  EXPECT(finds({fragment(";", 1)}, "a;b", {"b"}));
  EXPECT(finds({fragment(";", 1)}, "a;", {""}));
  EXPECT(!finds({fragment(";", 2)}, "a;b", {""}));
  EXPECT(finds({fragment("::", 0)}, "a::b", {"a"}));
  EXPECT(finds({fragment(";", std::nullopt, "k", "=")}, "j=1;k=2;k=3", {"2"}));
  EXPECT(finds({fragment(";", std::nullopt, "k", "=")}, "k=2=3", {"2=3"}));
  EXPECT(finds({fragment(";", std::nullopt, "k", "=")}, "k;k=1", {""}));
  EXPECT(!finds({fragment(";", std::nullopt, "k", "=")}, "kk=1; k=1", {"1"}));
  EXPECT(finds({fragment(",", 0), fragment(",", 1)}, "a,b", {"a", "b"}));
  EXPECT(!finds({fragment(",", 0), fragment(",", 1)}, "ab,", {"a", "b"}));
  EXPECT(!finds({fragment(",", 0), fragment(",", 1)}, "a", {"a"}));
  EXPECT(!finds({}, "a", {"a"}));
}

TEST("routing: a request without the header belongs to no scope, and two scopes have two keys") {
  Request request{plan::RouteTable()};
  EXPECT(!ScopeKeyBuilder({fragment("", 0)}).keyOf(request.headers, request.headers.arena()).has_value());
  plan::RouteScopes plan;
  for (int i = 0; i < 2; ++i) plan.scopes.emplace_back().key = {"a", "b"};
  EXPECT(!RouteScopes::make(plan).ok());
  plan.scopes[1].key = {"ab"};
  EXPECT(RouteScopes::make(plan).ok());
}

}  // namespace
}  // namespace nuncio::routing
