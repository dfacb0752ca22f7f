// What the native tests share: the registry, failures, files of the repository.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "test/native/test.h"

namespace nuncio::test {
namespace {
std::string root_folder;
bool failed = false;
}  // namespace

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

void fail(const char* file, int line, const std::string& what) {
  failed = true;
  std::fprintf(stderr, "    %s:%d: %s\n", file, line, what.c_str());
}

bool takeFailure() { return std::exchange(failed, false); }

void setRoot(std::string folder) { root_folder = std::move(folder); }
const std::string& root() { return root_folder; }

std::string readFile(const std::string& path) {
  std::ifstream in(root_folder + "/" + path, std::ios::binary);
  if (!in) fail(path.c_str(), 0, "cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> listFiles(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root_folder + "/" + folder, error)) {
    if (entry.is_regular_file()) found.push_back(folder + "/" + entry.path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    char escape[8];
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      std::snprintf(escape, sizeof(escape), "\\x%02x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace nuncio::test
