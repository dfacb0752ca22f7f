// W3C trace context (www.w3.org/TR/trace-context): the headers traceparent and tracestate.
#pragma once

#include <optional>

#include "http/header_map.h"
#include "tracing/span.h"

namespace nuncio::tracing {

struct W3c {
  bool broken = false;                 // there is a traceparent, but none that can be understood
  std::optional<SpanContext> context;  // `id` is the caller's span
};

W3c readW3c(http::HeaderMap& headers);

void writeTraceparent(const Span& span, http::HeaderMap& headers);
void writeTracestate(const Span& span, http::HeaderMap& headers);

}  // namespace nuncio::tracing
