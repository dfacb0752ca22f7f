#include "src/extensions/filters/listener/http_inspector/first_line.h"

#include <algorithm>

namespace nuncio::ext::listener {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

bool isBlank(char c) { return c == ' ' || c == '\t'; }
bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isTokenCharacter(char c) {
  const char low = static_cast<char>(c | 0x20);
  return (low >= 'a' && low <= 'z') || isDigit(c) || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

/** Takes the next word off the line, and the blanks after it. */
std::string_view word(std::string_view& line) {
  const size_t end = static_cast<size_t>(std::find_if(line.begin(), line.end(), isBlank) - line.begin());
  const std::string_view found = line.substr(0, end);
  line.remove_prefix(end);
  while (!line.empty() && isBlank(line.front())) line.remove_prefix(1);
  return found;
}

bool isTarget(std::string_view target, std::string_view method) {
  if (target.empty() || std::any_of(target.begin(), target.end(), [](char c) { return (c & 0x80) != 0; })) return false;
  if (target.front() == '/' || target == "*") return true;
  return method == "CONNECT" || target.find("://") != std::string_view::npos;
}

bool isVersion(std::string_view version) {
  return version.size() == 8 && version.starts_with("HTTP/") && isDigit(version[5]) && version[6] == '.' && isDigit(version[7]);
}

Detected ofLine(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  while (!line.empty() && isBlank(line.back())) line.remove_suffix(1);
  const std::string_view method = word(line);
  const std::string_view target = word(line);
  if (method.empty() || !std::all_of(method.begin(), method.end(), isTokenCharacter) || !isTarget(target, method)) {
    return Detected::kNone;
  }
  if (line.empty()) return Detected::kHttp10;
  if (!isVersion(line)) return Detected::kNone;
  return line == "HTTP/1.1" ? Detected::kHttp11 : Detected::kHttp10;
}

}  // namespace

Detected detect(std::string_view bytes) {
  const size_t common = std::min(bytes.size(), kPreface.size());
  if (bytes.substr(0, common) == kPreface.substr(0, common)) {
    return common == kPreface.size() ? Detected::kHttp2 : Detected::kNeedMore;
  }
  const size_t end = bytes.find('\n');
  if (end != std::string_view::npos) return ofLine(bytes.substr(0, end));
  return isTokenCharacter(bytes.front()) ? Detected::kNeedMore : Detected::kNone;
}

}  // namespace nuncio::ext::listener
