// Redirects of the upstream that the proxy follows by itself (internal_redirect_policy): the request begins anew, through all
// filters, with what the Location says. As in Envoy, one that cannot be followed is handed to the client as it is.
#include "http_proxy/router.h"

#include <algorithm>

#include "base/ascii.h"
#include "http_proxy/routed_stream.h"
#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

using http::HeaderId;
using stats::ClusterStat;
using stats::RouterStat;

namespace {

/** An absolute http or https URL, cut up. */
struct Target {
  bool http = false;
  std::string_view scheme;
  std::string_view host;
  std::string_view path;  // with the query, without the fragment; may be empty or begin with '?'
};

std::optional<Target> parseTarget(std::string_view url) {
  Target target;
  constexpr std::string_view kHttp = "http://", kHttps = "https://";
  if (base::equalsIgnoreCase(url.substr(0, kHttp.size()), kHttp)) {
    target = {true, "http", url.substr(kHttp.size()), {}};
  } else if (base::equalsIgnoreCase(url.substr(0, kHttps.size()), kHttps)) {
    target = {false, "https", url.substr(kHttps.size()), {}};
  } else {
    return std::nullopt;
  }
  const size_t end = std::min(target.host.find_first_of("/?#"), target.host.size());
  target.path = target.host.substr(end);
  target.host = target.host.substr(0, end);
  target.path = target.path.substr(0, target.path.find('#'));
  const auto odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '@' || c == 0x7f; };
  if (target.host.empty() || std::any_of(target.host.begin(), target.host.end(), odd)) return std::nullopt;
  return target;
}

/** A head as it was, to be put back when a redirect comes to nothing. */
class SavedHead {
 public:
  explicit SavedHead(http::HeaderMap& headers) : headers_(headers), count_(headers.size()) {
    entries_ = headers.arena().array<http::Header>(count_);
    std::copy_n(headers.entries().begin(), count_, entries_);
  }
  void restore() {
    headers_.clear();
    for (size_t i = 0; i < count_; ++i) headers_.add(entries_[i]);
  }

 private:
  http::HeaderMap& headers_;
  const size_t count_;
  http::Header* entries_;
};

void copyResponseHeaders(const std::vector<std::string>& names, http::HeaderMap& response, http::HeaderMap& request) {
  for (const std::string& name : names) {
    request.remove(name);
    for (const http::Header& header : response.entries()) {
      if (header.name == name) request.add(http::Header{header.name, header.value, nullptr, header.id});
    }
  }
}

}  // namespace

/** Which routes redirects led to, by the route that had them. A name is told apart by its text. */
struct RedirectTrail {
  struct Step {
    std::string_view from, to;
    Step* next;
  };
  uint32_t followed = 0;
  Step* steps = nullptr;

  bool has(std::string_view from, std::string_view to) const {
    for (const Step* step = steps; step != nullptr; step = step->next) {
      if (step->from == from && step->to == to) return true;
    }
    return false;
  }
};

/** True: the request begins anew. */
bool Router::followRedirect(http::HeaderMap& response, uint32_t status, bool end_stream) {
  const routing::InternalRedirect& policy = *route_->cluster->internal_redirect;
  if (std::find(policy.codes.begin(), policy.codes.end(), status) == policy.codes.end()) return false;
  const bool whole = request_ended_ && follows_redirects_;
  if (!whole || !response.has(HeaderId::kLocation) || !redirectRequest(response, status)) {
    cluster_->stats().inc(ClusterStat::upstream_internal_redirect_failed_total);
    return false;
  }
  cluster_->stats().inc(ClusterStat::upstream_internal_redirect_succeeded_total);
  http::StreamInfo& info = stream_.info();
  info.response_code = static_cast<uint16_t>(status);
  info.response_code_details = "internal_redirect";
  global_timer_.cancel();
  abandoned_ = true;
  if (!end_stream) attempt_->reset(http::ResetReason::kLocalReset);
  stream_.restart(body_ ? &*body_ : nullptr, trailers_, head_only_);
  return true;
}

