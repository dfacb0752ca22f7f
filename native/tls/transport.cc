#include "tls/transport.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/notes.h"

namespace nuncio::tls {

using net::HandshakeStatus;
using net::IoResult;
using net::IoStatus;
using stats::TlsStat;

namespace {

// ---------------------------------------------------------------- names of what was agreed on

std::string_view curveName(long group) {
  constexpr long kMlKem = TLSEXT_nid_unknown | 0x11ec;
  switch (group) {
    case NID_X25519:
      return "X25519";
    case NID_X9_62_prime256v1:
      return "P-256";
    case NID_secp384r1:
      return "P-384";
    case NID_secp521r1:
      return "P-521";
    case kMlKem:
      return "X25519MLKEM768";
    default: {
      const char* name = OBJ_nid2sn(static_cast<int>(group));
      return name == nullptr ? std::string_view() : name;
    }
  }
}

std::string signatureName(int type, int digest) {
  const std::string bits = digest == NID_sha256 ? "256" : digest == NID_sha384 ? "384" : digest == NID_sha512 ? "512" : "1";
  switch (type) {
    case NID_rsaEncryption:
      return digest == NID_md5_sha1 ? "rsa_pkcs1_md5_sha1" : "rsa_pkcs1_sha" + bits;
    case NID_rsassaPss:
      return "rsa_pss_rsae_sha" + bits;
    case NID_X9_62_id_ecPublicKey: {
      if (bits == "1") return "ecdsa_sha1";
      return "ecdsa_secp" + (bits == "512" ? std::string("521") : bits) + "r1_sha" + bits;
    }
    case NID_ED25519:
      return "ed25519";
    default: {
      const char* name = OBJ_nid2sn(type);
      return name == nullptr ? "unknown" : name;
    }
  }
}

/** Cipher suites but those of RSA key transport sign with the key. Without the extension anything goes. */
bool keyUsageFits(const SSL* ssl, X509* leaf) {
  const EVP_PKEY* key = X509_get0_pubkey(leaf);
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return true;
  const SSL_CIPHER* cipher = SSL_get_pending_cipher(ssl);
  const bool transports = cipher != nullptr && SSL_CIPHER_get_kx_nid(cipher) == NID_kx_rsa;
  return (X509_get_key_usage(leaf) & (transports ? KU_KEY_ENCIPHERMENT : KU_DIGITAL_SIGNATURE)) != 0;
}

}  // namespace

TlsTransport::TlsTransport(ContextRef context, SslPtr ssl, const Addresses& addresses, uint64_t options)
    : context_(std::move(context)), facts_(base::makeLocal<Facts>(std::move(ssl))), ssl_(facts_->ssl()), options_(options) {
  BIO* bio = context_->worker().socket().bio();
  BIO_up_ref(bio);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_ex_data(ssl_, 0, this);
  if (context_->role() == Role::kServer) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
  const KeyLog* key_log = context_->keyLog();
  logs_keys_ = key_log != nullptr && key_log->covers(addresses.local, addresses.remote);
}

// The facts, and OpenSSL's state with them, may be held a little longer.
TlsTransport::~TlsTransport() {
  context_->worker().forgetBuffers(*this);
  // Its session stays good, though the connection may have ended without a word.
  if (state_ == State::kOpen) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_set_ex_data(ssl_, 0, nullptr);
  SSL_free_buffers(ssl_);
}

// ---------------------------------------------------------------- handshake

HandshakeStatus TlsTransport::handshake(int fd) {
  if (state_ == State::kFailed) return HandshakeStatus::kFailed;
  WorkerTls& worker = context_->worker();
  SocketBio& socket = worker.socket();
  socket.turnTo(fd, unsent_);
  worker.touchBuffers(*this);
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    handshakeDone();
    socket.flush();
    return HandshakeStatus::kDone;
  }
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    if (socket.flush()) return HandshakeStatus::kAgain;
    state_ = State::kFailed;
    return HandshakeStatus::kFailed;
  }
  fail();
  // The alert. A client that could not even begin has nobody to send one to.
  if (context_->role() == Role::kClient && SSL_get_state(ssl_) == TLS_ST_BEFORE) socket.discard();
  socket.flush();
  return HandshakeStatus::kFailed;
}

