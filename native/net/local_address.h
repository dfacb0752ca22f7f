// The machine's own address: what stands for a loopback client in x-forwarded-for.
#pragma once

#include "net/address.h"

namespace nuncio::net {

/** The first address of an interface that is up and not loopback; 127.0.0.1 or ::1 when there is none. Read once. */
const Address& localAddress(Address::Family family);

}  // namespace nuncio::net
