#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "access_log/file_writers.h"
#include "access_log/filter.h"
#include "access_log/lane.h"
#include "access_log/logger.h"
#include "base/arena.h"
#include "generated/plan.h"
#include "http/header_map.h"
#include "http/dynamic_metadata.h"
#include "test/native/test.h"

namespace nuncio::access_log {
namespace {

using plan::AccessLogFilter;
using Kind = AccessLogFilter::Kind;

// A folder of its own for each test, removed with what is in it.
struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/nuncio-log-XXXXXX";
    path = mkdtemp(name) == nullptr ? "" : name;
  }
  ~Folder() {
    for (const char* file : {"/a.log", "/b.log", "/a.log.1"}) ::unlink((path + file).c_str());
    ::rmdir(path.c_str());
  }
  std::string file(const char* name) const { return path + "/" + name; }
};

std::string contentOf(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::shared_ptr<FileWriter> openWriter(const std::string& path, const WriterOptions& options) {
  auto made = FileWriter::open(path, options);
  EXPECT(made.ok());
  return made.ok() ? made.value() : nullptr;
}

// Waits for something that another thread does soon.
template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

TEST("lane: whole texts, in order, across chunks; big ones too") {
  Lane lane(16 << 20);
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    std::string line = std::to_string(i) + std::string(static_cast<size_t>(i % 97), 'x') + "\n";
    if (i == 2500) line = std::string(200'000, 'b');
    expected += line;
    EXPECT(lane.append(line) != 0);
  }
  std::string taken;
  lane.takeAll([&](const char* data, size_t size) { taken.append(data, size); });
  EXPECT(taken == expected);
  EXPECT_EQ(lane.waiting(), 0u);
  EXPECT(lane.append("more") != 0);
  lane.takeAll([&](const char* data, size_t size) { taken.append(data, size); });
  EXPECT(taken == expected + "more");
  EXPECT_EQ(lane.lines(), 5001u);
}

TEST("lane: what does not fit is dropped and counted, never waited for") {
  Lane lane(10);
  EXPECT_EQ(lane.append("12345678"), 8u);
  EXPECT_EQ(lane.append("123"), 0u);
  EXPECT_EQ(lane.append("12"), 10u);
  EXPECT_EQ(lane.dropped(), 1u);
  lane.takeAll([](const char*, size_t) {});
  EXPECT_EQ(lane.append("123"), 3u);
}

TEST("file writer: workers write at once, every line is there whole, each worker's in order") {
  Folder folder;
  constexpr int kThreads = 4;
  constexpr int kLines = 20'000;
  auto writer = openWriter(folder.file("a.log"), {.lanes = kThreads, .flush_size = 4096, .lane_limit = 64 << 20});
  REQUIRE(writer != nullptr);
  std::vector<std::thread> workers;
  for (int t = 0; t < kThreads; ++t) {
    workers.emplace_back([&writer, t] {
      for (int i = 0; i < kLines; ++i) {
        writer->append(static_cast<uint32_t>(t), "w" + std::to_string(t) + " " + std::to_string(i) + "\n");
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  writer->flush();
  std::istringstream lines(contentOf(folder.file("a.log")));
  int next[kThreads] = {};
  std::string line;
  while (std::getline(lines, line)) {
    int worker = -1;
    int number = -1;
    REQUIRE(std::sscanf(line.c_str(), "w%d %d", &worker, &number) == 2 && worker >= 0 && worker < kThreads);
    REQUIRE(number == next[worker]++);
  }
  for (int t = 0; t < kThreads; ++t) EXPECT_EQ(next[t], kLines);
  const FileStats stats = writer->stats();
  EXPECT_EQ(stats.write_buffered, static_cast<uint64_t>(kThreads * kLines));
  EXPECT_EQ(stats.write_total_buffered, 0u);
  EXPECT_EQ(stats.dropped_lines, 0u);
  EXPECT(stats.write_completed > 0);
}

TEST("file writer: the timer writes a little, the size writes much, the end writes all") {
  Folder folder;
  const std::string path = folder.file("a.log");
  auto writer = openWriter(path, {.lanes = 1, .flush_interval_ms = 20, .flush_size = 1 << 20});
  REQUIRE(writer != nullptr);
  EXPECT_EQ(writer->stats().flushed_by_timer, 0u);
  writer->append(0, "one\n");
  EXPECT(soon([&] { return contentOf(path) == "one\n"; }));
  EXPECT(soon([&] { return writer->stats().flushed_by_timer > 0; }));
  writer = openWriter(folder.file("b.log"), {.lanes = 1, .flush_interval_ms = 3'600'000, .flush_size = 8});
  writer->append(0, "1234567");
  writer->append(0, "8");
  EXPECT(soon([&] { return contentOf(folder.file("b.log")) == "12345678"; }));
  writer->append(0, "9");
  writer.reset();
  EXPECT_EQ(contentOf(folder.file("b.log")), "123456789");
}

TEST("file writer: reopened after a rotation; a failure keeps the old file") {
  Folder folder;
  const std::string path = folder.file("a.log");
  auto writer = openWriter(path, {.lanes = 1, .flush_interval_ms = 3'600'000});
  REQUIRE(writer != nullptr);
  writer->append(0, "old\n");
  EXPECT_EQ(::rename(path.c_str(), folder.file("a.log.1").c_str()), 0);
  writer->reopen();
  writer->flush();
  writer->append(0, "new\n");
  writer->flush();
  EXPECT_EQ(contentOf(folder.file("a.log.1")), "old\n");
  EXPECT_EQ(contentOf(path), "new\n");
  ::unlink(path.c_str());
  EXPECT_EQ(::mkdir(path.c_str(), 0755), 0);
  writer->reopen();
  writer->flush();
  EXPECT_EQ(writer->stats().reopen_failed, 1u);
  writer->append(0, "lost but for the open file\n");
  writer->flush();
  EXPECT_EQ(writer->stats().write_failed, 0u);
  ::rmdir(path.c_str());
}

TEST("file writer: what cannot be opened or written is told") {
  auto made = FileWriter::open("/nonexistent/x", {});
  REQUIRE(!made.ok());
  EXPECT_EQ(made.error(), "unable to open file '/nonexistent/x': No such file or directory");
  auto full = openWriter("/dev/full", {.lanes = 1});
  REQUIRE(full != nullptr);
  full->append(0, "x");
  full->flush();
  EXPECT_EQ(full->stats().write_failed, 1u);
  EXPECT_EQ(full->stats().write_total_buffered, 0u);
}

TEST("file writer: a pipe nobody reads loses lines, counted, and does not hold up the end") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  {
    auto writer = FileWriter::onDescriptor(ends[1], "pipe", {.lanes = 1, .flush_size = 4096, .lane_limit = 256 << 10});
    const std::string line(1000, 'x');
    for (int i = 0; i < 2000; ++i) writer->append(0, line);
    EXPECT(writer->stats().dropped_lines > 0);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST("file writers: one for each path; the unused are closed and their counts kept") {
  Folder folder;
  FileWriters writers({.lanes = 1});
  auto first = writers.open(folder.file("a.log"));
  auto second = writers.open(folder.file("a.log"));
  REQUIRE(first.ok() && second.ok());
  EXPECT(first.value() == second.value());
  EXPECT(!writers.open("/nonexistent/x").ok());
  EXPECT(writers.open("/dev/stdout").value() == writers.standardOutput());
  first.value()->append(0, "x\n");
  first.value()->flush();  // one that has something to write is not closed
  writers.closeUnused();
  EXPECT(writers.open(folder.file("a.log")).value() == first.value());
  first = std::string("gone");
  second = std::string("gone");
  writers.closeUnused();
  EXPECT_EQ(contentOf(folder.file("a.log")), "x\n");
  EXPECT_EQ(writers.stats().write_buffered, 1u);
}

struct Fixed final : Conditions {
  std::optional<uint64_t> runtime;
  uint64_t chance = 0;
  uint64_t runtimeInteger(std::string_view, uint64_t fallback) const override { return runtime.value_or(fallback); }
  uint64_t random() const override { return chance; }
};

struct World {
  base::ChunkPool pool;
  base::Arena arena{pool};
  http::HeaderMap request{arena};
  http::HeaderMap response{arena};
  http::StreamInfo info;
  Fixed conditions;

  bool passes(const AccessLogFilter& plan) {
    auto made = Filter::make(plan);
    if (!EXPECT(made.ok())) return false;
    return made.value().passes({.request = &request, .response = &response, .info = info, .now_ns = 50'000'000}, conditions);
  }
};

AccessLogFilter filterOf(Kind kind) {
  AccessLogFilter plan;
  plan.kind = kind;
  return plan;
}

AccessLogFilter comparing(Kind kind, AccessLogFilter::Op op, uint32_t value) {
  AccessLogFilter plan = filterOf(kind);
  plan.op = op;
  plan.value = value;
  plan.runtime_key = "key";
  return plan;
}

AccessLogFilter sampling(uint32_t percent) {
  AccessLogFilter plan = filterOf(Kind::RUNTIME);
  plan.runtime_key = "key";
  plan.fraction.emplace();
  plan.fraction->ppm = percent * 10'000;
  plan.fraction->denominator = 100;
  return plan;
}

TEST("filter: status code and duration, compared in four ways, with a runtime value") {
  World world;
  world.info.response_code = 404;
  EXPECT(world.passes(comparing(Kind::STATUS_CODE, AccessLogFilter::Op::GE, 400)));
  EXPECT(!world.passes(comparing(Kind::STATUS_CODE, AccessLogFilter::Op::LE, 400)));
  EXPECT(world.passes(comparing(Kind::STATUS_CODE, AccessLogFilter::Op::EQ, 404)));
  EXPECT(!world.passes(comparing(Kind::STATUS_CODE, AccessLogFilter::Op::NE, 404)));
  world.conditions.runtime = 500;
  EXPECT(!world.passes(comparing(Kind::STATUS_CODE, AccessLogFilter::Op::GE, 400)));
  world.conditions.runtime.reset();
  world.info.at.start = 10'000'000;
  EXPECT(world.passes(comparing(Kind::DURATION, AccessLogFilter::Op::EQ, 40)));
  world.info.at.end = 12'999'999;
  EXPECT(world.passes(comparing(Kind::DURATION, AccessLogFilter::Op::EQ, 2)));
}

TEST("filter: sampled by the request id, else by chance") {
  World world;
  for (const auto& [id, logged] : {std::pair("00000000-1111", true), std::pair("00000031-1111", true), std::pair("00000032-1111", false),
                                   std::pair("00000064-1111", true), std::pair("00000096-1111", false), std::pair("ffffffff-1111", false)}) {
    world.info.request_id = id;
    EXPECT_EQ(world.passes(sampling(50)), logged);
  }
  EXPECT(!world.passes(sampling(0)));
  EXPECT(world.passes(sampling(100)));
  world.conditions.runtime = 100;
  EXPECT(world.passes(sampling(0)));
  world.conditions.runtime.reset();
  AccessLogFilter independent = sampling(50);
  independent.independent_randomness = true;
  world.conditions.chance = 149;
  EXPECT(world.passes(independent));
  world.conditions.chance = 150;
  EXPECT(!world.passes(independent));
  world.info.request_id = "not-hexadecimal";
  EXPECT(!world.passes(sampling(50)));
}

TEST("filter: response flags, gRPC statuses, log types, health checks, tracing") {
  World world;
  AccessLogFilter flags = filterOf(Kind::RESPONSE_FLAG);
  EXPECT(!world.passes(flags));
  world.info.flags.add(http::ResponseFlag::kNoRouteFound);
  EXPECT(world.passes(flags));
  flags.flags = {"UF", "URX"};
  EXPECT(!world.passes(flags));
  flags.flags = {"UF", "NR"};
  EXPECT(world.passes(flags));
  flags.flags = {"XX"};
  EXPECT(!Filter::make(flags).ok());

  AccessLogFilter grpc = filterOf(Kind::GRPC_STATUS);
  grpc.grpc_statuses = {2};
  world.info.response_code = 200;
  EXPECT(world.passes(grpc));
  world.response.add("grpc-status", "5");
  EXPECT(!world.passes(grpc));
  grpc.exclude = true;
  EXPECT(world.passes(grpc));

  AccessLogFilter types = filterOf(Kind::LOG_TYPE);
  world.info.log_type = http::AccessLogType::kDownstreamEnd;
  EXPECT(!world.passes(types));
  types.flags = {"DownstreamEnd"};
  EXPECT(world.passes(types));
  types.exclude = true;
  EXPECT(!world.passes(types));

  EXPECT(world.passes(filterOf(Kind::NOT_HEALTH_CHECK)));
  EXPECT(!world.passes(filterOf(Kind::TRACEABLE)));
  world.info.trace_reason = http::TraceReason::kForced;
  EXPECT(world.passes(filterOf(Kind::TRACEABLE)));
  world.info.health_check = true;
  EXPECT(!world.passes(filterOf(Kind::NOT_HEALTH_CHECK)));
  EXPECT(!world.passes(filterOf(Kind::TRACEABLE)));
}

plan::FieldMatcher exactly(std::string name, std::string value) {
  plan::FieldMatcher matcher;
  matcher.name = std::move(name);
  matcher.string.emplace().value = std::move(value);
  return matcher;
}

TEST("filter: headers, metadata, and all or any of several") {
  World world;
  world.request.add(":authority", "example.com");
  world.request.add("x-a", "1");
  AccessLogFilter header = filterOf(Kind::HEADER);
  EXPECT(!Filter::make(header).ok());
  header.header = exactly("x-a", "1");
  EXPECT(world.passes(header));
  AccessLogFilter host = filterOf(Kind::HEADER);
  host.header = exactly("host", "example.org");
  EXPECT(!world.passes(host));
  AccessLogFilter both = filterOf(Kind::AND);
  both.children = {header, host};
  EXPECT(!world.passes(both));
  both.kind = Kind::OR;
  EXPECT(world.passes(both));

  AccessLogFilter metadata = filterOf(Kind::METADATA);
  metadata.flags = {"ns", "key"};
  metadata.header = exactly("", "v");
  metadata.exclude = true;
  EXPECT(world.passes(metadata));
  base::ChunkPool pool;
  base::Arena arena(pool);
  http::DynamicMetadata store(arena);
  world.info.dynamic_metadata = &store;
  store.setString("ns", "key", "w");
  EXPECT(!world.passes(metadata));
  store.setString("ns", "key", "v");
  EXPECT(world.passes(metadata));
  metadata.exclude = false;
  metadata.flags = {"ns", "other"};
  EXPECT(!world.passes(metadata));
}

TEST("logger: a line for each request the filter lets through") {
  Folder folder;
  FileWriters writers({.lanes = 2});
  plan::AccessLog plan;
  plan.path = folder.file("a.log");
  plan.filter = comparing(Kind::STATUS_CODE, AccessLogFilter::Op::GE, 500);
  EXPECT(!Logger::make(plan, writers).ok());  // no format
  plan::FormatPiece code;
  code.op = plan::Operator::RESPONSE_CODE;
  plan::FormatPiece newline;
  newline.text = "\n";
  plan.format.emplace().text.emplace().pieces = {code, newline};
  auto made = Logger::make(plan, writers);
  REQUIRE(made.ok());
  World world;
  WorkerLog worker{.lane = 1, .conditions = world.conditions, .line = {}};
  for (const uint16_t status : {200, 503, 404, 500}) {
    world.info.response_code = status;
    made.value()->log({.info = world.info}, worker);
  }
  writers.flushAll();
  EXPECT_EQ(contentOf(plan.path), "503\n500\n");
  plan.sink = plan::AccessLog::Sink::EXTENSION;
  plan.extension = "x.y";
  EXPECT_EQ(Logger::make(plan, writers).error(), "no access logger 'x.y'");
}

}  // namespace
}  // namespace nuncio::access_log
