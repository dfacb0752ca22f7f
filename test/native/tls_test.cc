// TLS: real handshakes over socket pairs between a downstream and an upstream context of ours: what is agreed on, what is
// refused and how that is told, resumption, bulk in both directions, and sockets that take little at a time.
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "net/address.h"
#include "snapshot/snapshot.h"
#include "stats/registry.h"
#include "test/native/test.h"
#include "test/native/tls_certificates.h"
#include "tls/client_hello.h"
#include "tls/downstream.h"
#include "tls/settings.h"
#include "tls/upstream.h"
#include "tls/worker_tls.h"

namespace nuncio::tls {
namespace {

using net::HandshakeStatus;
using net::IoStatus;
using test::Authority;

enum Slot : uint32_t { kServer, kServerEcdsa, kValidation, kClient, kOther, kSlots };

snapshot::PartPtr partOf(plan::Secret secret) {
  auto part = std::make_shared<SecretPart>();
  if (secret.validation) part->validation = std::move(Validation::make(*secret.validation).value());
  part->identity = secret.name;
  part->plan = std::move(secret);
  return part;
}

snapshot::PartPtr certificatePart(const test::Issued& issued) {
  plan::Secret secret;
  secret.certificate.emplace();
  secret.certificate->chain = issued.certificate;
  secret.certificate->private_key = issued.key;
  return partOf(std::move(secret));
}

/** One worker's TLS with two contexts that may be changed before `connect`. */
class Bench {
 public:
  Bench() {
    downstream.plan.common.emplace();
    upstream.plan.common.emplace();
    downstream.plan.common->certificate_slots = {kServer};
    upstream.plan.common->max_version = plan::TlsCommon::Version::TLS_1_3;
    upstream.plan.max_session_keys = 1;
    parts[kServer] = certificatePart(authority.issue({.name = "a.example"}));
    parts[kServerEcdsa] = certificatePart(authority.issue({.name = "a.example", .is_ecdsa = true}));
    parts[kOther] = certificatePart(authority.issue({.name = "*.b.example"}));
    parts[kClient] = certificatePart(authority.issue({.name = "client.example", .uri = "spiffe://x/client"}));
    validate({});
  }
  ~Bench() {
    client.reset();  // before what they count in
    server.reset();
    hangUp();
  }

  void validate(plan::CertificateValidation validation) {
    plan::Secret secret;
    validation.trusted_ca = authority.pem();
    secret.validation = std::move(validation);
    parts[kValidation] = partOf(std::move(secret));
  }

  void hangUp() {
    for (int& fd : fds) {
      if (fd >= 0) ::close(fd);
      fd = -1;
    }
  }

  /** Makes both ends and lets them shake hands; true: both are done. */
  bool connect(const UpstreamWishes& wishes = {}, int socket_buffer = 0) {
    hangUp();
    publish();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) return false;
    for (const int fd : fds) {
      if (socket_buffer != 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof(socket_buffer));
    }
    server = server_tls->newTransport(address, address);
    client = client_tls->newTransport(address, wishes);
    HandshakeStatus client_status = HandshakeStatus::kAgain, server_status = HandshakeStatus::kAgain;
    for (int i = 0; i < 20; ++i) {
      if (client_status == HandshakeStatus::kAgain) client_status = client->handshake(fds[0]);
      if (server_status == HandshakeStatus::kAgain) server_status = server->handshake(fds[1]);
    }
    return client_status == HandshakeStatus::kDone && server_status == HandshakeStatus::kDone;
  }

  /** Whatever `from` has to read. */
  std::string readAll(net::Transport& from, int fd, IoStatus* last = nullptr) {
    std::string out;
    std::vector<char> buffer(128 * 1024);
    for (;;) {
      const net::IoResult result = from.read(fd, buffer.data(), buffer.size());
      if (result.status == IoStatus::kOk) {
        out.append(buffer.data(), result.size);
        continue;
      }
      if (last != nullptr) *last = result.status;
      return out;
    }
  }

