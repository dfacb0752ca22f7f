#include "http_proxy/filter_stream.h"

#include "http_proxy/filter_chain.h"
#include "http_proxy/manager_config.h"
#include "http_proxy/stream.h"

namespace nuncio::http_proxy {

base::Arena& FilterStream::arena() { return stream_.arena(); }
WorkerContext& FilterStream::worker() { return stream_.worker(); }
http::StreamInfo& FilterStream::info() { return stream_.info(); }
std::string_view FilterStream::name() const { return configured_.name; }
http::FormatContext FilterStream::formatContext() const { return stream_.formatContext(); }
http::HeaderMap& FilterStream::requestHeaders() {
  // A head that could not be read is answered through the filters too.
  if (stream_.requestHeadersIfAny() == nullptr) return *arena().make<http::HeaderMap>(arena());
  return stream_.requestHeaders();
}
http::HeaderMap* FilterStream::requestTrailers() { return stream_.filters().request_.trailers; }
http::HeaderMap* FilterStream::responseHeaders() { return stream_.filters().response_.headers; }
http::HeaderMap* FilterStream::responseTrailers() { return stream_.filters().response_.trailers; }

void FilterStream::resumeRequest() { stream_.filters().resume(stream_.filters().request_, *this); }
void FilterStream::resumeResponse() { stream_.filters().resume(stream_.filters().response_, *this); }

Verdict FilterStream::reply(const LocalReply& reply) {
  stream_.reply(reply);
  return Verdict::kReplied;
}

void FilterStream::reset() { stream_.resetDownstream(http::ResetReason::kLocalReset); }

void FilterStream::addRequestData(std::string_view data) { stream_.filters().add(stream_.filters().request_, *this, data); }
void FilterStream::addResponseData(std::string_view data) { stream_.filters().add(stream_.filters().response_, *this, data); }

void FilterStream::injectRequestData(std::string_view data, bool end_stream) {
  stream_.filters().inject(stream_.filters().request_, *this, data, end_stream);
}
void FilterStream::injectResponseData(std::string_view data, bool end_stream) {
  stream_.filters().inject(stream_.filters().response_, *this, data, end_stream);
}

http::HeaderMap& FilterStream::addRequestTrailers() { return stream_.filters().addTrailers(stream_.filters().request_, *this); }
http::HeaderMap& FilterStream::addResponseTrailers() { return stream_.filters().addTrailers(stream_.filters().response_, *this); }

void FilterStream::dropHeldRequest() { stream_.filters().drop(stream_.filters().request_, request_); }
void FilterStream::dropHeldResponse() { stream_.filters().drop(stream_.filters().response_, response_); }

char* FilterStream::turnMemory(size_t size) { return worker().services.io.turnMemory(size); }

uint64_t FilterStream::requestBufferLimit() const { return stream_.filters().limitOf(stream_.filters().request_); }
uint64_t FilterStream::responseBufferLimit() const { return stream_.filters().limitOf(stream_.filters().response_); }
void FilterStream::setRequestBufferLimit(uint64_t bytes) {
  stream_.filters().setLimit(stream_.filters().request_, bytes);
}
void FilterStream::setResponseBufferLimit(uint64_t bytes) {
  stream_.filters().setLimit(stream_.filters().response_, bytes);
}

void FilterStream::pauseRequest(bool pause) { stream_.pauseRequest(pause); }
void FilterStream::pauseResponse(bool pause) { stream_.blockResponse(pause); }

const routing::ClusterRef* FilterStream::clusterRef() {
  const routing::Route* route = stream_.route();
  if (route == nullptr || route->cluster == nullptr) return nullptr;
  const routing::WeightedCluster* weighted = stream_.weightedCluster();
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

const routing::Route* FilterStream::route() { return stream_.route(); }
void FilterStream::refreshRoute() { stream_.refreshRoute(); }

const routing::RouteSettings* FilterStream::mostSpecificSettings() {
  const routing::Route* route = stream_.route();
  if (route == nullptr) return nullptr;
  const routing::ExtensionConfigs* levels[routing::Route::kLevels];
  const size_t count = route->filterLevels(stream_.weightedCluster(), levels);
  for (size_t i = 0; i < count; ++i) {
    const routing::ExtensionConfig* config = levels[i]->find(configured_.name);
    if (config != nullptr && config->settings != nullptr && config->type == configured_.type) return config->settings.get();
  }
  return nullptr;
}

void FilterStream::eachSettings(base::FunctionRef<void(const routing::RouteSettings&)> visit) {
  const routing::Route* route = stream_.route();
  if (route == nullptr) return;
  const routing::ExtensionConfigs* levels[routing::Route::kLevels];
  for (size_t i = route->filterLevels(stream_.weightedCluster(), levels); i-- > 0;) {
    const routing::ExtensionConfig* config = levels[i]->find(configured_.name);
    if (config != nullptr && config->settings != nullptr && config->type == configured_.type) visit(*config->settings);
  }
}

void FilterStream::eachOfSameType(base::FunctionRef<void(Filter&, FilterStream&)> visit) {
  FilterChain& chain = stream_.filters();
  for (uint16_t i = 0; i < chain.count_; ++i) {
    FilterStream& place = chain.places_[i];
    if (place.configured_.type == configured_.type) visit(*place.filter_, place);
  }
}

void FilterStream::eachFollowingOfSameType(base::FunctionRef<bool(Filter&, FilterStream&)> visit) {
  FilterChain& chain = stream_.filters();
  for (uint16_t i = index_ + 1; i < chain.count_; ++i) {
    FilterStream& place = chain.places_[i];
    if (place.configured_.type != configured_.type || !visit(*place.filter_, place)) return;
  }
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
