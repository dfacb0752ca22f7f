// Which repeated headers Envoy keeps in one piece: a second value is joined to the first with "," (at the codec and when a
// header is appended) instead of standing in a line of its own. Seen on Envoy 1.40; it differs by direction.
#pragma once

#include <cstdint>
#include <string_view>

namespace nuncio::http {

enum class MessageSide : uint8_t { kRequest, kResponse };

/** For a lower-case name. Meant for set-up and for the rare repeated header, not for every header. */
bool joinsRepeated(std::string_view lower_name, MessageSide side);

}  // namespace nuncio::http
