// Expectations were read from real Envoy's access logs (direct responses, proxied requests, failures).
#include <cstdlib>

#include "base/arena.h"
#include "generated/plan.h"
#include "http/header_map.h"
#include "http/substitution/body_formatter.h"
#include "http/substitution/formatter.h"
#include "http/substitution/json_formatter.h"
#include "http/substitution/json_text.h"
#include "http/substitution/time_format.h"
#include "test/native/test.h"

namespace nuncio::http {
namespace {

using plan::Operator;

constexpr int64_t kMilli = 1'000'000;

plan::FormatPiece piece(Operator op, std::string text = "", uint32_t option = 0) {
  plan::FormatPiece made;
  made.op = op;
  made.text = std::move(text);
  made.option = option;
  return made;
}

plan::FormatPiece cut(plan::FormatPiece made, uint32_t max_length) {
  made.max_length = max_length;
  return made;
}

// One request as Envoy logged it, with everything a format may ask.
struct World {
  base::ChunkPool pool;
  base::Arena arena{pool};
  HeaderMap request{arena};
  HeaderMap response{arena};
  HeaderMap trailers{arena};
  ConnectionInfo connection;
  ConnectionOrigin origin;
  net::Address host;
  StreamInfo info;
  base::Random random{7};

  World() {
    request.add(":method", "POST");
    request.add(":path", "/rewritten/x?a=1&b=xyz&enc=%20x&empty=&bare&%61z=9");
    request.add(":authority", "example.com:8080");
    request.add("x-envoy-original-path", "/p/x?a=1");
    request.add("x-long", "abcdefghij");
    request.add("x-multi", "1");
    request.add("x-multi", "2");
    request.add("x-empty", "");
    request.add("content-type", "application/grpc+proto");
    response.add(":status", "200");
    response.add("server", "envoy");
    trailers.add("grpc-status", "5");
    connection.id = 7;
    net::Address::parseIp("127.0.0.1", 10000, connection.local);
    net::Address::parseIp("127.0.0.1", 40000, connection.remote);
    ConnectionFacts& facts = connection.makeFacts(pool);
    net::Address::parseIp("127.0.0.1", 10001, facts.direct_local);
    net::Address::parseIp("2001:db8:aaaa:bbbb::7", 40001, facts.direct_remote);
    origin.filter_chain_name = "fc";
    connection.origin = &origin;
    net::Address::parseIp("10.1.2.3", 0, info.remote);
    net::Address::parseIp("127.0.0.1", 39071, host);
    net::Address::parseIp("127.0.0.1", 46720, info.upstream_local);
    net::Address::parseIp("127.0.0.1", 39071, info.upstream_remote);
    info.upstream_host = &host;
    info.upstream_host_name = "host.example:99";
    info.downstream = &connection;
    info.start_wall_ns = 1795276036'343320999;
    info.at.start = 1000 * kMilli;
    info.at.downstream_rx_end = 1000 * kMilli + 433'000;
    info.at.upstream_tx_begin = 1000 * kMilli + 477'017;
    info.at.upstream_rx_begin = 1003 * kMilli;
    info.at.downstream_tx_end = 1004 * kMilli + 999'999;
    info.at.end = 1005 * kMilli;
    info.protocol = info.upstream_protocol = Protocol::kHttp11;
    info.response_code = 200;
    info.bytes_received = 3;
    info.response_code_details = "some failure, with spaces";
    info.log_type = AccessLogType::kDownstreamEnd;
    info.upstream_connection_id = 3;
    info.route_metadata_json =
        R"({"my.ns":{"bool":true,"dbl":1.5,"esc":"a\"\u00e9\n","list":[1,"two",null],"nul":null,"obj":{"in":"ner"},"str":"text"},"z":{}})";
  }
  FormatContext context() {
    return {.request = &request, .response = &response, .response_trailers = &trailers, .info = info,
            .now_ns = 2000 * kMilli, .wall_now_ns = info.start_wall_ns, .random = &random};
  }
  std::string text(std::vector<plan::FormatPiece> pieces, bool omit = false) {
    plan::Format format;
    format.pieces = std::move(pieces);
    format.omit_empty_values = omit;
    auto made = Formatter::make(format);
    if (!made.ok()) return "error: " + made.error().message;
    base::TextBuffer out;
    made.value().append(context(), out);
    return std::string(out.view());
  }
  std::string text(plan::FormatPiece one) { return text(std::vector{std::move(one)}); }
  std::string json(const plan::JsonFormat& format, bool omit = false) {
    auto made = JsonFormatter::make(format, omit);
    if (!made.ok()) return "error: " + made.error().message;
    base::TextBuffer out;
    made.value().append(context(), out);
    return std::string(out.view());
  }
};

