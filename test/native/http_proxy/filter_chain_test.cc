// The filter chain, through a real connection manager on one end of a socket pair: scripted filters say what they see.
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http_proxy/connection_manager.h"
#include "http_proxy/filter_stream.h"
#include "http_proxy/extension_config.h"
#include "http_proxy/manager_runtime.h"
#include "http_proxy/on_demand.h"
#include "http_proxy/stream.h"
#include "test/native/test.h"

namespace nuncio::http_proxy {
namespace {

/** What a scripted filter does in each hook; it goes on where nothing is said. */
struct Script {
  std::function<Verdict(http::HeaderMap&, FilterStream&, bool)> request_headers;
  std::function<Verdict(std::string_view&, FilterStream&, bool)> request_data;
  std::function<Verdict(http::HeaderMap&, FilterStream&)> request_trailers;
  std::function<Verdict(http::HeaderMap&, FilterStream&, bool)> response_headers;
  std::function<Verdict(std::string_view&, FilterStream&, bool)> response_data;
};

/** Writes "name>H name>D(abc) name>D. name>T name<H …": H head, D data, T trailers, a dot where the message ends. */
class Scripted final : public Filter {
 public:
  Scripted(std::string_view name, const Script& script, std::string& log) : name_(name), script_(script), log_(log) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool end) override {
    note(">H", end);
    return script_.request_headers ? script_.request_headers(headers, stream, end) : Verdict::kContinue;
  }
  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool end) override {
    note(">D(" + std::string(data) + ")", end);
    return script_.request_data ? script_.request_data(data, stream, end) : Verdict::kContinue;
  }
  Verdict onRequestTrailers(http::HeaderMap& trailers, FilterStream& stream) override {
    note(">T", true);
    return script_.request_trailers ? script_.request_trailers(trailers, stream) : Verdict::kContinue;
  }
  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool end) override {
    note("<H", end);
    return script_.response_headers ? script_.response_headers(headers, stream, end) : Verdict::kContinue;
  }
  Verdict onResponseData(std::string_view& data, FilterStream& stream, bool end) override {
    note("<D(" + std::string(data) + ")", end);
    return script_.response_data ? script_.response_data(data, stream, end) : Verdict::kContinue;
  }
  void onLocalReply(const LocalReply& reply, FilterStream&) override { note("!" + std::to_string(reply.status), false); }
  void onComplete(FilterStream&) override { note("#", false); }

 private:
  void note(const std::string& what, bool end) {
    if (!log_.empty()) log_ += ' ';
    log_ += std::string(name_) + what + (end ? "." : "");
  }
  std::string_view name_;
  const Script& script_;
  std::string& log_;
};

class ScriptedFactory final : public FilterFactory {
 public:
  ScriptedFactory(std::string name, Script script, std::string& log) : name_(std::move(name)), script_(std::move(script)), log_(log) {}
  Filter* create(base::Arena& arena, WorkerContext&, FilterRuntime*) const override {
    return arena.make<Scripted>(name_, script_, log_);
  }

 private:
  const std::string name_;
  const Script script_;
  std::string& log_;
};

plan::Route direct(const std::string& prefix, const std::string& body) {
  plan::Route route;
  route.match.emplace();
  route.match->value = prefix;
  route.match->case_sensitive = true;
  route.direct.emplace();
  route.direct->status = 200;
  route.direct->body = body;
  return route;
}

/** A connection manager, its filters "a", "b" … as scripted, and a client. Routes answer by themselves. */
class Proxy final : private net::ConnectionEvents {
 public:
  explicit Proxy(std::vector<Script> scripts, uint32_t buffer_limit = 0)
      : io_(loop_), worker_(0, loop_, io_, registry_), drain_(timing_), facts_{"test", "test", buffer_limit, drain_} {
    config_.plan.stat_prefix = "test";
    config_.plan.max_request_headers_kb = 60;
    config_.plan.http1.emplace();
    config_.plan.http1->enable_trailers = true;
    config_.common.max_headers_count = 100;
    char name = 'a';
    for (Script& script : scripts) add(std::string(1, name++), std::move(script));
    addRoutes();
  }
  ~Proxy() {
    if (fds_[1] >= 0) close(fds_[1]);
    filter_.reset();
    connection_.reset();
    loop_.settle();
  }

