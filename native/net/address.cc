#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>

#include "base/ascii.h"

namespace nuncio::net {

Address Address::from(const sockaddr* address, socklen_t length) {
  Address out;
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    out.family_ = Family::kIpv4;
    out.port_ = ntohs(in->sin_port);
    std::memcpy(out.bytes_, &in->sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(address);
    out.port_ = ntohs(in6->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
      out.family_ = Family::kIpv4;
      std::memcpy(out.bytes_, in6->sin6_addr.s6_addr + 12, 4);
    } else {
      out.family_ = Family::kIpv6;
      std::memcpy(out.bytes_, &in6->sin6_addr, 16);
    }
  } else if (address->sa_family == AF_UNIX) {
    const auto* un = reinterpret_cast<const sockaddr_un*>(address);
    const size_t size = length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
    if (size == 0) return unixPath("");
    if (un->sun_path[0] != '\0') return unixPath({un->sun_path, strnlen(un->sun_path, size)});
    out = unixPath({un->sun_path, size});
    out.path_->text[0] = '@';
    return out;
  }
  out.format();
  return out;
}

bool Address::parseIp(std::string_view ip, uint16_t port, Address& out) {
  char text[INET6_ADDRSTRLEN];
  if (ip.empty() || ip.size() >= sizeof(text)) return false;
  std::memcpy(text, ip.data(), ip.size());
  text[ip.size()] = '\0';
  Address parsed;
  if (inet_pton(AF_INET, text, parsed.bytes_) == 1) {
    parsed.family_ = Family::kIpv4;
  } else if (inet_pton(AF_INET6, text, parsed.bytes_) == 1) {
    parsed.family_ = Family::kIpv6;
  } else {
    return false;
  }
  parsed.port_ = port;
  parsed.format();
  out = parsed;
  return true;
}

Address Address::unixPath(std::string_view path) {
  Address out;
  out.family_ = Family::kUnix;
  out.path_ = new Path;
  out.text_size_ = out.ip_text_size_ = static_cast<uint8_t>(std::min(path.size(), kMaxPath));
  std::memcpy(out.path_->text, path.data(), out.text_size_);
  return out;
}

void Address::dropPath() {
  if (path_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete path_;
}

namespace {
constexpr std::string_view kInternalScheme = "envoy://";
}

Address Address::internal(std::string_view listener, std::string_view endpoint) {
  Address out;
  const auto add = [&out](std::string_view part) {
    const size_t size = std::min<size_t>(part.size(), kMaxPath - out.text_size_);
    std::memcpy(out.path_->text + out.text_size_, part.data(), size);
    out.text_size_ = static_cast<uint8_t>(out.text_size_ + size);
  };
  out.family_ = Family::kInternal;
  out.path_ = new Path;
  add(kInternalScheme);
  add(listener);
  out.bytes_[0] = out.text_size_;  // where the name ends
  add("/");
  add(endpoint);
  out.ip_text_size_ = out.text_size_;
  return out;
}

std::string_view Address::listenerName() const {
  if (family_ != Family::kInternal) return {};
  return text().substr(kInternalScheme.size(), bytes_[0] - kInternalScheme.size());
}

std::string_view Address::endpointId() const {
  if (family_ != Family::kInternal || bytes_[0] >= text_size_) return {};
  return text().substr(bytes_[0] + 1u);
}

void Address::setPort(uint16_t port) {
  port_ = port;
  if (isIp()) format();
}

bool Address::isLoopback() const {
  static constexpr uint8_t kLoopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  static constexpr uint8_t kLoopback4[4] = {127, 0, 0, 1};
  if (family_ == Family::kIpv4) return std::memcmp(bytes_, kLoopback4, 4) == 0;
  return family_ == Family::kIpv6 && std::memcmp(bytes_, kLoopback6, 16) == 0;
}

bool Address::isAnyAddress() const {
  return isIp() && std::all_of(bytes_, bytes_ + ipSize(), [](uint8_t byte) { return byte == 0; });
}

bool Address::sameIp(const Address& other) const {
  if (family_ != other.family_) return false;
  return isIp() ? std::memcmp(bytes_, other.bytes_, ipSize()) == 0 : text() == other.text();
}

bool Address::within(const Address& network, uint32_t prefix_len) const {
  if (family_ != network.family_ || !isIp()) return false;
  const uint32_t bits = std::min<uint32_t>(prefix_len, static_cast<uint32_t>(ipSize() * 8));
  if (std::memcmp(bytes_, network.bytes_, bits / 8) != 0) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<uint8_t>(0xff << (8 - bits % 8));
  return ((bytes_[bits / 8] ^ network.bytes_[bits / 8]) & mask) == 0;
}

socklen_t Address::toSockaddr(sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof(out));
  if (family_ == Family::kIpv4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&out);
    in->sin_family = AF_INET;
    in->sin_port = htons(port_);
    std::memcpy(&in->sin_addr, bytes_, 4);
    return sizeof(*in);
  }
  if (family_ == Family::kIpv6) {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&out);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port_);
    std::memcpy(&in6->sin6_addr, bytes_, 16);
    return sizeof(*in6);
  }
  auto* un = reinterpret_cast<sockaddr_un*>(&out);
  un->sun_family = AF_UNIX;
  const std::string_view path = text();
  std::memcpy(un->sun_path, path.data(), path.size());
  const bool abstract = path.starts_with('@');
  if (abstract) un->sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
}

bool Address::operator==(const Address& other) const { return sameIp(other) && port_ == other.port_; }

void Address::format() {
  char* at = text_;
  if (family_ == Family::kIpv6) *at++ = '[';
  char ip[INET6_ADDRSTRLEN];
  if (family_ == Family::kIpv4) {  // by hand: it runs once for each connection
    char* end = ip;
    for (int i = 0; i < 4; ++i) {
      if (i > 0) *end++ = '.';
      end = base::writeDecimal(end, bytes_[i]);
    }
    ip_text_size_ = static_cast<uint8_t>(end - ip);
  } else {
    inet_ntop(AF_INET6, bytes_, ip, sizeof(ip));
    ip_text_size_ = static_cast<uint8_t>(std::strlen(ip));
  }
  std::memcpy(at, ip, ip_text_size_);
  at += ip_text_size_;
  if (family_ == Family::kIpv6) *at++ = ']';
  *at++ = ':';
  at = base::writeDecimal(at, port_);
  text_size_ = static_cast<uint8_t>(at - text_);
}

}  // namespace nuncio::net
