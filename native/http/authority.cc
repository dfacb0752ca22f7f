#include "http/authority.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace nuncio::http {

namespace {

constexpr std::array<bool, 256> makeAuthorityCharacters() {
  std::array<bool, 256> allowed{};
  for (const char c : std::string_view("!$%&'()*+,-.:;=@[]_~")) allowed[static_cast<unsigned char>(c)] = true;
  for (int c = 0; c < 256; ++c) {
    if (base::isAlpha(static_cast<char>(c)) || base::isDigit(static_cast<char>(c))) allowed[static_cast<size_t>(c)] = true;
  }
  return allowed;
}
constexpr std::array<bool, 256> kAuthorityCharacters = makeAuthorityCharacters();

}  // namespace

bool isAuthorityText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return kAuthorityCharacters[static_cast<unsigned char>(c)]; });
}

void updateAuthority(HeaderMap& headers, std::string_view host, bool append_x_forwarded_host, bool keep_original) {
  const std::string_view old = headers.get(HeaderId::kAuthority);
  if (keep_original && !old.empty()) headers.set(HeaderId::kXEnvoyOriginalHost, old);
  if (append_x_forwarded_host && !old.empty()) {
    const std::string_view list = headers.get(HeaderId::kXForwardedHost);
    const std::string_view last = list.substr(list.rfind(',') + 1);
    if (list.empty() || last != old) headers.append(HeaderId::kXForwardedHost, old);
  }
  headers.set(HeaderId::kAuthority, host);
}

}  // namespace nuncio::http
