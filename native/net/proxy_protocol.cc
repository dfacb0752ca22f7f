#include "net/proxy_protocol.h"

#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace nuncio::net {
namespace {

constexpr std::string_view kV1Begin = "PROXY ";
constexpr std::string_view kV2Signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr uint8_t kVersion2 = 0x20;
constexpr uint8_t kLocal = 0, kProxy = 1;
constexpr uint8_t kInet = 1, kInet6 = 2;
constexpr uint8_t kStream = 1, kDatagram = 2;
constexpr size_t kInetSize = 12, kInet6Size = 36;
constexpr size_t kTlvHead = 3;

uint16_t number16(const char* at) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(at);
  return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]);
}

bool isPrefix(std::string_view bytes, std::string_view whole) {
  const size_t size = bytes.size() < whole.size() ? bytes.size() : whole.size();
  return bytes.substr(0, size) == whole.substr(0, size);
}

/** Envoy takes no address that cannot be one end of a connection. */
bool isUnicast(const Address& address) {
  const uint8_t* ip = address.ipBytes();
  if (address.isAnyAddress()) return false;
  if (address.family() == Address::Family::kIpv6) return ip[0] != 0xff;
  const bool broadcast = ip[0] == 255 && ip[1] == 255 && ip[2] == 255 && ip[3] == 255;
  return !broadcast && (ip[0] & 0xf0) != 0xe0;
}

Address addressOf(const char* ip, size_t ip_size, uint16_t port) {
  if (ip_size == 4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip, 4);
    return Address::from(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, ip, 16);
  return Address::from(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

// ---------------------------------------------------------------- version 1

bool parsePort(std::string_view text, uint16_t& out) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  unsigned value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || value > 65535) return false;
  out = static_cast<uint16_t>(value);
  return true;
}

/** The line without its CRLF. */
bool parseV1Line(std::string_view line, ProxyHeader& out) {
  constexpr size_t kFields = 6;
  constexpr std::string_view kUnknown = "PROXY UNKNOWN";
  out.version = 1;
  if (line.starts_with(kUnknown)) {
    out.local = true;
    return line.size() == kUnknown.size() || line[kUnknown.size()] == ' ';
  }
  std::string_view fields[kFields];
  for (size_t i = 0; i < kFields; ++i) {
    const size_t end = i + 1 < kFields ? line.find(' ') : line.size();
    if (end == std::string_view::npos) return false;
    fields[i] = line.substr(0, end);
    line.remove_prefix(i + 1 < kFields ? end + 1 : end);
  }
  const Address::Family family = fields[1] == "TCP4"   ? Address::Family::kIpv4
                                 : fields[1] == "TCP6" ? Address::Family::kIpv6
                                                       : Address::Family::kNone;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  if (family == Address::Family::kNone || !parsePort(fields[4], source_port) || !parsePort(fields[5], destination_port)) {
    return false;
  }
  if (!Address::parseIp(fields[2], source_port, out.source) || !Address::parseIp(fields[3], destination_port, out.destination)) {
    return false;
  }
  return out.source.family() == family && out.destination.family() == family && isUnicast(out.source) &&
         isUnicast(out.destination);
}

ProxyParseResult parseV1(std::string_view bytes, ProxyHeader& out) {
  const std::string_view seen = bytes.substr(0, kMaxProxyV1);
  const size_t end = seen.find("\r\n");
  if (end == std::string_view::npos) {
    return {seen.size() < kMaxProxyV1 ? ProxyParse::kNeedMore : ProxyParse::kInvalid, 1, kMaxProxyV1};
  }
  return {parseV1Line(seen.substr(0, end), out) ? ProxyParse::kDone : ProxyParse::kInvalid, 1, end + 2};
}

// ---------------------------------------------------------------- version 2

bool parseTlvs(std::string_view bytes, base::Arena& arena, ProxyHeader& out) {
  size_t count = 0;
  for (std::string_view rest = bytes; !rest.empty(); ++count) {
    if (rest.size() < kTlvHead) return false;
    const size_t size = kTlvHead + number16(rest.data() + 1);
    if (rest.size() < size) return false;
    rest.remove_prefix(size);
  }
  auto* tlvs = arena.array<ProxyTlv>(count == 0 ? 1 : count);
  for (size_t i = 0; i < count; ++i) {
    const size_t size = number16(bytes.data() + 1);
    tlvs[i] = {static_cast<uint8_t>(bytes[0]), bytes.substr(kTlvHead, size)};
    bytes.remove_prefix(kTlvHead + size);
  }
  out.tlvs = {tlvs, count};
  return true;
}

