// ListenerFilter: a listener filter whose hooks are JavaScript: it sees an accepted connection, and as many of its first
// bytes as it asks for, before a filter chain is chosen. Owned by the connection's Inspection; worker thread only.
#pragma once

#include <string_view>

#include "script/connection_guest.h"
#include "tcp/listener_filter.h"

namespace nuncio::script {

class ListenerFilter final : public tcp::ListenerFilter, public ConnectionGuest {
 public:
  /** `program` may be empty: the slot has none, and the filter lets every connection pass. */
  ListenerFilter(ScriptSet& set, ProgramRef program, base::ChunkPool& chunks)
      : ConnectionGuest(set, std::move(program)), chunks_(chunks) {}
  ~ListenerFilter() override { leave(Stage::kAcceptEnd); }

  // ---- tcp::ListenerFilter
  tcp::ListenerVerdict onAccept(tcp::AcceptedConnection& connection) override;
  tcp::ListenerVerdict onData(tcp::AcceptedConnection& connection, std::string_view bytes) override;
  size_t inspects() const override { return wanted_; }

  // ---- from JavaScript
  http::ConnectionInfo& info() override { return connection_->info(); }
  net::Connection* connection() override { return nullptr; }
  tcp::AcceptedConnection* accepted() override { return connection_; }
  base::ChunkPool& chunks() override { return chunks_; }
  /** How many bytes the hook kAcceptData is to be shown. */
  void want(size_t bytes) { wanted_ = bytes < kMostBytes ? bytes : kMostBytes; }
  void settle(Stage stage, Outcome outcome) override;
  void onHostGone() override;

 private:
  static constexpr size_t kFirstLook = 8 << 10;
  static constexpr size_t kMostBytes = 128 << 10;

  tcp::ListenerVerdict verdictOf(Outcome outcome);

  base::ChunkPool& chunks_;
  tcp::AcceptedConnection* connection_ = nullptr;
  size_t wanted_ = kFirstLook;
  bool waits_ = false;
};

}  // namespace nuncio::script
