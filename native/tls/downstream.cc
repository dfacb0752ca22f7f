#include "tls/downstream.h"

#include <utility>

#include "tls/not_ready.h"
#include "tls/server_context.h"
#include "tls/transport.h"

namespace nuncio::tls {

base::Result<DownstreamConfigPtr, std::string> DownstreamConfig::make(std::span<const uint8_t> plan) {
  auto config = std::make_shared<DownstreamConfig>();
  if (!plan::decode(plan, config->plan)) return std::string("malformed plan of a downstream TLS context");
  if (!config->plan.common) config->plan.common.emplace();
  const plan::TlsCommon& common = *config->plan.common;
  if (common.certificate_slots.empty()) return std::string("No TLS certificates found for server context");
  if (std::string error = config->read(common, Role::kServer); !error.empty()) return error;
  return DownstreamConfigPtr(std::move(config));
}

DownstreamTls::DownstreamTls(WorkerTls& worker, DownstreamConfigPtr config, TlsStatsRef stats)
    : worker_(worker), config_(std::move(config)), stats_(std::move(stats)) {}

DownstreamTls::~DownstreamTls() = default;

std::unique_ptr<net::Transport> DownstreamTls::newTransport(const net::Address& local, const net::Address& remote) {
  if (!context_ || !context_->isCurrent()) {
    auto next = ServerContext::make(worker_, config_, stats_);
    if (context_ && next) stats_->factory().inc(stats::TlsFactoryStat::ssl_context_update_by_sds);
    if (next) context_ = std::move(next);  // else go on with the last good one
  }
  SslPtr ssl = context_ ? context_->newSsl() : nullptr;
  if (ssl == nullptr) {
    stats_->factory().inc(stats::TlsFactoryStat::downstream_context_secrets_not_ready);
    return std::make_unique<NotReadyTransport>();
  }
  return std::make_unique<TlsTransport>(ContextRef(context_.get()), std::move(ssl), TlsTransport::Addresses{local, remote});
}

}  // namespace nuncio::tls
