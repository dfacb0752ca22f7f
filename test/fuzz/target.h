// A fuzz target: a function over bytes that must hold its promises for every input; it ends the process (CHECK, a
// sanitizer) when it does not. Registered by FUZZ_TARGET, driven by test/fuzz/engine.cc, and run over its seeds and saved
// inputs (test/fuzz/corpus/<name>) by the ordinary native tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nuncio::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
  std::vector<std::string> (*seeds)();         // where to start from; may be null
  std::vector<std::string_view> dictionary;    // words worth inserting
};

std::vector<Target>& targets();

struct Registration {
  explicit Registration(Target target) { targets().push_back(std::move(target)); }
};

}  // namespace nuncio::fuzz

#define NUNCIO_FUZZ_JOIN2(a, b) a##b
#define NUNCIO_FUZZ_JOIN(a, b) NUNCIO_FUZZ_JOIN2(a, b)
#define FUZZ_TARGET(...) \
  static const ::nuncio::fuzz::Registration NUNCIO_FUZZ_JOIN(registration_, __COUNTER__)(::nuncio::fuzz::Target{__VA_ARGS__})
