#include "worker/session.h"

#include <utility>

#include "worker/listener_runtime.h"

namespace nuncio {

Session::Session(ListenerRuntime& listener, int fd, const net::Address& local, const net::Address& remote,
                 net::WorkerCounts& counts)
    : listener_(&listener),
      counts_(counts),
      connection_(listener.worker().services.io, fd, *this),
      began_ns_(listener.worker().services.loop.now()) {
  info_.id = connection_.id();
  info_.local = local;
  info_.remote = remote;
  info_.origin = &listener.origin();
  connection_.setBufferLimit(listener.facts().buffer_limit);
}

Session::~Session() = default;

void Session::inspected(std::unique_ptr<http::ConnectionFacts> facts, int64_t accepted_ns) {
  info_.facts = std::move(facts);
  began_ns_ = accepted_ns;
}

void Session::start(size_t chain, std::unique_ptr<net::Transport> transport, uint32_t handshake_timeout_ms) {
  info_.origin = &listener_->originOf(chain);
  chain_index_ = chain;
  if (transport == nullptr) {
    connection_.start(false, loop::Loop::Order::kLast);
    return open();
  }
  connection_.secure(std::move(transport));
  info_.tls = connection_.tls();
  connection_.start(false, loop::Loop::Order::kLast);
  if (handshake_timeout_ms == 0) return;
  handshake_timer_ = std::make_unique<HandshakeTimer>(this);
  handshake_timer_->arm(listener_->worker().services.loop.timers(), handshake_timeout_ms);
}

void Session::onConnected() {
  handshake_timer_.reset();
  open();
}

void Session::onHandshakeTimeout() {
  listener_->onHandshakeTimeout();
  connection_.close();
  info_.makeEnd().local_close_reason = "transport socket timeout was reached";
  gone();
}

void Session::open() {
  filter_ = listener_->runtimeOf(chain_index_).create({connection_, info_});
  filter_->onNewConnection();
  if (connection_.closed()) gone();
}

void Session::onEndOfInput() {
  filter_->onEndOfInput();
  if (connection_.closed()) gone();
}

void Session::onClosed(net::CloseCause cause) {
  if (const std::string_view failure = connection_.failureReason(); !failure.empty()) info_.makeEnd().transport_failure = failure;
  if (filter_ != nullptr) filter_->onClosed(cause);
  gone();
}

void Session::shutDown() {
  if (!base::ListNode<>::linked()) return;
  handshake_timer_.reset();
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
  if (base::ListNode<>::linked()) listener_->onSessionGone(*this);  // once: it takes the session off its list
}

}  // namespace nuncio
