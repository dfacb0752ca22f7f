// The cases of test/conformance/h2/*.md; the format is in the README there.
#pragma once

#include <string>
#include <vector>

#include "test/native/h2/recorder.h"

namespace nuncio::test::h2 {

struct Case {
  std::string title;
  std::string file;
  int line = 0;
  std::string settings;
  std::string input;       // bytes
  std::string expected;
};

std::vector<Case> casesOf(const std::string& file);
/** Of all documents. */
std::vector<Case> allCases();
/** Of the client codec (documents response*.md). */
bool isResponse(const Case& one);
Recorded run(const Case& one, const Cuts& cuts);

}  // namespace nuncio::test::h2
