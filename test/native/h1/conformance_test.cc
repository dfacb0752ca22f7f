// Runs test/conformance/h1/*.md on the codecs: bytes in, events out. The format is in test/conformance/h1/README.md. Every
// case is run whole, byte by byte and in several random cuts; the events must be the same.
#include <sstream>

#include "base/ascii.h"
#include "base/random.h"
#include "test/native/h1/documents.h"
#include "test/native/h1/recorder.h"
#include "test/native/test.h"

namespace nuncio::test::h1 {
namespace {

bool setting(const std::string& settings, std::string_view name, std::string* value = nullptr) {
  std::istringstream words(settings);
  std::string word;
  while (words >> word) {
    if (word == name) return true;
    if (value != nullptr && word.starts_with(std::string(name) + "=")) {
      *value = word.substr(name.size() + 1);
      return true;
    }
  }
  return false;
}

uint32_t number(const std::string& settings, std::string_view name, uint32_t otherwise) {
  std::string value;
  return setting(settings, name, &value) ? base::parseDecimal<uint32_t>(value).value_or(otherwise) : otherwise;
}

void applyCommon(const std::string& settings, http::h1::CommonOptions& options) {
  options.max_head_bytes = number(settings, "max_head_bytes", options.max_head_bytes);
  options.max_headers = number(settings, "max_headers", options.max_headers);
  options.enable_trailers = setting(settings, "enable_trailers");
  options.allow_chunked_length = setting(settings, "allow_chunked_length");
}

std::string eventsOf(const Case& one, const Cuts& cuts) {
  if (one.file.ends_with("response.md") || one.file.find("response-") != std::string::npos) {
    ClientRun run;
    applyCommon(one.settings, run.options);
    setting(one.settings, "method", &run.method);
    run.upgrade = setting(one.settings, "upgrade");
    run.half_close = setting(one.settings, "half_close");
    run.body_open = setting(one.settings, "body_open");
    return recordResponses(one.input, run, cuts).events;
  }
  ServerRun run;
  applyCommon(one.settings, run.options);
  run.options.accept_http_10 = setting(one.settings, "accept_http_10");
  run.options.allow_custom_methods = setting(one.settings, "allow_custom_methods");
  run.options.allow_absolute_url = !setting(one.settings, "no_absolute_url");
  if (setting(one.settings, "default_host")) run.options.default_host_for_http_10 = "dh";
  if (setting(one.settings, "reject_underscores")) run.options.underscores = http::h1::Underscores::kRejectRequest;
  if (setting(one.settings, "drop_underscores")) run.options.underscores = http::h1::Underscores::kDropHeader;
  run.half_close = setting(one.settings, "half_close");
  run.answer = !setting(one.settings, "no_answer");
  return recordRequests(one.input, run, cuts).events;
}

bool check(const Case& one, const std::string& events, const std::string& how) {
  if (events == one.expected) return true;
  fail(one.file.c_str(), one.line, one.title + " (" + how + ")\n--- is\n" + events + "--- expected\n" + one.expected);
  return false;
}

void runCut(const Case& one) {
  if (!check(one, eventsOf(one, Cuts(one.input.size(), 1)), "byte by byte")) return;
  base::Random random(one.input.size());
  for (int round = 0; round < 8; ++round) {
    Cuts cuts;
    for (size_t at = 0; at < one.input.size(); at += cuts.back()) cuts.push_back(1 + random.below(40));
    if (!check(one, eventsOf(one, cuts), "random cuts")) return;
  }
}

TEST("h1 conformance documents") {
  const std::vector<Case> all = allCases();
  EXPECT(all.size() > 250);
  for (const Case& one : all) {
    if (check(one, eventsOf(one, {}), "whole") && one.input.size() < 20'000) runCut(one);
  }
}

}  // namespace
}  // namespace nuncio::test::h1
