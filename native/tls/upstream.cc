#include "tls/upstream.h"

#include <utility>

#include "tls/client_context.h"
#include "tls/not_ready.h"
#include "tls/transport.h"

namespace nuncio::tls {

base::Result<UpstreamConfigPtr, std::string> UpstreamConfig::make(std::span<const uint8_t> plan) {
  auto config = std::make_shared<UpstreamConfig>();
  if (!plan::decode(plan, config->plan)) return std::string("malformed plan of an upstream TLS context");
  if (!config->plan.common) config->plan.common.emplace();
  const plan::TlsCommon& common = *config->plan.common;
  if (common.certificate_slots.size() > 1) return std::string("Multiple TLS certificates are not supported for client contexts");
  if (std::string error = config->read(common, Role::kClient); !error.empty()) return error;
  return UpstreamConfigPtr(std::move(config));
}

UpstreamTls::UpstreamTls(WorkerTls& worker, UpstreamConfigPtr config, TlsStatsRef stats)
    : worker_(worker), config_(std::move(config)), stats_(std::move(stats)) {}

UpstreamTls::~UpstreamTls() = default;

std::unique_ptr<net::Transport> UpstreamTls::newTransport(const net::Address& remote, const UpstreamWishes& wishes) {
  if (!context_ || !context_->isCurrent()) {
    auto next = ClientContext::make(worker_, config_, stats_);
    if (context_ && next) stats_->factory().inc(stats::TlsFactoryStat::ssl_context_update_by_sds);
    if (next) context_ = std::move(next);  // else go on with the last good one
  }
  SslPtr ssl = context_ ? context_->newSsl() : nullptr;
  if (ssl == nullptr) {
    stats_->factory().inc(stats::TlsFactoryStat::upstream_context_secrets_not_ready);
    return std::make_unique<NotReadyTransport>();
  }
  const plan::UpstreamTls& plan = config_->plan;
  std::string sni(wishes.sni);
  if (sni.empty() && plan.auto_host_sni) sni = wishes.host_name;
  if (sni.empty()) sni = plan.sni;
  if (!sni.empty()) SSL_set_tlsext_host_name(ssl.get(), sni.c_str());
  std::string alpn = alpnWire(wishes.alpn);
  if (alpn.empty()) alpn = config_->settings.alpn();
  if (alpn.empty()) alpn = alpnWire(wishes.alpn_fallback);
  if (!alpn.empty()) SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(alpn.data()), static_cast<unsigned>(alpn.size()));
  context_->resume(ssl.get(), wishes.hash);
  // Envoy's filters see no local address before the socket is connected; the key log's filter for it cannot hold then.
  static const net::Address kNoLocal;
  auto transport = std::make_unique<TlsTransport>(ContextRef(context_.get()), std::move(ssl), TlsTransport::Addresses{kNoLocal, remote}, wishes.hash);
  std::vector<std::string> names(wishes.verify_sans.begin(), wishes.verify_sans.end());
  if (plan.auto_sni_san_validation && !sni.empty()) names.push_back(sni);
  if (plan.enforce_rsa_key_usage) transport->enforceKeyUsage();
  if (!names.empty()) transport->requireSans(std::move(names));
  return transport;
}

}  // namespace nuncio::tls
