// What rate limit filters share: the descriptors of a stream's request. Worker thread only.
#pragma once

#include <string_view>

#include "http_proxy/filter_stream.h"
#include "routing/rate_limits.h"

namespace nuncio::http_proxy {

/** What becomes of a virtual host's limits; numbers as in envoy.extensions.common.ratelimit.v3.VhRateLimitsOptions. */
enum class HostLimits : uint32_t { kUnlessRouteHas, kInclude, kIgnore };

using DescriptorFound = base::FunctionRef<void(const routing::Descriptor&)>;

/** Which limits of a list are asked. */
struct LimitChoice {
  uint32_t stage = 0;
  bool done = false;              // those for the end of the stream
  std::string_view runtime_kind;  // ".http_filter_enabled"
};

/** Of limits that a filter has itself. */
void eachDescriptor(FilterStream& stream, const routing::RateLimits& limits, const LimitChoice& choice, DescriptorFound found);
/** Of those of the route and its virtual host; none where the request goes to no cluster. */
void eachRouteDescriptor(FilterStream& stream, HostLimits host, const LimitChoice& choice, DescriptorFound found);

}  // namespace nuncio::http_proxy
