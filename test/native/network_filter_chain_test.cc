// Read filters before the terminal one: what is held back, in which order it arrives, and when reading stops.
#include "tcp/network_filter_chain.h"

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>

#include "loop/loop.h"
#include "net/connection.h"
#include "net/io_context.h"
#include "test/native/test.h"

namespace nuncio::tcp {
namespace {

using OnData = std::function<ReadVerdict(std::string_view&, bool)>;

/** What one test knows of its filters. */
struct Script {
  std::function<ReadVerdict()> on_new = [] { return ReadVerdict::kContinue; };
  OnData on_data = [](std::string_view&, bool) { return ReadVerdict::kContinue; };
  const ReadFilterHost* host = nullptr;
  std::string seen;  // by onData, each call in brackets
};

class ScriptedFilter final : public ReadFilter {
 public:
  explicit ScriptedFilter(Script& script) : script_(script) {}
  ReadVerdict onNewConnection() override { return script_.on_new(); }
  ReadVerdict onData(std::string_view& data, bool end) override {
    script_.seen.append("[").append(data).append(end ? "$]" : "]");
    return script_.on_data(data, end);
  }

 private:
  Script& script_;
};

class ScriptedRuntime final : public ReadFilterRuntime {
 public:
  explicit ScriptedRuntime(Script& script) : script_(script) {}
  std::unique_ptr<ReadFilter> create(const ReadFilterHost& host) override {
    script_.host = &host;
    return std::make_unique<ScriptedFilter>(script_);
  }

 private:
  Script& script_;
};

class ScriptedFactory final : public ReadFilterFactory {
 public:
  explicit ScriptedFactory(Script& script) : script_(script) {}
  std::unique_ptr<ReadFilterRuntime> makeRuntime(WorkerContext&, const ListenerFacts&) const override {
    return std::make_unique<ScriptedRuntime>(script_);
  }

 private:
  Script& script_;
};

/** The terminal filter: keeps what it gets, `most` bytes a time. */
struct Sink {
  std::string got;
  size_t most = SIZE_MAX;
  bool begun = false;
  bool ended = false;
  bool filtered = false;
};

class SinkFilter final : public NetworkFilter {
 public:
  explicit SinkFilter(Sink& sink) : sink_(sink) {}
  void onNewConnection() override { sink_.begun = true; }
  size_t onInput(std::string_view bytes) override {
    const size_t taken = std::min(bytes.size(), sink_.most);
    sink_.got.append(bytes.substr(0, taken));
    return taken;
  }
  void onEndOfInput() override { sink_.ended = true; }
  void onAboveHighWatermark() override {}
  void onBelowLowWatermark() override {}
  void onClosed(net::CloseCause) override {}

 private:
  Sink& sink_;
};

class SinkRuntime final : public NetworkFilterRuntime {
 public:
  explicit SinkRuntime(Sink& sink) : sink_(sink) {}
  std::unique_ptr<NetworkFilter> create(const Downstream& downstream) override {
    sink_.filtered = downstream.filtered;
    return std::make_unique<SinkFilter>(sink_);
  }

 private:
  Sink& sink_;
};

class SinkFactory final : public NetworkFilterFactory {
 public:
  explicit SinkFactory(Sink& sink) : sink_(sink) {}
  std::unique_ptr<NetworkFilterRuntime> makeRuntime(WorkerContext&, const ListenerFacts&) const override {
    return std::make_unique<SinkRuntime>(sink_);
  }

