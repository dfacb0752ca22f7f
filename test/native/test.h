// A tiny test registry: no exceptions, no macros beyond TEST and EXPECT. A test file is test/native/<area>_test.cc; its
// tests run inside a node process (scripts/native-tests.mjs), because llhttp and libuv live in that binary.
//
//   TEST("arena: a big block leaves the current chunk alone") { EXPECT_EQ(arena.reserved(), 0u); }
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nuncio::test {

struct Case {
  std::string_view name;
  const char* file;
  void (*run)();
};

/** All tests of the program, in the order their files were linked. */
std::vector<Case>& cases();
/** Records a failure of the running test, which goes on. */
void fail(const char* file, int line, const std::string& what);
/** Did a check fail since the last call? For the runner. */
bool takeFailure();
void setRoot(std::string folder);
/** The repository's root folder, without a slash at the end. */
const std::string& root();
/** A file of the repository; the test fails when it cannot be read. */
std::string readFile(const std::string& path);
/** Paths (from the root) of the regular files of a folder, sorted; none when it does not exist. */
std::vector<std::string> listFiles(const std::string& folder);

struct Registration {
  Registration(std::string_view name, const char* file, void (*run)()) { cases().push_back({name, file, run}); }
};

/** Text with control characters written as escapes, for messages. */
std::string quoted(std::string_view text);

template <class T>
std::string shown(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return quoted(std::string_view(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<int64_t>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_null_pointer_v<T>) {
    return "null";
  } else if constexpr (std::is_pointer_v<T>) {
    return value == nullptr ? "null" : "a pointer";
  } else {
    return "(a value)";
  }
}

template <class A, class B>
bool expectEqual(const A& actual, const B& expected, const char* file, int line, const char* text) {
  if (actual == expected) return true;
  fail(file, line, std::string(text) + "\n      is      " + shown(actual) + "\n      expected " + shown(expected));
  return false;
}

}  // namespace nuncio::test

#define NUNCIO_TEST_JOIN2(a, b) a##b
#define NUNCIO_TEST_JOIN(a, b) NUNCIO_TEST_JOIN2(a, b)
#define NUNCIO_TEST(name, id)                                                                        \
  static void NUNCIO_TEST_JOIN(test_, id)();                                                         \
  static const ::nuncio::test::Registration NUNCIO_TEST_JOIN(registration_, id)(name, __FILE__,       \
                                                                              &NUNCIO_TEST_JOIN(test_, id)); \
  static void NUNCIO_TEST_JOIN(test_, id)()
#define TEST(name) NUNCIO_TEST(name, __COUNTER__)

#define EXPECT(condition) \
  (static_cast<bool>(condition) ? true : (::nuncio::test::fail(__FILE__, __LINE__, #condition), false))
#define EXPECT_EQ(actual, expected) ::nuncio::test::expectEqual((actual), (expected), __FILE__, __LINE__, #actual)
/** Leaves the test when the condition does not hold. */
#define REQUIRE(condition) \
  do {                     \
    if (!EXPECT(condition)) return; \
  } while (false)
