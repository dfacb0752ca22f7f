// Address: an IPv4, IPv6, unix socket or internal listener's address as a value, with its text form made once. 72 bytes, since
// connections and streams have some of them: the text of an ip fits, copies of other texts share it. Copyable, comparable, any thread.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace nuncio::net {

class Address {
 public:
  enum class Family : uint8_t { kNone, kIpv4, kIpv6, kUnix, kInternal };
  static constexpr size_t kMaxPath = 107;

  Address() {}
  Address(const Address& other) noexcept { copy(other); }
  Address& operator=(const Address& other) noexcept {
    if (this == &other) return *this;
    if (sharesText()) [[unlikely]] dropPath();
    copy(other);
    return *this;
  }
  ~Address() {
    if (sharesText()) [[unlikely]] dropPath();
  }
  /** From the kernel's form (accept, getsockname). */
  static Address from(const sockaddr* address, socklen_t length);
  /** From text without a port: "127.0.0.1", "::1". False when it is neither. */
  static bool parseIp(std::string_view ip, uint16_t port, Address& out);
  /** A unix path; "@x" is abstract. */
  static Address unixPath(std::string_view path);
  /** Of an internal listener; `endpoint` tells apart those who connect to it. Its text has at most kMaxPath bytes. */
  static Address internal(std::string_view listener, std::string_view endpoint);

  Family family() const { return family_; }
  bool isIp() const { return family_ == Family::kIpv4 || family_ == Family::kIpv6; }
  uint16_t port() const { return port_; }
  void setPort(uint16_t port);
  /** Of an internal address: its listener's name, and what follows that. */
  std::string_view listenerName() const;
  std::string_view endpointId() const;
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

  /** "1.2.3.4:80", "[::1]:80", "/path", "@abstract" or "envoy://listener/endpoint": Envoy's asString(). */
  std::string_view text() const { return {characters(), text_size_}; }
  /** Without port and brackets: "1.2.3.4", "::1"; a path for unix; the whole text of an internal one. */
  std::string_view ipText() const { return {characters() + (family_ == Family::kIpv6 ? 1 : 0), ip_text_size_}; }

  socklen_t toSockaddr(sockaddr_storage& out) const;
  bool operator==(const Address& other) const;

 private:
  static constexpr size_t kMaxIpText = 48;  // "[", 39, "]:", 5
  /** The text of a unix or an internal address; shared by its copies. */
  struct Path {
    std::atomic<uint32_t> references{1};
    char text[kMaxPath];
  };

  void format();
  /** Into one that has no path. The text of an ip is rarely half of what it may be, and every request has some copies. */
  void copy(const Address& other) {
    family_ = other.family_;
    ip_text_size_ = other.ip_text_size_;
    text_size_ = other.text_size_;
    port_ = other.port_;
    std::memcpy(bytes_, other.bytes_, sizeof(bytes_));
    if (sharesText()) [[unlikely]] {
      path_ = other.path_;
      path_->references.fetch_add(1, std::memory_order_relaxed);
    } else {
      std::memcpy(text_, other.text_, text_size_);
    }
  }
  void dropPath();
  bool sharesText() const { return family_ >= Family::kUnix; }
  const char* characters() const { return sharesText() ? path_->text : text_; }

  Family family_ = Family::kNone;
  uint8_t ip_text_size_ = 0;
  uint8_t text_size_ = 0;
  uint16_t port_ = 0;
  uint8_t bytes_[16] = {};
  union {
    char text_[kMaxIpText];  // as much of it as `text_size_` says
    Path* path_ = nullptr;   // of a unix or an internal address
  };
};

}  // namespace nuncio::net
