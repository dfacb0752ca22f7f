// FilterStream: the stream as one of its filters sees it: what the filter may ask and do. One for each filter of a
// stream, in its arena; it may be kept (for a timer, say) until onComplete. Worker thread only.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/function_ref.h"
#include "http/dynamic_metadata.h"
#include "http/header_map.h"
#include "http/stream_info.h"
#include "http_proxy/body_buffer.h"
#include "http_proxy/filter.h"
#include "http_proxy/local_reply.h"
#include "http_proxy/worker_context.h"
#include "routing/route_table.h"

namespace nuncio::http_proxy {

class FilterChain;
class RoutedStream;
class Stream;
struct NamedFilter;

/** A filter's place in one direction of its stream. */
struct FilterSide {
  enum class State : uint8_t { kOpen, kPaused, kStopped };  // paused: body bytes still come to the filter; stopped: nothing does

  State state = State::kOpen;
  bool streaming = false;      // more than the limit holds the sender back, instead of being an error
  bool head_passed = false;    // the head went on to the next filter
  bool head_ended = false;     // the head that waits here ended its message
  bool end_held = false;       // the end came with (or after) what is held
  bool trailers_here = false;  // the trailers came as far as this filter, and wait
  bool blocks = false;         // the sender is held back because of this filter
  BodyBuffer* held = nullptr;
};

class FilterStream {
 public:
  FilterStream(FilterChain& chain, const NamedFilter& configured, uint16_t index) : chain_(chain), configured_(configured), index_(index) {}
  FilterStream(const FilterStream&) = delete;
  FilterStream& operator=(const FilterStream&) = delete;

  /** The client's stream; not for upstream filters, whose stream may be another. */
  Stream& stream();
  base::Arena& arena();
  WorkerContext& worker();
  http::StreamInfo& info();
  /** The filter's name as configured. */
  std::string_view name() const;
  http::FormatContext formatContext() const;
  http::HeaderMap& requestHeaders();
  /** Null before they came. */
  http::HeaderMap* requestTrailers();
  http::HeaderMap* responseHeaders();
  http::HeaderMap* responseTrailers();

  // ---- going on
  /** Lets go what waits at this filter; nothing happens when nothing does. From outside of the filter's own hooks. */
  void resumeRequest();
  void resumeResponse();
  /** Answers by the proxy itself; `return stream.reply(…)` in a hook, or from outside (a timer). Texts in `reply` live as long as the stream. */
  Verdict reply(const LocalReply& reply);
  /** Ends the stream hard. */
  void reset();

  /** A filter that let responses go by unseen (Filter::ignoresResponse) looks at this one after all. */
  void seeResponse();

  // ---- body
  /** Bytes after what is held here, or (nothing held, in a hook of head or trailers) between this filter and the next. */
  void addRequestData(std::string_view data);
  void addResponseData(std::string_view data);
  /** Hands bytes to the next filter now, past what is held here; a head that waits goes first. */
  void injectRequestData(std::string_view data, bool end_stream);
  void injectResponseData(std::string_view data, bool end_stream);
  /** Trailers of a message that has none: in the hook that sees its end, body or head. Later filters see them; nothing else ends it then. */
  http::HeaderMap& addRequestTrailers();
  http::HeaderMap& addResponseTrailers();
  /** What this filter holds; null: nothing. */
  BodyBuffer* heldRequest() { return request_.held; }
  BodyBuffer* heldResponse() { return response_.held; }
  void dropHeldRequest();
  void dropHeldResponse();
  /** `size` bytes of memory that last until the end of this turn. */
  char* turnMemory(size_t size);

  // ---- limits: bytes the chain keeps for a direction; 0: any number
  uint64_t requestBufferLimit() const;
  uint64_t responseBufferLimit() const;
  void setRequestBufferLimit(uint64_t bytes);
  void setResponseBufferLimit(uint64_t bytes);

  // ---- flow control, counted
  void pauseRequest(bool pause);
  void pauseResponse(bool pause);

  // ---- route
  /** Null: none. */
  const routing::Route* route();
  /** The cluster that the route chooses: its name, empty when there is none, and its runtime in this worker, which may be missing. */
  std::string_view clusterName();
  upstream::ClusterRuntime* cluster();
  /** The request changed: its route is looked up anew when somebody asks (Envoy's clearRouteCache). Upstream filters: too late. */
  void refreshRoute();
  /** The filter's settings at the most specific level that has some; null: none. `T`: what its makeRoute makes. */
  template <class T>
  const T* routeSettings() {
    return static_cast<const T*>(mostSpecificSettings());
  }
  /** All levels that have settings, from the route table to the weighted cluster. */
  template <class T, class Visit>
  void eachRouteSettings(Visit&& visit) {
    const auto call = [&](const routing::RouteSettings& settings) { visit(static_cast<const T&>(settings)); };
    eachSettings(call);
  }

  // ---- what filters tell each other, access logs and matchers
  /**
   * This stream's filters of the same extension in the order of the chain, this one among them: `visit(filter, its place)`.
   * `T`: what its factory creates.
   */
  template <class T, class Visit>
  void eachOfKind(Visit&& visit) {
    const auto call = [&](Filter& filter, FilterStream& place) { visit(static_cast<T&>(filter), place); };
    eachOfSameType(call);
  }
  /** The place behind this one for the request, when its filter is of the same extension; else null. */
  FilterStream* nextOfKind();
  /** `T`: what the extension's factory creates. */
  template <class T>
  T& filterAs() {
    return static_cast<T&>(*filter_);
  }
  http::DynamicMetadata& dynamicMetadata();
  http::FilterState& filterState();

 private:
  friend class FilterChain;
  const routing::ClusterRef* clusterRef();
  const routing::RouteSettings* mostSpecificSettings();
  void eachOfSameType(base::FunctionRef<void(Filter&, FilterStream&)> visit);
  void eachSettings(base::FunctionRef<void(const routing::RouteSettings&)> visit);

  RoutedStream& routed();

  FilterChain& chain_;
  const NamedFilter& configured_;
  Filter* filter_ = nullptr;
  const uint16_t index_;
  FilterSide request_;
  FilterSide response_;
};

}  // namespace nuncio::http_proxy
