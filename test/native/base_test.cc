#include "base/arena.h"
#include "base/ascii.h"
#include "test/native/test.h"

namespace nuncio::base {
namespace {

TEST("arena: concat joins its parts and big blocks leave the current chunk in use") {
  ChunkPool pool;
  Arena arena(pool);
  EXPECT_EQ(arena.concat("ab", "", "cd"), std::string_view("abcd"));
  const size_t before = arena.reserved();
  arena.allocate(100'000);
  EXPECT(arena.reserved() > before + 100'000);
  const size_t after = arena.reserved();
  arena.allocate(64);
  EXPECT_EQ(arena.reserved(), after);
}

TEST("ascii: lists are split at commas, trimmed, compared in any case") {
  EXPECT(listContains("keep-alive, Close", "close"));
  EXPECT(!listContains("closed,xclose", "close"));
  EXPECT(!listContains("", "close"));
  EXPECT_EQ(parseDecimal("18446744073709551616").has_value(), false);
  EXPECT_EQ(*parseDecimal("18446744073709551615"), UINT64_MAX);
  EXPECT(!parseDecimal("+1").has_value());
}

}  // namespace
}  // namespace nuncio::base
