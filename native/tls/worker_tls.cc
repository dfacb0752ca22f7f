#include "tls/worker_tls.h"

#include "tls/transport.h"

namespace nuncio::tls {

WorkerTls::WorkerTls(loop::Loop& loop, stats::WorkerStats& stats) : loop_(loop), stats_(stats) {}
WorkerTls::~WorkerTls() = default;

std::shared_ptr<const SecretPart> WorkerTls::secret(uint32_t slot) const {
  if (snapshot_ == nullptr) return nullptr;
  return std::static_pointer_cast<const SecretPart>(snapshot_->at(snapshot::Kind::kSecret, slot));
}

const TicketKeys& WorkerTls::ticketKeys() {
  if (ticket_keys_ == nullptr || loop_.now() - ticket_checked_ns_ > kTicketCheckNs) {
    ticket_checked_ns_ = loop_.now();
    ticket_keys_ = TicketKeyring::process().keysAt(loop_.now());
  }
  return *ticket_keys_;
}

void WorkerTls::touchBuffers(TlsTransport& transport) {
  if (transport.base::ListNode<BuffersTag>::linked()) {
    if (with_buffers_.back() == &transport) return;
    transport.base::ListNode<BuffersTag>::unlink();
    with_buffers_.pushBack(&transport);
    return;
  }
  with_buffers_.pushBack(&transport);
  if (++with_buffers_count_ <= kMaxWithBuffers) return;
  --with_buffers_count_;
  with_buffers_.popFront()->releaseBuffers();
}

void WorkerTls::forgetBuffers(TlsTransport& transport) {
  if (!transport.base::ListNode<BuffersTag>::linked()) return;
  transport.base::ListNode<BuffersTag>::unlink();
  --with_buffers_count_;
}

}  // namespace nuncio::tls
