// The HTTP filter seam. A FilterFactory is made once from plan bytes and shared by every worker (const everywhere); a
// Filter is one filter in one stream: it lives in the stream's arena and dies with it. Worker thread only.
//
//   request:   filter 0 ─▶ filter 1 ─▶ … ─▶ router
//   response:  filter 0 ◀─ filter 1 ◀─ … ◀─ router
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/header_map.h"

namespace nuncio {
struct WorkerContext;
}

namespace nuncio::http_proxy {

class Stream;

/** What the chain does after a filter has seen a stage. */
enum class Verdict : uint8_t {
  kContinue,      // hand the stage to the next filter
  kPauseHeaders,  // hold the head back, but body bytes still come to me (buffer, transcoder, ext_proc)
  kPauseAll,      // stop here; bytes are held back by watermarks until Stream::resumeRequest / resumeResponse
  kReplied,       // the filter called Stream::reply; no later filter sees the request
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual Verdict onRequestHeaders(http::HeaderMap&, Stream&, bool /*end_stream*/) { return Verdict::kContinue; }
  /** `data` may be replaced by a view that lives until the end of the event (in the arena, say). */
  virtual Verdict onRequestData(std::string_view& /*data*/, Stream&, bool /*end_stream*/) { return Verdict::kContinue; }
  virtual Verdict onRequestTrailers(http::HeaderMap&, Stream&) { return Verdict::kContinue; }
  virtual Verdict onResponseHeaders(http::HeaderMap&, Stream&, bool /*end_stream*/) { return Verdict::kContinue; }
  virtual Verdict onResponseData(std::string_view& /*data*/, Stream&, bool /*end_stream*/) { return Verdict::kContinue; }
  virtual Verdict onResponseTrailers(http::HeaderMap&, Stream&) { return Verdict::kContinue; }
  /** Exactly once, when the stream is over, however it ended. */
  virtual void onComplete(Stream&) {}
};

class FilterFactory {
 public:
  virtual ~FilterFactory() = default;
  virtual Filter* create(base::Arena& arena, WorkerContext& worker) const = 0;
};
using FilterFactoryPtr = std::unique_ptr<const FilterFactory>;

/** A native extension's one exported symbol; the tables of them are generated. */
struct FilterEntry {
  std::string_view name;  // Envoy's, e.g. "envoy.filters.http.header_mutation"
  base::Result<FilterFactoryPtr, std::string> (*make)(std::span<const uint8_t> plan);
};

}  // namespace nuncio::http_proxy
