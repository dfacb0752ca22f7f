// The part of a Stream that traces its request: whether, under which name, and what its span is told at the end.
#include "base/ascii.h"
#include "http/request_id.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/stream.h"
#include "http_proxy/stream_trace.h"
#include "tracing/header_ids.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::TraceReason;
using stats::TracingStat;

namespace {

TraceReason reasonIn(std::string_view request_id) {
  if (request_id.size() != http::kUuidLength) return TraceReason::kNone;
  switch (request_id[http::kTraceDigit]) {
    case http::kTraceDigits[1]: return TraceReason::kSampled;
    case http::kTraceDigits[2]: return TraceReason::kForced;
    case http::kTraceDigits[3]: return TraceReason::kClient;
    default: return TraceReason::kNone;
  }
}

/** The reason goes along in the request id, for the proxies behind this one. */
void pack(http::HeaderMap& headers, TraceReason reason) {
  const std::string_view id = headers.get(HeaderId::kXRequestId);
  if (id.size() != http::kUuidLength) return;
  char* copy = headers.arena().array<char>(id.size());
  std::memcpy(copy, id.data(), id.size());
  copy[http::kTraceDigit] = http::kTraceDigits[static_cast<size_t>(reason)];
  headers.set(HeaderId::kXRequestId, {copy, id.size()});
}

TracingStat statOf(TraceReason reason) {
  switch (reason) {
    case TraceReason::kSampled: return TracingStat::random_sampling;
    case TraceReason::kForced: return TracingStat::service_forced;
    case TraceReason::kClient: return TracingStat::client_enabled;
    case TraceReason::kNone: break;
  }
  return TracingStat::not_traceable;
}

/** Statuses that blame the server, as Envoy tells them apart. */
bool isGrpcError(std::string_view status) {
  switch (base::parseDecimal(status).value_or(0)) {
    case 2:    // unknown
    case 4:    // deadline exceeded
    case 8:    // resource exhausted
    case 12:   // unimplemented
    case 13:   // internal
    case 14:   // unavailable
    case 15:   // data loss
      return true;
    default: return false;
  }
}

std::string_view originalUrl(http::HeaderMap& headers, uint32_t max_path) {
  std::string_view path = headers.get(HeaderId::kXEnvoyOriginalPath);
  if (path.data() == nullptr) path = headers.get(HeaderId::kPath);
  if (path.data() == nullptr) return {};
  return headers.arena().concat(headers.get(HeaderId::kScheme), "://", headers.get(HeaderId::kAuthority), path.substr(0, max_path));
}

std::string_view orDash(std::string_view value) { return value.data() == nullptr ? "-" : value; }

void writeRequest(tracing::SpanRecord& record, http::HeaderMap& headers, const StreamTrace& trace, const http::StreamInfo& info, bool grpc) {
  const auto given = [&](std::string_view tag, HeaderId id) {
    if (headers.has(id)) record.tag(tag, headers.get(id));
  };
  given("guid:x-request-id", HeaderId::kXRequestId);
  record.tag("http.url", originalUrl(headers, trace.config.max_path_length));
  record.tag("http.method", headers.get(HeaderId::kMethod));
  record.tag("downstream_cluster", orDash(headers.get(HeaderId::kXEnvoyDownstreamServiceCluster)));
  record.tag("user_agent", orDash(headers.get(HeaderId::kUserAgent)));
  record.tag("http.protocol", http::protocolName(info.protocol));
  const net::Address& peer = info.downstream->directRemote();
  record.tag("peer.address", peer.isIp() ? peer.ipText() : peer.text());
  given("guid:x-client-trace-id", HeaderId::kXClientTraceId);
  if (!grpc) return;
  given("grpc.path", HeaderId::kPath);
  given("grpc.authority", HeaderId::kAuthority);
  given("grpc.content_type", HeaderId::kContentType);
  given("grpc.timeout", HeaderId::kGrpcTimeout);
}

void writeEvent(tracing::SpanRecord& record, const http::StreamInfo& info, int64_t when, std::string_view name) {
  if (when != 0) record.event(info.start_wall_ns + (when - info.at.start), name);
}

void writeEvents(tracing::SpanRecord& record, const http::StreamInfo& info) {
  writeEvent(record, info, info.at.downstream_rx_end, "last_downstream_rx_byte_received");
  writeUpstreamEvents(record, info, 0);
  writeEvent(record, info, info.at.downstream_tx_begin, "first_downstream_tx_byte_sent");
  writeEvent(record, info, info.at.downstream_tx_end, "last_downstream_tx_byte_sent");
}

}  // namespace

