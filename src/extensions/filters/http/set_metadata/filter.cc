// envoy.filters.http.set_metadata: constant dynamic metadata on every request.
#include "generated/filters/http/set_metadata/plan.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http::MetadataMember;
using http::MetadataValue;
using http_proxy::FilterStream;
using http_proxy::Verdict;
using plan::set_metadata::SetMetadata;

/** Puts `with` into `object`: objects are merged, lists joined, everything else is replaced. */
void update(MetadataValue& object, const MetadataValue& with, base::Arena& arena) {
  for (const MetadataMember* member = with.first; member != nullptr; member = member->next) {
    MetadataValue& mine = object.member(arena, member->key);
    const MetadataValue& theirs = member->value;
    if (mine.kind == MetadataValue::Kind::kStruct && theirs.kind == MetadataValue::Kind::kStruct) {
      update(mine, theirs, arena);
    } else if (mine.kind == MetadataValue::Kind::kList && theirs.kind == MetadataValue::Kind::kList) {
      for (const MetadataMember* one = theirs.first; one != nullptr; one = one->next) mine.append(arena) = one->value;
    } else {
      mine = theirs;
    }
  }
}

struct SetMetadataRuntime final : http_proxy::FilterRuntime {
  SetMetadataRuntime(const http_proxy::FilterSite& site, const SetMetadata&)
      : overwrite_denied(site.worker.stats, "http." + std::string(site.stat_prefix) + ".set_metadata.overwrite_denied") {}
  const http_proxy::FilterCounter overwrite_denied;
};

class SetMetadataFilter final : public http_proxy::Filter {
 public:
  SetMetadataFilter(const SetMetadata& config, SetMetadataRuntime& runtime) : config_(config), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap&, FilterStream& stream, bool) override {
    base::Arena& arena = stream.arena();
    http::DynamicMetadata& metadata = stream.dynamicMetadata();
    for (const auto& entry : config_.entries) {
      const MetadataValue* there = metadata.find(entry.name);
      if (there != nullptr && !entry.allow_overwrite) {
        runtime_.overwrite_denied.inc();
        continue;
      }
      MetadataValue value;
      if (!http::parseMetadata(entry.json, arena, value)) continue;
      MetadataValue merged = there == nullptr ? MetadataValue::structure() : there->clone(arena);
      update(merged, value, arena);
      metadata.merge(entry.name, merged);
    }
    return Verdict::kContinue;
  }

 private:
  const SetMetadata& config_;
  SetMetadataRuntime& runtime_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeSetMetadata(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto config = std::make_unique<SetMetadata>();
  if (!plan::set_metadata::decode(bytes, *config)) return std::string("malformed plan");
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<SetMetadataFilter, SetMetadata, SetMetadataRuntime>>(std::move(config)));
}

}  // namespace

extern const http_proxy::FilterEntry set_metadata = {"envoy.filters.http.set_metadata", &makeSetMetadata};

}  // namespace nuncio::ext
