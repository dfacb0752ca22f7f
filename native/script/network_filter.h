// NetworkFilter: a network filter whose hooks are JavaScript, before the terminal one of its chain. Both directions work
// alike: bytes go through a hook and on; while a promise is pending, what comes waits, and its sender is slowed.
// Owned by its NetworkFilterChain; worker thread only.
//
//   bytes: hook ─▶ go on (or other bytes) │ more: kept, shown again with what follows │ promise: wait ─▶ settle ─▶ go on, next
#pragma once

#include <string>
#include <string_view>

#include "script/connection_guest.h"
#include "tcp/read_filter.h"

namespace nuncio::script {

class NetworkFilter final : public tcp::ReadFilter, public ConnectionGuest {
 public:
  /** `program` may be empty: the slot has none, and the filter lets everything pass. */
  NetworkFilter(ScriptSet& set, ProgramRef program, const tcp::ReadFilterHost& host)
      : ConnectionGuest(set, std::move(program)), host_(host) {}
  ~NetworkFilter() override { leave(Stage::kConnectionClosed); }

  // ---- tcp::ReadFilter
  tcp::ReadVerdict onNewConnection() override;
  tcp::ReadVerdict onData(std::string_view& data, bool end) override;
  bool writes() const override { return has(Stage::kConnectionWrite); }
  tcp::ReadVerdict onWrite(std::string_view& data, bool end) override;
  void onClosed(net::CloseCause) override { leave(Stage::kConnectionClosed); }

  // ---- from JavaScript
  http::ConnectionInfo& info() override { return host_.downstream().info; }
  net::Connection* connection() override { return &host_.downstream().connection; }
  base::ChunkPool& chunks() override { return connection()->io().chunks(); }
  NetworkFilter* network() override { return this; }
  /** Bytes that take the place of those the hook was given. Copied. */
  void leaveChunk(std::string_view bytes) { left_chunk_.assign(bytes); }
  /** As if the client had sent them, for the filters after this one. */
  void inject(std::string_view bytes) {
    if (!closing_) host_.inject(bytes, false);
  }
  /** To the client, through the filters before this one. */
  void write(std::string_view bytes) {
    if (!closing_) host_.injectWrite(bytes, false);
  }
  /** `flush`: what was written goes out first. `reason`: for the access log; copied. */
  void close(bool flush, std::string_view reason);
  void pauseReading(bool pause);
  void settle(Stage stage, Outcome outcome) override;
  void onHostGone() override;

 private:
  struct Side {
    explicit Side(Stage hook_stage) : stage(hook_stage) {}
    const Stage stage;
    bool waits = false;      // a promise is pending
    bool slowed = false;     // the sender is held back
    bool end_queued = false;
    bool chunk_end = false;
    std::string chunk;       // that the pending hook has
    std::string carried;     // what a verdict's view shows
    std::string queue;       // came meanwhile, or is to come again
  };

  tcp::ReadVerdict pass(Side& side, std::string_view& data, bool end);
  bool show(Side& side, std::string_view& data, bool end);
  bool keep(Side& side, std::string_view data);
  void emit(Side& side, std::string_view data, bool end);
  void drain(Side& side);
  void slow(Side& side, bool slowed);
  void fail();

  const tcp::ReadFilterHost& host_;
  Side read_{Stage::kConnectionData};
  Side write_{Stage::kConnectionWrite};
  std::string left_chunk_;
  bool closing_ = false;
  bool paused_ = false;
};

}  // namespace nuncio::script
