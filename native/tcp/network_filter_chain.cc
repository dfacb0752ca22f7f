#include "tcp/network_filter_chain.h"

#include <algorithm>
#include <utility>

namespace nuncio::tcp {
namespace {

class ChainFactory final : public NetworkFilterFactory {
 public:
  explicit ChainFactory(ChainFactories factories) : factories_(std::move(factories)) {}
  std::unique_ptr<NetworkFilterRuntime> makeRuntime(WorkerContext& worker, const ListenerFacts& listener) const override {
    std::vector<const ReadFilterFactory*> readers;
    for (const ReadFilterFactoryPtr& reader : factories_.readers) readers.push_back(reader.get());
    return std::make_unique<ChainRuntime>(readers, *factories_.terminal, worker, listener);
  }
  bool eager() const override { return true; }

 private:
  const ChainFactories factories_;
};

}  // namespace

NetworkFilterFactoryPtr makeChainFactory(ChainFactories factories) {
  return std::make_unique<ChainFactory>(std::move(factories));
}

const Downstream& ReadFilterHost::downstream() const { return chain_->downstream(); }
void ReadFilterHost::continueReading() const { chain_->continueReading(index_); }

void ReadFilterHost::inject(std::string_view bytes, bool end) const { chain_->inject(index_, bytes, end); }
void ReadFilterHost::injectWrite(std::string_view bytes, bool end) const { chain_->injectWrite(index_, bytes, end); }
void ReadFilterHost::stallWrites(bool stall) const { chain_->stallWrites(stall); }
size_t ReadFilterHost::bufferLimit() const { return chain_->bufferLimit(); }

void ReadFilterHost::closeAfterFlush(std::string_view reason) const {
  const Downstream& connection = downstream();
  connection.info.makeEnd().local_close_reason = reason;
  connection.connection.closeAfterFlush();
}

void ReadFilterHost::close(std::string_view reason) const {
  const Downstream& connection = downstream();
  connection.info.makeEnd().local_close_reason = reason;
  connection.connection.abort(false);
}

ChainRuntime::ChainRuntime(std::span<const ReadFilterFactory* const> readers, const NetworkFilterFactory& terminal,
                           WorkerContext& worker, const ListenerFacts& listener)
    : terminal_(terminal.makeRuntime(worker, listener)), buffer_limit_(listener.buffer_limit) {
  for (const ReadFilterFactory* factory : readers) {
    readers_.push_back(factory->makeRuntime(worker, listener));
    takes_data_ = takes_data_ || factory->takesData();
  }
}

std::unique_ptr<NetworkFilter> ChainRuntime::create(const Downstream& downstream) {
  return std::make_unique<NetworkFilterChain>(*this, downstream);
}

NetworkFilterChain::NetworkFilterChain(ChainRuntime& runtime, const Downstream& downstream)
    : runtime_(runtime), downstream_{downstream.connection, downstream.info, downstream.filtered || runtime.takesData()} {
  slots_.reserve(runtime.readers().size());
  for (size_t i = 0; i < runtime.readers().size(); ++i) {
    Slot& slot = slots_.emplace_back(ReadFilterHost(*this, i));
    slot.filter = runtime.readers()[i]->create(slot.host);
  }
  if (std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.filter->writes(); })) {
    write_path_ = std::make_unique<WritePath>(*this);
  }
}

NetworkFilterChain::~NetworkFilterChain() = default;

// ---------------------------------------------------------------- bytes

size_t NetworkFilterChain::onInput(std::string_view bytes) {
  size_t done = 0;
  if (passed_ != 0) {
    const size_t ready = std::min(passed_, bytes.size());
    done = terminal_->onInput(bytes.substr(0, ready));
    passed_ -= done;
    if (closed()) return bytes.size();
    if (passed_ == 0 && std::exchange(end_passed_, false)) terminal_->onEndOfInput();
    if (done < ready || ready == bytes.size() || closed()) return done;
    bytes.remove_prefix(ready);
  }
  direct_ = true;
  taken_ = bytes.size();
  pass(0, bytes, false);
  direct_ = false;
  return done + taken_;
}

