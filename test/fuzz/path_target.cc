// Request targets: whatever comes in, a cleaned path has no dot segments, no bytes that must be escaped, and keeps its
// query; merged slashes stay merged; an absolute URL's parts are pieces of it.
//
// Input: a byte of options, then the target.
#include "base/arena.h"
#include "base/check.h"
#include "http/path.h"
#include "test/fuzz/target.h"

namespace nuncio::fuzz {
namespace {

const std::vector<std::string_view> kWords = {"/", "//", ".", "..", "%2e", "%2E", ";", "\\", "%2f", "%5C", "%", "%4", "%41", "?", "#",
                                              "%00", "/../", "/..;", "http://", "https://", "[::1]", ":80", "@", "a"};

std::string_view pathOf(std::string_view target) { return target.substr(0, target.find('?')); }

void checkNormal(std::string_view path) {
  CHECK(path.starts_with('/'));
  for (size_t at = 0; at < path.size();) {
    CHECK(path[at] == '/');
    const size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = path.substr(at + 1, end - at - 1);
    CHECK(segment != "." && segment != "..");
    for (const char c : segment) CHECK(c > 0x20 && c != 0x7f && c != '\\' && c != '"' && c != '<' && c != '{');
    at = end;
  }
}

void runTargets(std::string_view input) {
  if (input.empty()) return;
  const auto bits = static_cast<uint8_t>(input[0]);
  const std::string_view target = input.substr(1);
  base::ChunkPool pool;
  base::Arena arena(pool);
  http::PathRules rules;
  rules.normalize = (bits & 1) != 0;
  rules.merge_slashes = (bits & 2) != 0;
  rules.escaped_slashes = static_cast<http::EscapedSlashes>((bits >> 2) & 3);
  const http::CleanPath clean = http::cleanPath(arena, target, rules);
  if (clean.verdict != http::PathVerdict::kReject) {
    const std::string_view path = pathOf(clean.path);
    CHECK(clean.path.substr(path.size()) == target.substr(pathOf(target).size()));
    CHECK(clean.path.size() <= target.size() * 3 + 1);
    if (rules.normalize) checkNormal(path);
    if (rules.merge_slashes) CHECK(path.find("//") == std::string_view::npos || path == "//");
  }
  if (const auto url = http::splitAbsoluteUrl(target); url.has_value()) {
    CHECK(!url->authority.empty() && !url->path.empty());
    CHECK(url->authority.find_first_of("/?#@") == std::string_view::npos);
    CHECK(target.find(url->authority) != std::string_view::npos && (url->path == "/" || target.ends_with(url->path)));
  }
}

std::vector<std::string> targetSeeds() {
  return {"\x01/a/../b", "\x03//a//./b?x=//", "\x0f/a%2f..%5cb", "\x01/%4%41%%41a", "\x01/a/..;x/b\\..", "\x01http://u@b.c:80/x?y"};
}

FUZZ_TARGET("path", runTargets, targetSeeds, kWords);

}  // namespace
}  // namespace nuncio::fuzz
