// The words and flags Envoy 1.40 uses for each way an attempt can fail, and the values it accepts in its own headers. Kept
// in one place because these texts drift between releases.
#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/codec.h"
#include "http/stream_info.h"

namespace nuncio::http_proxy {

std::string_view resetText(http::ResetReason reason);
std::optional<http::ResponseFlag> flagOf(http::ResetReason reason);
/** Every space becomes "_", as response code details are written. */
std::string_view withoutSpaces(base::Arena& arena, std::string_view text);
/** Router.strict_check_headers: is `value` what the x-envoy header `name` may hold? */
bool strictValueIsValid(std::string_view name, std::string_view value);

}  // namespace nuncio::http_proxy