// ---------------------------------------------------------------- what spans of both kinds are told

void writeUpstreamEvents(tracing::SpanRecord& record, const http::StreamInfo& info, int64_t since_ns) {
  const auto event = [&](int64_t when, std::string_view name) {
    if (when >= since_ns) writeEvent(record, info, when, name);
  };
  event(info.at.upstream_tx_begin, "first_upstream_tx_byte_sent");
  event(info.at.upstream_tx_end, "last_upstream_tx_byte_sent");
  event(info.at.upstream_rx_begin, "first_upstream_rx_byte_received");
  event(info.at.upstream_rx_end, "last_upstream_rx_byte_received");
}

void writeGrpcAnswer(tracing::SpanRecord& record, const http::HeaderMap* headers) {
  if (headers == nullptr || !headers->has(HeaderId::kGrpcStatus)) return;
  const std::string_view status = headers->get(HeaderId::kGrpcStatus);
  record.tag("grpc.status_code", status);
  if (headers->has(HeaderId::kGrpcMessage)) record.tag("grpc.message", headers->get(HeaderId::kGrpcMessage));
  if (isGrpcError(status)) record.tag("error", "true");
}

void writeOutcome(tracing::SpanRecord& record, const StreamTrace& trace, const http::FormatContext& context) {
  const http::StreamInfo& info = context.info;
  record.tag("component", "proxy");
  if (info.cluster_name.data() != nullptr) {
    record.tag("upstream_cluster", info.cluster_raw_name);
    record.tag("upstream_cluster.name", info.cluster_name);
  }
  record.tag("http.status_code", info.response_code);
  base::TextBuffer flags;
  for (size_t i = 0; i < info.flags.size(); ++i) {
    if (i != 0) flags.append(',');
    flags.append(http::shortName(info.flags[i]));
  }
  record.tag("response_flags", info.flags.empty() ? std::string_view("-") : flags.view());
  if (info.response_code == 0 || info.response_code >= 500) record.tag("error", "true");
  const auto add = [&](std::string_view name, std::string_view value) { record.tag(name, value); };
  const http::CustomTags* of_route = trace.route == nullptr ? nullptr : &trace.route->tags;
  if (of_route != nullptr) of_route->forEach(context, add);
  trace.config.tags.forEach(context, add, of_route);
}

std::string_view operationOf(const StreamTrace& trace, bool upstream, RoutedStream& stream) {
  const auto pick = [&](const auto& from) { return upstream ? &from.upstream_operation : &from.operation; };
  const std::optional<http::Formatter>* format = trace.route == nullptr ? nullptr : pick(*trace.route);
  if (format == nullptr || !*format) format = pick(trace.config);
  if (!*format) return {};
  base::TextBuffer text;
  (*format)->append(stream.formatContext(), text);
  return stream.arena().copy(text.view());
}

void sendRecord(tracing::SpanRecord& record, const StreamTrace& trace, RoutedStream& stream) {
  access_log::EntrySink* sink = stream.worker().log.entries;
  const std::string_view line = record.finish();
  if (sink != nullptr) sink->add(trace.config.tracer->scriptSlot(), line);
}

// ---------------------------------------------------------------- the request

void Stream::decideTracing() {
  const TracingConfig& manager = *config().tracing;
  http::HeaderMap& headers = *request_headers_;
  if (!config().plan.sample_by_request_id) {
    info_.trace_reason = TraceReason::kSampled;
    return;
  }
  const std::string_view id = headers.get(HeaderId::kXRequestId);
  const auto number = http::requestIdNumber(id);
  if (!number) return;
  const uint64_t chance = *number % 10'000;
  const routing::Route* matched = route();
  const routing::RouteTracing* own = matched == nullptr ? nullptr : matched->tracing.get();
  const auto passes = [&](const routing::Fraction& fraction, uint64_t value) { return covers(fraction, value, worker()); };
  const TraceReason before = reasonIn(id);
  TraceReason reason = before;
  if (reason == TraceReason::kNone) {
    if (headers.has(HeaderId::kXClientTraceId) &&
        passes(own == nullptr ? manager.client_sampling : own->client_sampling, worker().random_source.next())) {
      reason = TraceReason::kClient;
    } else if (headers.has(HeaderId::kXEnvoyForceTrace)) {
      reason = TraceReason::kForced;
    } else if (passes(own == nullptr ? manager.random_sampling : own->random_sampling, chance)) {
      reason = TraceReason::kSampled;
    }
  }
  if (reason != TraceReason::kNone && !passes(own == nullptr ? manager.overall_sampling : own->overall_sampling, chance)) {
    reason = TraceReason::kNone;
  }
  if (reason != before && config().plan.pack_trace_reason) pack(headers, reason);
  info_.trace_reason = reason;
}

