#include "http/authority.h"

#include "base/ascii.h"

namespace nuncio::http {

bool isAuthorityText(std::string_view text) {
  constexpr std::string_view kMarks = "!$%&'()*+,-.:;=@[]_~";
  for (const char c : text) {
    if (!base::isAlpha(c) && !base::isDigit(c) && kMarks.find(c) == std::string_view::npos) return false;
  }
  return true;
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
