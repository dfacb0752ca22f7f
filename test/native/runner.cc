// The program around the native tests: a Node addon with one function, run(root, filter) → number of failures.
#include <node_api.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "test/native/test.h"

namespace nuncio::test {
namespace {
std::string root_folder;
bool current_failed = false;
}  // namespace

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

void fail(const char* file, int line, const std::string& what) {
  current_failed = true;
  std::fprintf(stderr, "    %s:%d: %s\n", file, line, what.c_str());
}

const std::string& root() { return root_folder; }

std::string readFile(const std::string& path) {
  std::ifstream in(root_folder + "/" + path, std::ios::binary);
  if (!in) fail(path.c_str(), 0, "cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> listFiles(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root_folder + "/" + folder, error)) {
    if (entry.is_regular_file()) found.push_back(folder + "/" + entry.path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    char escape[8];
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      std::snprintf(escape, sizeof(escape), "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

namespace {

int runAll(std::string_view filter, bool verbose) {
  int passed = 0;
  int failed = 0;
  for (const Case& test : cases()) {
    if (!filter.empty() && test.name.find(filter) == std::string_view::npos) continue;
    current_failed = false;
    const auto start = std::chrono::steady_clock::now();
    test.run();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    if (current_failed) std::fprintf(stderr, "FAILED %s (%s)\n", std::string(test.name).c_str(), test.file);
    if (verbose) std::printf("%s %s (%d ms)\n", current_failed ? "fail" : "ok  ", std::string(test.name).c_str(),
                             static_cast<int>(took.count()));
    (current_failed ? failed : passed)++;
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
  root_folder = textArgument(env, args[0]);
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
