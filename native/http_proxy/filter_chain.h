// FilterChain: the HTTP filters of one stream, in order, and what is held back while one of them pauses. The request goes
// through them towards the router, the response comes back in reverse. Part of its Stream.
//
// A stage is handed on as long as filters continue. kPauseHeaders: the head waits at that filter, body bytes still reach
// it. kPauseAll: body bytes wait too, in `held`, and beyond the limit the sender is paused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http_proxy/filter.h"

namespace nuncio::http_proxy {

struct ManagerConfig;

class FilterChain {
 public:
  explicit FilterChain(Stream& stream) : stream_(stream) {}

  void create(const ManagerConfig& config);

  void requestHeaders(http::HeaderMap& headers, bool end_stream);
  void requestData(std::string_view data, bool end_stream);
  void requestTrailers(http::HeaderMap& trailers);
  void resumeRequest() { resume(request_); }

  void responseHeaders(http::HeaderMap& headers, bool end_stream);
  void responseData(std::string_view data, bool end_stream);
  void responseTrailers(http::HeaderMap& trailers);
  void resumeResponse() { resume(response_); }

  /** A local reply: the request goes no further, and what the response direction held is dropped. */
  void startLocalReply();
  void complete();

 private:
  struct Direction {
    explicit Direction(bool is_response) : response(is_response) {}
    bool response;
    bool head_held = false;
    bool all_held = false;
    bool head_passed = false;    // the head reached the end of the chain
    bool end_held = false;       // the end of the message came while held
    bool sender_paused = false;
    uint16_t at = 0;             // the filter that holds (in the direction's own order)
    http::HeaderMap* headers = nullptr;
    http::HeaderMap* trailers = nullptr;
    std::string held;            // body bytes; empty unless a filter pauses
  };

  Filter& filterAt(const Direction& direction, size_t i) const {
    return *filters_[direction.response ? count_ - 1 - i : i];
  }
  void runHeaders(Direction& direction, size_t from, bool end_stream);
  void runData(Direction& direction, size_t from, std::string_view data, bool end_stream);
  void runTrailers(Direction& direction, size_t from);
  void hold(Direction& direction, std::string_view data, bool end_stream);
  void resume(Direction& direction);
  void deliverHeaders(Direction& direction, bool end_stream);
  void deliverData(Direction& direction, std::string_view data, bool end_stream);
  void deliverTrailers(Direction& direction);
  bool stopped(const Direction& direction) const;

  Stream& stream_;
  Filter** filters_ = nullptr;
  uint16_t count_ = 0;
  bool replied_ = false;
  Direction request_{false};
  Direction response_{true};
};

}  // namespace nuncio::http_proxy
