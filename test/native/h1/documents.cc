#include "test/native/h1/documents.h"

#include <sstream>
#include <string_view>

#include "base/ascii.h"
#include "test/native/test.h"

namespace nuncio::test::h1 {
namespace {

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

}  // namespace

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

std::vector<Case> allCases() {
  std::vector<Case> all;
  for (const std::string& file : listFiles("test/conformance/h1")) {
    if (!file.ends_with(".md") || file.ends_with("README.md")) continue;
    for (Case& one : casesOf(file)) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace nuncio::test::h1
