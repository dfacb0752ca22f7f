// The HTTP filter seam. Three lifetimes:
//
//   FilterFactory   made once from plan bytes, shared by every worker (const everywhere)
//   FilterRuntime   one worker's part of it on one connection manager: statistics, pools; most filters need none
//   Filter          one filter in one stream: in the stream's arena, dies with it. Worker thread only.
//
//   request:   filter 0 ─▶ filter 1 ─▶ … ─▶ router
//   response:  filter 0 ◀─ filter 1 ◀─ … ◀─ router
//
// Upstream filters stand the same way between the router and one attempt's connection; there is a set of them for each attempt.
//
// A local reply takes the whole response path, whoever made it; one that comes while a response is on its way through the
// filters, but not sent yet, goes to the client directly.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/header_map.h"
#include "routing/extension_configs.h"

namespace nuncio {
struct WorkerContext;
}

namespace nuncio::tcp {
struct ListenerFacts;
}

namespace nuncio::http_proxy {

class FilterStream;
struct DecodeContext;
struct LocalReply;

/** What the chain does after a filter has seen a stage. What waits goes on with FilterStream::resumeRequest / resumeResponse. */
enum class Verdict : uint8_t {
  kContinue,      // hand the stage to the next filter; with what waited here before it
  kPause,         // head, trailers: wait here, while body bytes still come to me. Body: these bytes go no further; I took what I want
  kBuffer,        // wait here. The chain keeps the body; more than the limit is a 413 (request) or a 500 (response)
  kWatermark,     // wait here. The chain keeps the body; more than the limit holds the sender back
  kContinueOpen,  // a head that ends its message: hand it on without the end, for a body follows (FilterStream::inject…)
  kReplied,       // the filter called FilterStream::reply; no later filter sees the request
};

/**
 * After kBuffer or kWatermark on a head nothing more comes until the filter resumes; on body bytes, the bytes that follow
 * still come to the filter, and kContinue lets everything go.
 */
class Filter {
 public:
  virtual ~Filter() = default;
  /** It lets every response go by unseen: its hooks for them need not be called. */
  bool ignoresResponse() const { return ignores_response_; }
  virtual Verdict onRequestHeaders(http::HeaderMap&, FilterStream&, bool /*end_stream*/) { return Verdict::kContinue; }
  /** `data` may be replaced by a view that lives until the end of the turn (FilterStream::turnMemory, or the arena). */
  virtual Verdict onRequestData(std::string_view& /*data*/, FilterStream&, bool /*end_stream*/) { return Verdict::kContinue; }
  virtual Verdict onRequestTrailers(http::HeaderMap&, FilterStream&) { return Verdict::kContinue; }
  /** 100, 102, 103 from the upstream. Anything but kContinue drops it. */
  virtual Verdict on1xx(http::HeaderMap&, FilterStream&) { return Verdict::kContinue; }
  virtual Verdict onResponseHeaders(http::HeaderMap&, FilterStream&, bool /*end_stream*/) { return Verdict::kContinue; }
  virtual Verdict onResponseData(std::string_view& /*data*/, FilterStream&, bool /*end_stream*/) { return Verdict::kContinue; }
  virtual Verdict onResponseTrailers(http::HeaderMap&, FilterStream&) { return Verdict::kContinue; }
  /** The proxy answers by itself; called before the answer goes through the filters. */
  virtual void onLocalReply(const LocalReply&, FilterStream&) {}
  /** The client does not take the response as fast as it comes: for filters that make body bytes themselves. */
  virtual void onResponseBlocked(bool /*blocked*/, FilterStream&) {}
  /** Exactly once, when the stream is over, however it ended: timers are cancelled here. Nothing may be resumed any more. */
  virtual void onComplete(FilterStream&) {}

 protected:
  bool ignores_response_ = false;  // set when it is made
};

/** Where a filter stands, for its runtime. */
struct FilterSite {
  WorkerContext& worker;
  const tcp::ListenerFacts* listener;  // null: it is an upstream filter of a cluster
  std::string_view stat_prefix;  // of the connection manager: "http.<stat_prefix>."
  std::string_view name;         // as configured
};

class FilterRuntime {
 public:
  virtual ~FilterRuntime() = default;
};

class FilterFactory {
 public:
  virtual ~FilterFactory() = default;
  virtual std::unique_ptr<FilterRuntime> makeRuntime(const FilterSite&) const { return nullptr; }
  /** Once per stream. `runtime`: what makeRuntime gave. */
  virtual Filter* create(base::Arena& arena, WorkerContext& worker, FilterRuntime* runtime) const = 0;
};
using FilterFactoryPtr = std::unique_ptr<const FilterFactory>;

using RouteSettingsPtr = std::unique_ptr<const routing::RouteSettings>;

/** A native extension's one exported symbol; the tables of them are generated. */
struct FilterEntry {
  std::string_view name;  // Envoy's, e.g. "envoy.filters.http.header_mutation"
  base::Result<FilterFactoryPtr, std::string> (*make)(std::span<const uint8_t> plan, DecodeContext& context);
  /** Settings for a route, virtual host …; null: the filter has none. */
  base::Result<RouteSettingsPtr, std::string> (*makeRoute)(std::span<const uint8_t> plan, DecodeContext& context) = nullptr;
};

}  // namespace nuncio::http_proxy
