// RouteTable: a route configuration ready to answer "which route?" for any request, at a cost that does not depend on how
// many routes there are. Made once from its plan, const everywhere, shared by all workers through the snapshot.
//
//   host ─ DomainIndex ─▶ VirtualHost ─ PathIndex ─▶ candidates in order ─ other conditions ─▶ Route
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generated/plan.h"
#include "http/header_mutation.h"
#include "routing/domain_index.h"
#include "routing/route.h"

namespace nuncio::routing {

class RouteTable {
 public:
  /** `decode` makes the settings of filters. */
  static base::Result<std::unique_ptr<const RouteTable>, std::string> make(const plan::RouteTable& plan,
                                                                          const SettingsDecoder& decode = noSettings);

  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  /**
   * The route of a request; null when there is none. `virtual_host` (may be null) receives the virtual host found, also
   * when none of its routes matches. A virtual host that requires TLS answers clear text with a kTlsRedirect route.
   */
  const Route* match(const MatchInput& input, const VirtualHost** virtual_host = nullptr) const;

  const VirtualHost* findVirtualHost(http::HeaderMap& headers) const;

  const std::string& name() const { return name_; }
  const std::vector<std::unique_ptr<VirtualHost>>& virtualHosts() const { return virtual_hosts_; }
  const std::vector<std::string>& internalOnlyHeaders() const { return internal_only_headers_; }
  const std::vector<MirrorPolicy>& mirrors() const { return mirrors_; }
  const http::HeaderMutations& requestMutations() const { return request_mutations_; }
  const http::HeaderMutations& responseMutations() const { return response_mutations_; }
  const ExtensionConfigs& filterConfigs() const { return filter_configs_; }
  /** VHDS: more of them may come. */
  bool discoversVirtualHosts() const { return discovers_virtual_hosts_; }
  bool mostSpecificMutationsWin() const { return most_specific_mutations_win_; }

 private:
  RouteTable() = default;

  std::string name_;
  DomainIndex domains_;
  std::vector<std::unique_ptr<VirtualHost>> virtual_hosts_;
  std::vector<std::string> internal_only_headers_;
  std::vector<MirrorPolicy> mirrors_;
  http::HeaderMutations request_mutations_;
  http::HeaderMutations response_mutations_;
  ExtensionConfigs filter_configs_;
  std::string vhost_header_;
  bool most_specific_mutations_win_ = false;
  bool ignore_port_ = false;
  bool discovers_virtual_hosts_ = false;
  bool ignore_path_parameters_ = false;
};

}  // namespace nuncio::routing
