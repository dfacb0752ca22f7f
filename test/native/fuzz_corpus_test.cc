// Runs every fuzz target over its seeds and over the inputs that once broke it.
#include "test/fuzz/target.h"
#include "test/native/test.h"

namespace nuncio::test {
namespace {

TEST("fuzz targets hold for their seeds and saved inputs") {
  EXPECT(!fuzz::targets().empty());
  for (const fuzz::Target& target : fuzz::targets()) {
    if (target.seeds != nullptr) {
      for (const std::string& seed : target.seeds()) target.run(seed);
    }
    for (const std::string& file : listFiles("test/fuzz/corpus/" + std::string(target.name))) target.run(readFile(file));
  }
}

}  // namespace
}  // namespace nuncio::test
