// NetworkFilterChain: read filters and the terminal filter behind them, as one network filter. Made only for chains that
// have read filters. The terminal filter comes into being when all before it let the connection through.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tcp/network_filter.h"
#include "tcp/read_filter.h"
#include "tcp/write_path.h"

namespace nuncio::tcp {

/** The filters of one chain, in order; the last is the terminal one. */
struct ChainFactories {
  std::vector<ReadFilterFactoryPtr> readers;
  NetworkFilterFactoryPtr terminal;
};

NetworkFilterFactoryPtr makeChainFactory(ChainFactories factories);

class ChainRuntime final : public NetworkFilterRuntime {
 public:
  ChainRuntime(std::span<const ReadFilterFactory* const> readers, const NetworkFilterFactory& terminal, WorkerContext& worker,
               const ListenerFacts& listener);
  std::unique_ptr<NetworkFilter> create(const Downstream& downstream) override;
  void retire() override { terminal_->retire(); }

  const std::vector<std::unique_ptr<ReadFilterRuntime>>& readers() const { return readers_; }
  NetworkFilterRuntime& terminal() { return *terminal_; }
  size_t bufferLimit() const { return buffer_limit_; }
  bool takesData() const { return takes_data_; }

 private:
  std::vector<std::unique_ptr<ReadFilterRuntime>> readers_;
  std::unique_ptr<NetworkFilterRuntime> terminal_;
  const size_t buffer_limit_;
  bool takes_data_ = false;
};

class NetworkFilterChain final : public NetworkFilter {
 public:
  NetworkFilterChain(ChainRuntime& runtime, const Downstream& downstream);
  ~NetworkFilterChain() override;

  const Downstream& downstream() const { return downstream_; }
  size_t bufferLimit() const { return runtime_.bufferLimit(); }
  void continueReading(size_t index);
  void inject(size_t index, std::string_view bytes, bool end);
  /** For the filters below `index`, the last of them first, and then the client. */
  void passWrite(size_t index, std::string_view bytes, bool end);
  void injectWrite(size_t index, std::string_view bytes, bool end);
  void stallWrites(bool stall) {
    if (write_path_ != nullptr) write_path_->stall(stall);
  }
  size_t filterCount() const { return slots_.size(); }

  // ---- NetworkFilter
  void onNewConnection() override { pass(0, {}, false); }
  size_t onInput(std::string_view bytes) override;
  void onEndOfInput() override { pass(0, {}, true); }
  void onAboveHighWatermark() override;
  void onBelowLowWatermark() override;
  void onWritten() override;
  void onClosed(net::CloseCause cause) override;
  void onDrain() override;
  void describe(http::StreamInfo& info, std::string& text) const override;

 private:
  struct Slot {
    explicit Slot(const ReadFilterHost& host_of) : host(host_of) {}
    ReadFilterHost host;
    std::unique_ptr<ReadFilter> filter;
    std::string held;
    bool begun = false;
    bool end_held = false;
  };

  void pass(size_t index, std::string_view bytes, bool end);
  void hold(Slot& slot, std::string_view bytes, bool end);
  std::string release(Slot& slot);
  void deliver(std::string_view bytes, bool end);
  void checkHeld();
  bool closed() const { return downstream_.connection.closed(); }

  ChainRuntime& runtime_;
  const Downstream downstream_;
  std::vector<Slot> slots_;
  std::unique_ptr<WritePath> write_path_;  // null: no filter wants to see what is written
  std::unique_ptr<NetworkFilter> terminal_;
  size_t held_ = 0;          // bytes in all slots
  size_t passed_ = 0;        // bytes at the front of what the connection keeps that are the terminal filter's already
  bool end_passed_ = false;  // and after them the end
  bool paused_ = false;      // too much is held: nothing more is read
  bool direct_ = false;      // inside onInput: the terminal filter may take straight from the read buffer
  size_t taken_ = 0;
};

}  // namespace nuncio::tcp
