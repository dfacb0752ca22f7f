// Span: the identity of one traced request, or of one attempt at its upstream: ids, kind, name, when it began. What else is
// told of it is written when it ends (span_record.h). Lives in its stream's arena; worker thread only.
#pragma once

#include <cstdint>
#include <string_view>

namespace nuncio::tracing {

/** What came with a request, or goes with it to the next hop. */
struct SpanContext {
  uint64_t trace_high = 0;
  uint64_t trace_low = 0;
  uint64_t id = 0;
  uint64_t parent = 0;
  bool sampled = false;
  std::string_view state = {};  // tracestate; in the arena
};

enum class SpanKind : uint8_t { kServer, kClient };

struct Span {
  uint64_t trace_high = 0;  // 0: the trace has an id of 64 bits (Zipkin)
  uint64_t trace_low = 0;
  uint64_t id = 0;
  uint64_t parent = 0;
  bool has_parent = false;
  bool remote_parent = false;  // the trace came with the request
  bool sampled = false;     // recorded when it ends
  SpanKind kind = SpanKind::kServer;
  std::string_view name = {};
  std::string_view state = {};
  int64_t start_ns = 0;       // the worker's clock
  int64_t start_wall_ns = 0;  // since the epoch
};

}  // namespace nuncio::tracing
