// RetryPolicy: when and how often a request is tried again, as configured at a route or virtual host. Immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/matcher.h"
#include "routing/retry_on.h"

namespace nuncio::plan {
struct RetryPolicy;
}

namespace nuncio::routing {

struct RetryPolicy {
  enum class ResetFormat : uint8_t { kSeconds, kUnixTimestamp };
  struct ResetHeader {
    std::string name;
    ResetFormat format;
  };

  static base::Result<RetryPolicy, std::string> make(const plan::RetryPolicy& plan);

  bool retriableStatus(uint32_t code) const {
    for (const uint32_t status : retriable_status_codes) {
      if (status == code) return true;
    }
    return false;
  }

  uint32_t retry_on = 0;  // bits of RetryOn
  uint32_t num_retries = 1;
  uint32_t per_try_timeout_ms = 0;
  uint32_t per_try_idle_timeout_ms = 0;
  uint32_t base_interval_ms = 25;
  uint32_t max_interval_ms = 250;
  uint32_t host_selection_attempts = 1;
  uint32_t rate_limited_max_interval_ms = 0;
  bool avoid_previous_hosts = false;
  bool previous_priorities = false;
  bool omit_canary_hosts = false;
  std::vector<uint32_t> retriable_status_codes;
  http::FieldMatchers retriable_headers;          // of the answer: one suffices
  http::FieldMatchers retriable_request_headers;  // of the request: empty, or one suffices
  std::vector<ResetHeader> reset_headers;
};

}  // namespace nuncio::routing