plan::FormatPiece metadata(std::vector<std::string> path) {
  plan::FormatPiece made = piece(Operator::ROUTE_METADATA);
  made.path = std::move(path);
  return made;
}

plan::JsonFormat leaf(std::vector<plan::FormatPiece> pieces) {
  plan::JsonFormat made;
  made.kind = plan::JsonFormat::Kind::FORMAT;
  made.format.emplace().pieces = std::move(pieces);
  return made;
}
plan::JsonFormat raw(std::string text) {
  plan::JsonFormat made;
  made.kind = plan::JsonFormat::Kind::RAW;
  made.raw = std::move(text);
  return made;
}
plan::JsonFormat list(std::vector<plan::JsonFormat> values) {
  plan::JsonFormat made;
  made.kind = plan::JsonFormat::Kind::ARRAY;
  made.values = std::move(values);
  return made;
}
plan::JsonFormat object(std::vector<std::pair<std::string, plan::JsonFormat>> members) {
  plan::JsonFormat made;
  for (auto& [key, value] : members) {
    made.keys.push_back(key);
    made.values.push_back(std::move(value));
  }
  return made;
}

std::string time(std::string_view format, bool local = false) {
  base::TextBuffer out;
  substitution::TimeFormat(format, local).append(1795276036'343320999, out);
  return std::string(out.view());
}

TEST("formatter: a line of literals and operators; what is unset is a dash, or nothing") {
  World world;
  std::vector<plan::FormatPiece> pieces = {piece(Operator::LITERAL, "["), piece(Operator::START_TIME), piece(Operator::LITERAL, "] "),
                                           piece(Operator::REQ, ":method"), piece(Operator::LITERAL, " "),
                                           piece(Operator::REQ, "x-nope"), piece(Operator::LITERAL, "\n")};
  EXPECT_EQ(world.text(pieces), "[2026-11-21T15:47:16.343Z] POST -\n");
  EXPECT_EQ(world.text(pieces, true), "[2026-11-21T15:47:16.343Z] POST \n");
}

TEST("formatter: constants are known as such") {
  plan::Format format;
  format.pieces = {piece(Operator::LITERAL, "a"), piece(Operator::LITERAL, "b")};
  auto made = Formatter::make(format);
  REQUIRE(made.ok());
  EXPECT(made.value().isConstant());
  EXPECT_EQ(made.value().constant(), "ab");
  format.pieces.push_back(piece(Operator::PROTOCOL));
  EXPECT(!Formatter::make(format).value().isConstant());
}

TEST("formatter: headers, alternatives, first of several, truncation") {
  World world;
  plan::FormatPiece alternative = piece(Operator::REQ, "x-nope");
  alternative.text2 = "x-long";
  EXPECT_EQ(world.text(alternative), "abcdefghij");
  EXPECT_EQ(world.text(cut(alternative, 4)), "abcd");
  EXPECT_EQ(world.text(cut(piece(Operator::REQ, "x-long"), 0)), "");
  EXPECT_EQ(world.text(piece(Operator::REQ, "x-multi")), "1");
  EXPECT_EQ(world.text(piece(Operator::REQ, "x-empty")), "");
  EXPECT_EQ(world.text(piece(Operator::RESP, "server")), "envoy");
  EXPECT_EQ(world.text(piece(Operator::TRAILER, "grpc-status")), "5");
  EXPECT_EQ(world.text(piece(Operator::REQ_WITHOUT_QUERY, ":path")), "/rewritten/x");
}

TEST("formatter: paths and query parameters") {
  World world;
  EXPECT_EQ(world.text(piece(Operator::PATH, "", 0)), "/p/x?a=1");
  EXPECT_EQ(world.text(piece(Operator::PATH, "", 1)), "/p/x");
  EXPECT_EQ(world.text(piece(Operator::PATH, "", 1 | 1 << 1)), "/rewritten/x");
  EXPECT_EQ(world.text(piece(Operator::PATH, "", 2 << 1)), "/p/x?a=1");
  EXPECT_EQ(world.text(piece(Operator::QUERY_PARAM, "enc")), " x");
  EXPECT_EQ(world.text(cut(piece(Operator::QUERY_PARAM, "b"), 2)), "xy");
  EXPECT_EQ(world.text(piece(Operator::QUERY_PARAM, "empty")), "");
  EXPECT_EQ(world.text(piece(Operator::QUERY_PARAM, "bare")), "");
  EXPECT_EQ(world.text(piece(Operator::QUERY_PARAM, "az")), "9");
  EXPECT_EQ(world.text(piece(Operator::QUERY_PARAM, "zz")), "-");
  EXPECT_EQ(world.text(cut(piece(Operator::QUERY_PARAMS), 3)), "a=1");
  world.request.set(":path", "/d?q=%zzb&c=%00%20%2B+&a=%41%4");
  EXPECT_EQ(world.text(piece(Operator::QUERY_PARAMS, "", 1)), "q=zzb&c=%00%20++&a=A%4");
  EXPECT_EQ(world.text(piece(Operator::QUERY_PARAM, "q")), "%zzb");
  EXPECT_EQ(world.text(piece(Operator::REQUESTED_SERVER_NAME)), "-");
  EXPECT_EQ(world.text(piece(Operator::REQUESTED_SERVER_NAME, "", 1 | 1 << 2)), "example.com:8080");
  EXPECT_EQ(world.text(piece(Operator::REQUESTED_SERVER_NAME, "", 2 | 2 << 2)), "-");
}

TEST("formatter: addresses whole, without port, masked") {
  World world;
  EXPECT_EQ(world.text(piece(Operator::DOWNSTREAM_REMOTE_ADDRESS)), "10.1.2.3:0");
  EXPECT_EQ(world.text(piece(Operator::DOWNSTREAM_REMOTE_ADDRESS, "", 1)), "10.1.2.3");
  EXPECT_EQ(world.text(piece(Operator::DOWNSTREAM_LOCAL_ADDRESS, "", 2)), "10000");
  EXPECT_EQ(world.text(piece(Operator::DOWNSTREAM_DIRECT_REMOTE_ADDRESS)), "[2001:db8:aaaa:bbbb::7]:40001");
  plan::FormatPiece masked = cut(piece(Operator::DOWNSTREAM_REMOTE_ADDRESS, "", 1), 8);
  masked.path = {"mask"};
  EXPECT_EQ(world.text(masked), "10.0.0.0/8");
  masked.max_length = 33;
  EXPECT_EQ(world.text(masked), "10.1.2.3/32");
  masked.max_length = 0;
  EXPECT_EQ(world.text(masked), "0.0.0.0/0");
  masked.op = Operator::DOWNSTREAM_DIRECT_REMOTE_ADDRESS;
  masked.max_length = 50;
  EXPECT_EQ(world.text(masked), "2001:db8:aaaa:8000::/50");
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_REMOTE_ADDRESS, "", 2)), "39071");
  world.info.upstream_remote = net::Address();
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_REMOTE_ADDRESS)), "-");
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOSTS_ATTEMPTED)), "-");
}