ProxyParseResult parseV2(std::string_view bytes, base::Arena& arena, ProxyHeader& out) {
  constexpr ProxyParseResult kWrong{ProxyParse::kInvalid, 2, 0};
  if (bytes.size() < kProxyV2Prefix) return {ProxyParse::kNeedMore, 2, kProxyV2Prefix};
  const auto version_command = static_cast<uint8_t>(bytes[12]);
  const uint8_t command = version_command & 15;
  if ((version_command & 0xf0) != kVersion2 || command > kProxy) return kWrong;
  const size_t size = kProxyV2Prefix + number16(bytes.data() + 14);
  out.version = 2;
  out.local = command == kLocal;
  const uint8_t family = static_cast<uint8_t>(bytes[13]) >> 4;
  const uint8_t transport = static_cast<uint8_t>(bytes[13]) & 15;
  const size_t address_size = family == kInet ? kInetSize : kInet6Size;
  if (!out.local) {
    if ((family != kInet && family != kInet6) || (transport != kStream && transport != kDatagram)) return kWrong;
    if (size < kProxyV2Prefix + address_size) return kWrong;
  }
  if (bytes.size() < size) return {ProxyParse::kNeedMore, 2, size};
  if (out.local) return {ProxyParse::kDone, 2, size};
  const char* at = bytes.data() + kProxyV2Prefix;
  const size_t ip = family == kInet ? 4 : 16;
  out.source = addressOf(at, ip, number16(at + 2 * ip));
  out.destination = addressOf(at + ip, ip, number16(at + 2 * ip + 2));
  if (!isUnicast(out.source) || !isUnicast(out.destination)) return kWrong;
  const size_t head = kProxyV2Prefix + address_size;
  if (!parseTlvs(bytes.substr(head, size - head), arena, out)) return kWrong;
  return {ProxyParse::kDone, 2, size};
}

}  // namespace

bool maybeProxyV1(std::string_view bytes) { return isPrefix(bytes, kV1Begin); }
bool maybeProxyV2(std::string_view bytes) { return isPrefix(bytes, kV2Signature); }

ProxyParseResult parseProxyHeader(std::string_view bytes, base::Arena& arena, ProxyHeader& out) {
  out = {};
  if (bytes.size() >= kV2Signature.size() && maybeProxyV2(bytes)) return parseV2(bytes, arena, out);
  // "PROXY" alone is enough: what follows may be wrong, but it is no other protocol.
  constexpr std::string_view kWord = "PROXY";
  if (bytes.size() >= kWord.size() && isPrefix(bytes, kWord)) {
    const bool known = bytes.size() > kWord.size();
    if (known && bytes[kWord.size()] != ' ' && bytes[kWord.size()] != '\r') return {ProxyParse::kNotProxy, 0, 0};
    return parseV1(bytes, out);
  }
  if (maybeProxyV1(bytes) || maybeProxyV2(bytes)) return {ProxyParse::kNeedMore, 0, kProxyV2Prefix};
  return {ProxyParse::kNotProxy, 0, 0};
}

// ---------------------------------------------------------------- writing

std::string_view writeProxyV1(const Address& source, const Address& destination, base::Arena& arena) {
  if (!source.isIp() || source.family() != destination.family()) return "PROXY UNKNOWN\r\n";
  char ports[16];
  char* at = std::to_chars(ports, ports + 5, source.port()).ptr;
  *at++ = ' ';
  at = std::to_chars(at, at + 5, destination.port()).ptr;
  const std::string_view family = source.family() == Address::Family::kIpv4 ? "PROXY TCP4 " : "PROXY TCP6 ";
  return arena.concat(family, source.ipText(), " ", destination.ipText(), " ",
                      std::string_view(ports, static_cast<size_t>(at - ports)), "\r\n");
}

std::string_view writeProxyV2(const Address& source, const Address& destination, std::span<const ProxyTlv> tlvs,
                              base::Arena& arena, size_t& dropped) {
  constexpr size_t kMaxBody = 65535;
  const bool known = source.isIp() && source.family() == destination.family();
  const size_t ip = known ? source.ipSize() : 0;
  const size_t addresses = known ? 2 * ip + 4 : 0;
  size_t body = addresses;
  size_t kept = 0;
  while (kept < tlvs.size() && body + kTlvHead + tlvs[kept].value.size() <= kMaxBody) {
    body += kTlvHead + tlvs[kept++].value.size();
  }
  dropped = tlvs.size() - kept;
  char* const out = arena.array<char>(kProxyV2Prefix + body);
  char* at = out;
  const auto put = [&at](const void* from, size_t size) {
    if (size != 0) std::memcpy(at, from, size);
    at += size;
  };
  const auto put16 = [&at](size_t value) {
    *at++ = static_cast<char>(value >> 8);
    *at++ = static_cast<char>(value & 0xff);
  };
  put(kV2Signature.data(), kV2Signature.size());
  *at++ = static_cast<char>(kVersion2 | (known ? kProxy : kLocal));
  *at++ = static_cast<char>(known ? (ip == 4 ? kInet : kInet6) << 4 | kStream : 0);
  put16(body);
  if (known) {
    put(source.ipBytes(), ip);
    put(destination.ipBytes(), ip);
    put16(source.port());
    put16(destination.port());
  }
  for (const ProxyTlv& tlv : tlvs.first(kept)) {
    *at++ = static_cast<char>(tlv.type);
    put16(tlv.value.size());
    put(tlv.value.data(), tlv.value.size());
  }
  return {out, static_cast<size_t>(at - out)};
}

}  // namespace nuncio::net
