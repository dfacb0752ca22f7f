#include "http/authority.h"

#include "base/ascii.h"

namespace nuncio::http {

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
