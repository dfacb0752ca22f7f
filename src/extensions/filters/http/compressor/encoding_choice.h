// Which content coding an answer gets: what the client accepts (accept-encoding with its q-values) against what the
// compressors of the chain have. One choice for a stream, whoever asks first. Worker thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "base/ascii.h"

namespace nuncio::ext::compressors {

/** What counters tell of a choice. */
enum class ChoiceKind : uint8_t { kNotValid, kIdentity, kWildcard, kCompressor };

struct EncodingChoice {
  std::string_view coding = "identity";
  ChoiceKind kind = ChoiceKind::kNotValid;
};

/** A coding that the chain has, and whether it goes before others of the same q-value. */
struct Candidate {
  std::string_view coding;
  bool choose_first = false;
  bool refused = false;  // the client says q=0
};

class EncodingChooser {
 public:
  /** Of several compressors with one coding the first counts. More than fit are left out: there are three codings. */
  void offer(std::string_view coding, bool choose_first) {
    if (find(coding) != nullptr || count_ == kMost) return;
    candidates_[count_++] = {coding, choose_first};
  }

  EncodingChoice choose(std::string_view accept_encoding) {
    bool any = false;
    eachAccepted(accept_encoding, [&](std::string_view coding, float q) {
      any = true;
      Candidate* candidate = q == 0 ? find(coding) : nullptr;
      if (candidate != nullptr) candidate->refused = true;
    });
    const Candidate* first = std::find_if(candidates_, candidates_ + count_, [](const Candidate& one) { return !one.refused; });
    if (!any || first == candidates_ + count_) return {};

    std::string_view best = "identity";
    float best_q = 0;
    eachAccepted(accept_encoding, [&](std::string_view coding, float q) {
      const Candidate* candidate = find(coding);
      const bool offered = candidate != nullptr && !candidate->refused;
      if (!offered && coding != "identity" && coding != "*") return;
      if (q < best_q || (q == best_q && !(offered && candidate->choose_first))) return;
      best = coding;
      best_q = q;
    });
    if (best_q == 0) return {};
    if (best == "identity") return {best, ChoiceKind::kIdentity};
    if (best == "*") return {first->coding, ChoiceKind::kWildcard};
    return {best, ChoiceKind::kCompressor};
  }

 private:
  static constexpr size_t kMost = 4;

  Candidate* find(std::string_view coding) {
    Candidate* const end = candidates_ + count_;
    Candidate* const found = std::find_if(candidates_, end, [&](const Candidate& one) { return one.coding == coding; });
    return found == end ? nullptr : found;
  }

  /** `visit(coding, q)` for each item whose q-value can be read. */
  template <class Visit>
  static void eachAccepted(std::string_view list, Visit&& visit) {
    base::forEachToken(list, [&](std::string_view item) {
      const size_t semicolon = item.find(';');
      float q = 1;
      if (semicolon == std::string_view::npos || readQ(item.substr(semicolon + 1), q)) visit(base::trim(item.substr(0, semicolon)), q);
      return true;
    });
  }
  /** Another parameter than q says nothing. False: a q that is no number. */
  static bool readQ(std::string_view parameters, float& q) {
    const size_t equals = parameters.find('=');
    if (equals == std::string_view::npos || !base::equalsIgnoreCase(base::trim(parameters.substr(0, equals)), "q")) return true;
    const std::string_view text = base::trim(parameters.substr(equals + 1));
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, q);
    return error == std::errc() && stopped == end;
  }

  Candidate candidates_[kMost];
  size_t count_ = 0;
};

}  // namespace nuncio::ext::compressors
