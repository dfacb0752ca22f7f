// Address: an IPv4, IPv6 or unix socket address as a value, with its text form made once. 16 + text bytes of state;
// copyable, comparable, any thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace nuncio::net {

class Address {
 public:
  enum class Family : uint8_t { kNone, kIpv4, kIpv6, kUnix };
  static constexpr size_t kMaxPath = 107;

  Address() {}
  Address(const Address& other) noexcept { copy(other); }
  Address& operator=(const Address& other) noexcept {
    if (this != &other) copy(other);
    return *this;
  }
  /** From the kernel's form (accept, getsockname). */
  static Address from(const sockaddr* address, socklen_t length);
  /** From text without a port: "127.0.0.1", "::1". False when it is neither. */
  static bool parseIp(std::string_view ip, uint16_t port, Address& out);
  /** A unix path; "@x" is abstract. */
  static Address unixPath(std::string_view path);

  Family family() const { return family_; }
  bool isIp() const { return family_ == Family::kIpv4 || family_ == Family::kIpv6; }
  uint16_t port() const { return port_; }
  void setPort(uint16_t port);
  /** 4 or 16 bytes, network order. */
  const uint8_t* ipBytes() const { return bytes_; }
  size_t ipSize() const { return family_ == Family::kIpv4 ? 4 : 16; }
  /** 127.0.0.1 or ::1; no other address of 127.0.0.0/8, as in Envoy. */
  bool isLoopback() const;
  bool isAnyAddress() const;
  /** Same ip (or same path), whatever the port. */
  bool sameIp(const Address& other) const;
  /** Inside ip/prefix_len? Families must agree. */
  bool within(const Address& network, uint32_t prefix_len) const;

  /** "1.2.3.4:80", "[::1]:80", "/path" or "@abstract": Envoy's asString(). */
  std::string_view text() const { return {text_, text_size_}; }
  /** Without port and brackets: "1.2.3.4", "::1"; a path for unix. */
  std::string_view ipText() const { return {text_ + (family_ == Family::kIpv6 ? 1 : 0), ip_text_size_}; }

  socklen_t toSockaddr(sockaddr_storage& out) const;
  bool operator==(const Address& other) const;

 private:
  void format();
  /** The text is rarely a fifth of what it may be, and every request has some copies. */
  void copy(const Address& other) {
    family_ = other.family_;
    ip_text_size_ = other.ip_text_size_;
    text_size_ = other.text_size_;
    port_ = other.port_;
    std::memcpy(bytes_, other.bytes_, sizeof(bytes_));
    std::memcpy(text_, other.text_, text_size_);
  }

  Family family_ = Family::kNone;
  uint8_t ip_text_size_ = 0;
  uint8_t text_size_ = 0;
  uint16_t port_ = 0;
  uint8_t bytes_[16] = {};
  char text_[kMaxPath + 1];  // as much of it as `text_size_` says
};

}  // namespace nuncio::net
