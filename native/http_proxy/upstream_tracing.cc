// The part of an UpstreamRequest that traces: an attempt's own span, where attempts have some, and the headers that tell the
// upstream of the trace.
#include "http_proxy/reset_text.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/router.h"
#include "http_proxy/stream_trace.h"
#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

void UpstreamRequest::startTrace() {
  RoutedStream& stream = router_.stream();
  const StreamTrace& trace = *stream.trace();
  if (!trace.has_span || !router_.spawnsSpans()) return;
  const tracing::SpanStart how{.name = arena().concat("router ", stream.info().cluster_name, " egress"),
                               .egress = trace.egress,
                               .spawns_upstream = trace.config.spawns_upstream_span,
                               .now_ns = began_ns_,
                               .wall_ns = stream.worker().services.loop.wall()};
  trace_ = arena().make<AttemptTrace>();
  trace_->span = trace.config.tracer->child(trace.span, how, stream.worker().random_source);
  if (const std::string_view operation = operationOf(trace, true, stream); !operation.empty()) trace_->span.name = operation;
}

void UpstreamRequest::injectTrace() {
  const StreamTrace& trace = *router_.stream().trace();
  if (trace.has_span && trace.config.propagates) trace.config.tracer->inject(trace_ == nullptr ? trace.span : trace_->span, *headers_);
}

void UpstreamRequest::finishTrace() {
  AttemptTrace& attempt = *std::exchange(trace_, nullptr);
  RoutedStream& stream = router_.stream();
  const StreamTrace& trace = *stream.trace();
  if (!attempt.span.sampled || stream.info().health_check) return;
  const http::FormatContext outer = stream.formatContext();
  http::StreamInfo info = outer.info;  // most of it is shared; the outcome is the attempt's own
  info.response_code = status_;
  info.flags.clear();
  if (flag_) info.flags.add(*flag_);
  http::FormatContext context{.request = outer.request, .response = response_, .info = info, .now_ns = outer.now_ns,
                              .wall_now_ns = outer.wall_now_ns, .random = outer.random};
  context.response_trailers = attempt.trailers;
  base::TextBuffer& out = stream.worker().log.line;
  out.clear();
  tracing::SpanRecord record(out, attempt.span, trace.ids.trace, outer.now_ns);
  if (trace.config.verbose) writeUpstreamEvents(record, info, began_ns_);
  if (stream.info().upstream_attempts > 1) record.tag("retry.count", stream.info().upstream_attempts - 1);
  if (attempt.canceled) record.tag("canceled", "true");
  if (attempt.error_reason.data() != nullptr) {
    record.tag("error", "true");
    record.tag("error.reason", attempt.error_reason);
  }
  writeGrpcAnswer(record, response_);
  writeGrpcAnswer(record, attempt.trailers);
  const std::string_view protocol = http::protocolName(info.upstream_protocol);
  record.tag("http.protocol", protocol.empty() ? "-" : protocol);
  if (host_known_) {
    record.tag("upstream_address", host_->address().text());
    record.tag("peer.address", host_->address().text());
  }
  writeOutcome(record, trace, context);
  sendRecord(record, trace, stream);
}

void UpstreamRequest::noteTraceReset(http::ResetReason reason) {
  if (trace_ != nullptr) trace_->error_reason = resetText(reason);
}

}  // namespace nuncio::http_proxy
