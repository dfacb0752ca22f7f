#include "http/dynamic_metadata.h"

#include <string>
#include <vector>

#include "test/native/test.h"

namespace nuncio::http {
namespace {

TEST("dynamic metadata: keys of a namespace are replaced one by one, JSON has them sorted") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  DynamicMetadata metadata(arena);
  EXPECT(metadata.empty());
  EXPECT_EQ(metadata.json(), "");
  metadata.setString("b", "z", "last");
  EXPECT(metadata.merge("b", R"( {"n": 1.5, "list": [1, true, null, "\u00e9\n"], "z": {"deep": -2e3}} )"));
  metadata.set("a", "k", MetadataValue::number(7));
  EXPECT_EQ(metadata.json(), R"({"a":{"k":7},"b":{"list":[1,true,null,"é\n"],"n":1.5,"z":{"deep":-2000}}})");
  EXPECT(metadata.merge("b", R"({"z": "again"})"));
  EXPECT_EQ(metadata.find(std::vector<std::string>{"b", "z"})->text, "again");
  EXPECT(metadata.find(std::vector<std::string>{"b", "z", "deep"}) == nullptr);
  EXPECT(metadata.find("c") == nullptr);
}

TEST("dynamic metadata: what is not a JSON object changes nothing") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  DynamicMetadata metadata(arena);
  for (const std::string_view bad : {"", "[]", "1", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1} x", "{\"a\":\"\\\"}", "{\"a\":1e999}"}) {
    EXPECT(!metadata.merge("n", bad));
  }
  EXPECT(!metadata.merge("n", "{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"));
  EXPECT(metadata.empty());
}

TEST("dynamic metadata: a copy outlives its source") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  DynamicMetadata stream(arena);
  {
    base::Arena short_lived(pool);
    DynamicMetadata connection(short_lived);
    EXPECT(connection.merge("n", R"({"a":{"b":["c"]}})"));
    stream.setString("n", "own", "x");
    stream.mergeAll(connection);
  }
  EXPECT_EQ(stream.json(), R"({"n":{"a":{"b":["c"]},"own":"x"}})");
}

TEST("filter state: text, and fields") {
  base::ChunkPool pool;
  base::Arena arena(pool);
  FilterState state(arena);
  EXPECT(state.find("x").data() == nullptr);
  state.set("x", "one");
  state.set("x", "two");
  state.setField("tlv", "key", "value");
  EXPECT_EQ(state.find("x"), "two");
  EXPECT_EQ(state.findField("tlv", "key"), "value");
  EXPECT(state.findField("tlv", "none").data() == nullptr);
  EXPECT(state.find("tlv").data() == nullptr);
}

}  // namespace
}  // namespace nuncio::http
