// FilterChain: the HTTP filters of one stream, in order, and what waits at each of them. The request goes through them
// towards the router, the response comes back in reverse. Part of its Stream. Upstream filters are a chain of their own, behind
// the router: one for each attempt, in the stream's arena.
//
// Each filter has a side for each direction (FilterSide): open, paused (body bytes still come to it) or stopped. What
// waits, waits at the filter that asked for it, and goes on from there: head, then body, then trailers.
#pragma once

#include <cstdint>
#include <string_view>

#include "http_proxy/discovered_filter.h"
#include "http_proxy/filter.h"
#include "http_proxy/filter_stream.h"

namespace nuncio::http_proxy {

struct FilterListRuntime;
class UpstreamRequest;

class FilterChain {
 public:
  explicit FilterChain(RoutedStream& stream) : stream_(stream) {}
  /** Upstream filters of an attempt. */
  FilterChain(RoutedStream& stream, UpstreamRequest& attempt) : stream_(stream), attempt_(&attempt) {}
  FilterChain(const FilterChain&) = delete;
  FilterChain& operator=(const FilterChain&) = delete;
  ~FilterChain();

  /** Makes the filters that the route leaves on. Once; later calls do nothing. */
  void create(const FilterListRuntime& list);
  bool created() const { return created_; }
  /** The settings of the router behind the filters; they live as long as the chain. Before create(). */
  const RouterConfig& routerConfig(const FilterListRuntime& list);

  /** How many filters there are before the router. */
  size_t size() const { return count_; }

  void requestHeaders(http::HeaderMap& headers, bool end_stream);
  void requestData(std::string_view data, bool end_stream);
  void requestTrailers(http::HeaderMap& trailers);

  void response1xx(http::HeaderMap& headers);
  void responseHeaders(http::HeaderMap& headers, bool end_stream);
  void responseData(std::string_view data, bool end_stream);
  void responseTrailers(http::HeaderMap& trailers);

  /** A filter's hook is running: an answer has to wait until it returns. */
  bool inHook() const { return depth_ != 0; }
  void replyAfterHook(const LocalReply& reply);
  /** A response head came into the chain. */
  bool responseBegun() const { return response_.headers != nullptr; }
  /** A local reply: the request goes no further. `direct`: neither does the response that was under way. */
  void startLocalReply(const LocalReply& reply, bool direct);
  void onResponseBlocked(bool blocked);
  void complete();
  /** Of an attempt that is over: nothing goes through it any more. */
  void abandon();

 private:
  friend class FilterStream;
  static constexpr uint16_t kNone = UINT16_MAX;

  struct Direction {
    explicit Direction(bool is_response) : response(is_response) {}
    bool response;
    bool aborted = false;
    bool limit_set = false;
    uint16_t fresh_trailers = kNone;  // a filter (in the direction's order) made trailers that the next has not seen
    http::HeaderMap* headers = nullptr;
    http::HeaderMap* trailers = nullptr;
    uint64_t limit = 0;
  };

  FilterStream& place(const Direction& direction, size_t i) const { return places_[direction.response ? count_ - 1 - i : i]; }
  static FilterSide& side(const Direction& direction, FilterStream& place) {
    return direction.response ? place.response_ : place.request_;
  }
  size_t positionOf(const Direction& direction, const FilterStream& place) const {
    return direction.response ? count_ - 1u - place.index_ : place.index_;
  }
  /** A filter looks at the response after all: what went by until now, went by it. */
  void seeResponse();
  /** The filter does not look at this, and nothing waits there. */
  static bool unseen(const Direction& direction, FilterStream& place) {
    return direction.response && place.filter_->ignoresResponse() && place.response_.held == nullptr;
  }
  struct Kept;
  void add(const NamedFilter& filter, FilterRuntime* runtime);
  const DiscoveredFilter* keep(DiscoveredFilterRef filter);
  template <class Call>
  Verdict call(FilterStream& place, Call&& hook);
  void runHeaders(Direction& direction, size_t from, bool end_stream);
  void runData(Direction& direction, size_t from, std::string_view data, bool end_stream);
  size_t offerData(Direction& direction, size_t from, std::string_view& data, bool& end_stream);
  void runTrailers(Direction& direction, size_t from);
  void keep(Direction& direction, FilterSide& side, std::string_view data, bool end_stream);
  void append(FilterSide& side, std::string_view data);
  void checkLimit(Direction& direction, FilterSide& side);
  void setBlocks(Direction& direction, FilterSide& side, bool blocks);
  void release(Direction& direction, FilterSide& side, size_t from);
  bool takeFreshTrailers(Direction& direction, FilterSide& side, size_t at);
  void deliverHeaders(Direction& direction, bool end_stream);
  void deliverData(Direction& direction, std::string_view data, bool end_stream);
  void deliverTrailers(Direction& direction);
  bool stopped(const Direction& direction) const;
  Stream& client() const;
  void reply(const LocalReply& reply);
  void block(const Direction& direction, bool block);

  // ---- for FilterStream
  void resume(Direction& direction, FilterStream& place);
  void add(Direction& direction, FilterStream& place, std::string_view data);
  void inject(Direction& direction, FilterStream& place, std::string_view data, bool end_stream);
  http::HeaderMap& addTrailers(Direction& direction, FilterStream& place);
  void drop(Direction& direction, FilterSide& side);
  uint64_t limitOf(const Direction& direction) const;
  void setLimit(Direction& direction, uint64_t bytes);

  RoutedStream& stream_;
  UpstreamRequest* const attempt_ = nullptr;  // null: the chain is a client's
  FilterStream* places_ = nullptr;
  const LocalReply* pending_ = nullptr;
  Kept* kept_ = nullptr;  // discovered filters of this stream
  uint16_t count_ = 0;
  uint16_t depth_ = 0;
  bool created_ = false;
  bool response_seen_ = false;  // by a filter: with none that looks, responses go straight on
  Direction request_{false};
  Direction response_{true};
};

}  // namespace nuncio::http_proxy