TEST("formatter: upstream hosts") {
  World world;
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOST)), "127.0.0.1:39071");
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOST_NAME)), "host.example:99");
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOST_NAME_WITHOUT_PORT)), "host.example");
  world.info.host_names_attempted = "host.example:99";
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT)), "host.example");
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_CONNECTION_IDS_ATTEMPTED)), "3");
  world.info.hosts_attempted = "10.0.0.1:80,[::1]:81";
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOSTS_ATTEMPTED)), "10.0.0.1:80,[::1]:81");
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT)), "10.0.0.1,::1");
  world.info.upstream_host_name = {};
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOST_NAME)), "127.0.0.1:39071");
  world.info.upstream_host = nullptr;
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_HOST)), "-");
  EXPECT_EQ(world.text(piece(Operator::UPSTREAM_DETECTED_CLOSE_TYPE)), "-");
}

TEST("formatter: durations cut to their unit, unset ones are dashes") {
  World world;
  EXPECT_EQ(world.text(piece(Operator::DURATION)), "5");
  EXPECT_EQ(world.text(piece(Operator::REQUEST_DURATION)), "0");
  EXPECT_EQ(world.text(piece(Operator::RESPONSE_DURATION)), "3");
  EXPECT_EQ(world.text(piece(Operator::RESPONSE_TX_DURATION)), "1");
  EXPECT_EQ(world.text(piece(Operator::REQUEST_TX_DURATION)), "-");
  plan::FormatPiece common = piece(Operator::COMMON_DURATION, "DS_RX_BEG", 1);
  common.text2 = "DS_RX_END";
  EXPECT_EQ(world.text(common), "433");
  common.text2 = "US_TX_BEG";
  common.option = 2;
  EXPECT_EQ(world.text(common), "477017");
  std::swap(common.text, common.text2);
  EXPECT_EQ(world.text(common), "-");
  common.text = "nobody";
  EXPECT_EQ(world.text(common), "-");
  world.info.at.end = 0;
  EXPECT_EQ(world.text(piece(Operator::DURATION)), "1000");
}