void TlsTransport::handshakeDone() {
  state_ = State::kOpen;
  TlsStats& stats = context_->stats();
  const auto& counters = stats.counters();
  counters.inc(TlsStat::handshake);
  if (SSL_session_reused(ssl_) == 1) counters.inc(TlsStat::session_reused);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_)) {
    stats.count(TlsStats::Group::kCiphers, SSL_CIPHER_get_protocol_id(cipher), SSL_CIPHER_get_name(cipher));
  }
  stats.count(TlsStats::Group::kVersions, static_cast<uint32_t>(SSL_version(ssl_)), SSL_get_version(ssl_));
  if (const long group = SSL_get_negotiated_group(ssl_); group != NID_undef) {
    stats.count(TlsStats::Group::kCurves, static_cast<uint32_t>(group), curveName(group));
  }
  int type = NID_undef, digest = NID_undef;
  if (SSL_get_peer_signature_type_nid(ssl_, &type) == 1 && SSL_get_peer_signature_nid(ssl_, &digest) == 1 && type != NID_undef) {
    stats.count(TlsStats::Group::kSignatures, static_cast<uint32_t>(type << 16 | digest), signatureName(type, digest));
  }
  if (SSL_get0_peer_certificate(ssl_) == nullptr) counters.inc(TlsStat::no_certificate);
}

/** Takes the errors of the call that failed: counters, reason. A peer that just went leaves none. */
void TlsTransport::fail() {
  state_ = State::kFailed;
  ErrorSummary errors = takeErrors();
  if (errors.text.empty()) {
    failure_ = failureText(socketError(context_->worker().socket().error()), {});
    return;
  }
  const auto& counters = context_->stats().counters();
  if (errors.no_certificate) {
    counters.inc(TlsStat::fail_verify_no_cert);
  } else if (!errors.verify_failed || detail_ == "KEY_USAGE_BIT_INCORRECT") {
    counters.inc(TlsStat::connection_error);
  }
  failure_ = failureText(errors, detail_);
  const std::string_view what_to_do = advice(errors, context_->role() == Role::kClient);
  std::string note = failure_;
  if (!what_to_do.empty()) note.append("; ").append(what_to_do);
  base::Notes::process().add(context_->stats().counters().scope()->name(), context_->worker().loop().now(), note);
}

int TlsTransport::verifyPeer(X509_STORE_CTX* store, const Validation* validation) {
  static const std::unique_ptr<const Validation> kNothingAsked = std::move(Validation::make({}).value());
  if (enforces_key_usage_ && !keyUsageFits(ssl_, X509_STORE_CTX_get0_cert(store))) {
    // OpenSSL has no such error: its name in BoringSSL becomes the detail of the one it has.
    detail_ = "KEY_USAGE_BIT_INCORRECT";
    X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
    return 0;
  }
  if (validation == nullptr && names_.empty()) return 1;
  const Verdict verdict = (validation == nullptr ? *kNothingAsked : *validation).verify(store, {names_.begin(), names_.end()});
  facts_->setValidated(verdict.validated);
  detail_ = verdict.detail;
  const auto& counters = context_->stats().counters();
  switch (verdict.refusal) {
    case Refusal::kNone:
      if (verdict.distrusted) counters.inc(TlsStat::fail_verify_error);
      X509_STORE_CTX_set_error(store, X509_V_OK);
      return 1;
    case Refusal::kChain:
      counters.inc(TlsStat::fail_verify_error);
      return 0;
    case Refusal::kSan:
      counters.inc(TlsStat::fail_verify_san);
      return 0;
    case Refusal::kHash:
      counters.inc(TlsStat::fail_verify_cert_hash);
      return 0;
  }
  return 0;
}

void TlsTransport::logKey(std::string_view line) const {
  if (logs_keys_) context_->keyLog()->write(line);
}

std::string_view TlsTransport::applicationProtocol() const { return facts_->applicationProtocol(); }

// ---------------------------------------------------------------- bytes

