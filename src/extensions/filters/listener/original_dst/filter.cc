// envoy.filters.listener.original_dst: where a connection was going before a rule of the kernel (REDIRECT) sent it here.
// The kernel knows; a connection that nothing redirected keeps its address.
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

#include "base/ascii.h"
#include "generated/plan.h"
#include "http_proxy/listener_filter_entry.h"
#include "http_proxy/worker_context.h"

namespace nuncio::ext::listener {
namespace original_destination {
namespace {

using tcp::AcceptedConnection;
using tcp::ListenerVerdict;

constexpr int kOriginalDst = 80;  // SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST; their headers do not go with netinet/in.h

/** With TPROXY the socket's own address is the one that was meant. */
bool isTransparent(int fd) {
  int set = 0;
  socklen_t size = sizeof(set);
  return getsockopt(fd, SOL_IP, IP_TRANSPARENT, &set, &size) == 0 && set != 0;
}

class Filter final : public tcp::ListenerFilter {
 public:
  ListenerVerdict onAccept(AcceptedConnection& connection) override {
    http::ConnectionInfo& info = connection.info();
    if (info.local.family() == net::Address::Family::kInternal) {
      takeFromMetadata(connection);
      return ListenerVerdict::kContinue;
    }
    if (!info.local.isIp()) return ListenerVerdict::kContinue;
    const bool v4 = info.local.family() == net::Address::Family::kIpv4;
    sockaddr_storage storage;
    socklen_t size = sizeof(storage);
    const int found = v4 ? getsockopt(connection.fd(), SOL_IP, kOriginalDst, &storage, &size)
                         : getsockopt(connection.fd(), SOL_IPV6, kOriginalDst, &storage, &size);
    if (found == 0) {
      info.local = net::Address::from(reinterpret_cast<sockaddr*>(&storage), size);
    } else if (!isTransparent(connection.fd())) {
      return ListenerVerdict::kContinue;
    }
    connection.facts().local_restored = true;
    return ListenerVerdict::kContinue;
  }

 private:
  /** To an internal listener the address comes along as metadata: "local" of the filter's own namespace, "ip:port". */
  static void takeFromMetadata(AcceptedConnection& connection) {
    const http::MetadataValue* own = connection.facts().metadata.find("envoy.filters.listener.original_dst");
    const http::MetadataValue* local = own == nullptr ? nullptr : own->find("local");
    if (local == nullptr || local->kind != http::MetadataValue::Kind::kString) return;
    const size_t colon = local->text.rfind(':');
    if (colon == std::string_view::npos) return;
    std::string_view ip = local->text.substr(0, colon);
    if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
    const auto port = base::parseDecimal<uint16_t>(local->text.substr(colon + 1));
    if (port && net::Address::parseIp(ip, *port, connection.info().local)) connection.facts().local_restored = true;
  }
};

class Runtime final : public tcp::ListenerFilterRuntime {
 public:
  std::unique_ptr<tcp::ListenerFilter> create() override { return std::make_unique<Filter>(); }
};

class Factory final : public tcp::ListenerFilterFactory {
 public:
  std::unique_ptr<tcp::ListenerFilterRuntime> makeRuntime(WorkerContext&) const override { return std::make_unique<Runtime>(); }
};

base::Result<tcp::ListenerFilterFactoryPtr, std::string> make(std::span<const uint8_t>, http_proxy::DecodeContext&) {
  return tcp::ListenerFilterFactoryPtr(std::make_unique<Factory>());
}

}  // namespace
}  // namespace original_destination

extern const tcp::ListenerFilterEntry original_dst;
const tcp::ListenerFilterEntry original_dst = {"envoy.filters.listener.original_dst", &original_destination::make};

}  // namespace nuncio::ext::listener
