#include "tracing/tracer.h"

#include "generated/plan.h"
#include "tracing/b3.h"
#include "tracing/header_ids.h"
#include "tracing/w3c.h"

namespace nuncio::tracing {

Tracer::Tracer(const plan::Tracer& plan)
    : kind_(plan.kind == plan::Tracer::Kind::ZIPKIN ? Kind::kZipkin : Kind::kOpenTelemetry),
      shared_(plan.shared_span_context),
      wide_(plan.trace_id_128bit),
      splits_(plan.split_spans_for_request),
      w3c_(plan.w3c),
      script_slot_(plan.script_slot),
      node_id_(plan.node_id),
      zone_(plan.zone),
      sampler_(plan.sampler.empty() ? nullptr : std::make_unique<const Sampler>(plan.sampler.front())) {}

static Span begun(const SpanStart& how) {
  Span span;
  span.name = how.name;
  span.start_ns = how.now_ns;
  span.start_wall_ns = how.wall_ns;
  return span;
}

bool Tracer::start(http::HeaderMap& headers, const SpanStart& how, base::Random& random, Span& out) const {
  out = begun(how);
  return kind_ == Kind::kZipkin ? startZipkin(headers, how, random, out) : startOpenTelemetry(headers, how, random, out);
}

bool Tracer::startZipkin(http::HeaderMap& headers, const SpanStart& how, base::Random& random, Span& out) const {
  B3 came = readB3(headers);
  if (came.broken) return false;
  if (w3c_ && !came.context) {
    const W3c other = readW3c(headers);
    if (other.context && !came.sampled) came.sampled = other.context->sampled;
    if (other.context) came.context = other.context;
  }
  const bool server = splits_ || how.spawns_upstream || !how.egress;
  out.kind = server ? SpanKind::kServer : SpanKind::kClient;
  out.sampled = came.sampled.value_or(how.sampled);
  if (!came.context) {
    out.id = out.trace_low = random.next();
    if (wide_) out.trace_high = random.next();
    return true;
  }
  out.remote_parent = true;
  const SpanContext& context = *came.context;
  out.trace_high = context.trace_high;
  out.trace_low = context.trace_low;
  if (server && shared_) {
    out.id = context.id;
    out.parent = context.parent;
    out.has_parent = context.parent != 0;
  } else {
    out.id = random.next();
    out.parent = context.id;
    out.has_parent = true;
  }
  return true;
}

bool Tracer::startOpenTelemetry(http::HeaderMap& headers, const SpanStart& how, base::Random& random, Span& out) const {
  const W3c came = readW3c(headers);
  if (came.broken) return false;
  const SpanContext* parent = came.context ? &*came.context : nullptr;
  out.kind = how.egress && !how.spawns_upstream ? SpanKind::kClient : SpanKind::kServer;
  out.trace_high = parent == nullptr ? random.next() : parent->trace_high;
  out.trace_low = parent == nullptr ? random.next() : parent->trace_low;
  out.id = random.next();
  if (parent != nullptr) {
    out.parent = parent->id;
    out.has_parent = out.remote_parent = true;
    out.state = parent->state;
  }
  // A caller's decision counts before the connection manager's, but for a sampler both must want it.
  const bool unasked = parent == nullptr ? how.sampled : parent->sampled;
  out.sampled = sampler_ == nullptr ? unasked : how.sampled && sampler_->samples(out.trace_high, parent);
  return true;
}

Span Tracer::child(const Span& parent, const SpanStart& how, base::Random& random) const {
  Span span = begun(how);
  span.kind = kind_ == Kind::kOpenTelemetry || splits_ || how.spawns_upstream || how.egress ? SpanKind::kClient : SpanKind::kServer;
  span.trace_high = parent.trace_high;
  span.trace_low = parent.trace_low;
  span.state = parent.state;
  span.sampled = parent.sampled;
  if (kind_ == Kind::kZipkin && span.kind == SpanKind::kServer && shared_) {
    span.id = parent.id;
    span.parent = parent.parent;
    span.has_parent = parent.has_parent;
    return span;
  }
  span.id = random.next();
  span.parent = parent.id;
  span.has_parent = true;
  return span;
}

void Tracer::inject(const Span& span, http::HeaderMap& headers) const {
  if (kind_ == Kind::kZipkin) {
    writeB3(span, headers);
    if (w3c_) writeTraceparent(span, headers);
    return;
  }
  writeTraceparent(span, headers);
  writeTracestate(span, headers);
}

std::string_view Tracer::defaultName(http::HeaderMap& headers, bool egress) const {
  const std::string_view host = headers.get(http::HeaderId::kAuthority);
  if (kind_ == Kind::kZipkin) return host;
  return egress ? headers.arena().concat("egress ", host) : std::string_view("ingress");
}

std::string_view Tracer::traceIdText(base::Arena& arena, const Span& span) const {
  return tracing::traceIdText(arena, span.trace_high, span.trace_low, kind_ == Kind::kOpenTelemetry);
}

}  // namespace nuncio::tracing
