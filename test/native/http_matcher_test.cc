#include "http/matcher.h"

#include <string>
#include <vector>

#include "base/regex.h"
#include "generated/plan.h"
#include "test/native/test.h"

namespace nuncio::http {
namespace {

using Kind = plan::FieldMatcher::Kind;
using StringKind = plan::StringMatcher::Kind;

plan::FieldMatcher stringField(StringKind kind, std::string value, bool ignore_case = false) {
  plan::FieldMatcher field;
  field.name = "x";
  field.kind = Kind::STRING;
  field.string.emplace();
  field.string->kind = kind;
  field.string->value = std::move(value);
  field.string->ignore_case = ignore_case;
  return field;
}

plan::FieldMatcher presentField(bool present) {
  plan::FieldMatcher field;
  field.name = "x";
  field.kind = Kind::PRESENT;
  field.present = present;
  return field;
}

plan::FieldMatcher rangeField(int64_t start, int64_t end) {
  plan::FieldMatcher field;
  field.name = "x";
  field.kind = Kind::RANGE;
  field.range_start = start;
  field.range_end = end;
  return field;
}

plan::FieldMatcher inverted(plan::FieldMatcher field) {
  field.invert = true;
  return field;
}

plan::FieldMatcher missingIsEmpty(plan::FieldMatcher field) {
  field.treat_missing_as_empty = true;
  return field;
}

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

bool header(const plan::FieldMatcher& plan, const Headers& given) {
  auto matcher = FieldMatcher::make(plan);
  if (!EXPECT(matcher.ok())) return false;
  base::ChunkPool pool;
  base::Arena arena(pool);
  HeaderMap headers(arena);
  for (const auto& [name, value] : given) headers.addCopy(name, value);
  return matcher.value().matchesHeader(headers);
}

bool query(const plan::FieldMatcher& plan, std::string_view text) {
  auto matcher = FieldMatcher::make(plan);
  return EXPECT(matcher.ok()) && matcher.value().matchesQuery(text);
}

TEST("matcher: a header's value") {
  const auto exact = stringField(StringKind::EXACT, "a");
  EXPECT(header(exact, {{"x", "a"}}));
  EXPECT(!header(exact, {{"x", "b"}}));
  EXPECT(!header(exact, {}));
  EXPECT(!header(inverted(exact), {}));
  EXPECT(header(inverted(exact), {{"x", "b"}}));
  EXPECT(header(missingIsEmpty(inverted(exact)), {}));
  EXPECT(header(missingIsEmpty(stringField(StringKind::EXACT, "")), {}));
  EXPECT(header(stringField(StringKind::PREFIX, "AB", true), {{"x", "aBc"}}));
  EXPECT(!header(stringField(StringKind::PREFIX, "AB"), {{"x", "aBc"}}));
  EXPECT(header(stringField(StringKind::SUFFIX, "AB", true), {{"x", "cAb"}}));
  EXPECT(header(stringField(StringKind::CONTAINS, "bC", true), {{"x", "aBcd"}}));
  EXPECT(!header(stringField(StringKind::CONTAINS, "bC", true), {{"x", "aB"}}));
}

TEST("matcher: one of several values suffices, unless the header is kept in one piece") {
  const Headers two = {{"x", "a"}, {"x", "b"}};
  EXPECT(header(stringField(StringKind::EXACT, "b"), two));
  EXPECT(!header(stringField(StringKind::EXACT, "a,b"), two));
  EXPECT(!header(inverted(stringField(StringKind::EXACT, "a")), two));
  EXPECT(header(rangeField(0, 10), {{"x", "z"}, {"x", "5"}}));
  auto accept = stringField(StringKind::EXACT, "a,b");
  accept.name = "accept";
  EXPECT(header(accept, {{"accept", "a"}, {"accept", "b"}}));
  accept.string->value = "a";
  EXPECT(!header(accept, {{"accept", "a"}, {"accept", "b"}}));
}

TEST("matcher: presence") {
  EXPECT(header(presentField(true), {{"x", ""}}));
  EXPECT(!header(presentField(true), {}));
  EXPECT(header(presentField(false), {}));
  EXPECT(!header(presentField(false), {{"x", ""}}));
  EXPECT(header(inverted(presentField(true)), {}));
  EXPECT(header(inverted(presentField(false)), {{"x", "1"}}));
  EXPECT(header(missingIsEmpty(presentField(true)), {}));
  EXPECT(!header(missingIsEmpty(presentField(false)), {}));
  EXPECT(!header(missingIsEmpty(inverted(presentField(true))), {}));
}

TEST("matcher: ranges") {
  const auto range = rangeField(-5, 10);
  for (const std::string_view value : {"9", "+3", "-5", " 7 "}) EXPECT(header(range, {{"x", value}}));
  for (const std::string_view value : {"10", "-6", "7x", "", "0x5", "5.0", "99999999999999999999", "+-3", "+"}) {
    EXPECT(!header(range, {{"x", value}}));
  }
  EXPECT(header(inverted(range), {{"x", "7x"}}));
  EXPECT(!header(inverted(range), {}));
}

TEST("matcher: host means :authority") {
  auto host = stringField(StringKind::PREFIX, "h");
  host.name = "host";
  EXPECT(header(host, {{":authority", "h.com"}}));
}

TEST("matcher: query parameters") {
  auto q = stringField(StringKind::EXACT, "a");
  q.name = "q";
  for (const std::string_view text : {"q=a", "q=a&q=b", "x&q=a", "&&q=a"}) EXPECT(query(q, text));
  for (const std::string_view text : {"", "q", "q=", "q=b&q=a", "Q=a", "q=a=b", "q=a;b", "%71=a"}) EXPECT(!query(q, text));
  auto present = presentField(true);
  present.name = "q";
  EXPECT(query(present, "q"));
  EXPECT(!query(present, "Q=a"));
  present.present = false;
  EXPECT(query(present, ""));
  auto empty = stringField(StringKind::EXACT, "");
  empty.name = "q";
  EXPECT(query(empty, "q"));
  EXPECT(!query(empty, "p"));
}

TEST("matcher: cookies") {
  auto plan = stringField(StringKind::EXACT, "a");
  plan.name = "c";
  const auto cookie = [&](const Headers& given) {
    auto matcher = FieldMatcher::make(plan);
    base::ChunkPool pool;
    base::Arena arena(pool);
    HeaderMap headers(arena);
    for (const auto& [name, value] : given) headers.addCopy(name, value);
    return matcher.value().matchesCookie(headers);
  };
  for (const std::string_view value : {"c=a", "c=\"a\"", "d=1; c=a", "d=1;c=a", "c=a; c=b"}) EXPECT(cookie({{"cookie", value}}));
  for (const std::string_view value : {"c=b; c=a", "c", "c=", "c =a", "c= a", "C=a", "c=\"a", "d=1; c=a ; e"}) {
    EXPECT(!cookie({{"cookie", value}}));
  }
  EXPECT(cookie({{"cookie", "c=a"}, {"cookie", "c=b"}}));
  EXPECT(!cookie({}));
  plan.invert = true;
  EXPECT(cookie({}));
}

TEST("regex: whole match, bytes, substitution") {
  auto dot = base::Regex::make("a.c");
  REQUIRE(dot.ok());
  EXPECT(dot.value()->fullMatch("a\xff" "c"));
  EXPECT(!dot.value()->fullMatch("a\xc3\xa9" "c"));
  EXPECT(!dot.value()->fullMatch("xabc"));
  EXPECT(dot.value()->contains("xabcx"));
  EXPECT(!base::Regex::make("a(").ok());

  base::ChunkPool pool;
  base::Arena arena(pool);
  const auto replace = [&](std::string_view pattern, std::string_view text, std::string_view by) {
    auto regex = base::Regex::make(pattern);
    return regex.ok() ? regex.value()->replaceAll(arena, text, by) : std::string_view("!");
  };
  EXPECT_EQ(replace("^/re/(.*)$", "/re/abc", "/R/\\1"), "/R/abc");
  EXPECT_EQ(replace("b", "/abb", "Q"), "/aQQ");
  EXPECT_EQ(replace("(a)(b)", "abab", "\\2\\1\\0\\\\"), "baab\\baab\\");
  EXPECT_EQ(replace("x*", "abc", "-"), "-a-b-c-");
  EXPECT_EQ(replace("x*", "", "-"), "-");
  EXPECT_EQ(replace("b*", "abc", "-"), "-a-c-");
  EXPECT_EQ(replace("q", "abc", "-"), "abc");
  EXPECT_EQ(replace("a", std::string(300, 'a'), "bb"), std::string(600, 'b'));
  EXPECT(dot.value()->checkSubstitution("\\1") != nullptr);
  EXPECT(dot.value()->checkSubstitution("\\0") == nullptr);
  EXPECT(dot.value()->checkSubstitution("\\x") != nullptr);
  EXPECT(dot.value()->checkSubstitution("\\") != nullptr);
}

}  // namespace
}  // namespace nuncio::http
