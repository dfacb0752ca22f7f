#include "test/fuzz/target.h"

namespace nuncio::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

}  // namespace nuncio::fuzz
