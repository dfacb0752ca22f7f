// B3 propagation (github.com/openzipkin/b3-propagation): the headers x-b3-*, or the one header b3, as Envoy's Zipkin tracer
// reads and writes them.
#pragma once

#include <optional>

#include "http/header_map.h"
#include "tracing/span.h"

namespace nuncio::tracing {

/** What stands in a request's headers. */
struct B3 {
  bool broken = false;             // something that cannot be understood: the request is not traced
  std::optional<bool> sampled;     // absent: the headers do not say
  std::optional<SpanContext> context;  // absent: no trace came; its `sampled` is not set
};

B3 readB3(const http::HeaderMap& headers);

/** Sets x-b3-traceid, -spanid, -parentspanid and -sampled; or b3, where the request has that header. */
void writeB3(const Span& span, http::HeaderMap& headers);

}  // namespace nuncio::tracing
