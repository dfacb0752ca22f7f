// The cases of test/conformance/h1/*.md; the format is in the README there.
#pragma once

#include <string>
#include <vector>

namespace nuncio::test::h1 {

struct Case {
  std::string title;
  std::string file;
  int line = 0;
  std::string settings;
  std::string input;
  std::string expected;
};

std::vector<Case> casesOf(const std::string& file);
/** Of all documents. */
std::vector<Case> allCases();

}  // namespace nuncio::test::h1
