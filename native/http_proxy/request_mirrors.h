// RequestMirrors: the copies of one request that go to other clusters (request_mirror_policies) while it is on its way. In the
// arena of its stream; worker thread only. A copy that has the whole request lives on without it; what is not whole when
// the request is over is given up.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http_proxy/async_client.h"

namespace nuncio::http_proxy {

class RequestMirrors {
 public:
  /** Starts the copies that the policies ask for of a request whose head is `headers`. Null: none. `timeout_ms`: of the request. */
  static RequestMirrors* start(RoutedStream& stream, const RouterConfig& config, std::span<const routing::MirrorPolicy> policies,
                               http::HeaderMap& headers, bool end_stream, uint32_t timeout_ms, uint64_t buffer_limit);

  void sendData(std::string_view data, bool end_stream);
  void sendTrailers(const http::HeaderMap& trailers);
  /** The request is over: copies that are not whole end. */
  void abandon();

 private:
  class Copy;
  RequestMirrors(RoutedStream& stream, size_t capacity);
  void add(const routing::MirrorPolicy& policy, const AsyncOptions& options, http::HeaderMap& headers, bool end_stream);

  RoutedStream& stream_;
  Copy** const copies_;  // null where one has ended, or has all it needs
  size_t count_ = 0;
};

}  // namespace nuncio::http_proxy
