#include "net/local_address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace nuncio::net {
namespace {

Address find(Address::Family family) {
  Address found;
  Address::parseIp(family == Address::Family::kIpv6 ? "::1" : "127.0.0.1", 0, found);
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return found;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6) continue;
    const socklen_t size = entry->ifa_addr->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    const Address address = Address::from(entry->ifa_addr, size);
    if (address.family() != family || address.isLoopback()) continue;
    found = address;
    break;
  }
  freeifaddrs(list);
  return found;
}

}  // namespace

const Address& localAddress(Address::Family family) {
  static const Address kV4 = find(Address::Family::kIpv4);
  static const Address kV6 = find(Address::Family::kIpv6);
  return family == Address::Family::kIpv6 ? kV6 : kV4;
}

}  // namespace nuncio::net
