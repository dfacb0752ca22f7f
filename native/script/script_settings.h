// ScriptSettings: what a route says for a filter in TypeScript: JSON that the filter's schema reads, once in each worker.
// Immutable, shared by all workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "routing/extension_configs.h"

namespace nuncio::script {

struct ScriptSettings final : routing::RouteSettings {
  explicit ScriptSettings(std::string text) : json(std::move(text)), number(++last()) {}

  const std::string json;
  const uint64_t number;  // never used twice: JavaScript remembers by it what it has read

 private:
  static std::atomic<uint64_t>& last() {
    static std::atomic<uint64_t> number{0};
    return number;
  }
};

}  // namespace nuncio::script
