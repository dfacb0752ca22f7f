#include "src/extensions/filters/network/tcp_proxy/flush.h"

namespace nuncio::ext::tcp {

using stats::TcpStat;

void Flush::begin(upstream::TcpUpstream& upstream, const BooksRef& books, const base::LocalRef<Bulk>& bulk,
                  uint32_t idle_timeout_ms) {
  new Flush(upstream, books, bulk, idle_timeout_ms);
  upstream.closeAfterFlush();
}

Flush::Flush(upstream::TcpUpstream& upstream, const BooksRef& books, const base::LocalRef<Bulk>& bulk,
             uint32_t idle_timeout_ms)
    : upstream_(upstream),
      books_(books),
      bulk_(bulk),
      idle_timeout_ms_(idle_timeout_ms),
      sent_(upstream.connection().bytesWritten()) {
  upstream.setCallbacks(*this);
  books_->stats.inc(TcpStat::upstream_flush_total);
  books_->stats.inc(TcpStat::upstream_flush_active);
  if (idle_timeout_ms_ != 0) idle_timer_.arm(books_->worker.services.loop.timers(), idle_timeout_ms_);
}

void Flush::onIdle() {
  if (const uint64_t sent = upstream_.connection().bytesWritten(); sent != sent_) {
    sent_ = sent;
    return idle_timer_.arm(books_->worker.services.loop.timers(), idle_timeout_ms_);
  }
  books_->stats.inc(TcpStat::idle_timeout);
  upstream_.close();
  ended();
}

void Flush::ended() {
  idle_timer_.cancel();
  books_->stats.dec(TcpStat::upstream_flush_active);
  books_->worker.services.io.freeLater(this);
}

}  // namespace nuncio::ext::tcp
