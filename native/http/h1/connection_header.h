// The Connection header of a request: headers it names end at this proxy, as in Envoy. Worker thread.
#pragma once

#include "http/header_map.h"

namespace nuncio::http::h1 {

/**
 * Removes the headers that Connection names, and their names from it; of TE, "trailers" stays. False for what no honest
 * client asks for: ten names or more, pseudo-headers, x-forwarded-for, -host or -proto, a TE of 256 bytes or more.
 */
bool removeNominated(HeaderMap& headers);

}  // namespace nuncio::http::h1
