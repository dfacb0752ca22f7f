// OutgoingCalls: requests that JavaScript makes of the worker's clusters (context.clusters). A call is known by a number that
// JavaScript chose; it hears of its answer through the host, as hooks do. Part of the host, gone with it; worker thread only.
//
//   clusters.fetch ─ start, write ─▶ OutgoingCall ─▶ AsyncStream          (http_proxy/async_client.h)
//   clusters.fetch ◀─ kCallHeaders … ─ OutgoingCall ◀─ AsyncStream
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "http_proxy/async_client.h"
#include "script/host.h"

namespace nuncio::script {

class OutgoingCalls;

class OutgoingCall final : public http_proxy::AsyncCallbacks {
 public:
  OutgoingCall(OutgoingCalls& calls, uint32_t number, http_proxy::AsyncStream& stream)
      : calls_(calls), number_(number), stream_(stream) {}

  void onHeaders(http::HeaderMap& headers, bool end_stream) override;
  void onData(std::string_view data, bool end_stream) override;
  void onTrailers(http::HeaderMap& trailers) override;
  void onEnd(bool whole) override;
  void onRequestBlocked(bool blocked) override;

  http_proxy::AsyncStream& stream() { return stream_; }
  bool requestBlocked() const { return blocked_; }
  const http::HeaderMap* headers() const { return headers_; }
  const http::HeaderMap* trailers() const { return trailers_; }

 private:
  void tell(Stage stage, bool flag, std::string_view chunk = {});

  OutgoingCalls& calls_;
  const uint32_t number_;
  http_proxy::AsyncStream& stream_;
  const http::HeaderMap* headers_ = nullptr;
  const http::HeaderMap* trailers_ = nullptr;
  bool blocked_ = false;
};

class OutgoingCalls {
 public:
  enum class Start : int32_t { kStarted, kNoCluster, kOverflow };

  OutgoingCalls(Host& host, http_proxy::AsyncClient& client) : host_(host), client_(client) {}
  OutgoingCalls(const OutgoingCalls&) = delete;
  OutgoingCalls& operator=(const OutgoingCalls&) = delete;
  /** JavaScript is going: what it waits for is given up. */
  ~OutgoingCalls();

  /** `fill` makes the head in its arena. The answer may come before this returns. */
  Start start(uint32_t number, const http_proxy::AsyncOptions& options, base::FunctionRef<void(http::HeaderMap&)> fill, bool end_stream);
  /** False: enough waits to be sent; kCallWritable follows. */
  bool write(uint32_t number, std::string_view data, bool end_stream);
  void pause(uint32_t number, bool pause);
  void cancel(uint32_t number);
  /** Null: over. */
  OutgoingCall* find(uint32_t number);

 private:
  friend class OutgoingCall;
  Host& host_;
  http_proxy::AsyncClient& client_;
  std::unordered_map<uint32_t, std::unique_ptr<OutgoingCall>> calls_;  // bounded by the client
};

}  // namespace nuncio::script