TEST("formatter: flags, details, gRPC status, log type") {
  World world;
  EXPECT_EQ(world.text({piece(Operator::RESPONSE_FLAGS)}, true), "-");
  world.info.flags.add(ResponseFlag::kUpstreamRetryLimitExceeded);
  world.info.flags.add(ResponseFlag::kUpstreamConnectionFailure);
  EXPECT_EQ(world.text(piece(Operator::RESPONSE_FLAGS)), "URX,UF");
  EXPECT_EQ(world.text(piece(Operator::RESPONSE_FLAGS_LONG)), "UpstreamRetryLimitExceeded,UpstreamConnectionFailure");
  EXPECT_EQ(world.text(piece(Operator::RESPONSE_CODE_DETAILS)), "some_failure,_with_spaces");
  EXPECT_EQ(world.text(piece(Operator::RESPONSE_CODE_DETAILS, "", 1)), "some failure, with spaces");
  EXPECT_EQ(world.text(piece(Operator::GRPC_STATUS)), "NotFound");
  EXPECT_EQ(world.text(piece(Operator::GRPC_STATUS, "", 1)), "NOT_FOUND");
  EXPECT_EQ(world.text(piece(Operator::GRPC_STATUS, "", 2)), "5");
  world.trailers.clear();
  world.info.response_code = 404;
  EXPECT_EQ(world.text(piece(Operator::GRPC_STATUS)), "Unimplemented");
  world.request.set("content-type", "application/grpcx");
  EXPECT_EQ(world.text(piece(Operator::GRPC_STATUS)), "-");
  EXPECT_EQ(world.text(piece(Operator::ACCESS_LOG_TYPE)), "DownstreamEnd");
}

TEST("formatter: environment, file and identifiers") {
  World world;
  ::setenv("NUNCIO_TEST_FORMAT", "value-of-env", 1);
  EXPECT_EQ(world.text(cut(piece(Operator::ENVIRONMENT, "NUNCIO_TEST_FORMAT"), 3)), "val");
  EXPECT_EQ(world.text({piece(Operator::ENVIRONMENT, "NUNCIO_TEST_NOT_SET")}, true), "-");
  EXPECT_EQ(world.text(piece(Operator::FILE_CONTENT, "/nope")), "error: Invalid path: /nope");
  EXPECT_EQ(world.text(cut(piece(Operator::FILE_CONTENT, test::root() + "/LICENSE"), 20)).size(), 20u);
  const std::string id = world.text(piece(Operator::UNIQUE_ID));
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT(std::string_view("89ab").find(id[19]) != std::string_view::npos);
  EXPECT(id != world.text(piece(Operator::UNIQUE_ID)));
  EXPECT_EQ(world.text(piece(Operator::STREAM_ID)), "-");
  EXPECT_EQ(world.text(piece(Operator::CONNECTION_ID)), "7");
}

