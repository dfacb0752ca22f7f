#include "tracing/sampler.h"

#include "generated/plan.h"

namespace nuncio::tracing {

Sampler::Sampler(const plan::Sampler& plan) {
  switch (plan.kind) {
    case plan::Sampler::Kind::ALWAYS_ON: break;
    case plan::Sampler::Kind::TRACE_ID_RATIO:
      kind_ = Kind::kRatio;
      if (plan.ratio) {
        if (plan.ratio->denominator != 0) denominator_ = plan.ratio->denominator;
        numerator_ = (plan.ratio->ppm * denominator_ + 500'000) / 1'000'000;
      }
      break;
    case plan::Sampler::Kind::PARENT_BASED:
      kind_ = Kind::kParentBased;
      if (!plan.root.empty()) root_ = std::make_unique<const Sampler>(plan.root.front());
      break;
  }
}

bool Sampler::samples(uint64_t trace_high, const SpanContext* parent) const {
  switch (kind_) {
    case Kind::kAlwaysOn: return true;
    // As Envoy reads the first eight bytes of the id: the lowest first.
    case Kind::kRatio: return __builtin_bswap64(trace_high) % denominator_ < numerator_;
    case Kind::kParentBased: break;
  }
  if (parent != nullptr) return parent->sampled;
  return root_ == nullptr || root_->samples(trace_high, nullptr);
}

}  // namespace nuncio::tracing
