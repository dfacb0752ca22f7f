// The program around the native tests: a Node addon with one function, run(root, filter) → number of failures.
#include <node_api.h>

#include <chrono>
#include <cstdio>

#include "test/native/test.h"

namespace nuncio::test {
namespace {

int runAll(std::string_view filter, bool verbose) {
  int passed = 0;
  int failed = 0;
  for (const Case& test : cases()) {
    if (!filter.empty() && test.name.find(filter) == std::string_view::npos) continue;
    const auto start = std::chrono::steady_clock::now();
    test.run();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    const bool bad = takeFailure();
    if (bad) std::fprintf(stderr, "FAILED %s (%s)\n", std::string(test.name).c_str(), test.file);
    if (verbose) std::printf("%s %s (%d ms)\n", bad ? "fail" : "ok  ", std::string(test.name).c_str(),
                             static_cast<int>(took.count()));
    (bad ? failed : passed)++;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  std::fflush(stdout);
  return failed + (passed + failed == 0 ? 1 : 0);
}

std::string textArgument(napi_env env, napi_value value) {
  char text[4096];
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, text, sizeof(text), &size) != napi_ok) return "";
  return {text, size};
}

napi_value run(napi_env env, napi_callback_info info) {
  napi_value args[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  setRoot(textArgument(env, args[0]));
  bool verbose = false;
  napi_get_value_bool(env, args[2], &verbose);
  napi_value result;
  napi_create_int32(env, runAll(textArgument(env, args[1]), verbose), &result);
  return result;
}

}  // namespace
}  // namespace nuncio::test

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, &nuncio::test::run, nullptr, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