IoResult TlsTransport::read(int fd, char* out, size_t size) {
  if (state_ != State::kOpen) return {IoStatus::kFailed, 0};
  WorkerTls& worker = context_->worker();
  SocketBio& socket = worker.socket();
  socket.turnTo(fd, unsent_);
  worker.touchBuffers(*this);
  if (ERR_peek_error() != 0) ERR_clear_error();
  size_t total = 0;
  int error = SSL_ERROR_NONE;
  do {
    size_t got = 0;
    const int result = SSL_read_ex(ssl_, out + total, size - total, &got);
    if (result != 1) {
      error = SSL_get_error(ssl_, result);
      break;
    }
    total += got;
    socket.stopWhenDrained(true);
  } while (total < size && (SSL_has_pending(ssl_) == 1 || !socket.drained()));
  if (socket.collected() != 0) socket.flush();  // answers of the protocol itself
  const bool waits = error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  const bool ended = error == SSL_ERROR_ZERO_RETURN || socket.sawEnd();
  if (!waits && !ended) {
    fail();
    socket.flush();  // the alert
  }
  // What ended or failed after bytes came is told by the next call.
  if (total > 0) return {IoStatus::kOk, total, waits && !ended && socket.drained() && total < size};
  if (ended) return {IoStatus::kClosed, 0};
  return {waits ? IoStatus::kAgain : IoStatus::kFailed, 0};
}

/** How long the next record may be: the first ones are short, so that a far client can begin with them. */
size_t TlsTransport::nextRecord(size_t waiting) {
  if (first_records_ == 0 || waiting <= kFirstRecord) return kRecord;
  --first_records_;
  return kFirstRecord;
}

bool TlsTransport::encrypt(const char* bytes, size_t size) {
  size_t written = 0;
  return SSL_write_ex(ssl_, bytes, size, &written) == 1 && written == size;
}

IoResult TlsTransport::write(int fd, const iovec* pieces, int count) {
  if (state_ != State::kOpen) return {IoStatus::kFailed, 0};
  WorkerTls& worker = context_->worker();
  SocketBio& socket = worker.socket();
  socket.turnTo(fd, unsent_);
  if (!unsent_.empty()) {
    if (!socket.flush()) return {IoStatus::kFailed, 0};
    if (!unsent_.empty()) return {IoStatus::kAgain, 0};
  }
  worker.touchBuffers(*this);
  const int64_t now = worker.loop().now();
  if (now - wrote_ns_ > kIdleNs) first_records_ = kFirstRecords;
  wrote_ns_ = now;
  size_t waiting = 0;
  for (int i = 0; i < count; ++i) waiting += pieces[i].iov_len;
  size_t total = 0, in_flight = 0, offset = 0;
  char gathered[kRecord];
  int at = 0;
  ERR_clear_error();
  while (waiting > 0) {
    const size_t limit = std::min(nextRecord(waiting), waiting);
    const char* here = static_cast<const char*>(pieces[at].iov_base) + offset;
    size_t take = pieces[at].iov_len - offset;
    if (take >= limit) {  // as it is: whole records from one piece
      const size_t room = std::max(kRecord, (kFlight - in_flight) / kRecord * kRecord);
      take = limit == kRecord ? std::min(take - take % kRecord, room) : limit;
      if (!encrypt(here, take)) break;
      offset += take;
    } else {
      take = 0;
      while (take < limit) {
        const size_t part = std::min(limit - take, pieces[at].iov_len - offset);
        std::memcpy(gathered + take, static_cast<const char*>(pieces[at].iov_base) + offset, part);
        take += part;
        offset += part;
        if (offset == pieces[at].iov_len && take < limit) ++at, offset = 0;
      }
      if (!encrypt(gathered, take)) break;
    }
    if (offset == pieces[at].iov_len) ++at, offset = 0;
    total += take;
    waiting -= take;
    in_flight += take;
    if (in_flight < kFlight) continue;
    in_flight = 0;
    if (!socket.flush()) return {IoStatus::kFailed, 0};
    if (!unsent_.empty()) return {IoStatus::kOk, total};
  }
  if (waiting > 0) {
    fail();
    return {IoStatus::kFailed, 0};
  }
  if (!socket.flush()) return {IoStatus::kFailed, 0};
  return {IoStatus::kOk, total};
}

void TlsTransport::shutdownWrite(int fd) {
  if (state_ != State::kOpen || said_goodbye_) return;
  said_goodbye_ = true;
  SocketBio& socket = context_->worker().socket();
  socket.turnTo(fd, unsent_);
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  socket.flush();
}

}  // namespace nuncio::tls
