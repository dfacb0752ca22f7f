// HeaderNames: names of headers that filters in TypeScript use, by number, so that a number crosses instead of a text. A name
// stays for the worker's life, whatever thread carries it: header maps refer to its text. Owned by the ScriptSet; worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/well_known_headers.h"

namespace nuncio::script {

struct HeaderName {
  HeaderName(std::string lower_text, http::HeaderId header_id) : text(std::move(lower_text)), id(header_id) {}
  std::string text;  // lower case
  http::HeaderId id;
};

class HeaderNames {
 public:
  static constexpr size_t kMost = 4096;

  /** Nothing: there are too many. */
  std::optional<uint32_t> number(std::string_view lower_name) {
    if (const auto found = numbers_.find(lower_name); found != numbers_.end()) return found->second;
    if (names_.size() == kMost) return std::nullopt;
    names_.push_back(std::make_unique<const HeaderName>(std::string(lower_name), http::headerId(lower_name)));
    const auto number = static_cast<uint32_t>(names_.size() - 1);
    numbers_.emplace(names_.back()->text, number);
    return number;
  }
  /** Null: nobody has that number. */
  const HeaderName* at(uint32_t number) const { return number < names_.size() ? names_[number].get() : nullptr; }

 private:
  std::vector<std::unique_ptr<const HeaderName>> names_;
  std::unordered_map<std::string_view, uint32_t> numbers_;
};

}  // namespace nuncio::script
