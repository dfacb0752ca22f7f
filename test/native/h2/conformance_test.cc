// Runs test/conformance/h2/*.md on the codecs: frames in, events and frames out. The format is in the README there. Every
// case is run whole, byte by byte and in several random cuts; the events must be the same.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/ascii.h"
#include "base/random.h"
#include "test/native/h2/documents.h"
#include "test/native/h2/recorder.h"
#include "test/native/test.h"

namespace nuncio::test::h2 {
namespace {

bool check(const Case& one, const std::string& events, const std::string& how) {
  if (events == one.expected) return true;
  fail(one.file.c_str(), one.line, one.title + " (" + how + ")\n--- is\n" + events + "--- expected\n" + one.expected);
  return false;
}

TEST("h2 conformance documents") {
  const std::vector<Case> all = allCases();
  EXPECT(all.size() > 100);
  for (const Case& one : all) {
    const Recorded whole = run(one, {});
    EXPECT(whole.well_formed);
    if (!check(one, whole.events, "whole") || one.input.size() > 20'000) continue;
    // Whether the rest of a request that is answered already has to be refused depends on what came in the same read.
    if (one.settings.find("answer_early") != std::string::npos) continue;
    if (!check(one, run(one, Cuts(one.input.size(), 1)).events, "byte by byte")) continue;
    base::Random random(one.input.size());
    for (int round = 0; round < 8; ++round) {
      Cuts cuts;
      for (size_t at = 0; at < one.input.size(); at += cuts.back()) cuts.push_back(1 + random.below(40));
      if (!check(one, run(one, cuts).events, "random cuts")) break;
    }
  }
}

}  // namespace
}  // namespace nuncio::test::h2
