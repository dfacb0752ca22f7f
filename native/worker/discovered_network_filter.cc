#include "worker/discovered_network_filter.h"

#include <utility>

#include "base/local_ref.h"
#include "http_proxy/extension_config.h"
#include "http_proxy/worker_context.h"
#include "tcp/network_filter_chain.h"

namespace nuncio {
namespace {

using http_proxy::ExtensionConfigPart;
using tcp::NetworkFilter;

using Configs = std::vector<snapshot::PartPtr>;  // by place; null where the place has no slot

/** The chain as one set of configurations makes it. */
struct ChainVersion : base::LocalCounted {
  Configs configs;
  std::unique_ptr<tcp::NetworkFilterRuntime> chain;
};
using ChainVersionRef = base::LocalRef<ChainVersion>;

/** One connection's chain, which keeps its version. */
class DiscoveredConnection final : public NetworkFilter {
 public:
  DiscoveredConnection(ChainVersionRef version, const tcp::Downstream& downstream)
      : version_(std::move(version)), filter_(version_->chain->create(downstream)) {}

  void onNewConnection() override { filter_->onNewConnection(); }
  size_t onInput(std::string_view bytes) override { return filter_->onInput(bytes); }
  void onEndOfInput() override { filter_->onEndOfInput(); }
  void onAboveHighWatermark() override { filter_->onAboveHighWatermark(); }
  void onBelowLowWatermark() override { filter_->onBelowLowWatermark(); }
  void onWritten() override { filter_->onWritten(); }
  void onClosed(net::CloseCause cause) override { filter_->onClosed(cause); }
  void onDrain() override { filter_->onDrain(); }
  void describe(http::StreamInfo& info, std::string& text) const override { filter_->describe(info, text); }

 private:
  const ChainVersionRef version_;
  const std::unique_ptr<NetworkFilter> filter_;
};

class DiscoveredChainRuntime final : public tcp::NetworkFilterRuntime {
 public:
  DiscoveredChainRuntime(const std::vector<DiscoveredPlace>& places, WorkerContext& worker, const tcp::ListenerFacts& listener)
      : places_(places), worker_(worker), listener_(listener) {}

  bool complete() override {
    Configs configs;
    for (const DiscoveredPlace& place : places_) {
      configs.push_back(place.slot ? worker_.current->at(snapshot::Kind::kExtensionConfig, *place.slot) : nullptr);
      if (place.slot && configs.back() == nullptr) return false;
    }
    if (version_ && version_->configs == configs) return true;
    auto chain = makeChain(configs);
    if (chain == nullptr) return false;
    version_ = base::makeLocal<ChainVersion>();
    version_->configs = std::move(configs);
    version_->chain = std::move(chain);
    return true;
  }

  /** After complete() said so: of what there was then. */
  std::unique_ptr<NetworkFilter> create(const tcp::Downstream& downstream) override {
    return std::make_unique<DiscoveredConnection>(version_, downstream);
  }

  void retire() override {
    if (version_) version_->chain->retire();
  }

 private:
  /** Null: a configuration is none for its place. */
  std::unique_ptr<tcp::NetworkFilterRuntime> makeChain(const Configs& configs) const {
    std::vector<const tcp::ReadFilterFactory*> readers;
    const tcp::NetworkFilterFactory* terminal = nullptr;
    for (size_t i = 0; i < places_.size(); ++i) {
      const auto* config = static_cast<const ExtensionConfigPart*>(configs[i].get());
      if (i + 1 == places_.size()) {
        terminal = config == nullptr ? places_[i].terminal.get() : config->terminal.get();
      } else {
        readers.push_back(config == nullptr ? places_[i].reader.get() : config->reader.get());
        if (readers.back() == nullptr) return nullptr;
      }
    }
    if (terminal == nullptr) return nullptr;
    if (readers.empty()) return terminal->makeRuntime(worker_, listener_);
    return std::make_unique<tcp::ChainRuntime>(readers, *terminal, worker_, listener_);
  }

  const std::vector<DiscoveredPlace>& places_;
  WorkerContext& worker_;
  const tcp::ListenerFacts listener_;
  ChainVersionRef version_;
};

class DiscoveredChain final : public tcp::NetworkFilterFactory {
 public:
  explicit DiscoveredChain(std::vector<DiscoveredPlace> places) : places_(std::move(places)) {}
  std::unique_ptr<tcp::NetworkFilterRuntime> makeRuntime(WorkerContext& worker, const tcp::ListenerFacts& listener) const override {
    return std::make_unique<DiscoveredChainRuntime>(places_, worker, listener);
  }

 private:
  const std::vector<DiscoveredPlace> places_;
};

}  // namespace

tcp::NetworkFilterFactoryPtr makeDiscoveredChain(std::vector<DiscoveredPlace> places) {
  return std::make_unique<DiscoveredChain>(std::move(places));
}

}  // namespace nuncio