 private:
  Sink& sink_;
};

/** A connection with two read filters and the sink. */
class World final : public net::ConnectionEvents {
 public:
  explicit World(uint32_t limit = 1024) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_), 0);
    connection_ = std::make_unique<net::Connection>(io_, fds_[0], *this);
    ChainFactories factories;
    for (Script& script : scripts) factories.readers.push_back(std::make_unique<ScriptedFactory>(script));
    factories.terminal = std::make_unique<SinkFactory>(sink);
    factory_ = makeChainFactory(std::move(factories));
    // No filter here asks for its worker.
    auto& worker = *reinterpret_cast<WorkerContext*>(nothing_);
    runtime_ = factory_->makeRuntime(worker, {"", "", limit, drain_});
  }
  ~World() {
    chain_.reset();
    connection_.reset();
    ::close(fds_[1]);
  }

  void begin() {
    connection_->start(false);
    chain_ = runtime_->create({*connection_, info_});
    chain_->onNewConnection();
  }
  void say(std::string_view text) {
    EXPECT_EQ(send(fds_[1], text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    turns();
  }
  void end() {
    shutdown(fds_[1], SHUT_WR);
    turns();
  }
  void turns() {
    for (int i = 0; i < 5; ++i) loop_.turn(0);
  }
  net::Connection& connection() { return *connection_; }

  size_t onInput(std::string_view bytes) override { return chain_->onInput(bytes); }
  void onEndOfInput() override { chain_->onEndOfInput(); }
  void onClosed(net::CloseCause cause) override { chain_->onClosed(cause); }

  Script scripts[2];
  Sink sink;

 private:
  loop::Loop loop_;
  net::IoContext io_{loop_};
  int fds_[2];
  net::DrainTiming timing_{};
  net::DrainState drain_{timing_};
  http::ConnectionInfo info_;
  alignas(64) char nothing_[64] = {};
  std::unique_ptr<net::Connection> connection_;
  NetworkFilterFactoryPtr factory_;
  std::unique_ptr<NetworkFilterRuntime> runtime_;
  std::unique_ptr<NetworkFilter> chain_;
};

TEST("network filter chain: bytes pass straight through, the end too") {
  World world;
  world.begin();
  EXPECT(world.sink.begun && world.sink.filtered);
  world.say("one");
  world.say("two");
  world.end();
  EXPECT_EQ(world.sink.got, "onetwo");
  EXPECT(world.sink.ended);
  EXPECT_EQ(world.scripts[0].seen, "[one][two][$]");
  EXPECT_EQ(world.scripts[1].seen, "[one][two][$]");
}

TEST("network filter chain: a filter that waits for more sees what it held back again, the ones before it do not") {
  World world;
  world.scripts[1].on_data = [](std::string_view& data, bool) {
    return data.size() < 6 ? ReadVerdict::kStop : ReadVerdict::kContinue;
  };
  world.begin();
  world.say("abc");
  EXPECT_EQ(world.sink.got, "");
  world.say("def");
  EXPECT_EQ(world.sink.got, "abcdef");
  EXPECT_EQ(world.scripts[0].seen, "[abc][def]");
  EXPECT_EQ(world.scripts[1].seen, "[abc][abcdef]");
}

TEST("network filter chain: nothing behind a new connection that was stopped, until it is told to go on") {
  World world;
  world.scripts[0].on_new = [] { return ReadVerdict::kStop; };
  world.scripts[0].on_data = [](std::string_view&, bool) { return ReadVerdict::kStop; };
  world.begin();
  world.say("early");
  world.end();
  EXPECT(!world.sink.begun);
  EXPECT_EQ(world.scripts[1].seen, "");
  world.scripts[0].host->continueReading();
  EXPECT(world.sink.begun);
  world.turns();
  EXPECT_EQ(world.sink.got, "early");
  EXPECT(world.sink.ended);
  EXPECT_EQ(world.scripts[1].seen, "[early$]");
}

TEST("network filter chain: a terminal filter that takes little gets the rest in order") {
  World world;
  world.sink.most = 2;
  world.scripts[0].on_data = [](std::string_view& data, bool) { return data == "cd" ? ReadVerdict::kStop : ReadVerdict::kContinue; };
  world.begin();
  world.say("ab12");
  EXPECT_EQ(world.sink.got, "ab");
  world.connection().resumeInput();
  world.turns();
  EXPECT_EQ(world.sink.got, "ab12");
  world.connection().resumeInput();
  world.say("cd");
  EXPECT_EQ(world.sink.got, "ab12");
  world.sink.most = SIZE_MAX;
  world.scripts[0].host->continueReading();
  world.turns();
  EXPECT_EQ(world.sink.got, "ab12cd");
  EXPECT_EQ(world.scripts[1].seen, "[ab12][cd]");
}

TEST("network filter chain: what a filter puts in place of the bytes is what the next ones get") {
  World world;
  static std::string changed;
  world.scripts[0].on_data = [](std::string_view& data, bool) {
    changed = "<" + std::string(data) + ">";
    data = changed;
    return ReadVerdict::kContinue;
  };
  world.begin();
  world.say("a");
  world.say("b");
  EXPECT_EQ(world.sink.got, "<a><b>");
  EXPECT_EQ(world.scripts[1].seen, "[<a>][<b>]");
}

TEST("network filter chain: reading stops while more is held back than the buffer limit") {
  World world(8);
  world.scripts[1].on_data = [](std::string_view&, bool) { return ReadVerdict::kStop; };
  world.begin();
  world.say("12345678");
  EXPECT(!world.connection().readingPaused());
  world.say("9");
  EXPECT(world.connection().readingPaused());
  world.scripts[1].host->continueReading();
  EXPECT(!world.connection().readingPaused());
  world.turns();
  EXPECT_EQ(world.sink.got, "123456789");
}

TEST("network filter chain: a filter that closes the connection is the last to see it") {
  World world;
  world.scripts[0].on_data = [&world](std::string_view&, bool) {
    world.scripts[0].host->close("for a reason");
    return ReadVerdict::kStop;
  };
  world.begin();
  world.say("x");
  EXPECT(world.connection().closed());
  EXPECT_EQ(world.sink.got, "");
  EXPECT_EQ(world.scripts[1].seen, "");
}

}  // namespace
}  // namespace nuncio::tcp
