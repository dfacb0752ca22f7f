// Fraction: "in so many of 100 (10,000, 1,000,000) cases", with a runtime key that may override it. Immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/function_ref.h"

namespace nuncio::plan {
struct Fraction;
}

namespace nuncio::routing {

/** What the runtime says of a key: a count out of `denominator`, or a plain percentage (denominator 100). */
struct FractionValue {
  uint64_t numerator;
  uint32_t denominator;
};

/** Looks a runtime key up; null when it has no value there. */
using FractionLookup = base::FunctionRef<std::optional<FractionValue>(std::string_view key)>;

class Fraction {
 public:
  explicit Fraction(const plan::Fraction& plan);

  /** Does this request, with its random number, fall into the fraction? */
  bool covers(uint64_t random, const FractionLookup* runtime) const;

 private:
  uint64_t numerator_;
  uint32_t denominator_;
  std::string runtime_key_;
};

}  // namespace nuncio::routing