void Stream::startTrace() {
  const TracingConfig& manager = *config().tracing;
  http::HeaderMap& headers = *request_headers_;
  const routing::Route* matched = route();
  trace_ = arena_.make<StreamTrace>(manager, matched == nullptr ? nullptr : matched->tracing.get(), runtime_.listener.outbound,
                                     info_.trace_reason);
  StreamTrace& trace = *trace_;
  if (const tracing::Tracer* tracer = manager.tracer.get(); tracer != nullptr) {
    const tracing::SpanStart how{.name = tracer->defaultName(headers, trace.egress),
                                 .egress = trace.egress,
                                 .spawns_upstream = manager.spawns_upstream_span,
                                 .sampled = info_.trace_reason != TraceReason::kNone,
                                 .now_ns = info_.at.start,
                                 .wall_ns = info_.start_wall_ns};
    trace.has_span = tracer->start(headers, how, worker().random_source, trace.span);
  }
  if (trace.has_span) {
    // As in Envoy, Zipkin's spans tell logs no ids of their own.
    trace.ids = {manager.tracer->traceIdText(arena_, trace.span),
                 manager.tracer->isZipkin() ? std::string_view() : tracing::hexText(arena_, trace.span.id)};
    info_.trace = &trace.ids;
  }
  if (const std::string_view operation = operationOf(trace, false, *this); operation.data() != nullptr) {
    if (!operation.empty()) trace.span.name = operation;
  } else if (matched != nullptr && matched->decorator != nullptr && !matched->decorator->operation.empty()) {
    trace.decorated = trace.span.name = matched->decorator->operation;
    trace.propagates_name = matched->decorator->propagate;
  }
  if (trace.egress) {
    if (trace.propagates_name) headers.set(HeaderId::kXEnvoyDecoratorOperation, trace.decorated);
  } else if (headers.has(HeaderId::kXEnvoyDecoratorOperation)) {
    if (const std::string_view name = headers.get(HeaderId::kXEnvoyDecoratorOperation); !name.empty()) {
      trace.span.name = name;
      trace.propagates_name = false;
    }
    headers.remove(HeaderId::kXEnvoyDecoratorOperation);
  }
}

/** Once filters had a look: a health check is not traced, whatever was decided. */
void Stream::countTrace() {
  runtime_.tracing.inc(info_.health_check ? TracingStat::not_traceable : statOf(trace_->reason));
}

/** The two sides tell each other what they call the request. */
void Stream::decorateAnswer(http::HeaderMap& headers) {
  if (!trace_->egress) {
    if (trace_->propagates_name) headers.set(HeaderId::kXEnvoyDecoratorOperation, trace_->decorated);
  } else if (headers.has(HeaderId::kXEnvoyDecoratorOperation)) {
    const std::string_view name = headers.get(HeaderId::kXEnvoyDecoratorOperation);
    if (!name.empty()) trace_->span.name = arena_.copy(name);
    headers.remove(HeaderId::kXEnvoyDecoratorOperation);
  }
}

void Stream::finishTrace() {
  StreamTrace& trace = *trace_;
  if (!trace.has_span || !trace.span.sampled || info_.health_check) return;
  const tracing::Tracer& tracer = *trace.config.tracer;
  const http::FormatContext context = formatContext();
  base::TextBuffer& out = worker().log.line;
  out.clear();
  tracing::SpanRecord record(out, trace.span, trace.ids.trace, worker().services.loop.now());
  if (trace.config.verbose) writeEvents(record, info_);
  record.tag("node_id", tracer.nodeId());
  record.tag("zone", tracer.zone());
  writeRequest(record, *request_headers_, trace, info_, grpc_);
  record.tag("request_size", info_.bytes_received);
  record.tag("response_size", info_.bytes_sent);
  writeOutcome(record, trace, context);
  writeGrpcAnswer(record, response_headers_);
  writeGrpcAnswer(record, response_trailers_);
  sendRecord(record, trace, *this);
}

}  // namespace nuncio::http_proxy
