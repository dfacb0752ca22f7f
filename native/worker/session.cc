#include "worker/session.h"

#include <utility>

#include "worker/listener_runtime.h"

namespace nuncio {

Session::Session(ListenerRuntime& listener, int fd, const net::Address& local, const net::Address& remote,
                 std::shared_ptr<net::WorkerCounts> counts)
    : listener_(&listener),
      counts_(std::move(counts)),
      connection_(listener.worker().services.io, fd, *this),
      began_ns_(listener.worker().services.loop.now()) {
  info_.id = connection_.id();
  info_.local = local;
  info_.remote = remote;
  info_.listener_name = listener.facts().name;
  connection_.setBufferLimit(listener.facts().buffer_limit);
}

Session::~Session() = default;

void Session::inspected(std::unique_ptr<http::ConnectionFacts> facts, int64_t accepted_ns) {
  info_.facts = std::move(facts);
  info_.direct_local = &info_.facts->direct_local;
  info_.direct_remote = &info_.facts->direct_remote;
  info_.requested_server_name = info_.facts->server_name;
  began_ns_ = accepted_ns;
}

void Session::start(size_t index, tcp::NetworkFilterRuntime& chain, std::string_view chain_name, std::unique_ptr<net::Transport> transport,
                    uint32_t handshake_timeout_ms) {
  info_.filter_chain_name = chain_name;
  chain_ = &chain;
  chain_index_ = index;
  if (transport == nullptr) {
    connection_.start(false);
    return open();
  }
  connection_.secure(std::move(transport));
  info_.tls = connection_.tls();
  connection_.start(false);
  if (handshake_timeout_ms != 0) handshake_timer_.arm(listener_->worker().services.loop.timers(), handshake_timeout_ms);
}

void Session::onConnected() {
  handshake_timer_.cancel();
  open();
}

void Session::onHandshakeTimeout() {
  listener_->onHandshakeTimeout();
  connection_.close();
  info_.local_close_reason = "transport socket timeout was reached";
  gone();
}

void Session::open() {
  filter_ = chain_->create({connection_, info_});
  filter_->onNewConnection();
  if (connection_.closed()) gone();
}

void Session::onEndOfInput() {
  filter_->onEndOfInput();
  if (connection_.closed()) gone();
}

void Session::onClosed(net::CloseCause cause) {
  info_.transport_failure = connection_.failureReason();
  if (filter_ != nullptr) filter_->onClosed(cause);
  gone();
}

void Session::shutDown() {
  if (gone_) return;
  handshake_timer_.cancel();
  connection_.close();
  if (filter_ != nullptr) filter_->onClosed(net::CloseCause::kLocal);
  gone();
}

void Session::describe(http::StreamInfo& out, std::string& text) const {
  loop::Loop& loop = listener_->worker().services.loop;
  out.downstream = &info_;
  if (info_.facts != nullptr) out.dynamic_metadata = &info_.facts->metadata;
  out.remote = info_.remote;
  out.at.start = began_ns_;
  out.at.end = loop.now();
  out.start_wall_ns = loop.wall() - (loop.now() - began_ns_);
  out.bytes_received = connection_.bytesRead();
  out.bytes_sent = connection_.bytesWritten();
  if (filter_ != nullptr) filter_->describe(out, text);
  out.log_type = http::AccessLogType::kNotSet;
}

void Session::gone() {
  if (gone_) return;
  gone_ = true;
  listener_->onSessionGone(*this);
}

}  // namespace nuncio
