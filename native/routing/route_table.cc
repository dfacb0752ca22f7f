#include "routing/route_table.h"

#include "base/ascii.h"
#include "http/path.h"

namespace nuncio::routing {
namespace {

/** The host in lower case: itself when it is so already, else a copy in the arena. */
std::string_view lowered(base::Arena& arena, std::string_view host) {
  size_t upper = 0;
  while (upper < host.size() && base::toLower(host[upper]) == host[upper]) ++upper;
  if (upper == host.size()) return host;
  char* copy = static_cast<char*>(arena.allocate(host.size(), 1));
  for (size_t i = 0; i < host.size(); ++i) copy[i] = base::toLower(host[i]);
  return {copy, host.size()};
}

}  // namespace

base::Result<std::unique_ptr<const RouteTable>, std::string> RouteTable::make(const plan::RouteTable& plan,
                                                                              const SettingsDecoder& decode) {
  auto table = std::unique_ptr<RouteTable>(new RouteTable());
  table->name_ = plan.name;
  table->internal_only_headers_ = plan.internal_only_headers;
  table->vhost_header_ = plan.vhost_header == "host" ? ":authority" : plan.vhost_header;
  table->most_specific_mutations_win_ = plan.most_specific_mutations_win;
  table->discovers_virtual_hosts_ = plan.virtual_host_discovery;
  table->ignore_port_ = plan.ignore_port_in_host;
  table->ignore_path_parameters_ = plan.ignore_path_parameters;
  if (std::string error = table->filter_configs_.fill(plan.per_filter_config, decode); !error.empty()) return error;
  for (const plan::MirrorPolicy& one : plan.mirrors) {
    auto mirror = MirrorPolicy::make(one);
    if (!mirror.ok()) return std::move(mirror.error());
    table->mirrors_.push_back(std::move(mirror.value()));
  }
  auto request = http::HeaderMutations::make(plan.request_mutations, http::MessageSide::kRequest);
  if (!request.ok()) return std::move(request.error());
  table->request_mutations_ = std::move(request.value());
  auto response = http::HeaderMutations::make(plan.response_mutations, http::MessageSide::kResponse);
  if (!response.ok()) return std::move(response.error());
  table->response_mutations_ = std::move(response.value());

  for (const plan::VirtualHost& one : plan.virtual_hosts) {
    auto host = VirtualHost::make(one, decode);
    if (!host.ok()) return std::move(host.error());
    host.value()->table = table.get();
    for (const std::string& domain : one.domains) {
      if (!table->domains_.insert(domain, static_cast<uint32_t>(table->virtual_hosts_.size()))) {
        return "duplicate domain " + domain + " in route table " + plan.name;
      }
    }
    table->virtual_hosts_.push_back(std::move(host.value()));
  }
  return std::unique_ptr<const RouteTable>(std::move(table));
}

const VirtualHost* RouteTable::findVirtualHost(http::HeaderMap& headers) const {
  uint32_t found = domains_.defaultHost();
  if (!domains_.onlyDefault()) {
    std::string_view host = vhost_header_.empty() ? headers.get(http::HeaderId::kAuthority) : headers.get(vhost_header_);
    if (host.data() == nullptr) return nullptr;
    if (ignore_port_) host = host.substr(0, http::portStart(host));
    found = domains_.find(lowered(headers.arena(), host));
  }
  return found == DomainIndex::kNone ? nullptr : virtual_hosts_[found].get();
}

const Route* RouteTable::match(const MatchInput& input, const VirtualHost** virtual_host) const {
  const VirtualHost* host = findVirtualHost(input.headers);
  if (virtual_host != nullptr) *virtual_host = host;
  if (host == nullptr) return nullptr;
  const bool bare = ignore_path_parameters_ && input.path.data() != nullptr;
  const std::string_view path = bare ? http::withoutParameters(input.headers.arena(), input.path) : input.path;
  return host->match(input, path);
}

}  // namespace nuncio::routing
