// CHECK: a condition that can never be false unless the program itself is wrong. Input from the network or from a
// configuration never reaches a CHECK.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace nuncio::base {

[[noreturn]] inline void checkFailed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, what);
  std::abort();
}

}  // namespace nuncio::base

#define CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::nuncio::base::checkFailed(__FILE__, __LINE__, #condition))