/** Bytes, and perhaps the end, for filter `index` and those after it. */
void NetworkFilterChain::pass(size_t index, std::string_view bytes, bool end) {
  const std::string_view as_read = bytes;
  std::string carried;
  for (; index < slots_.size(); ++index) {
    Slot& slot = slots_[index];
    if (!slot.begun) {
      slot.begun = true;
      const ReadVerdict verdict = slot.filter->onNewConnection();
      if (closed()) return;
      if (verdict == ReadVerdict::kStop) return hold(slot, bytes, end);
    } else if (bytes.empty() && !end) {
      return;  // a new connection's way ends at the filter that stopped it
    }
    if (bytes.empty() && !end) continue;
    if (!slot.held.empty()) {
      slot.held.append(bytes);
      held_ += bytes.size();
      carried = release(slot);
      bytes = carried;
    }
    const ReadVerdict verdict = slot.filter->onData(bytes, end);
    if (closed()) return;
    if (verdict == ReadVerdict::kStop) return hold(slot, bytes, end);
  }
  const bool is_whole = bytes.data() == as_read.data() && bytes.size() == as_read.size();
  direct_ = direct_ && is_whole;
  deliver(bytes, end);
}

void NetworkFilterChain::hold(Slot& slot, std::string_view bytes, bool end) {
  slot.held.append(bytes);
  slot.end_held = slot.end_held || end;
  held_ += bytes.size();
  checkHeld();
}

std::string NetworkFilterChain::release(Slot& slot) {
  std::string bytes = std::move(slot.held);
  slot.held.clear();
  held_ -= bytes.size();
  checkHeld();
  return bytes;
}

void NetworkFilterChain::checkHeld() {
  const bool too_much = held_ > runtime_.bufferLimit() && runtime_.bufferLimit() != 0;
  if (too_much == paused_ || closed()) return;
  paused_ = too_much;
  downstream_.connection.pauseReading(too_much);
}

void NetworkFilterChain::deliver(std::string_view bytes, bool end) {
  if (terminal_ == nullptr) {
    terminal_ = runtime_.terminal().create(downstream_);
    terminal_->onNewConnection();
    if (closed()) return;
    direct_ = false;  // it may not want to read yet
  }
  if (!bytes.empty()) {
    if (direct_ && passed_ == 0) {
      taken_ = terminal_->onInput(bytes);
      passed_ = closed() ? 0 : bytes.size() - taken_;
    } else {
      downstream_.connection.offerLater(bytes);
      passed_ += bytes.size();
    }
  }
  if (!end || closed()) return;
  if (passed_ != 0) {
    end_passed_ = true;
  } else {
    terminal_->onEndOfInput();
  }
}

void NetworkFilterChain::continueReading(size_t index) {
  if (closed()) return;
  Slot& slot = slots_[index];
  const std::string bytes = release(slot);
  const bool end = std::exchange(slot.end_held, false);
  direct_ = false;
  pass(index + 1, bytes, end);
}

void NetworkFilterChain::inject(size_t index, std::string_view bytes, bool end) {
  if (closed()) return;
  direct_ = false;
  pass(index + 1, bytes, end);
}

void NetworkFilterChain::passWrite(size_t index, std::string_view bytes, bool end) {
  while (index-- > 0) {
    if (slots_[index].filter->onWrite(bytes, end) == ReadVerdict::kStop || closed()) return;
  }
  write_path_->append(bytes, end);
}

void NetworkFilterChain::injectWrite(size_t index, std::string_view bytes, bool end) {
  if (closed()) return;
  if (write_path_ == nullptr) return downstream_.connection.write(bytes);
  passWrite(index, bytes, end);
  if (!closed()) downstream_.connection.transportHasOutput();
}

// ---------------------------------------------------------------- the rest is the terminal filter's

void NetworkFilterChain::onAboveHighWatermark() {
  if (terminal_ != nullptr) terminal_->onAboveHighWatermark();
}
void NetworkFilterChain::onBelowLowWatermark() {
  if (terminal_ != nullptr) terminal_->onBelowLowWatermark();
}
void NetworkFilterChain::onWritten() {
  if (terminal_ != nullptr) terminal_->onWritten();
}
void NetworkFilterChain::onDrain() {
  if (terminal_ != nullptr) terminal_->onDrain();
}
void NetworkFilterChain::describe(http::StreamInfo& info, std::string& text) const {
  if (terminal_ != nullptr) terminal_->describe(info, text);
}

void NetworkFilterChain::onClosed(net::CloseCause cause) {
  for (Slot& slot : slots_) slot.filter->onClosed(cause);
  if (terminal_ != nullptr) terminal_->onClosed(cause);
}

}  // namespace nuncio::tcp
