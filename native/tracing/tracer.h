// Tracer: how one kind of tracing system makes spans and carries them in headers: Zipkin's with B3, OpenTelemetry's with
// W3C trace context. Made from its plan, then immutable and shared by all workers. What becomes of finished spans is a
// program's in TypeScript, by `scriptSlot()`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "http/header_map.h"
#include "tracing/sampler.h"
#include "tracing/span.h"

namespace nuncio::plan {
struct Tracer;
}

namespace nuncio::tracing {

/** What a span begins with, whoever makes it. */
struct SpanStart {
  std::string_view name;
  bool egress = false;           // the listener's traffic is outbound
  bool spawns_upstream = false;  // each attempt gets a span of its own
  bool sampled = false;          // what the connection manager decided
  int64_t now_ns = 0;
  int64_t wall_ns = 0;
};

class Tracer {
 public:
  explicit Tracer(const plan::Tracer& plan);

  /** The span of a request. False: what came in its headers cannot be understood, and it is not traced. */
  bool start(http::HeaderMap& headers, const SpanStart& how, base::Random& random, Span& out) const;
  /** A span below another one: of an attempt. */
  Span child(const Span& parent, const SpanStart& how, base::Random& random) const;
  /** The headers that tell the next hop. */
  void inject(const Span& span, http::HeaderMap& headers) const;

  /** What a span is called that nobody has given a name. */
  std::string_view defaultName(http::HeaderMap& headers, bool egress) const;
  std::string_view traceIdText(base::Arena& arena, const Span& span) const;
  bool isZipkin() const { return kind_ == Kind::kZipkin; }
  /** Do spans of a server and its client have one id? */
  bool sharesSpans() const { return shared_; }
  uint32_t scriptSlot() const { return script_slot_; }
  const std::string& nodeId() const { return node_id_; }
  const std::string& zone() const { return zone_; }

 private:
  enum class Kind : uint8_t { kZipkin, kOpenTelemetry };

  bool startZipkin(http::HeaderMap& headers, const SpanStart& how, base::Random& random, Span& out) const;
  bool startOpenTelemetry(http::HeaderMap& headers, const SpanStart& how, base::Random& random, Span& out) const;

  const Kind kind_;
  const bool shared_;
  const bool wide_;       // new trace ids have 128 bits
  const bool splits_;
  const bool w3c_;
  const uint32_t script_slot_;
  const std::string node_id_;
  const std::string zone_;
  const std::unique_ptr<const Sampler> sampler_;  // null: the connection manager decides
};

}  // namespace nuncio::tracing
