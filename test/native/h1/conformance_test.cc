// Runs test/conformance/h1/*.md on the codecs: bytes in, events out. The format is in test/conformance/h1/README.md. Every
// case is run whole, byte by byte and in several random cuts; the events must be the same.
#include <sstream>

#include "base/ascii.h"
#include "base/random.h"
#include "test/native/h1/recorder.h"
#include "test/native/test.h"

namespace nuncio::test::h1 {
namespace {

struct Case {
  std::string title;
  std::string file;
  int line = 0;
  std::string settings;
  std::string input;
  std::string expected;
};

char hex(char c) { return static_cast<char>(base::isDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10); }

/** A line of an input block: escapes, and CRLF at its end unless it ends with a backslash. */
void addLine(std::string& out, std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      out += line[i];
      continue;
    }
    if (i + 1 == line.size()) return;
    switch (line[++i]) {
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case '0': out += '\0'; break;
      case 's': out += ' '; break;
      case 'x':
        out += static_cast<char>(hex(line[i + 1]) * 16 + hex(line[i + 2]));
        i += 2;
        break;
      default: out += line[i];
    }
  }
  out += "\r\n";
}

/** "{name*N}" in an input stands for N times "name". */
std::string expandRepeats(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t open = text.find('{');
    const size_t star = text.find('*', open);
    const size_t close = text.find('}', star);
    if (open == std::string_view::npos || star == std::string_view::npos || close == std::string_view::npos) break;
    const auto times = base::parseDecimal<size_t>(text.substr(star + 1, close - star - 1));
    out += text.substr(0, open);
    if (times.has_value()) {
      for (size_t i = 0; i < *times; ++i) out += text.substr(open + 1, star - open - 1);
    } else {
      out += text.substr(open, close + 1 - open);
    }
    text.remove_prefix(close + 1);
  }
  return out += text;
}

std::vector<Case> casesOf(const std::string& file) {
  std::vector<Case> found;
  std::istringstream text(readFile(file));
  std::string line;
  std::string title;
  std::string settings;
  int number = 0;
  std::string* block = nullptr;
  bool input = false;
  while (std::getline(text, line)) {
    ++number;
    if (block != nullptr) {
      if (line == "```") {
        block = nullptr;
      } else if (input) {
        addLine(*block, line);
      } else {
        *block += line + "\n";
      }
    } else if (line.starts_with("#")) {
      title = line.substr(line.find(' ') + 1);
      settings.clear();
    } else if (line.starts_with("<!-- ")) {
      settings = line.substr(5, line.find(" -->") - 5);
    } else if (line == "```http") {
      found.push_back({title, file, number, settings, {}, {}});
      block = &found.back().input;
      input = true;
    } else if (line == "```events" && !found.empty()) {
      block = &found.back().expected;
      input = false;
    }
  }
  for (Case& one : found) one.input = expandRepeats(one.input);
  return found;
}

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

void runFile(const std::string& file) {
  const std::vector<Case> all = casesOf(file);
  EXPECT(!all.empty());
  for (const Case& one : all) {
    if (check(one, eventsOf(one, {}), "whole") && one.input.size() < 20'000) runCut(one);
  }
}

TEST("h1 conformance documents") {
  for (const std::string& file : listFiles("test/conformance/h1")) {
    if (file.ends_with(".md") && !file.ends_with("README.md")) runFile(file);
  }
}

}  // namespace
}  // namespace nuncio::test::h1
