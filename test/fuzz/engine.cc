// The fuzz engine: mutates inputs and keeps those that reach new code. The sources under test are compiled with
// -fsanitize-coverage=trace-pc, which calls __sanitizer_cov_trace_pc at every edge; this file and the target are not. An
// addon of one function: fuzz(root, target, seconds, folder, seed). The input being tried stands in folder/current, a mapped
// file, so that it is there after a crash.
#include <fcntl.h>
#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "base/random.h"
#include "test/fuzz/target.h"
#include "test/native/test.h"

namespace {

constexpr size_t kEdges = 1 << 16;
constexpr size_t kMaxInput = 8192;
uint8_t hits[kEdges];
uintptr_t previous_edge = 0;

}  // namespace

extern "C" __attribute__((visibility("default"))) void __sanitizer_cov_trace_pc() {
  const auto at = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  const uintptr_t place = (at >> 1) * 0x9e3779b1;
  uint8_t& hit = hits[(place ^ previous_edge) % kEdges];
  if (hit < 255) ++hit;
  previous_edge = (place >> 1) % kEdges;
}

namespace nuncio::fuzz {
namespace {

/** How often an edge was taken, in eight classes. */
uint8_t classOf(uint8_t count) {
  return count == 0 ? 0 : static_cast<uint8_t>(1 << std::min(7, static_cast<int>(std::bit_width(static_cast<unsigned>(count))) - 1));
}

class Engine {
 public:
  Engine(const Target& target, std::string folder, uint64_t seed) : target_(target), folder_(std::move(folder)), random_(seed) {
    std::filesystem::create_directories(folder_);
    const int fd = open((folder_ + "/current").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && ftruncate(fd, kMaxInput + 8) == 0);
    current_ = static_cast<char*>(mmap(nullptr, kMaxInput + 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CHECK(current_ != MAP_FAILED);
    close(fd);
  }

  void run(int seconds) {
    if (target_.seeds != nullptr) {
      for (const std::string& seed : target_.seeds()) attempt(seed);
    }
    attempt("");
    attempt(std::string(16, 'a'));
    if (pool_.empty()) pool_.push_back("");
    const auto start = std::chrono::steady_clock::now();
    const auto end = start + std::chrono::seconds(seconds);
    auto report = start;
    while (true) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= end) break;
      if (now >= report) {
        say(now - start);
        report = now + std::chrono::seconds(60);
      }
      for (int i = 0; i < 500; ++i) attempt(mutated());
    }
    say(std::chrono::steady_clock::now() - start);
  }

 private:
  void say(std::chrono::steady_clock::duration since) {
    std::printf("%s: %lld s, %llu runs, %zu inputs kept, %zu edge classes\n", std::string(target_.name).c_str(),
                static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(since).count()),
                static_cast<unsigned long long>(runs_), pool_.size(), found_);
    std::fflush(stdout);
  }

  void attempt(const std::string& input) {
    const size_t size = std::min(input.size(), kMaxInput);
    std::memcpy(current_, input.data(), size);
    const uint64_t stored = size;
    std::memcpy(current_ + kMaxInput, &stored, 8);
    std::memset(hits, 0, sizeof(hits));
    previous_edge = 0;
    const std::vector<char> exact(input.begin(), input.begin() + static_cast<ptrdiff_t>(size));
    target_.run({exact.data(), exact.size()});
    ++runs_;
    bool fresh = false;
    for (size_t word = 0; word < kEdges; word += 8) {
      uint64_t any;
      std::memcpy(&any, hits + word, 8);
      if (any == 0) continue;
      for (size_t i = word; i < word + 8; ++i) {
        const uint8_t bits = classOf(hits[i]);
        if ((bits & ~seen_[i]) == 0) continue;
        seen_[i] |= bits;
        ++found_;
        fresh = true;
      }
    }
    if (fresh) pool_.push_back(input.substr(0, size));
  }

  std::string mutated() {
    std::string input = pool_[random_.below(pool_.size())];
    const size_t steps = 1 + random_.below(6);
    for (size_t i = 0; i < steps; ++i) mutate(input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    return input;
  }

  void mutate(std::string& input) {
    const size_t at = random_.below(input.size() + 1);
    const size_t length = std::min(input.size() - at, size_t{1} + random_.below(16));
    switch (random_.below(9)) {
      case 0: input.erase(at, length); break;
      case 1: input.insert(at, 1, static_cast<char>(random_.below(256))); break;
      case 2: if (at < input.size()) input[at] = static_cast<char>(random_.below(256)); break;
      case 3: if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random_.below(8))); break;
      case 4: input.insert(at, input.substr(random_.below(input.size() + 1), length)); break;
      case 5: {    // the end of another input
        const std::string& other = pool_[random_.below(pool_.size())];
        input = input.substr(0, at) + other.substr(random_.below(other.size() + 1));
        break;
      }
      case 6: {
        static constexpr std::string_view kOdd = "\r\n\0 \t:;,\x7f\xff/0aA";
        input.insert(at, 1, kOdd[random_.below(kOdd.size())]);
        break;
      }
      case 7:
        if (random_.below(20) == 0) input.insert(at, std::string(random_.below(600), 'a'));
        [[fallthrough]];
      default:
        if (!target_.dictionary.empty()) input.insert(at, target_.dictionary[random_.below(target_.dictionary.size())]);
    }
  }

  const Target& target_;
  const std::string folder_;
  base::Random random_;
  char* current_ = nullptr;
  std::vector<std::string> pool_;
  std::vector<uint8_t> seen_ = std::vector<uint8_t>(kEdges);
  size_t found_ = 0;
  uint64_t runs_ = 0;
};

std::string textArgument(napi_env env, napi_value value) {
  char text[4096];
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, text, sizeof(text), &size) != napi_ok) return "";
  return {text, size};
}

napi_value fuzz(napi_env env, napi_callback_info info) {
  napi_value args[5];
  size_t count = 5;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  test::setRoot(textArgument(env, args[0]));
  const std::string name = textArgument(env, args[1]);
  int32_t seconds = 0;
  uint32_t seed = 0;
  napi_get_value_int32(env, args[2], &seconds);
  napi_get_value_uint32(env, args[4], &seed);
  bool found = false;
  for (const Target& target : targets()) {
    if (target.name != name) continue;
    found = true;
    Engine(target, textArgument(env, args[3]), seed).run(seconds);
  }
  napi_value result;
  napi_get_boolean(env, found, &result);
  return result;
}

}  // namespace
}  // namespace nuncio::fuzz

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "fuzz", NAPI_AUTO_LENGTH, &nuncio::fuzz::fuzz, nullptr, &function);
  napi_set_named_property(env, exports, "fuzz", function);
  return exports;
}