/** Makes the head say what the Location does; false, and the head as it was, when that is not allowed. */
bool Router::redirectRequest(http::HeaderMap& response, uint32_t status) {
  const auto& stats = stream_.routerStats();
  const auto target = parseTarget(response.get(HeaderId::kLocation));
  if (!target) {
    stats.inc(RouterStat::passthrough_internal_redirect_bad_location);
    return false;
  }
  const routing::InternalRedirect& policy = *route_->cluster->internal_redirect;
  http::HeaderMap& headers = *headers_;
  const bool from_http = headers.get(HeaderId::kScheme) == "http" || stream_.info().downstream->tls == nullptr;
  if (!policy.allow_cross_scheme && from_http != target->http) {
    stats.inc(RouterStat::passthrough_internal_redirect_unsafe_scheme);
    return false;
  }
  auto& arena = stream_.arena();
  RedirectTrail*& trail = stream_.redirectTrail();
  if (trail == nullptr) trail = arena.make<RedirectTrail>();
  if (trail->followed >= policy.max_redirects) {
    stats.inc(RouterStat::passthrough_internal_redirect_too_many_redirects);
    return false;
  }
  SavedHead saved(headers);
  const std::string_view url = arena.concat(from_http ? "http://" : "https://", headers.get(HeaderId::kAuthority), headers.get(HeaderId::kPath));
  copyResponseHeaders(policy.copy_headers, response, headers);
  headers.set(HeaderId::kScheme, target->scheme);
  headers.set(HeaderId::kAuthority, target->host);
  headers.set(HeaderId::kPath, target->path.starts_with('/') ? target->path : arena.concat("/", target->path));
  if (!acceptsRedirect(from_http, target->http)) {
    saved.restore();
    return false;
  }
  if (status == 303 && headers.get(HeaderId::kMethod) != "GET" && headers.get(HeaderId::kMethod) != "HEAD") {
    headers.set(HeaderId::kMethod, "GET");
    headers.remove(HeaderId::kContentLength);
    if (body_) body_->clear();
    head_only_ = trailers_ == nullptr;
  }
  ++trail->followed;
  headers.set(HeaderId::kXEnvoyOriginalUrl, url);
  return true;
}

/** Is there a route for it, and may the redirect lead there? */
bool Router::acceptsRedirect(bool from_http, bool to_http) {
  const auto& stats = stream_.routerStats();
  const routing::InternalRedirect& policy = *route_->cluster->internal_redirect;
  http::StreamInfo& info = stream_.info();
  const routing::Route* route = stream_.reroute();
  info.route_name = {};
  info.cluster_name = {};
  if (route == nullptr) {
    stats.inc(RouterStat::passthrough_internal_redirect_no_route);
    return false;
  }
  info.route_name = route->name;
  if (route->cluster != nullptr) {
    const routing::WeightedCluster* weighted = stream_.weightedCluster();
    const routing::ClusterRef& cluster = weighted == nullptr ? route->cluster->cluster : weighted->cluster;
    info.cluster_name = stream_.arena().copy(cluster.nameFor(*headers_));
  }
  RedirectTrail& trail = *stream_.redirectTrail();
  const auto listed = [&](const std::vector<std::string>& names) { return std::find(names.begin(), names.end(), route->name) != names.end(); };
  if ((policy.safe_cross_scheme && from_http && !to_http) ||
      !std::all_of(policy.allowed_routes.begin(), policy.allowed_routes.end(), listed) ||
      (policy.previous_routes && trail.has(route_->name, route->name))) {
    stats.inc(RouterStat::passthrough_internal_redirect_predicate);
    return false;
  }
  if (policy.previous_routes) trail.steps = stream_.arena().make<RedirectTrail::Step>(RedirectTrail::Step{route_->name, route->name, trail.steps});
  return true;
}

}  // namespace nuncio::http_proxy
