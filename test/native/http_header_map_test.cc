// HeaderMap: what is found and where, after entries came and went.
#include "http/header_map.h"

#include "test/native/test.h"

namespace nuncio::http {
namespace {

TEST("header map: several names are removed at once, and the first of those left is found") {
  base::ChunkPool chunks;
  base::Arena arena(chunks);
  HeaderMap headers(arena);
  headers.add(HeaderId::kMethod, "GET");
  headers.add(HeaderId::kTe, "trailers");
  headers.add(HeaderId::kVia, "a");
  headers.add("x-other", "1");
  headers.add(HeaderId::kVia, "b");
  headers.add(HeaderId::kXEnvoyDropOverload, "true");  // of the last numbers
  EXPECT(!headers.has(HeaderId::kUnknown));
  EXPECT(headers.hasAny({HeaderId::kTe, HeaderId::kUpgrade}));
  EXPECT(!headers.hasAny({HeaderId::kUpgrade}));
  EXPECT_EQ(headers.remove({HeaderId::kUpgrade, HeaderId::kConnection}), 0u);
  EXPECT_EQ(headers.remove({HeaderId::kTe, HeaderId::kXEnvoyDropOverload}), 2u);
  EXPECT(!headers.has(HeaderId::kTe));
  EXPECT(!headers.has(HeaderId::kXEnvoyDropOverload));
  EXPECT(headers.get(HeaderId::kTe).data() == nullptr);
  EXPECT_EQ(headers.size(), 4u);
  EXPECT_EQ(headers.get(HeaderId::kVia), "a");
  headers.set(HeaderId::kVia, "c");
  EXPECT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers.get("via"), "c");
  EXPECT_EQ(headers.get("x-other"), "1");
  EXPECT_EQ(headers.remove(HeaderId::kVia), 1u);
  headers.add(HeaderId::kVia, "d");
  EXPECT_EQ(headers.get(HeaderId::kVia), "d");
  headers.truncate(2);
  EXPECT(!headers.has(HeaderId::kVia));
  EXPECT_EQ(headers.get(HeaderId::kMethod), "GET");
  headers.clear();
  EXPECT(!headers.has(HeaderId::kMethod));
}

}  // namespace
}  // namespace nuncio::http
