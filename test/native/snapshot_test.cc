// Snapshots: what versions share, what they differ in, and what the store forgets.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "snapshot/snapshot.h"
#include "test/native/test.h"

namespace nuncio::snapshot {
namespace {

int living = 0;

struct Counted final : Part {
  explicit Counted(std::string text_of) : text(std::move(text_of)) { ++living; }
  ~Counted() override { --living; }
  const std::string text;
};

base::Result<PartPtr, std::string> decode(std::string_view name, std::span<const uint8_t>) {
  if (name == "bad") return std::string("cannot be read");
  return PartPtr(std::make_shared<Counted>(std::string(name)));
}

constexpr Decode kDecoders[kKindCount] = {decode, decode, decode, decode, decode, decode, decode, decode, decode};

std::string changes(const Snapshot& before, const Snapshot& now, Kind kind) {
  std::string out;
  now.of(kind).forEachChange(before.of(kind), [&](uint32_t slot, const PartPtr& part) {
    out += std::to_string(slot) + "=" + (part == nullptr ? "-" : static_cast<const Counted&>(*part).text) + " ";
  });
  return out;
}

void put(Store& store, Kind kind, const std::string& id) { EXPECT_EQ(store.put(kind, id, id, {}), ""); }

TEST("snapshot: versions differ in what was changed, far apart or side by side") {
  Store store(kDecoders);
  const SnapshotPtr empty = store.current();
  for (const char* id : {"a", "b", "c"}) put(store, Kind::kCluster, id);
  EXPECT_EQ(store.commit({{Kind::kCluster, 0, "a"}, {Kind::kCluster, 1, "b"}, {Kind::kCluster, 9000, "c"}}), "");
  const SnapshotPtr first = store.current();
  EXPECT_EQ(changes(*empty, *first, Kind::kCluster), "0=a 1=b 9000=c ");
  EXPECT_EQ(changes(*first, *empty, Kind::kCluster), "0=- 1=- 9000=- ");
  put(store, Kind::kCluster, "d");
  EXPECT_EQ(store.commit({{Kind::kCluster, 1, "d"}, {Kind::kCluster, 9000, ""}}), "");
  const SnapshotPtr second = store.current();
  EXPECT_EQ(second->version, 2u);
  EXPECT_EQ(changes(*first, *second, Kind::kCluster), "1=d 9000=- ");
  EXPECT_EQ(changes(*first, *second, Kind::kEndpoints), "");
  EXPECT(first->at(Kind::kCluster, 9000) != nullptr);  // an older version stays as it was
  EXPECT(second->at(Kind::kCluster, 0) == first->at(Kind::kCluster, 0));
  EXPECT(second->at(Kind::kCluster, 100000) == nullptr);
}

TEST("snapshot: parts that nobody holds are gone, and known ids cost nothing") {
  const int before = living;
  {
    Store store(kDecoders);
    put(store, Kind::kSecret, "a");
    put(store, Kind::kSecret, "never placed");
    EXPECT_EQ(store.commit({{Kind::kSecret, 3, "a"}}), "");
    EXPECT_EQ(living - before, 1);
    put(store, Kind::kSecret, "a");  // known: the same object
    EXPECT_EQ(living - before, 1);
    put(store, Kind::kSecret, "b");
    const SnapshotPtr held = store.current();
    EXPECT_EQ(store.commit({{Kind::kSecret, 3, "b"}}), "");
    EXPECT_EQ(living - before, 2);
    put(store, Kind::kSecret, "a");
    EXPECT_EQ(store.commit({{Kind::kSecret, 4, "a"}}), "");
    EXPECT(store.current()->at(Kind::kSecret, 4) == held->at(Kind::kSecret, 3));
  }
  EXPECT_EQ(living, before);
}

TEST("snapshot: a bad plan is told, an unknown id changes nothing") {
  Store store(kDecoders);
  EXPECT_EQ(store.put(Kind::kListener, "bad", "x", {}), "cannot be read");
  EXPECT_EQ(store.commit({{Kind::kListener, 0, "x"}}), "no plan with id x");
  EXPECT_EQ(store.current()->version, 0u);
}

}  // namespace
}  // namespace nuncio::snapshot
