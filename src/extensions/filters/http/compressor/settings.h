// Configuration and counters of the compressor filter. Configurations are immutable and shared; counters belong to one
// worker and connection manager.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compression/codec.h"
#include "generated/filters/http/compressor/plan.h"
#include "http/matcher.h"
#include "http_proxy/filter_prefix.h"
#include "http_proxy/filter_support.h"

namespace nuncio::ext::compressors {

struct Direction {
  static base::Result<Direction, std::string> make(const plan::compressor::Direction& plan) {
    Direction made{plan, {}};
    for (const auto& matcher : plan.content_type_matchers) {
      auto one = http::StringMatcher::make(matcher);
      if (!one.ok()) return std::move(one.error());
      made.matchers.push_back(std::move(one.value()));
    }
    return made;
  }

  bool enabled(const WorkerContext& worker) const { return worker.runtimeBoolean(plan.runtime_key, plan.enabled); }
  /** `type`: a content-type header; a message without one is allowed. */
  bool allowsType(std::string_view type) const {
    if (type.data() == nullptr) return true;
    const std::string_view bare = base::trim(type.substr(0, type.find(';')));
    if (!matchers.empty()) return std::any_of(matchers.begin(), matchers.end(), [&](const auto& one) { return one.matches(bare); });
    const auto equals = [&](const std::string& one) { return base::equalsIgnoreCase(one, bare); };
    return std::any_of(plan.content_types.begin(), plan.content_types.end(), equals);
  }
  bool isLongEnough(const http::HeaderMap& headers) const {
    const std::string_view length = headers.get(http::HeaderId::kContentLength);
    if (length.data() == nullptr) return true;
    const auto size = base::parseDecimal(length);
    return size && *size >= plan.min_content_length;
  }

  plan::compressor::Direction plan;
  std::vector<http::StringMatcher> matchers;
};

struct Settings {
  plan::compressor::Compressor plan;
  std::optional<Direction> request;
  std::optional<Direction> response;
  std::unique_ptr<const compression::CompressorFactory> library;
  std::string_view coding;
};

struct RouteOverrides final : routing::RouteSettings {
  plan::compressor::CompressorRoute plan;
  std::unique_ptr<const compression::CompressorFactory> library;  // null: the filter's own
  std::string_view coding;
};

struct DirectionCounters {
  DirectionCounters(stats::WorkerStats& stats, const std::string& prefix)
      : compressed(stats, prefix + "compressed"),
        not_compressed(stats, prefix + "not_compressed"),
        total_uncompressed_bytes(stats, prefix + "total_uncompressed_bytes"),
        total_compressed_bytes(stats, prefix + "total_compressed_bytes"),
        content_length_too_small(stats, prefix + "content_length_too_small") {}

  const http_proxy::FilterCounter compressed;
  const http_proxy::FilterCounter not_compressed;
  const http_proxy::FilterCounter total_uncompressed_bytes;
  const http_proxy::FilterCounter total_compressed_bytes;
  const http_proxy::FilterCounter content_length_too_small;
};

struct Runtime final : http_proxy::FilterRuntime {
  Runtime(const http_proxy::FilterSite& site, const Settings& settings)
      : Runtime(site.worker.stats, settings,
                http_proxy::statPrefix(site) + "compressor." + settings.plan.library_name + "." +
                    std::string(compression::statName(*settings.plan.library)) + ".") {}

  const DirectionCounters request;
  const DirectionCounters response;
  const http_proxy::FilterCounter no_accept_header;
  const http_proxy::FilterCounter header_identity;
  const http_proxy::FilterCounter header_compressor_used;
  const http_proxy::FilterCounter header_compressor_overshadowed;
  const http_proxy::FilterCounter header_wildcard;
  const http_proxy::FilterCounter header_not_valid;
  const http_proxy::FilterCounter not_compressed_etag;
  compression::CompressorPool pool;
  compression::Output output;  // of the piece being compressed; never kept across calls

 private:
  Runtime(stats::WorkerStats& stats, const Settings& settings, const std::string& prefix)
      : request(stats, prefix + "request."),
        response(stats, settings.plan.response_has_scope ? prefix + "response." : prefix),
        no_accept_header(stats, prefix + "no_accept_header"),
        header_identity(stats, prefix + "header_identity"),
        header_compressor_used(stats, prefix + "header_compressor_used"),
        header_compressor_overshadowed(stats, prefix + "header_compressor_overshadowed"),
        header_wildcard(stats, prefix + "header_wildcard"),
        header_not_valid(stats, prefix + "header_not_valid"),
        not_compressed_etag(stats, prefix + "not_compressed_etag"),
        pool(*settings.library) {}
};

}  // namespace nuncio::ext::compressors
