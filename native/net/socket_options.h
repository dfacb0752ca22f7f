// Socket options as configurations give them, for listeners and upstream sockets alike.
#pragma once

#include <span>

#include "plan/plan_types.h"

namespace nuncio::net {

enum class SocketState : uint32_t { kPrebind = 0, kBound = 1, kListening = 2 };

/** Applies the options of one state; returns the errno of the first that failed, or 0. */
int applySocketOptions(int fd, std::span<const plan::SocketOption> options, SocketState state);
void applyKeepalive(int fd, const plan::TcpKeepalive& keepalive);
/** No delay: a proxy writes whole messages. */
void setNoDelay(int fd);

}  // namespace nuncio::net
