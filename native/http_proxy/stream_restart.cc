// The part of a Stream that begins anew when the proxy follows a redirect: same client, same arena, other head; new filters and
// a new router. What came of it until then is logged as a request of its own, as in Envoy.
#include <memory>
#include <new>
#include <utility>

#include "http_proxy/connection_manager.h"
#include "http_proxy/stream.h"

namespace nuncio::http_proxy {

/** What is to be done once the callbacks that led here have returned. */
struct Stream::Restart final : loop::TurnTask {
  Restart(Stream& owner, net::BlockPool& blocks) : stream(owner), body(blocks) {}
  void onEndOfTurn() override { stream.beginAnew(*this); }

  Stream& stream;
  BodyBuffer body;
  http::HeaderMap* trailers = nullptr;
  bool head_only = false;
};

void Stream::restart(BodyBuffer* body, http::HeaderMap* trailers, bool head_only) {
  if (complete_ || restart_ != nullptr) return;
  restart_ = arena_.make<Restart>(*this, worker_.services.io.blocks());
  if (body != nullptr) restart_->body.absorb(*body);
  restart_->trailers = trailers;
  restart_->head_only = head_only;
  worker_.services.loop.atEndOfTurn(*restart_);
}

void Stream::dropRestart() {
  if (restart_ == nullptr) return;
  restart_->unlink();
  std::destroy_at(std::exchange(restart_, nullptr));
}

void Stream::beginAnew(Restart& restart) {
  restart_ = nullptr;
  info_.at.end = worker_.services.loop.now();
  if (trace_ != nullptr) finishTrace();
  trace_ = nullptr;
  log(http::AccessLogType::kDownstreamEnd);
  filters_.complete();
  router_.reset();
  std::destroy_at(&filters_);
  ::new (&filters_) FilterChain(*this);
  while (request_pauses_ != 0) pauseRequest(false);
  response_blocks_ = 0;
  http::StreamInfo fresh;
  fresh.downstream = info_.downstream;
  fresh.remote = info_.remote;
  fresh.protocol = info_.protocol;
  fresh.request_id = info_.request_id;
  fresh.bytes_received = info_.bytes_received;
  fresh.filter_state = info_.filter_state;
  fresh.start_wall_ns = worker_.services.loop.wall();
  fresh.at.start = worker_.services.loop.now();
  fresh.at.downstream_rx_end = fresh.at.start;
  info_ = fresh;
  upstream_tls_.reset();
  response_headers_ = response_trailers_ = nullptr;
  replying_ = false;
  manager_.onStreamRestarted();
  BodyBuffer body(worker_.services.io.blocks());
  body.absorb(restart.body);
  http::HeaderMap* trailers = restart.trailers;
  const bool head_only = restart.head_only;
  std::destroy_at(&restart);
  head_ = request_headers_->get(http::HeaderId::kMethod) == "HEAD";
  if (!acceptPath()) return;
  finishRequestHead(head_only);
  size_t left = body.size();
  body.forEach([&](std::string_view piece) {
    left -= piece.size();
    info_.bytes_received += piece.size();
    if (!complete_ && !replying_) filters_.requestData(piece, left == 0 && trailers == nullptr);
  });
  worker_.services.io.keepForTurn(body.queue());  // sockets may borrow from it
  if (head_only || complete_ || replying_) return;
  if (trailers != nullptr) return filters_.requestTrailers(*trailers);
  if (info_.bytes_received == fresh.bytes_received) filters_.requestData({}, true);
}

}  // namespace nuncio::http_proxy
