#include "http/h1/connection_header.h"

#include "base/ascii.h"

namespace nuncio::http::h1 {
namespace {

constexpr size_t kMaxNames = 9;
constexpr size_t kMaxTe = 255;

/** Words of the connection itself, which name no header. */
bool isOption(std::string_view token) {
  return base::equalsIgnoreCase(token, "close") || base::equalsIgnoreCase(token, "keep-alive") ||
         base::equalsIgnoreCase(token, "upgrade") || base::equalsIgnoreCase(token, "http2-settings");
}

bool isUntouchable(std::string_view lower) {
  return lower[0] == ':' || lower == "x-forwarded-for" || lower == "x-forwarded-host" || lower == "x-forwarded-proto";
}

/** TE is kept when it has trailers, then alone. */
bool keepsTe(HeaderMap& headers) {
  bool trailers = false;
  base::forEachToken(headers.get(HeaderId::kTe), [&](std::string_view coding) {
    trailers = base::equalsIgnoreCase(coding, "trailers");
    return !trailers;
  });
  if (trailers) headers.set(HeaderId::kTe, "trailers");
  return trailers;
}

std::string_view lowered(base::Arena& arena, std::string_view token) {
  char* copy = arena.array<char>(token.size());
  for (size_t i = 0; i < token.size(); ++i) copy[i] = base::toLower(token[i]);
  return {copy, token.size()};
}

}  // namespace

bool removeNominated(HeaderMap& headers) {
  const std::string_view list = headers.get(HeaderId::kConnection);
  if (list.empty() || isOption(list)) return true;
  size_t names = 0;
  base::forEachToken(list, [&](std::string_view) { return ++names <= kMaxNames; });
  if (names > kMaxNames) return false;
  bool honest = true;
  bool removed = false;
  std::string_view left;
  base::forEachToken(list, [&](std::string_view token) {
    bool keep = isOption(token);
    if (!keep) {
      const std::string_view name = lowered(headers.arena(), token);
      const bool te = name == "te";
      honest = !isUntouchable(name) && !(te && headers.get(HeaderId::kTe).size() > kMaxTe);
      keep = te && headers.has(HeaderId::kTe) && keepsTe(headers);
      if (honest && !keep) headers.remove(name == "host" ? std::string_view(":authority") : name);
    }
    removed = removed || !keep;
    if (keep) left = left.empty() ? token : headers.arena().concat(left, ",", token);
    return honest;
  });
  if (!honest) return false;
  if (!removed) return true;
  if (left.empty()) {
    headers.remove(HeaderId::kConnection);
  } else {
    headers.set(HeaderId::kConnection, left);
  }
  return true;
}

}  // namespace nuncio::http::h1