TEST("formatter: metadata by path") {
  World world;
  EXPECT_EQ(world.text(metadata({"my.ns", "str"})), "text");
  EXPECT_EQ(world.text(cut(metadata({"my.ns", "str"}), 2)), "te");
  EXPECT_EQ(world.text(metadata({"my.ns", "esc"})), "a\"\xc3\xa9\n");
  EXPECT_EQ(world.text(metadata({"my.ns", "obj"})), R"({"in":"ner"})");
  EXPECT_EQ(world.text(metadata({"my.ns", "obj", "in"})), "ner");
  EXPECT_EQ(world.text(metadata({"my.ns", "list"})), R"([1,"two",null])");
  EXPECT_EQ(world.text(metadata({"my.ns", "nul"})), "-");
  EXPECT_EQ(world.text(metadata({"my.ns", "none"})), "-");
  EXPECT_EQ(world.text(metadata({"other"})), "-");
  EXPECT_EQ(world.text(metadata({"z"})), "{}");
  for (const std::string_view broken : {"{", "{\"my.ns\"", "{\"my.ns\":", "{\"my.ns\":{\"str\":\"", "[", "{\"a\\"}) {
    world.info.route_metadata_json = broken;
    EXPECT_EQ(world.text(metadata({"my.ns", "str"})), "-");
  }
}

TEST("formatter: the first alternative with a value") {
  World world;
  plan::FormatPiece coalesce = piece(Operator::COALESCE);
  coalesce.alternatives = {piece(Operator::REQ, "x-nope"), piece(Operator::REQ, "x-empty"), piece(Operator::PROTOCOL)};
  EXPECT_EQ(world.text(cut(coalesce, 3)), "HTT");
  coalesce.alternatives.pop_back();
  EXPECT_EQ(world.text(coalesce), "-");
}

TEST("formatter: nothing known at all (a connection that never became a request)") {
  const StreamInfo info;
  const FormatContext context{.info = info};
  base::TextBuffer out;
  for (uint32_t op = 1; op <= 185; ++op) {
    if (op == static_cast<uint32_t>(Operator::FILE_CONTENT)) continue;
    auto made = substitution::makePiece(piece(static_cast<Operator>(op), "x"));
    if (made.ok()) appendValue(made.value(), substitution::ValueUse::kText, context, out);
  }
  EXPECT(out.view().find("DownstreamEnd") == std::string_view::npos);
}

TEST("time format: every field, as Envoy prints it") {
  EXPECT_EQ(time(""), "2026-11-21T15:47:16.343Z");
  EXPECT_EQ(time("%Y/%m/%dT%H:%M:%S%z %s"), "2026/11/21T15:47:16+0000 1795276036");
  EXPECT_EQ(time("%s.%3f"), "1795276036.343");
  EXPECT_EQ(time("%f"), "343320000");
  EXPECT_EQ(time("%1f|%2f|%5f|%6f|%9f"), "3|34|34332|343320|343320000");
  EXPECT_EQ(time("%e|%j|%a|%A|%b|%B|%c|%D|%F|%T|%R|%r|%p|%P|%I|%l|%k|%y|%C|%u|%w|%U|%W|%V|%G|%g|%h|%x|%X|%Z|%z|%t|%%"),
            "21|325|Sat|Saturday|Nov|November|Sat Nov 21 15:47:16 2026|11/21/26|2026-11-21|15:47:16|15:47|03:47:16 PM|PM|pm|03| "
            "3|15|26|20|6|6|46|46|47|2026|26|Nov|11/21/26|15:47:16|UTC|+0000|\t|%");
  EXPECT_EQ(time("%E3S|%E*S|%E*f|%E6f|%Ez|%E4Y|%ET|%3S"), "16.343|16.34332|34332|343320|+00:00|2026|T|016");
  EXPECT_EQ(time("%ES|%E0S|%E1S|%E1024f|%E0f|%3f"), "%ES|16|16.3|343320000000000000||343");
  EXPECT_EQ(time("%q %Q %N %L %i %J %K %v %o %"), "%q %Q %N %L %i %J %K %v %o %");
  EXPECT_EQ(time("%E|%_d|%-d|%^a|%Oy|%Ey|plain"), "%E|21|21|SAT|26|26|plain");
}

