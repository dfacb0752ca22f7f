// Changing the host of a request on its way upstream, as Envoy does: the old one may be kept in x-envoy-original-host and
// appended to x-forwarded-host.
#pragma once

#include <string_view>

#include "http/header_map.h"

namespace nuncio::http {

/** Only characters that an authority may have; whether it makes sense is for who resolves it. */
bool isAuthorityText(std::string_view text);

/** `host` must live as long as the headers' arena. The old host is appended to x-forwarded-host unless it ends with it. */
void updateAuthority(HeaderMap& headers, std::string_view host, bool append_x_forwarded_host, bool keep_original);

}  // namespace nuncio::http