  uint64_t count(stats::TlsStat stat, bool of_server = true) { return (of_server ? server_stats : client_stats)->counters().counter(stat); }

  struct Downstream {
    plan::DownstreamTls plan;
  } downstream;
  struct Upstream {
    plan::UpstreamTls plan;
  } upstream;
  Authority authority;
  snapshot::PartPtr parts[kSlots];
  int fds[2] = {-1, -1};
  std::unique_ptr<net::Transport> client, server;
  net::Address address;
  stats::Registry registry;
  stats::WorkerStats worker_stats{registry, 0};
  loop::Loop loop;
  WorkerTls worker{loop, worker_stats};
  TlsStatsRef server_stats = base::makeLocal<TlsStats>(worker_stats, "listener.x.", "server_ssl_socket_factory");
  TlsStatsRef client_stats = base::makeLocal<TlsStats>(worker_stats, "cluster.x.", "client_ssl_socket_factory");
  std::unique_ptr<DownstreamTls> server_tls;
  std::unique_ptr<UpstreamTls> client_tls;

  /** The parts as they are now are the worker's snapshot; contexts are made when there are none. */
  void publish() {
    auto snapshot = std::make_shared<snapshot::Snapshot>();
    auto& secrets = snapshot->tables[static_cast<size_t>(snapshot::Kind::kSecret)];
    for (uint32_t slot = 0; slot < kSlots; ++slot) secrets.set(slot, parts[slot]);
    worker.adopt(std::move(snapshot));
    if (server_tls != nullptr) return;
    auto server_config = std::make_shared<DownstreamConfig>();
    server_config->plan = downstream.plan;
    server_config->settings = std::move(Settings::make(*downstream.plan.common, Role::kServer).value());
    server_tls = std::make_unique<DownstreamTls>(worker, std::move(server_config), server_stats);
    auto client_config = std::make_shared<UpstreamConfig>();
    client_config->plan = upstream.plan;
    client_config->settings = std::move(Settings::make(*upstream.plan.common, Role::kClient).value());
    client_tls = std::make_unique<UpstreamTls>(worker, std::move(client_config), client_stats);
  }
};

using stats::TlsStat;

TEST("tls: two ends agree, and say what on") {
  Bench bench;
  bench.downstream.plan.common->alpn = {"h2", "http/1.1"};
  bench.upstream.plan.common->alpn = {"http/1.1", "h2"};
  bench.upstream.plan.sni = "a.example";
  REQUIRE(bench.connect());
  EXPECT_EQ(bench.server->applicationProtocol(), "h2");
  EXPECT_EQ(bench.client->applicationProtocol(), "h2");
  EXPECT_EQ(bench.server->tls()->version(), "TLSv1.3");
  EXPECT_EQ(bench.server->tls()->serverName(), "a.example");
  EXPECT_EQ(bench.client->tls()->subject(net::TlsInfo::Side::kPeer), "CN=a.example");
  EXPECT(!bench.client->tls()->peerCertificateValidated());
  EXPECT(!bench.server->tls()->peerCertificatePresented());
  EXPECT_EQ(bench.count(TlsStat::handshake), 1u);
  EXPECT_EQ(bench.count(TlsStat::no_certificate), 1u);
  EXPECT_EQ(bench.count(TlsStat::no_certificate, false), 0u);
}

TEST("tls: bulk goes through whole, also when the socket takes little at a time") {
  for (const int socket_buffer : {0, 4096}) {
    Bench bench;
    REQUIRE(bench.connect({}, socket_buffer));
    std::string sent;
    for (size_t i = 0; sent.size() < 700'000; ++i) sent += std::to_string(i * 7919);
    std::string received;
    size_t at = 0;
    int turns = 0;
    while (received.size() < sent.size() && ++turns < 100'000) {
      if (at < sent.size()) {  // pieces of odd sizes, long and short
        iovec pieces[5];
        int count = 0;
        size_t from = at;
        for (const size_t size : {300ul, 40'000ul, 7ul, 16'384ul, 90'001ul}) {
          const size_t part = std::min(size, sent.size() - from);
          if (part == 0) break;
          pieces[count++] = {sent.data() + from, part};
          from += part;
        }
        const net::IoResult result = bench.server->write(bench.fds[1], pieces, count);
        REQUIRE(result.status == IoStatus::kOk || result.status == IoStatus::kAgain);
        at += result.size;
      } else if (bench.server->holdsOutput()) {
        bench.server->write(bench.fds[1], nullptr, 0);
      }
      received += bench.readAll(*bench.client, bench.fds[0]);
    }
    EXPECT_EQ(at, sent.size());
    EXPECT(received == sent);
  }
}

TEST("tls: the end of a direction is told, and an end without a word is an end too") {
  Bench bench;
  REQUIRE(bench.connect());
  iovec piece{const_cast<char*>("bye"), 3};
  EXPECT_EQ(bench.client->write(bench.fds[0], &piece, 1).size, 3u);
  bench.client->shutdownWrite(bench.fds[0]);
  IoStatus last = IoStatus::kOk;
  EXPECT_EQ(bench.readAll(*bench.server, bench.fds[1], &last), "bye");
  EXPECT_EQ(last, IoStatus::kClosed);
  REQUIRE(bench.connect());
  ::shutdown(bench.fds[0], SHUT_WR);
  bench.readAll(*bench.server, bench.fds[1], &last);
  EXPECT_EQ(last, IoStatus::kClosed);
  EXPECT_EQ(bench.server->failureReason(), "");
}

TEST("tls: sessions are resumed, with tickets and without") {
  for (const auto version : {plan::TlsCommon::Version::TLS_1_2, plan::TlsCommon::Version::TLS_1_3}) {
    for (const bool tickets : {true, false}) {
      if (!tickets && version == plan::TlsCommon::Version::TLS_1_3) continue;
      Bench bench;
      bench.upstream.plan.common->max_version = version;
      bench.downstream.plan.disable_stateless_resumption = !tickets;
      REQUIRE(bench.connect());
      EXPECT(!bench.client->tls()->sessionReused());
      bench.readAll(*bench.client, bench.fds[0]);  // TLS 1.3 sends tickets afterwards
      REQUIRE(bench.connect());
      EXPECT(bench.client->tls()->sessionReused());
      EXPECT_EQ(bench.count(TlsStat::session_reused), 1u);
      const std::string_view wanted[] = {"other"};
      bench.readAll(*bench.client, bench.fds[0]);
      EXPECT(!bench.connect({.verify_sans = wanted, .hash = 7}));  // another wish: no session, and the name is asked for
      EXPECT_EQ(bench.count(TlsStat::fail_verify_san, false), 1u);
    }
  }
}

TEST("tls: nothing is resumed where both kinds are turned off") {
  Bench bench;
  bench.upstream.plan.common->max_version = plan::TlsCommon::Version::TLS_1_2;
  bench.downstream.plan.disable_stateless_resumption = true;
  bench.downstream.plan.disable_stateful_resumption = true;
  REQUIRE(bench.connect());
  REQUIRE(bench.connect());
  EXPECT(!bench.client->tls()->sessionReused());
}

TEST("tls: a client certificate that is asked for must be shown and hold") {
  Bench bench;
  bench.downstream.plan.require_client_certificate = true;
  bench.downstream.plan.common->validation_slot = kValidation;
  bench.upstream.plan.common->max_version = plan::TlsCommon::Version::TLS_1_2;
  EXPECT(!bench.connect());
  EXPECT_EQ(bench.count(TlsStat::fail_verify_no_cert), 1u);
  EXPECT_EQ(bench.count(TlsStat::connection_error), 0u);
  EXPECT(bench.server->failureReason().find("268435648:SSL_routines:OPENSSL_internal:PEER_DID_NOT_RETURN_A_CERTIFICATE") != std::string_view::npos);
  bench.client_tls.reset();
  bench.server_tls.reset();
  bench.upstream.plan.common->certificate_slots = {kClient};
  REQUIRE(bench.connect());
  const net::TlsInfo& info = *bench.server->tls();
  EXPECT(info.peerCertificatePresented());
  EXPECT(info.peerCertificateValidated());
  EXPECT_EQ(info.subject(net::TlsInfo::Side::kPeer), "CN=client.example");
  REQUIRE(info.sans(net::TlsInfo::Side::kPeer, net::TlsInfo::San::kUri).size() == 1);
  EXPECT_EQ(info.sans(net::TlsInfo::Side::kPeer, net::TlsInfo::San::kUri)[0], "spiffe://x/client");
  EXPECT_EQ(info.fingerprint(net::TlsInfo::Side::kPeer, net::TlsInfo::Digest::kSha256).size(), 64u);
}

TEST("tls: what is wrong with the peer's certificate is counted and told") {
  struct Wrong {
    plan::CertificateValidation validation;
    TlsStat counter;
    std::string_view reason;
  };
  std::vector<Wrong> wrongs(3);
  wrongs[0].validation.sans = {{plan::SanMatcher::Type::DNS, plan::StringMatcher{plan::StringMatcher::Kind::EXACT, "z.example", false}, ""}};
  wrongs[0].counter = TlsStat::fail_verify_san;
  wrongs[0].reason = "SAN_matcher,_certificate_SANs_are_[a.example]";
  wrongs[1].validation.certificate_hashes = {std::string(64, '0')};
  wrongs[1].counter = TlsStat::fail_verify_cert_hash;
  wrongs[1].reason = "cert_hash_and_spki";
  wrongs[2].validation.max_verify_depth = 100;
  wrongs[2].counter = TlsStat::fail_verify_error;
  wrongs[2].reason = "X509_verify_cert";
  for (size_t i = 0; i < wrongs.size(); ++i) {
    Bench bench;
    bench.upstream.plan.common->validation_slot = kValidation;
    bench.validate(wrongs[i].validation);
    if (i == 2) {
      Authority stranger;
      bench.parts[kServer] = certificatePart(stranger.issue({.name = "a.example"}));
    }
    EXPECT(!bench.connect());
    EXPECT_EQ(bench.count(wrongs[i].counter, false), 1u);
    EXPECT_EQ(bench.count(TlsStat::connection_error, false), 0u);
    EXPECT(bench.client->failureReason().starts_with("TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:"));
    EXPECT(bench.client->failureReason().find(wrongs[i].reason) != std::string_view::npos);
  }
}

TEST("tls: the certificate is chosen by name and by what the client can verify") {
  Bench bench;
  bench.downstream.plan.common->certificate_slots = {kServer, kServerEcdsa, kOther};
  const auto subjectFor = [&](std::string_view sni) {
    EXPECT(bench.connect({.sni = sni, .hash = 1 + sni.size()}));
    return std::string(bench.client->tls()->subject(net::TlsInfo::Side::kPeer));
  };
  EXPECT_EQ(subjectFor("x.b.example"), "CN=*.b.example");
  EXPECT_EQ(subjectFor("A.example"), "CN=a.example");
  EXPECT_EQ(bench.client->tls()->sans(net::TlsInfo::Side::kPeer, net::TlsInfo::San::kEmail).size(), 0u);
  EXPECT_EQ(subjectFor("unknown"), "CN=a.example");
}

TEST("tls: a renewed certificate serves new connections, the old ones go on") {
  Bench bench;
  REQUIRE(bench.connect());
  auto old_server = std::move(bench.server);
  auto old_client = std::move(bench.client);
  int old_fds[2] = {std::exchange(bench.fds[0], -1), std::exchange(bench.fds[1], -1)};
  bench.parts[kServer] = certificatePart(bench.authority.issue({.name = "renewed.example"}));
  bench.upstream.plan.max_session_keys = 0;
  bench.client_tls.reset();
  auto keep = std::move(bench.server_tls);
  bench.publish();  // makes a client without sessions
  bench.server_tls = std::move(keep);
  REQUIRE(bench.connect());
  EXPECT_EQ(bench.client->tls()->subject(net::TlsInfo::Side::kPeer), "CN=renewed.example");
  EXPECT_EQ(bench.server_stats->factory().counter(stats::TlsFactoryStat::ssl_context_update_by_sds), 1u);
  iovec piece{const_cast<char*>("still here"), 10};
  EXPECT_EQ(old_server->write(old_fds[1], &piece, 1).size, 10u);
  EXPECT_EQ(bench.readAll(*old_client, old_fds[0]), "still here");
  ::close(old_fds[0]);
  ::close(old_fds[1]);
}

TEST("tls: a secret that has not come fails connections until it does") {
  Bench bench;
  const snapshot::PartPtr part = std::exchange(bench.parts[kServer], nullptr);
  EXPECT(!bench.connect());
  EXPECT_EQ(bench.server->failureReason(), "TLS_error:_Secret_is_not_supplied_by_SDS");
  bench.parts[kServer] = part;
  EXPECT(bench.connect());
}

TEST("tls: clear text on a TLS port is told as such") {
  Bench bench;
  bench.publish();
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, bench.fds) == 0);
  bench.server = bench.server_tls->newTransport(bench.address, bench.address);
  REQUIRE(send(bench.fds[0], "GET / HTTP/1.1\r\n\r\n", 18, 0) == 18);
  EXPECT_EQ(bench.server->handshake(bench.fds[1]), HandshakeStatus::kFailed);
  EXPECT_EQ(bench.server->failureReason(), "TLS_error:|268435612:SSL_routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end");
  EXPECT_EQ(bench.count(TlsStat::connection_error), 1u);
}

TEST("tls: cipher lists in BoringSSL's syntax") {
  const auto names = cipherNames("[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:TLS_RSA_WITH_AES_128_CBC_SHA:-ALL");
  REQUIRE(names.size() == 4);
  EXPECT_EQ(names[1].name, "ECDHE-RSA-CHACHA20-POLY1305");
  EXPECT_EQ(names[0].group, names[1].group);
  EXPECT_EQ(names[2].name, "AES128-SHA");
  EXPECT(names[1].group != names[2].group);
  EXPECT_EQ(names[3].name, "-ALL");
  plan::TlsCommon common;
  const auto defaults = Settings::make(common, Role::kServer);
  REQUIRE(defaults.ok());
  const uint8_t chacha_first[] = {0xcc, 0xa8, 0xc0, 0x2f, 0xcc, 0xa9};
  EXPECT(defaults.value().ciphersFor(chacha_first).starts_with(
      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:"));
  const uint8_t aes_first[] = {0xc0, 0x2b, 0xcc, 0xa9, 0xc0, 0x2f, 0xcc, 0xa8};
  EXPECT_EQ(defaults.value().ciphersFor(aes_first), "");
  common.cipher_suites = {"ECDHE-RSA-AES128-GCM-SHA256", "NOPE", "DHE-RSA-AES128-SHA"};
  const auto refused = Settings::make(common, Role::kServer);
  REQUIRE(!refused.ok());
  EXPECT_EQ(refused.error(),
            "Failed to initialize cipher suites ECDHE-RSA-AES128-GCM-SHA256:NOPE:DHE-RSA-AES128-SHA. The following ciphers "
            "were rejected when tried individually: NOPE, DHE-RSA-AES128-SHA");
}

}  // namespace
}  // namespace nuncio::tls
