// gRPC as filters see it: service and method of a path, frames in a body, and the statistics of methods. Worker thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ascii.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/local_reply.h"
#include "upstream/cluster_runtime.h"

namespace nuncio::ext::grpc {

struct Method {
  std::string_view service;
  std::string_view name;
};

/** "/package.Service/Method"; null: a path of another shape. */
inline std::optional<Method> methodOf(std::string_view path) {
  std::string_view parts[2];
  size_t count = 0;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty()) {
      if (count == 2) return std::nullopt;
      parts[count++] = part;
    }
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  if (count != 2) return std::nullopt;
  return Method{parts[0], parts[1]};
}

/** Is it a gRPC answer, or one that consists of its head alone? */
inline bool isGrpcResponse(const http::HeaderMap& headers, bool end_stream) {
  if (end_stream) return headers.has(http::HeaderId::kGrpcStatus);
  return headers.get(http::HeaderId::kStatus) == "200" &&
         http_proxy::isGrpcContentType(headers.get(http::HeaderId::kContentType));
}

/** Counts the messages in a body as their first bytes pass. */
class FrameCounter {
 public:
  uint64_t inspect(std::string_view data) {
    uint64_t begun = 0;
    while (!data.empty()) {
      if (body_left_ != 0) {
        const size_t part = std::min<uint64_t>(body_left_, data.size());
        body_left_ -= part;
        data.remove_prefix(part);
        continue;
      }
      if (header_ == 0) ++begun;
      if (header_ != 0) length_ = length_ << 8 | static_cast<unsigned char>(data[0]);
      data.remove_prefix(1);
      if (++header_ < 5) continue;
      body_left_ = length_;
      length_ = 0;
      header_ = 0;
    }
    count_ += begun;
    return begun;
  }
  uint64_t count() const { return count_; }

 private:
  uint64_t count_ = 0;
  uint64_t body_left_ = 0;
  uint32_t length_ = 0;
  uint8_t header_ = 0;
};

/** The counters of one method of one cluster in one worker, each made when it first counts. */
class MethodStats {
 public:
  MethodStats(stats::WorkerStats& stats, std::string prefix) : stats_(stats), prefix_(std::move(prefix)) {}
  MethodStats(const MethodStats&) = delete;
  MethodStats& operator=(const MethodStats&) = delete;
  ~MethodStats() {
    for (const auto& counter : counters_) stats_.release(counter);
    stats_.release(time_);
  }

  /** What a grpc-status header says; null data: there was none. */
  void chargeStatus(std::string_view status) {
    if (status.data() == nullptr) return;
    const auto code = base::parseDecimal(status);
    if (code && *code < kCodes) {
      count(kFirstCode + static_cast<size_t>(*code), status);
    } else {
      const auto scope = stats_.scope<stats::NamedCounter>(prefix_ + std::string(status));
      scope.inc(stats::NamedCounterStat::value);
      stats_.release(scope);
    }
    const bool success = status == "0";
    count(success ? kSuccess : kFailure, success ? "success" : "failure");
    count(kTotal, "total");
  }
  void chargeRequestMessages(uint64_t n) { count(kRequestMessages, "request_message_count", n); }
  void chargeResponseMessages(uint64_t n) { count(kResponseMessages, "response_message_count", n); }
  void chargeTime(uint64_t ms) {
    if (!time_) time_ = stats_.scope<stats::NamedTime>(prefix_ + "upstream_rq_time");
    time_.record(stats::NamedTimeHistogram::value, ms);
  }

 private:
  static constexpr size_t kCodes = 17;
  enum : size_t { kSuccess, kFailure, kTotal, kRequestMessages, kResponseMessages, kFirstCode };

  void count(size_t which, std::string_view name, uint64_t n = 1) {
    auto& counter = counters_[which];
    if (!counter) counter = stats_.scope<stats::NamedCounter>(prefix_ + std::string(name));
    counter.inc(stats::NamedCounterStat::value, n);
  }

  stats::WorkerStats& stats_;
  const std::string prefix_;  // with the dot at its end
  stats::ScopeRef<stats::NamedCounter> counters_[kFirstCode + kCodes];
  stats::ScopeRef<stats::NamedTime> time_;
};

/** All methods a worker has seen on one connection manager, at most so many. */
class MethodTable {
 public:
  explicit MethodTable(stats::WorkerStats& stats) : stats_(stats) {}

  /** `method` without names: statistics of all requests together. Null when there are too many methods. */
  MethodStats* find(base::Arena& arena, upstream::ClusterRuntime& cluster, std::string_view protocol, const Method& method) {
    const std::string_view key =
        method.service.empty() ? arena.concat(cluster.part().stat_prefix, protocol, ".")
                               : arena.concat(cluster.part().stat_prefix, protocol, ".", method.service, ".", method.name, ".");
    const auto found = methods_.find(key);
    if (found != methods_.end()) return found->second.get();
    if (methods_.size() >= kMost) return nullptr;
    auto made = std::make_unique<MethodStats>(stats_, std::string(key));
    return methods_.emplace(std::string(key), std::move(made)).first->second.get();
  }

 private:
  static constexpr size_t kMost = 4096;  // paths come from clients
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  stats::WorkerStats& stats_;
  std::unordered_map<std::string, std::unique_ptr<MethodStats>, TextHash, std::equal_to<>> methods_;
};

}  // namespace nuncio::ext::grpc
