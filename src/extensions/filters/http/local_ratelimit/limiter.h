// Limiter: the buckets of one local rate limit: one for each descriptor of its list, and one for the rest. Shared by all
// workers, or one for each connection.
#pragma once

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/token_bucket.h"
#include "generated/filters/http/local_ratelimit/plan.h"
#include "routing/rate_limits.h"

namespace nuncio::ext::local_limit {

/** A bucket with what headers tell of it. */
struct Bucket {
  Bucket(uint32_t max_tokens, uint32_t tokens_per_fill, uint32_t fill_interval_ms)
      : max(max_tokens),
        per_token_ns(fill_interval_ms * 1e6 / std::max(1u, tokens_per_fill)),
        tokens(static_cast<double>(max_tokens), per_token_ns) {}
  const uint32_t max;
  const double per_token_ns;
  base::TokenBucket tokens;
};

/** Buckets for values that requests bring: the one not asked for longest goes when there are too many. */
class DynamicBuckets {
 public:
  DynamicBuckets(const plan::local_ratelimit::Descriptor& plan, size_t max) : plan_(plan), max_(std::max<size_t>(max, 1)) {}

  std::shared_ptr<Bucket> find(const std::string& values) {
    const std::lock_guard lock(mutex_);
    if (const auto at = index_.find(values); at != index_.end()) {
      order_.splice(order_.begin(), order_, at->second);
      return at->second->second;
    }
    if (order_.size() >= max_) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(values, std::make_shared<Bucket>(plan_.max_tokens, plan_.tokens_per_fill, plan_.fill_interval_ms));
    index_.emplace(values, order_.begin());
    return order_.front().second;
  }

 private:
  const plan::local_ratelimit::Descriptor& plan_;
  const size_t max_;
  std::mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<Bucket>>> order_;
  std::unordered_map<std::string, decltype(order_)::iterator> index_;
};

class Limiter {
 public:
  /** `plan` must outlive it. */
  explicit Limiter(const plan::local_ratelimit::LocalRateLimit& plan) : plan_(plan) {
    if (plan.max_tokens != 0) rest_.emplace(plan.max_tokens, plan.tokens_per_fill, plan.fill_interval_ms);
    for (const auto& one : plan.descriptors) {
      Known& known = known_.emplace_back(one);
      const bool any = std::any_of(one.values.begin(), one.values.end(), [](const std::string& value) { return value.empty(); });
      if (any) {
        known.dynamic = std::make_unique<DynamicBuckets>(one, plan.max_dynamic);
      } else {
        known.bucket = std::make_shared<Bucket>(one.max_tokens, one.tokens_per_fill, one.fill_interval_ms);
      }
    }
  }

  struct Answer {
    bool allowed = true;
    bool shadowed = false;           // refused by descriptors that only look
    std::shared_ptr<Bucket> kept{};  // keeps `bucket`, when it is one of a value that requests bring
    Bucket* bucket = nullptr;        // what headers tell of
    uint32_t x_ratelimit = 0;        // of the descriptor
  };

  /** Takes what a request with these descriptors costs. */
  Answer ask(std::span<const routing::Descriptor> descriptors, int64_t now_ns) {
    Matches matches;
    for (const routing::Descriptor& descriptor : descriptors) match(descriptor, matches);
    bool shadowed = false;
    for (size_t i = 0; i < matches.size; ++i) {
      const Match& one = matches.list[i];
      if (one.bucket->tokens.take(now_ns, one.cost)) continue;
      if (!one.shadow) return {.allowed = false, .kept = one.bucket, .bucket = one.bucket.get(), .x_ratelimit = one.x_ratelimit};
      shadowed = true;
    }
    if (matches.size == 0 || !plan_.only_unmatched) {
      if (rest_ && !rest_->tokens.take(now_ns)) return {.allowed = false, .shadowed = shadowed, .bucket = &*rest_};
    }
    if (matches.size != 0) {
      const Match& first = matches.list[0];
      return {.shadowed = shadowed, .kept = first.bucket, .bucket = first.bucket.get(), .x_ratelimit = first.x_ratelimit};
    }
    return {.bucket = rest_ ? &*rest_ : nullptr};
  }

 private:
  struct Known {
    explicit Known(const plan::local_ratelimit::Descriptor& descriptor) : plan(descriptor) {}
    const plan::local_ratelimit::Descriptor& plan;
    std::shared_ptr<Bucket> bucket;
    std::unique_ptr<DynamicBuckets> dynamic;
  };
  struct Match {
    std::shared_ptr<Bucket> bucket;
    double cost = 1;
    bool shadow = false;
    uint32_t x_ratelimit = 0;
  };
  /** Of one request; more descriptors than these do not count. */
  struct Matches {
    void add(Match match) {
      if (size == list.size()) return;
      // The slowest first, as it is the likeliest to refuse.
      size_t at = size++;
      for (; at > 0 && list[at - 1].bucket->per_token_ns < match.bucket->per_token_ns; --at) list[at] = std::move(list[at - 1]);
      list[at] = std::move(match);
    }
    std::array<Match, 32> list;
    size_t size = 0;
  };

  static bool fits(const plan::local_ratelimit::Descriptor& known, std::span<const routing::DescriptorEntry> entries) {
    if (known.keys.size() != entries.size()) return false;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (known.keys[i] != entries[i].key) return false;
      if (!known.values[i].empty() && known.values[i] != entries[i].value) return false;
    }
    return true;
  }

  void match(const routing::Descriptor& descriptor, Matches& matches) {
    // What is said word for word comes before any value.
    for (const bool dynamic : {false, true}) {
      for (Known& known : known_) {
        if ((known.dynamic != nullptr) != dynamic || !fits(known.plan, descriptor.entries)) continue;
        const double cost = static_cast<double>(descriptor.hits.value_or(1));
        matches.add({dynamic ? known.dynamic->find(valuesOf(descriptor)) : known.bucket, cost, known.plan.shadow, descriptor.x_ratelimit});
        return;
      }
    }
  }

  static std::string valuesOf(const routing::Descriptor& descriptor) {
    std::string values;
    for (const auto& entry : descriptor.entries) values.append(std::to_string(entry.value.size())).append(":").append(entry.value);
    return values;
  }

  const plan::local_ratelimit::LocalRateLimit& plan_;
  std::optional<Bucket> rest_;
  std::vector<Known> known_;
};

}  // namespace nuncio::ext::local_limit
