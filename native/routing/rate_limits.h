// RateLimits: what requests are counted by (rate_limits of routes, virtual hosts and of the filters themselves). Each makes
// one descriptor of a request: a list of keys and values. Made once from its plan, then immutable and shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "base/text_buffer.h"
#include "http/dynamic_metadata.h"
#include "http/matcher.h"
#include "http/substitution/formatter.h"
#include "net/address.h"

namespace nuncio::plan {
struct RateLimit;
struct RateLimitAction;
}  // namespace nuncio::plan

namespace nuncio::routing {

/** Texts are the stream's arena's, or the configuration's. */
struct DescriptorEntry {
  std::string_view key;
  std::string_view value;
};

struct Descriptor {
  std::span<const DescriptorEntry> entries;
  std::optional<uint64_t> hits;  // how many this request counts as; absent: one
  bool negative_hits = false;
  uint32_t override_requests = 0;
  uint32_t override_unit = 0;    // of envoy.type.v3.RateLimitUnit; 0: no override
  uint32_t x_ratelimit = 0;      // 0 as the filter has it, 1 never, 2 always
};

/** One request, as far as descriptors ask for it. */
struct DescriptorInput {
  http::HeaderMap& headers;
  const http::FormatContext& context;
  const http::DynamicMetadata& metadata;
  std::string_view route_metadata_json;
  std::string_view destination_cluster;
  base::Arena& arena;
  base::TextBuffer& scratch;
};

/** A runtime number by key; null when there is none. */
using RuntimeNumber = base::FunctionRef<std::optional<uint64_t>(std::string_view key)>;

class RateLimits {
 public:
  static base::Result<RateLimits, std::string> make(const std::vector<plan::RateLimit>& plans);
  RateLimits();
  RateLimits(RateLimits&&) noexcept;
  RateLimits& operator=(RateLimits&&) noexcept;
  ~RateLimits();

  bool empty() const;

  /**
   * `found(descriptor)` for each limit of this stage whose actions all have their value. `done`: those for the end of the
   * stream. `runtime` may turn off limits that have a disable_key: by ratelimit.<disable_key><runtime_kind>.
   */
  void each(const DescriptorInput& input, uint32_t stage, bool done, std::string_view runtime_kind, RuntimeNumber runtime,
            base::FunctionRef<void(const Descriptor&)> found) const;

 private:
  struct Action;
  struct Limit;
  static std::string add(const plan::RateLimitAction& plan, std::vector<Action>& actions);
  /** False: there will be no descriptor. An entry without a key is none. */
  static bool value(const Action& action, const DescriptorInput& input, DescriptorEntry& entry);
  static bool hits(const Limit& limit, const DescriptorInput& input, Descriptor& descriptor);

  std::vector<Limit> limits_;
};

}  // namespace nuncio::routing