  void add(const std::string& name, Script script, bool disabled = false) {
    config_.filters.filters.push_back({name, "test", std::make_unique<ScriptedFactory>(name, std::move(script), log), disabled});
  }

  /** A filter whose configuration is discovered, in `slot`. */
  void addDiscovered(const std::string& name, uint32_t slot, bool disabled = false) {
    config_.filters.filters.push_back({name, {}, nullptr, disabled, slot});
    config_.filters.discovers = true;
  }
  void discoverRouter(uint32_t slot) {
    config_.filters.router_slot = slot;
    config_.filters.discovers = true;
  }
  /** The next snapshot has this configuration in the slot, or none. */
  void discover(uint32_t slot, std::shared_ptr<const ExtensionConfigPart> part) {
    auto next = std::make_shared<snapshot::Snapshot>(*worker_.current);
    next->tables[static_cast<size_t>(snapshot::Kind::kExtensionConfig)].set(slot, std::move(part));
    worker_.current = std::move(next);
  }
  std::shared_ptr<const ExtensionConfigPart> configOf(const std::string& name, Script script = {}) {
    auto part = std::make_shared<ExtensionConfigPart>();
    part->filter = {name, "test", std::make_unique<ScriptedFactory>(name, std::move(script), log)};
    return part;
  }
  OnDemand& onDemand() { return worker_.on_demand; }
  /** Another table takes the place of the first one. */
  void replaceRoutes(const plan::RouteTable& table) {
    auto made = routing::RouteTable::make(table);
    REQUIRE(made.ok());
    auto part = std::make_shared<RouteTablePart>();
    part->table = std::move(made.value());
    worker_.route_tables[0] = base::makeLocal<PartLease>(std::move(part), worker_.stats);
  }

  void send(std::string_view bytes) {
    if (runtime_ == nullptr) start();
    EXPECT_EQ(::send(fds_[1], bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    run();
  }
  void run() {
    for (int i = 0; i < 8; ++i) loop_.turn(0);
    char buffer[4096];
    for (ssize_t got; (got = recv(fds_[1], buffer, sizeof(buffer), 0)) > 0;) answer.append(buffer, static_cast<size_t>(got));
  }
  void leave() {
    close(fds_[1]);
    fds_[1] = -1;
    for (int i = 0; i < 8; ++i) loop_.turn(0);
  }
  bool readingPaused() const { return connection_->readingPaused(); }
  std::string status() const { return answer.substr(0, answer.find('\r')); }
  std::string body() const { return answer.substr(answer.find("\r\n\r\n") + 4); }

  std::string log;
  std::string answer;

 private:
  void addRoutes() {
    plan::RouteTable table;
    plan::VirtualHost& host = table.virtual_hosts.emplace_back();
    host.name = "all";
    host.domains = {"*"};
    host.routes = {direct("/other", "other"), direct("/off", "off"), direct("/", "routed")};
    plan::Extension off;
    off.name = "a";
    off.disabled = true;
    host.routes[1].per_filter_config = {off};
    auto made = routing::RouteTable::make(table);
    REQUIRE(made.ok());
    auto part = std::make_shared<RouteTablePart>();
    part->table = std::move(made.value());
    worker_.route_tables.push_back(base::makeLocal<PartLease>(std::move(part), worker_.stats));
  }
  void start() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0);
    runtime_ = std::make_unique<ManagerRuntime>(worker_, config_, facts_);
    connection_ = std::make_unique<net::Connection>(io_, fds_[0], static_cast<net::ConnectionEvents&>(*this));
    filter_ = runtime_->create({*connection_, info_});
    connection_->start(false);
    filter_->onNewConnection();
  }
  size_t onInput(std::string_view bytes) override { return filter_->onInput(bytes); }
  void onEndOfInput() override { filter_->onEndOfInput(); }
  void onClosed(net::CloseCause cause) override { filter_->onClosed(cause); }

  loop::Loop loop_;
  net::IoContext io_;
  stats::Registry registry_;
  WorkerContext worker_;
  net::DrainTiming timing_;
  net::DrainState drain_;
  tcp::ListenerFacts facts_;
  ManagerConfig config_;
  http::ConnectionInfo info_;
  int fds_[2] = {-1, -1};
  std::unique_ptr<ManagerRuntime> runtime_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<tcp::NetworkFilter> filter_;
};

