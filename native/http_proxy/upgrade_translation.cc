#include "http_proxy/upgrade_translation.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using http::HeaderMap;

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

void toConnectResponse(HeaderMap& response) {
  if (response.get(HeaderId::kStatus) == "101") response.set(HeaderId::kStatus, "200");
  response.remove(HeaderId::kUpgrade);
  response.remove(HeaderId::kConnection);
  if (response.get(HeaderId::kContentLength) == "0") response.remove(HeaderId::kContentLength);
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
