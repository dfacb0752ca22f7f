// What the HTTP/1 codecs cost: one request read and sent on, one response read and sent on, as the proxy does for every
// exchange, without the proxy. An addon of one function, run(rounds); driven by h1.mjs.
#include <node_api.h>

#include <chrono>
#include <cstring>

#include "http/h1/client_codec.h"
#include "http/h1/server_codec.h"

namespace nuncio::bench {
namespace {

constexpr std::string_view kRequest =
    "GET /api/v1/users/12345?fields=name,email HTTP/1.1\r\n"
    "Host: service.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Referer: https://service.example.com/users\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Cache-Control: no-cache\r\n"
    "Connection: keep-alive\r\n"
    "X-Trace: 0af7651916cd43dd8448eb211c80319c\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 15:39:34 GMT\r\nContent-Type: application/json\r\n"
    "Content-Length: 14\r\nLast-Modified: Sat, 21 Nov 2026 15:00:00 GMT\r\nConnection: keep-alive\r\n\r\n{\"ok\": true}\r\n";

struct Sink final : http::ByteSink {
  char buffer[65536];
  size_t used = 0;
  char* reserve(size_t) override { return buffer + used; }
  void commit(size_t size) override { used += size; }
  void write(std::string_view bytes) override {
    std::memcpy(buffer + used, bytes.data(), bytes.size());
    used += bytes.size();
  }
  void writeBorrowed(std::string_view bytes) override { write(bytes); }
};

struct Exchange final : http::ServerCallbacks, http::RequestDecoder, http::ClientCallbacks, http::ResponseDecoder {
  Exchange() : server(*this, down, server_options), client(*this, up, client_options) {}

  http::h1::ServerOptions server_options;
  http::h1::ClientOptions client_options;
  Sink down;
  Sink up;
  http::h1::ServerCodec server;
  http::h1::ClientCodec client;
  base::ChunkPool pool;
  alignas(base::Arena) unsigned char arena_memory[sizeof(base::Arena)];
  base::Arena* current = nullptr;
  http::HeaderMap* request = nullptr;
  http::RequestEncoder* request_encoder = nullptr;
  http::ResponseEncoder* response_encoder = nullptr;
  bool forward = true;

  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override {
    response_encoder = &encoder;
    current = ::new (arena_memory) base::Arena(pool);
    return *this;
  }
  void onStreamComplete(http::RequestDecoder&) override { current->~Arena(); }
  void onStreamComplete(http::ResponseDecoder&, bool) override {}
  void onGoAway() override {}
  void onMaxStreams(uint32_t) override {}
  base::Arena& arena() override { return *current; }
  void onRequestHeaders(http::HeaderMap& headers, bool end_stream) override {
    request = &headers;
    if (!forward) return;
    client.newStream(*this).encodeHeaders(headers, end_stream);
  }
  void onRequestData(std::string_view, bool) override {}
  void onRequestTrailers(http::HeaderMap&) override {}
  void onCodecError(const http::CodecError&) override {}
  void on1xx(http::HeaderMap&) override {}
  void onResponseHeaders(http::HeaderMap& headers, bool end_stream) override { response_encoder->encodeHeaders(headers, end_stream); }
  void onResponseData(std::string_view data, bool end_stream) override { response_encoder->encodeData(data, end_stream); }
  void onResponseTrailers(http::HeaderMap&) override {}
  void onStreamReset(http::ResetReason, std::string_view) override {}
  void onEncoderAboveHighWatermark() override {}
  void onEncoderBelowLowWatermark() override {}
};

double nanosecondsOf(uint32_t rounds, bool whole) {
  static Exchange exchange;
  static char request[kRequest.size()];
  static char response[kResponse.size()];
  exchange.forward = whole;
  std::memcpy(request, kRequest.data(), kRequest.size());
  std::memcpy(response, kResponse.data(), kResponse.size());
  http::HeaderMap* reply = nullptr;
  const auto start = std::chrono::steady_clock::now();
  for (uint32_t i = 0; i < rounds; ++i) {
    exchange.down.used = 0;
    exchange.up.used = 0;
    exchange.server.dispatch({request, kRequest.size()});
    if (whole) {
      exchange.client.dispatch({response, kResponse.size()});
    } else {
      reply = exchange.current->make<http::HeaderMap>(*exchange.current);
      reply->add(http::HeaderId::kStatus, "200");
      reply->add(http::HeaderId::kContentLength, "0");
      exchange.response_encoder->encodeHeaders(*reply, true);
    }
  }
  const auto took = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start);
  return took.count() / rounds;
}

napi_value run(napi_env env, napi_callback_info info) {
  napi_value args[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  uint32_t rounds = 0;
  bool whole = false;
  napi_get_value_uint32(env, args[0], &rounds);
  napi_get_value_bool(env, args[1], &whole);
  napi_value result;
  napi_create_double(env, nanosecondsOf(rounds, whole), &result);
  return result;
}

}  // namespace
}  // namespace nuncio::bench

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, &nuncio::bench::run, nullptr, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
