// TracingConfig: what a connection manager says of tracing, ready to use. Made once from its plan, immutable, shared by all
// workers as part of the manager's configuration.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/substitution/custom_tags.h"
#include "http/substitution/formatter.h"
#include "routing/fraction.h"
#include "tracing/tracer.h"

namespace nuncio::plan {
struct Tracing;
}

namespace nuncio::http_proxy {

struct TracingConfig {
  static base::Result<std::unique_ptr<const TracingConfig>, std::string> make(const plan::Tracing& plan);

  routing::Fraction client_sampling;
  routing::Fraction random_sampling;
  routing::Fraction overall_sampling;
  bool verbose;
  bool spawns_upstream_span;
  bool propagates;
  uint32_t max_path_length;
  http::CustomTags tags;
  std::optional<http::Formatter> operation;
  std::optional<http::Formatter> upstream_operation;
  std::unique_ptr<const tracing::Tracer> tracer;  // null: requests are sampled and counted, but have no spans
};

}  // namespace nuncio::http_proxy
