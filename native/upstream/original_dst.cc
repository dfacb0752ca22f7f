#include "upstream/original_dst.h"

#include <memory>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "http/connection_facts.h"
#include "http/path.h"

namespace nuncio::upstream {
namespace {

/** "1.2.3.4:80" or "[::1]:80". */
std::optional<net::Address> parseDestination(std::string_view text) {
  const size_t colon = http::portStart(text);
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = base::parseDecimal<uint16_t>(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  net::Address address;
  if (!port || !net::Address::parseIp(host, *port, address)) return std::nullopt;
  return address;
}

const http::MetadataValue* metadataAt(const http::DynamicMetadata* metadata, const std::vector<std::string>& path) {
  const http::MetadataValue* found = metadata == nullptr ? nullptr : metadata->find(path);
  return found != nullptr && found->kind == http::MetadataValue::Kind::kString ? found : nullptr;
}

std::optional<net::Address> wantedDestination(const plan::OriginalDst& config, const DestinationFacts& facts, bool& broken) {
  const http::ConnectionFacts* of_connection = facts.connection == nullptr ? nullptr : facts.connection->facts.get();
  if (!config.metadata_path.empty()) {
    const http::MetadataValue* found = metadataAt(facts.metadata, config.metadata_path);
    if (found == nullptr && of_connection != nullptr) found = metadataAt(&of_connection->metadata, config.metadata_path);
    if (found != nullptr) {
      const auto address = parseDestination(found->text);
      if (address) return address;
      broken = true;
    }
  }
  if (!config.header.empty() && facts.headers != nullptr) {
    const std::string_view text = facts.headers->get(std::string_view(config.header));
    if (!text.empty()) {
      const auto address = parseDestination(text);
      if (address) return address;
      broken = true;
    }
  }
  if (of_connection == nullptr || !of_connection->local_restored) return std::nullopt;
  return facts.connection->local;
}

}  // namespace

std::optional<net::Address> findDestination(const plan::OriginalDst& config, const DestinationFacts& facts, bool& broken) {
  const auto wanted = wantedDestination(config, facts, broken);
  if (!wanted || config.port == 0 || !wanted->isIp()) return wanted;
  net::Address moved;
  net::Address::parseIp(wanted->ipText(), static_cast<uint16_t>(config.port), moved);
  return moved;
}

OriginalDstHosts::OriginalDstHosts(WorkerServices& services, const plan::OriginalDst& config, size_t workers)
    : services_(services), config_(config), workers_(workers) {}

HostRuntime* OriginalDstHosts::choose(const net::Address* destination) {
  if (destination == nullptr || !destination->isIp()) return nullptr;
  std::string key(destination->text());
  const auto found = hosts_.find(key);
  if (found != hosts_.end()) {
    found->second.wanted = true;
    return found->second.host.get();
  }
  if (hosts_.size() >= kMostHosts) return nullptr;
  Member member{};
  member.host = std::make_shared<Host>(*destination, std::string(), workers_);
  member.weight = 1;
  if (hosts_.empty()) cleanup_timer_.arm(services_.loop.timers(), config_.cleanup_interval_ms);
  auto host = base::makeLocal<HostRuntime>(member, services_.index);
  return hosts_.emplace(std::move(key), Entry{std::move(host), true}).first->second.host.get();
}

void OriginalDstHosts::onCleanup() {
  for (auto at = hosts_.begin(); at != hosts_.end();) {
    if (std::exchange(at->second.wanted, false)) {
      ++at;
    } else {
      at->second.host->drain();
      at = hosts_.erase(at);
    }
  }
  if (!hosts_.empty()) cleanup_timer_.arm(services_.loop.timers(), config_.cleanup_interval_ms);
}

void OriginalDstHosts::drain() {
  for (auto& [key, entry] : hosts_) entry.host->drain();
}

}  // namespace nuncio::upstream
