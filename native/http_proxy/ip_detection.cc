#include "http_proxy/ip_detection.h"

#include <algorithm>

#include "base/ascii.h"
#include "generated/plan.h"

namespace nuncio::http_proxy {

using http::HeaderId;

DetectedClient clientFromXff(http::HeaderMap& headers, uint32_t back) {
  constexpr uint32_t kMost = 20;  // Envoy looks no further
  const std::string_view xff = headers.get(HeaderId::kXForwardedFor);
  if (xff.data() == nullptr || back >= kMost) return {};
  std::string_view rest = xff;
  for (uint32_t i = 0; i < back; ++i) {
    const size_t comma = rest.rfind(',');
    if (comma == std::string_view::npos) return {};
    rest = rest.substr(0, comma);
  }
  const size_t comma = rest.rfind(',');
  const std::string_view last = base::trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
  net::Address address;
  if (!net::Address::parseIp(last, 0, address)) return {};
  return {.address = headers.arena().make<net::Address>(address), .single = xff.find(',') == std::string_view::npos};
}

base::Result<IpDetections, std::string> IpDetections::make(const std::vector<plan::IpDetection>& plans) {
  IpDetections result;
  for (const plan::IpDetection& plan : plans) {
    Detection& one = result.list_.emplace_back(
        Detection{plan.header, plan.trusted, plan.append, static_cast<uint16_t>(plan.reject_status), plan.xff_hops, {}});
    for (const plan::CidrRange& range : plan.trusted_cidrs) {
      auto& [network, length] = one.networks.emplace_back(net::Address(), range.prefix_len);
      if (!net::Address::parseIp(range.ip, 0, network)) return "'" + range.ip + "' is not an IP address";
    }
  }
  return result;
}

bool IpDetections::Detection::trusts(const net::Address& address) const {
  return std::any_of(networks.begin(), networks.end(), [&](const auto& network) { return address.within(network.first, network.second); });
}

/** The last address that is no trusted proxy's; the first of all when every one is. */
DetectedClient IpDetections::Detection::throughNetworks(http::HeaderMap& headers, const net::Address& peer) const {
  const std::string_view xff = headers.get(HeaderId::kXForwardedFor);
  if (xff.data() == nullptr || !trusts(peer)) return {};
  DetectedClient client{.address = nullptr, .single = xff.find(',') == std::string_view::npos};
  for (std::string_view rest = xff;;) {
    const size_t comma = rest.rfind(',');
    net::Address address;
    if (!net::Address::parseIp(base::trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1)), 0, address)) return {};
    if (comma == std::string_view::npos || !trusts(address)) {
      client.address = headers.arena().make<net::Address>(address);
      return client;
    }
    rest = rest.substr(0, comma);
  }
}

DetectedClient IpDetections::Detection::detect(http::HeaderMap& headers, const net::Address& peer) const {
  if (header.empty()) {
    DetectedClient client = networks.empty() ? clientFromXff(headers, hops) : throughNetworks(headers, peer);
    client.append = append;
    return client;
  }
  net::Address address;
  const std::string_view value = headers.get(header);
  if (value.empty() || !net::Address::parseIp(value, 0, address)) return {.address = nullptr, .reject_status = reject_status};
  return {.address = headers.arena().make<net::Address>(address), .single = trusted};
}

DetectedClient IpDetections::detect(http::HeaderMap& headers, const net::Address& peer) const {
  DetectedClient client;
  for (const Detection& detection : list_) {
    client = detection.detect(headers, peer);
    if (client.address != nullptr || client.reject_status != 0) return client;
  }
  return client;
}

}  // namespace nuncio::http_proxy
