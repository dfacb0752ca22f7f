#include "http/path.h"

#include <ctime>
#include <string>

#include "http/date.h"
#include "test/native/test.h"

namespace nuncio::http {
namespace {

struct Pair {
  std::string_view in;
  std::string_view out;  // "!" stands for: refused
};

std::string clean(std::string_view target, const PathRules& rules) {
  base::ChunkPool pool;
  base::Arena arena(pool);
  const CleanPath result = cleanPath(arena, target, rules);
  return result.verdict == PathVerdict::kReject ? "!" : std::string(result.path);
}

// What Envoy 1.40 made of these targets with normalize_path.
TEST("path: normalisation") {
  constexpr Pair kPairs[] = {
      {"/", "/"}, {"/a/../b", "/b"}, {"/../..", "/"}, {"/a/./b/.", "/a/b/"}, {"/a/..", "/"}, {"/.", "/"},
      {"/a/%2e%2E/b", "/b"}, {"/a/.%2e", "/"}, {"/a\\b\\..\\c", "/a/c"}, {"/a//../b", "/a/b"}, {"/a/b/..//c", "/a//c"},
      {"//a", "//a"}, {"/a?b/../c", "/a?b/../c"}, {"/...", "/..."}, {"/a/.b/..c", "/a/.b/..c"}, {"/%4A%zz%4", "/J%zz%4"},
      {"/%", "/%"}, {"/%2fa", "/%2fa"}, {"/%7e%5f", "/~_"}, {"/a%00b", "!"}, {"/%E2%82%ac", "/%E2%82%ac"},
      {"/a/..%2fb", "/a/..%2fb"}, {"/a/%2e%2e%2f", "/a/..%2f"}, {"/a/%2e%2", "/a/.%2"}, {"/%2541", "/%2541"},
      {"/a\"b<c>d", "/a%22b%3Cc%3Ed"}, {"/{|}^`", "/%7B%7C%7D%5E%60"},
      // Parameters of plain dot segments go with them; behind a backslash, or with escaped dots, they are ordinary text.
      {"/a/.;x/b", "/a/b"}, {"/a/..;x", "/"}, {"/a/..;%2fb/c", "/c"}, {"/a/..;x\\b", "/"}, {"/a/%2e%2e;x/b", "/a/..;x/b"},
      {"/a\\.;/../b", "/a/b"}, {"/a/...;x", "/a/...;x"},
      // What is unescaped never completes an escape.
      {"/%4%41", "/%254A"}, {"/%4%4%41", "/%4%254A"}, {"/%%41a", "/%25Aa"}, {"/x=1%%41%41", "/x=1%25AA"},
  };
  for (const Pair& pair : kPairs) EXPECT_EQ(clean(pair.in, {EscapedSlashes::kKeep, true, false}), pair.out);
}

TEST("path: merging slashes") {
  constexpr Pair kPairs[] = {{"//", "//"}, {"///", "//"}, {"//a", "/a"}, {"/a//", "/a/"}, {"/a//b?x//y", "/a/b?x//y"},
                             {"//?x", "//?x"}, {"/a/", "/a/"}};
  for (const Pair& pair : kPairs) EXPECT_EQ(clean(pair.in, {EscapedSlashes::kKeep, false, true}), pair.out);
}

TEST("path: escaped slashes") {
  constexpr Pair kPairs[] = {{"/a%2F%2fb", "/a/b"}, {"/a%5cb", "/a/b"}, {"/a%5C..%2Fb", "/b"}, {"/a?x=%2f", "/a?x=%2f"},
                             {"/%2f..//b", "/b"}};
  for (const Pair& pair : kPairs) EXPECT_EQ(clean(pair.in, {EscapedSlashes::kUnescapeAndForward, true, true}), pair.out);
  EXPECT_EQ(clean("/a%2Fb", {EscapedSlashes::kReject, false, false}), "!");
  EXPECT_EQ(clean("/a%41b?%2F", {EscapedSlashes::kReject, false, false}), "/a%41b?%2F");
  base::ChunkPool pool;
  base::Arena arena(pool);
  const CleanPath redirected = cleanPath(arena, "/a%5cb", {EscapedSlashes::kUnescapeAndRedirect, true, false});
  EXPECT_EQ(redirected.verdict, PathVerdict::kRedirect);
  EXPECT_EQ(redirected.path, "/a/b");
}

TEST("path: a clean path is not copied") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  const std::string_view target = "/a/b.c/d?x=/../";
  EXPECT(normalizePath(arena, target)->data() == target.data());
  EXPECT(mergeSlashes(arena, target).data() == target.data());
  EXPECT(unescapeSlashes(arena, target).data() == target.data());
  EXPECT_EQ(arena.reserved(), 0u);
}

TEST("path: splitting") {
  EXPECT_EQ(pathWithoutQuery("/a?b#c"), "/a");
  EXPECT_EQ(pathWithoutQuery("/a#c?b"), "/a");
  EXPECT_EQ(queryOf("/a?b=1?c#d"), "b=1?c");
  EXPECT(queryOf("/a").data() == nullptr);
  EXPECT(queryOf("/a?").data() != nullptr);
  EXPECT(hasFragment("/a#b"));
  EXPECT_EQ(withoutFragment("/a#b"), "/a");
}

TEST("path: absolute URLs") {
  struct Case {
    std::string_view url, authority, path;
  };
  constexpr Case kGood[] = {
      {"http://b.com", "b.com", "/"}, {"HTTP://B.com:80/x?y", "B.com:80", "/x?y"}, {"https://u:p@b.com/x", "b.com", "/x"},
      {"http://@b/", "b", "/"}, {"http://[::1]:80/y", "[::1]:80", "/y"}, {"http://[fe80::1%eth0]/", "[fe80::1%eth0]", "/"},
      {"http://b.com?x=1", "b.com", "?x=1"}, {"http://a@b/c@d", "b", "/c@d"}, {"http://b:65535/", "b:65535", "/"},
  };
  for (const Case& one : kGood) {
    const auto url = splitAbsoluteUrl(one.url);
    if (!EXPECT(url.has_value())) continue;
    EXPECT_EQ(url->authority, one.authority);
    EXPECT_EQ(url->path, one.path);
  }
  constexpr std::string_view kBad[] = {"ftp://b.com/", "http:///x", "http://b.com:99999/", "http://b.com:/x", "/x", "http:/b/x",
                                       "http://b_c/", "http://b~c/", "http://u@v@b/", "http://[zz]/", "http://[1]/", "http://[::1/y",
                                       "http://[fe80::1%]/", "http://b\\x/y", "http://[::1]x/"};
  for (const std::string_view url : kBad) EXPECT(!splitAbsoluteUrl(url).has_value());
  EXPECT_EQ(portStart("a:80"), 1u);
  EXPECT_EQ(portStart("[::1]"), std::string_view::npos);
  EXPECT_EQ(portStart("[::1]:80"), 5u);
}

TEST("date: IMF-fixdate") {
  char text[29];
  const auto date = [&](int64_t seconds) {
    writeHttpDate(text, seconds);
    return std::string(text, sizeof(text));
  };
  EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(date(4107542399), "Sun, 28 Feb 2100 23:59:59 GMT");
  for (int64_t seconds = -86400; seconds < 5'000'000'000; seconds += 86400 * 13 + 3607) {
    const time_t when = static_cast<time_t>(seconds);
    tm parts;
    char expected[64];
    gmtime_r(&when, &parts);
    std::strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (!EXPECT_EQ(date(seconds), std::string(expected))) break;
  }
  DateCache cache;
  const std::string first(cache.at(1'000'000'000));
  EXPECT_EQ(first, "Thu, 01 Jan 1970 00:00:01 GMT");
  EXPECT_EQ(cache.at(1'999'999'999), first);
  EXPECT_EQ(cache.at(2'000'000'000), "Thu, 01 Jan 1970 00:00:02 GMT");
}

TEST("http path: which Referer may be passed on") {
  for (const std::string_view good : {"http://a/b?c", "ftp://a", "//a/b:c", "/relative", "word", "*", "", "http://@a:80"}) {
    EXPECT(isValidReferer(good));
  }
  for (const std::string_view bad : {"http://u:p@a/", "http://a/#x", "/a#b", "about:blank", "http:///x", "/a b", "a?b:c"}) {
    EXPECT(!isValidReferer(bad));
  }
}

}  // namespace
}  // namespace nuncio::http
