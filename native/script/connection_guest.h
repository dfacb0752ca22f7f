// ConnectionGuest: a filter in TypeScript that stands at a connection, as JavaScript reaches it: a network filter or a
// listener filter. In its connection's chain, dies with it. Worker thread only.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "http/stream_info.h"
#include "net/connection.h"
#include "script/script_set.h"

namespace nuncio::tcp {
class AcceptedConnection;
}

namespace nuncio::script {

class NetworkFilter;

class ConnectionGuest {
 public:
  ConnectionGuest(ScriptSet& set, ProgramRef program) : set_(set), program_(std::move(program)) {}

  virtual http::ConnectionInfo& info() = 0;
  /** Null before there is a filter chain. */
  virtual net::Connection* connection() = 0;
  /** Null for a listener filter. */
  virtual NetworkFilter* network() { return nullptr; }
  /** Null for a network filter. */
  virtual tcp::AcceptedConnection* accepted() { return nullptr; }
  virtual base::ChunkPool& chunks() = 0;
  /** A promise of a hook has settled. */
  virtual void settle(Stage stage, Outcome outcome) = 0;
  /** The worker's JavaScript is gone: what waits for it fails. */
  virtual void onHostGone() = 0;

  http::ConnectionFacts& facts() { return info().makeFacts(chunks()); }

 protected:
  ~ConnectionGuest() = default;

  bool has(Stage stage) const { return program_ && program_->has(stage); }
  /** kFailed when there is no number left for it. */
  Outcome run(Stage stage, bool end, std::string_view chunk = {}) {
    if (handle_ == 0 && !over_) handle_ = set_.connections().enter(*this);
    return handle_ == 0 ? Outcome::kFailed : program_->run(stage, handle_, end, chunk);
  }
  /** Tells JavaScript of the end, once, when it has a hook for it or knows of the connection. */
  void leave(Stage stage) {
    if (std::exchange(leaving_, true)) return;
    if (program_ && (has(stage) || handle_ != 0)) run(stage, true);
    over_ = true;
    if (handle_ != 0) set_.connections().leave(std::exchange(handle_, 0));
  }

  ScriptSet& set_;
  const ProgramRef program_;

 private:
  uint32_t handle_ = 0;
  bool leaving_ = false;
  bool over_ = false;
};

}  // namespace nuncio::script