TEST("time format: days that are hard") {
  struct Case { int64_t seconds; std::string_view expected; };
  for (const auto& [seconds, expected] : {Case{951'782'400, "2000-02-29 060 2000-W09-2"}, Case{1'483'228'799, "2016-12-31 366 2016-W52-6"},
                                          Case{1'483'228'800, "2017-01-01 001 2016-W52-7"}, Case{1'609'459'200, "2021-01-01 001 2020-W53-5"},
                                          Case{-1, "1969-12-31 365 1970-W01-3"}, Case{4'107'542'400, "2100-03-01 060 2100-W09-1"}}) {
    base::TextBuffer out;
    substitution::TimeFormat("%F %j %G-W%V-%u", false).append(seconds * 1'000'000'000, out);
    EXPECT_EQ(out.view(), expected);
  }
}

TEST("json formatter: types, nesting, escapes, order") {
  World world;
  world.request.add("x-utf", "caf\xc3\xa9\xe2\x80\xa8");
  world.request.add("x-bad", "a\xff\x80" "b\xc3(");
  world.request.add("x-quote", "\"q\\uo\tte");
  const plan::JsonFormat format = object({
      {"%PROTOCOL%", leaf({piece(Operator::LITERAL, "key")})},
      {"a", object({{"e", object({})}, {"l", list({})}, {"x", leaf({piece(Operator::REQ, "x-quote")})}, {"y", leaf({piece(Operator::REQ, "nope")})}})},
      {"arr", list({leaf({piece(Operator::REQ, "nope")}), leaf({piece(Operator::RESPONSE_CODE)}), raw("1"), raw("null"), leaf({})})},
      {"k\"q\n", leaf({piece(Operator::LITERAL, "v\x01\b\f\r\x1f\x7f/<")})},
      {"md", leaf({cut(metadata({"my.ns", "obj"}), 3)})},
      {"mix", leaf({piece(Operator::REQ, "x-utf"), piece(Operator::LITERAL, "-"), piece(Operator::REQ, "x-bad"), piece(Operator::REQ, "nope")})},
      {"two", leaf({piece(Operator::RESPONSE_CODE), piece(Operator::RESPONSE_CODE)})},
      {"utf", leaf({piece(Operator::REQ, "x-utf")})},
  });
  EXPECT_EQ(world.json(format),
            "{\"%PROTOCOL%\":\"key\",\"a\":{\"e\":{},\"l\":[],\"x\":\"\\\"q\\\\uo\\tte\",\"y\":null},\"arr\":[null,200,1,null,\"\"],"
            "\"k\\\"q\\n\":\"v\\u0001\\b\\f\\r\\u001f\x7f/<\",\"md\":{\"in\":\"ner\"},"
            "\"mix\":\"caf\xc3\xa9\xe2\x80\xa8-a\\u00ff\\u0080b\\u00c3(-\",\"two\":\"200200\",\"utf\":\"caf\xc3\xa9\xe2\x80\xa8\"}\n");
}

TEST("json formatter: nulls left out, with the objects that have nothing else") {
  World world;
  const plan::JsonFormat nothing = leaf({piece(Operator::REQ, "nope")});
  const plan::JsonFormat format = object({
      {"a", object({{"y", nothing}, {"b", object({{"c", nothing}})}})},
      {"arr", list({nothing, leaf({piece(Operator::RESPONSE_CODE)}), raw("null"), list({nothing}), object({{"q", nothing}})})},
      {"empty", leaf({})},
      {"mix", leaf({piece(Operator::PROTOCOL), piece(Operator::LITERAL, " "), piece(Operator::REQ, "nope")})},
      {"n", raw("null")},
      {"z", leaf({piece(Operator::RESPONSE_FLAGS)})},
  });
  EXPECT_EQ(world.json(format, true), "{\"arr\":[200,[]],\"empty\":\"\",\"mix\":\"HTTP/1.1 \",\"z\":\"-\"}\n");
  EXPECT_EQ(world.json(object({{"a", nothing}}), true), "{}\n");
}

TEST("json formatter: a tree that cannot be is refused") {
  World world;
  plan::JsonFormat format = object({{"a", leaf({})}});
  format.keys.push_back("b");
  EXPECT_EQ(world.json(format), "error: a JSON format has 2 keys and 1 values");
}

TEST("body formatter: content types") {
  plan::BodyFormat format;
  EXPECT(!BodyFormatter::make(format).ok());
  format.text.emplace().pieces = {piece(Operator::LITERAL, "x")};
  EXPECT_EQ(BodyFormatter::make(format).value().contentType(), "text/plain");
  format.json = object({});
  EXPECT_EQ(BodyFormatter::make(format).value().contentType(), "application/json");
  format.content_type = "text/html; charset=UTF-8";
  EXPECT_EQ(BodyFormatter::make(format).value().contentType(), "text/html; charset=UTF-8");
}

}  // namespace
}  // namespace nuncio::http
