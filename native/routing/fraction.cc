#include "routing/fraction.h"

#include "generated/plan.h"

namespace nuncio::routing {

Fraction::Fraction(const plan::Fraction& plan)
    : numerator_((static_cast<uint64_t>(plan.ppm) * (plan.denominator == 0 ? 100 : plan.denominator) + 500'000) / 1'000'000),
      denominator_(plan.denominator == 0 ? 100 : plan.denominator),
      runtime_key_(plan.runtime_key) {}

bool Fraction::covers(uint64_t random, const FractionLookup* runtime) const {
  if (runtime != nullptr && !runtime_key_.empty()) {
    if (const auto value = (*runtime)(runtime_key_); value.has_value() && value->denominator != 0) {
      return random % value->denominator < value->numerator;
    }
  }
  return random % denominator_ < numerator_;
}

}  // namespace nuncio::routing
