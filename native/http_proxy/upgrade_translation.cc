#include "http_proxy/upgrade_translation.h"

#include "base/ascii.h"
#include "http_proxy/request_preparation.h"
#include "net/address.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::HeaderMap;

namespace {

constexpr std::string_view kUdpPath = "/.well-known/masque/udp/";

int hexDigit(char c) {
  if (base::isDigit(c)) return c - '0';
  const char lower = base::toLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/** In the arena; what is no code stays as it is. */
std::string_view percentDecoded(base::Arena& arena, std::string_view text) {
  char* const begin = arena.array<char>(text.size());
  char* out = begin;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() && hexDigit(text[i + 1]) >= 0 && hexDigit(text[i + 2]) >= 0;
    *out++ = coded ? static_cast<char>(hexDigit(text[i + 1]) << 4 | hexDigit(text[i + 2])) : text[i];
    if (coded) i += 2;
  }
  return {begin, static_cast<size_t>(out - begin)};
}

}  // namespace

bool isExtendedConnect(const HeaderMap& request) {
  return request.has(HeaderId::kProtocol) && request.get(HeaderId::kMethod) == "CONNECT";
}

void toUpgradeRequest(HeaderMap& request) {
  const std::string_view protocol = request.get(HeaderId::kProtocol);
  request.set(HeaderId::kMethod, "GET");
  request.set(HeaderId::kUpgrade, protocol);
  request.set(HeaderId::kConnection, "upgrade");
  request.remove(HeaderId::kProtocol);
}

bool asksForUdp(const HeaderMap& request) {
  return request.has(HeaderId::kUpgrade) && base::equalsIgnoreCase(request.get(HeaderId::kUpgrade), "connect-udp") &&
         isUpgradeRequest(request);
}

bool nameUdpTarget(HeaderMap& request) {
  std::string_view rest = request.get(HeaderId::kPath);
  if (!rest.starts_with(kUdpPath)) return false;
  rest.remove_prefix(kUdpPath.size());
  const size_t slash = rest.find('/');
  if (slash == 0 || slash == std::string_view::npos) return false;
  const std::string_view port = rest.substr(slash + 1);
  if (port.size() < 2 || port.find('/') != port.size() - 1) return false;
  base::Arena& arena = request.arena();
  const std::string_view host = percentDecoded(arena, rest.substr(0, slash));
  if (host.find('%') != std::string_view::npos) return false;  // a zone
  net::Address address;
  const bool ipv6 = host.find(':') != std::string_view::npos && net::Address::parseIp(host, 0, address);
  const std::string_view number = port.substr(0, port.size() - 1);
  request.set(HeaderId::kAuthority, ipv6 ? arena.concat("[", host, "]:", number) : arena.concat(host, ":", number));
  return true;
}

void toConnectResponse(HeaderMap& response) {
  const bool upgraded = response.has(HeaderId::kUpgrade);
  if (response.get(HeaderId::kStatus) == "101") response.set(HeaderId::kStatus, "200");
  response.remove(HeaderId::kUpgrade);
  response.remove(HeaderId::kConnection);
  if (upgraded && response.get(HeaderId::kContentLength) == "0") response.remove(HeaderId::kContentLength);
}

HeaderMap& connectRequest(const HeaderMap& request, base::Arena& arena) {
  HeaderMap& connect = *arena.make<HeaderMap>(arena);
  const bool upgrade = request.has(HeaderId::kUpgrade);
  connect.add(HeaderId::kMethod, "CONNECT");
  if (upgrade) connect.add(HeaderId::kProtocol, request.get(HeaderId::kUpgrade));
  for (const http::Header& header : request.entries()) {
    switch (header.id) {
      case HeaderId::kMethod:
      case HeaderId::kUpgrade:
      case HeaderId::kConnection:
      case HeaderId::kContentLength: break;  // a tunnel has no length
      case HeaderId::kScheme:
      case HeaderId::kPath:
        if (upgrade) connect.add(header);
        break;
      default: connect.add(header);
    }
  }
  return connect;
}

void toUpgradeResponse(HeaderMap& response, std::string_view protocol) {
  if (response.get(HeaderId::kStatus) != "200") return;
  response.set(HeaderId::kUpgrade, protocol);
  response.set(HeaderId::kConnection, "upgrade");
  response.set(HeaderId::kStatus, "101");
}

}  // namespace nuncio::http_proxy
