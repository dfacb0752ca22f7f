#include "http_proxy/filter_stream.h"

#include "http_proxy/filter_chain.h"
#include "http_proxy/manager_config.h"
#include "http_proxy/stream.h"
#include "http_proxy/upstream_request.h"

namespace nuncio::http_proxy {

RoutedStream& FilterStream::routed() { return chain_.stream_; }
Stream& FilterStream::stream() { return chain_.client(); }
base::Arena& FilterStream::arena() { return chain_.stream_.arena(); }
WorkerContext& FilterStream::worker() { return routed().worker(); }
http::StreamInfo& FilterStream::info() { return routed().info(); }
std::string_view FilterStream::name() const { return configured_.name; }
http::FormatContext FilterStream::formatContext() const {
  http::FormatContext context = chain_.stream_.formatContext();
  if (chain_.attempt_ != nullptr) context.response = chain_.response_.headers;
  return context;
}
http::HeaderMap& FilterStream::requestHeaders() {
  // A head that could not be read is answered through the filters too.
  http::HeaderMap* headers = routed().requestHeadersIfAny();
  return headers != nullptr ? *headers : *arena().make<http::HeaderMap>(arena());
}
http::HeaderMap* FilterStream::requestTrailers() { return chain_.request_.trailers; }
http::HeaderMap* FilterStream::responseHeaders() { return chain_.response_.headers; }
http::HeaderMap* FilterStream::responseTrailers() { return chain_.response_.trailers; }

void FilterStream::resumeRequest() { chain_.resume(chain_.request_, *this); }
void FilterStream::resumeResponse() { chain_.resume(chain_.response_, *this); }

void FilterStream::seeResponse() { chain_.seeResponse(); }

Verdict FilterStream::reply(const LocalReply& reply) {
  chain_.reply(reply);
  return Verdict::kReplied;
}

void FilterStream::reset() {
  if (chain_.attempt_ != nullptr) return chain_.attempt_->onFilterReset();
  chain_.client().resetDownstream(http::ResetReason::kLocalReset);
}

void FilterStream::addRequestData(std::string_view data) { chain_.add(chain_.request_, *this, data); }
void FilterStream::addResponseData(std::string_view data) { chain_.add(chain_.response_, *this, data); }

void FilterStream::injectRequestData(std::string_view data, bool end_stream) {
  chain_.inject(chain_.request_, *this, data, end_stream);
}
void FilterStream::injectResponseData(std::string_view data, bool end_stream) {
  chain_.inject(chain_.response_, *this, data, end_stream);
}

http::HeaderMap& FilterStream::addRequestTrailers() { return chain_.addTrailers(chain_.request_, *this); }
http::HeaderMap& FilterStream::addResponseTrailers() { return chain_.addTrailers(chain_.response_, *this); }

void FilterStream::dropHeldRequest() { chain_.drop(chain_.request_, request_); }
void FilterStream::dropHeldResponse() { chain_.drop(chain_.response_, response_); }

char* FilterStream::turnMemory(size_t size) { return worker().services.io.turnMemory(size); }

uint64_t FilterStream::requestBufferLimit() const { return chain_.limitOf(chain_.request_); }
uint64_t FilterStream::responseBufferLimit() const { return chain_.limitOf(chain_.response_); }
void FilterStream::setRequestBufferLimit(uint64_t bytes) {
  chain_.setLimit(chain_.request_, bytes);
}
void FilterStream::setResponseBufferLimit(uint64_t bytes) {
  chain_.setLimit(chain_.response_, bytes);
}

void FilterStream::pauseRequest(bool pause) { chain_.block(chain_.request_, pause); }
void FilterStream::pauseResponse(bool pause) { chain_.block(chain_.response_, pause); }

const routing::ClusterRef* FilterStream::clusterRef() {
  const routing::Route* route = routed().route();
  if (route == nullptr || route->cluster == nullptr) return nullptr;
  const routing::WeightedCluster* weighted = routed().weightedCluster();
  return weighted == nullptr ? &route->cluster->cluster : &weighted->cluster;
}

std::string_view FilterStream::clusterName() {
  const routing::ClusterRef* wanted = clusterRef();
  return wanted == nullptr ? std::string_view() : wanted->nameFor(requestHeaders());
}

upstream::ClusterRuntime* FilterStream::cluster() {
  const routing::ClusterRef* wanted = clusterRef();
  if (wanted == nullptr) return nullptr;
  auto& clusters = worker().clusters;
  return wanted->header.empty() ? clusters.find(wanted->slot) : clusters.find(wanted->nameFor(requestHeaders()));
}

const routing::Route* FilterStream::route() { return routed().route(); }
void FilterStream::refreshRoute() {
  if (chain_.attempt_ == nullptr) chain_.client().refreshRoute();
}

const routing::RouteSettings* FilterStream::mostSpecificSettings() {
  const routing::Route* route = routed().route();
  if (route == nullptr) return nullptr;
  const routing::ExtensionConfigs* levels[routing::Route::kLevels];
  const size_t count = route->filterLevels(routed().weightedCluster(), levels);
  for (size_t i = 0; i < count; ++i) {
    const routing::ExtensionConfig* config = levels[i]->find(configured_.name);
    if (config != nullptr && config->settings != nullptr && config->type == configured_.type) return config->settings.get();
  }
  return nullptr;
}

void FilterStream::eachSettings(base::FunctionRef<void(const routing::RouteSettings&)> visit) {
  const routing::Route* route = routed().route();
  if (route == nullptr) return;
  const routing::ExtensionConfigs* levels[routing::Route::kLevels];
  for (size_t i = route->filterLevels(routed().weightedCluster(), levels); i-- > 0;) {
    const routing::ExtensionConfig* config = levels[i]->find(configured_.name);
    if (config != nullptr && config->settings != nullptr && config->type == configured_.type) visit(*config->settings);
  }
}

void FilterStream::eachOfSameType(base::FunctionRef<void(Filter&, FilterStream&)> visit) {
  FilterChain& chain = chain_;
  for (uint16_t i = 0; i < chain.count_; ++i) {
    FilterStream& place = chain.places_[i];
    if (place.configured_.type == configured_.type) visit(*place.filter_, place);
  }
}

FilterStream* FilterStream::nextOfKind() {
  const size_t next = index_ + 1u;
  if (next >= chain_.count_) return nullptr;
  FilterStream& place = chain_.places_[next];
  const std::string_view type = place.configured_.type;
  const bool same = type.data() == configured_.type.data() || type == configured_.type;  // most often it is one text
  return same ? &place : nullptr;
}

http::DynamicMetadata& FilterStream::dynamicMetadata() {
  http::StreamInfo& about = info();
  if (about.dynamic_metadata == nullptr) about.dynamic_metadata = arena().make<http::DynamicMetadata>(arena());
  return *about.dynamic_metadata;
}

http::FilterState& FilterStream::filterState() {
  http::StreamInfo& about = info();
  if (about.filter_state == nullptr) about.filter_state = arena().make<http::FilterState>(arena());
  return *about.filter_state;
}

}  // namespace nuncio::http_proxy