const std::string kGet = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
std::string post(const std::string& chunks) { return "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + chunks; }

TEST("filters: a request goes down the chain, the answer comes up") {
  Proxy proxy({Script(), Script()});
  proxy.send(kGet);
  EXPECT_EQ(proxy.status(), "HTTP/1.1 200 OK");
  EXPECT_EQ(proxy.log, "a>H. b>H. a!200 b!200 b<H a<H b<D(routed). a<D(routed). a# b#");
}

TEST("filters: a head waits while the body comes, and goes before it") {
  Script holds;
  holds.request_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  holds.request_data = [](auto&, auto&, bool end) { return end ? Verdict::kContinue : Verdict::kBuffer; };
  Proxy proxy({std::move(holds), Script()});
  proxy.send(post("2\r\nab\r\n"));
  EXPECT_EQ(proxy.log, "a>H a>D(ab)");
  proxy.log.clear();
  proxy.send("2\r\ncd\r\n0\r\n\r\n");
  EXPECT(proxy.log.starts_with("a>D(cd) a>D(). b>H "));  // the router answers at the head: nothing of the body goes on
  EXPECT_EQ(proxy.status(), "HTTP/1.1 200 OK");
}

TEST("filters: what stopped everything sees the body when it goes on") {
  FilterStream* waiting = nullptr;
  Script stops;
  stops.request_headers = [&](auto&, FilterStream& stream, bool) {
    waiting = &stream;
    return Verdict::kWatermark;
  };
  Script ends;
  ends.request_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  ends.request_data = [](auto&, auto&, bool) { return Verdict::kBuffer; };
  Proxy proxy({std::move(stops), std::move(ends)});
  proxy.send(post("2\r\nab\r\n2\r\ncd\r\n"));
  EXPECT_EQ(proxy.log, "a>H");
  REQUIRE(waiting != nullptr);
  waiting->resumeRequest();
  EXPECT_EQ(proxy.log, "a>H b>H a>D(abcd) b>D(abcd)");
  waiting->resumeRequest();  // nothing waits here any more
  proxy.send("0\r\n\r\n");
  EXPECT_EQ(proxy.log, "a>H b>H a>D(abcd) b>D(abcd) a>D(). b>D().");
}

TEST("filters: more than the limit is a 413, or holds the client back") {
  Script buffers;
  buffers.request_headers = [](auto&, auto&, bool) { return Verdict::kBuffer; };
  Proxy strict({std::move(buffers)}, 4);
  strict.send(post("5\r\nabcde\r\n"));
  EXPECT_EQ(strict.status(), "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(strict.log, "a>H a!413 a<H a<D(Payload Too Large). a#");

  FilterStream* waiting = nullptr;
  Script streams;
  streams.request_headers = [&](auto&, FilterStream& stream, bool) {
    waiting = &stream;
    return Verdict::kWatermark;
  };
  Proxy patient({std::move(streams)}, 4);
  patient.send(post("5\r\nabcde\r\n"));
  EXPECT(patient.readingPaused());
  EXPECT_EQ(patient.answer, "");
  waiting->resumeRequest();
  EXPECT(!patient.readingPaused());
}

TEST("filters: a client that was held back may go on when its request is answered") {
  FilterStream* waiting = nullptr;
  Script streams;
  streams.request_headers = [&](auto&, FilterStream& stream, bool end) {
    if (end) return Verdict::kContinue;
    waiting = &stream;
    return Verdict::kWatermark;
  };
  Proxy proxy({std::move(streams)}, 4);
  proxy.send(post("5\r\nabcde\r\n0\r\n\r\n"));
  EXPECT(proxy.readingPaused());
  waiting->reply({.status = 403, .body = "no", .details = "test"});
  EXPECT(!proxy.readingPaused());
  proxy.run();
  proxy.answer.clear();
  proxy.send(kGet);
  EXPECT_EQ(proxy.status(), "HTTP/1.1 200 OK");
}

TEST("filters: an answer from the middle takes the whole way back, after the hook") {
  Script answers;
  answers.request_data = [](auto&, FilterStream& stream, bool) { return stream.reply({.status = 403, .body = "no", .details = "test"}); };
  Script holds;
  holds.request_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  Proxy proxy({Script(), std::move(answers), std::move(holds)});
  proxy.send(post("1\r\nx\r\n1\r\ny\r\n0\r\n\r\n"));
  EXPECT_EQ(proxy.status(), "HTTP/1.1 403 Forbidden");
  EXPECT_EQ(proxy.log, "a>H b>H c>H a>D(xy) b>D(xy) a!403 b!403 c!403 c<H b<H a<H c<D(no). b<D(no). a<D(no). a# b# c#");
}

TEST("filters: a second answer, and one to an answer under way, goes past the filters") {
  Script refuses;
  refuses.response_headers = [](auto&, FilterStream& stream, bool) {
    stream.reply({.status = 502, .body = "late", .details = "test"});
    return stream.reply({.status = 503, .body = "later", .details = "test"});
  };
  Proxy proxy({Script(), std::move(refuses)});
  proxy.send(kGet);
  EXPECT_EQ(proxy.status(), "HTTP/1.1 502 Bad Gateway");
  EXPECT_EQ(proxy.body(), "late");
  EXPECT_EQ(proxy.log, "a>H. b>H. a!200 b!200 b<H a!502 b!502 a# b#");
}

TEST("filters: a response that is too large to hold is a 500") {
  Script holds;
  holds.response_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  holds.response_data = [](auto&, auto&, bool) { return Verdict::kBuffer; };
  Proxy proxy({Script(), std::move(holds)}, 3);
  proxy.send(kGet);
  EXPECT_EQ(proxy.status(), "HTTP/1.1 500 Internal Server Error");
  EXPECT_EQ(proxy.log, "a>H. b>H. a!200 b!200 b<H b<D(routed). a!500 b!500 a# b#");
}

TEST("filters: bodies and trailers that a filter makes") {
  Script adds;
  adds.request_headers = [](auto&, FilterStream& stream, bool) {
    stream.addRequestData("added");
    return Verdict::kContinue;
  };
  Script marks;
  marks.request_data = [](auto&, FilterStream& stream, bool end) {
    if (end) stream.addRequestTrailers().add("x-made", "1");
    return Verdict::kContinue;
  };
  std::string made;
  Script sees;
  sees.request_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  sees.request_data = [](auto&, auto&, bool) { return Verdict::kBuffer; };
  sees.request_trailers = [&](http::HeaderMap& trailers, FilterStream&) {
    made = trailers.get("x-made");
    return Verdict::kPause;
  };
  Proxy proxy({std::move(adds), std::move(marks), std::move(sees)});
  proxy.send(kGet);
  EXPECT_EQ(proxy.log, "a>H. b>H c>H b>D(added). c>D(added) c>T.");
  EXPECT_EQ(made, "1");
}

TEST("filters: an empty message is opened, its body injected later") {
  FilterStream* opened = nullptr;
  Script opens;
  opens.request_headers = [&](auto&, FilterStream& stream, bool) {
    opened = &stream;
    return Verdict::kContinueOpen;
  };
  Script holds;
  holds.request_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  holds.request_data = [](auto&, auto&, bool) { return Verdict::kPause; };
  Proxy proxy({std::move(opens), std::move(holds)});
  proxy.send(kGet);
  EXPECT_EQ(proxy.log, "a>H. b>H");
  opened->injectRequestData("one", false);
  opened->injectRequestData("two", true);
  EXPECT_EQ(proxy.log, "a>H. b>H b>D(one) b>D(two).");
}

TEST("filters: bytes that a filter took do not go on, the end does") {
  FilterStream* taking = nullptr;
  Script takes;
  takes.request_headers = [&](auto&, FilterStream& stream, bool) {
    taking = &stream;
    return Verdict::kContinue;
  };
  takes.request_data = [](auto&, auto&, bool) { return Verdict::kPause; };
  Script holds;
  holds.request_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  holds.request_data = [](auto&, auto&, bool) { return Verdict::kBuffer; };
  Proxy proxy({std::move(takes), std::move(holds)});
  proxy.send(post("2\r\nab\r\n0\r\n\r\n"));
  EXPECT_EQ(proxy.log, "a>H b>H a>D(ab) a>D().");
  taking->resumeRequest();
  EXPECT_EQ(proxy.log, "a>H b>H a>D(ab) a>D(). b>D().");
}

TEST("filters: trailers wait with what is before them") {
  FilterStream* waiting = nullptr;
  Script stops;
  stops.request_headers = [&](auto&, FilterStream& stream, bool) {
    waiting = &stream;
    return Verdict::kWatermark;
  };
  Script holds;
  holds.request_headers = [](auto&, auto&, bool) { return Verdict::kPause; };
  holds.request_data = [](auto&, auto&, bool) { return Verdict::kBuffer; };
  holds.request_trailers = [](auto&, auto&) { return Verdict::kPause; };
  Proxy proxy({std::move(stops), std::move(holds)});
  proxy.send(post("1\r\nx\r\n0\r\nx-t: 1\r\n\r\n"));
  EXPECT_EQ(proxy.log, "a>H");
  waiting->resumeRequest();
  EXPECT_EQ(proxy.log, "a>H b>H a>D(x) b>D(x) a>T. b>T.");
}

TEST("filters: a route is looked up anew when a filter asks for it") {
  Script moves;
  moves.request_headers = [](http::HeaderMap& headers, FilterStream& stream, bool) {
    headers.set(http::HeaderId::kPath, "/other");
    stream.refreshRoute();
    return Verdict::kContinue;
  };
  Proxy proxy({std::move(moves)});
  proxy.send(kGet);
  EXPECT_EQ(proxy.body(), "other");
}

TEST("filters: off for a route, off by default") {
  Proxy proxy({Script()});
  proxy.add("b", {}, true);
  proxy.add("c", {});
  proxy.send("GET /off HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_EQ(proxy.log, "c>H. c!200 c<H c<D(off). c#");
}

TEST("filters: complete once when the client leaves, and nothing can be resumed") {
  FilterStream* waiting = nullptr;
  Script stops;
  stops.request_headers = [&](auto&, FilterStream& stream, bool) {
    waiting = &stream;
    return Verdict::kBuffer;
  };
  Proxy proxy({std::move(stops), Script()});
  proxy.send(kGet);
  proxy.leave();
  EXPECT_EQ(proxy.log, "a>H. a# b#");
}

// ---------------------------------------------------------------- discovered filters

TEST("filters: a discovered filter is what stands in its slot when the stream begins") {
  Proxy proxy({Script()});
  proxy.addDiscovered("d", 4);
  proxy.discover(4, proxy.configOf("one"));
  proxy.send(kGet);
  EXPECT_EQ(proxy.log, "a>H. one>H. a!200 one!200 one<H a<H one<D(routed). a<D(routed). a# one#");
  proxy.log.clear();
  proxy.discover(4, proxy.configOf("two"));
  proxy.send(kGet);
  EXPECT_EQ(proxy.log.substr(0, 10), "a>H. two>H");
}

TEST("filters: a stream keeps the configuration it began with") {
  Proxy proxy({});
  FilterStream* waiting = nullptr;
  Script stops;
  stops.request_headers = [&](auto&, FilterStream& stream, bool) {
    waiting = &stream;
    return Verdict::kWatermark;
  };
  proxy.addDiscovered("d", 0);
  proxy.discover(0, proxy.configOf("old", std::move(stops)));
  proxy.send(kGet);
  proxy.discover(0, nullptr);
  REQUIRE(waiting != nullptr);
  waiting->resumeRequest();
  proxy.run();
  EXPECT_EQ(proxy.log, "old>H. old!200 old<H old<D(routed). old#");
  EXPECT_EQ(proxy.status(), "HTTP/1.1 200 OK");
}

TEST("filters: without its configuration a discovered filter answers 500, in its place") {
  Proxy proxy({Script()});
  proxy.addDiscovered("d", 0);
  proxy.addDiscovered("e", 1);
  proxy.add("z", {});
  proxy.send(kGet);
  EXPECT_EQ(proxy.log, "a>H. a!500 z!500 z<H. a<H. a# z#");
  EXPECT_EQ(proxy.status(), "HTTP/1.1 500 Internal Server Error");
}

TEST("filters: one that is off is not missed") {
  Proxy proxy({});
  proxy.addDiscovered("d", 0, true);
  proxy.send(kGet);
  EXPECT_EQ(proxy.body(), "routed");
}

TEST("filters: a router without its configuration answers 500") {
  Proxy proxy({});
  proxy.discoverRouter(3);
  proxy.send(kGet);
  EXPECT_EQ(proxy.status(), "HTTP/1.1 500 Internal Server Error");
  auto part = std::make_shared<ExtensionConfigPart>();
  part->router.emplace();
  proxy.discover(3, std::move(part));
  proxy.answer.clear();
  proxy.send(kGet);
  EXPECT_EQ(proxy.body(), "routed");
}

// ---------------------------------------------------------------- on demand

std::vector<DemandKey> asked;

class Parked final : public OnDemand::Waiter {
 public:
  void onSettled(DemandEnd) override { ++settled; }
  int settled = 0;
};

TEST("on demand: main is asked once for all who wait, and all go on") {
  asked.clear();
  OnDemand demands;
  demands.ask = [](const DemandKey& key) {
    asked.push_back(key);
    return true;
  };
  Parked first, second, other;
  EXPECT(demands.wait({DemandKind::kVirtualHost, 1, "a"}, first));
  EXPECT(demands.wait({DemandKind::kVirtualHost, 1, "a"}, second));
  EXPECT(demands.wait({DemandKind::kScope, 1, "a"}, other));
  EXPECT_EQ(asked.size(), 2u);
  {
    Parked gone;
    EXPECT(demands.wait({DemandKind::kVirtualHost, 1, "a"}, gone));
  }
  demands.settle({DemandKind::kVirtualHost, 1, "a"}, DemandEnd::kCame);
  demands.settle({DemandKind::kVirtualHost, 1, "a"}, DemandEnd::kCame);
  EXPECT_EQ(first.settled + second.settled, 2);
  EXPECT_EQ(other.settled, 0);
  EXPECT(demands.wait({DemandKind::kVirtualHost, 1, "a"}, first));
  EXPECT_EQ(asked.size(), 3u);
}

TEST("on demand: what main does not take is as if it did not exist") {
  OnDemand demands;
  Parked waiter;
  EXPECT(!demands.wait({DemandKind::kCluster, 0, "a"}, waiter));
  demands.ask = [](const DemandKey&) { return true; };
  for (size_t i = 0; i < OnDemand::kMaxKeys; ++i) EXPECT(demands.wait({DemandKind::kCluster, 0, std::to_string(i)}, waiter));
  EXPECT(!demands.wait({DemandKind::kCluster, 0, "more"}, waiter));
  EXPECT_EQ(demands.overflows(), 2u);
}

TEST("on demand: a stream that waited uses the routes of then") {
  asked.clear();
  Parked waiter;
  FilterStream* waiting = nullptr;
  bool demanded = false;
  Script parks;
  parks.request_headers = [&](auto&, FilterStream& stream, bool) {
    waiting = &stream;
    demanded = stream.route() == nullptr && stream.stream().demandRoute(waiter);
    return Verdict::kWatermark;
  };
  Proxy proxy({std::move(parks)});
  proxy.onDemand().ask = [](const DemandKey& key) {
    asked.push_back(key);
    return true;
  };
  plan::RouteTable table;
  table.virtual_host_discovery = true;
  proxy.replaceRoutes(table);
  proxy.send("GET / HTTP/1.1\r\nhost: Shop:80\r\n\r\n");
  EXPECT(demanded);
  REQUIRE(asked.size() == 1);
  EXPECT_EQ(asked[0].name, "shop:80");
  auto& host = table.virtual_hosts.emplace_back();
  host.name = "shop";
  host.domains = {"shop:80"};
  host.routes = {direct("/", "found")};
  proxy.replaceRoutes(table);
  proxy.onDemand().settle(asked[0], DemandEnd::kCame);
  EXPECT_EQ(waiter.settled, 1);
  waiting->stream().renewRouteTable();
  waiting->resumeRequest();
  proxy.run();
  EXPECT_EQ(proxy.body(), "found");
}

}  // namespace
}  // namespace nuncio::http_proxy
