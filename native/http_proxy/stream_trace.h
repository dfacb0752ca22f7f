// StreamTrace: the tracing of one request, AttemptTrace that of one attempt at its upstream. Both are in the stream's arena,
// made only where the connection manager traces: elsewhere a null pointer stands for them. Worker thread only.
//
//   request's head ─▶ decide (sampled?) ─▶ start: StreamTrace ─▶ inject into the attempt's head ─▶ end: a record for the tracer
#pragma once

#include <string_view>

#include "http/codec.h"
#include "http/stream_info.h"
#include "http_proxy/tracing_config.h"
#include "routing/route_tracing.h"
#include "tracing/span.h"
#include "tracing/span_record.h"

namespace nuncio::http {
class HeaderMap;
struct FormatContext;
}

namespace nuncio::http_proxy {

class RoutedStream;

struct StreamTrace {
  StreamTrace(const TracingConfig& manager, const routing::RouteTracing* of_route, bool outbound, http::TraceReason why)
      : config(manager), route(of_route), egress(outbound), reason(why) {}

  const TracingConfig& config;
  const routing::RouteTracing* const route;  // null: it says nothing
  const bool egress;
  const http::TraceReason reason;
  bool has_span = false;   // otherwise there is no tracer, or what came could not be understood
  bool propagates_name = false;
  tracing::Span span;
  http::TraceIds ids;
  std::string_view decorated;  // the operation that the other side may be told
};

struct AttemptTrace {
  tracing::Span span;
  std::string_view error_reason;  // null data: it was not reset
  bool canceled = false;
  const http::HeaderMap* trailers = nullptr;
};

/** What all spans of a request are told: where it went, what came of it, and the tags of the configuration. */
void writeOutcome(tracing::SpanRecord& record, const StreamTrace& trace, const http::FormatContext& context);
/** When bytes went to the upstream and came from it; what happened before `since_ns` is an earlier attempt's. */
void writeUpstreamEvents(tracing::SpanRecord& record, const http::StreamInfo& info, int64_t since_ns);
void writeGrpcAnswer(tracing::SpanRecord& record, const http::HeaderMap* headers);
/** A span's name by its format; null data: the configuration has none. In the arena. */
std::string_view operationOf(const StreamTrace& trace, bool upstream, RoutedStream& stream);
/** Gives the record to the program that sends it. */
void sendRecord(tracing::SpanRecord& record, const StreamTrace& trace, RoutedStream& stream);

}  // namespace nuncio::http_proxy
