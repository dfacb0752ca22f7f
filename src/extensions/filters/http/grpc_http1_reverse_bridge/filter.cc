// envoy.filters.http.grpc_http1_reverse_bridge: gRPC for upstreams without it. The request takes another content type and, where
// frames are withheld, loses the head of its frame; the answer gets one, and a grpc-status behind it that stands for its status.
#include <arpa/inet.h>

#include <cstring>

#include "base/ascii.h"
#include "generated/filters/http/grpc_http1_reverse_bridge/plan.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/local_reply.h"

namespace nuncio::ext {
namespace reverse_bridge {
namespace {

using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;

constexpr size_t kFrameHead = 5;
constexpr uint32_t kUnknownStatus = 2, kInternalStatus = 13;

struct Settings final : routing::RouteSettings {
  plan::grpc_http1_reverse_bridge::ReverseBridge plan;
};

void adjustLength(http::HeaderMap& headers, int64_t by) {
  const auto length = base::parseDecimal<uint64_t>(headers.get(HeaderId::kContentLength));
  if (length && static_cast<int64_t>(*length) + by >= 0) {
    headers.set(HeaderId::kContentLength, headers.arena().decimal(*length + static_cast<uint64_t>(by)));
  }
}

class ReverseBridge final : public http_proxy::Filter {
 public:
  explicit ReverseBridge(const Settings& settings) : config_(settings.plan) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    if (end_stream) return Verdict::kContinue;
    const auto* of_route = stream.routeSettings<Settings>();
    if (of_route != nullptr && of_route->plan.disabled) return Verdict::kContinue;
    content_type_ = headers.get(HeaderId::kContentType);
    if (!http_proxy::isGrpcContentType(content_type_)) return Verdict::kContinue;
    enabled_ = true;
    headers.set(HeaderId::kContentType, config_.content_type);
    headers.set(HeaderId::kAccept, config_.content_type);
    if (config_.withhold_frames) adjustLength(headers, -static_cast<int64_t>(kFrameHead));
    stream.refreshRoute();
    return Verdict::kContinue;
  }

  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool) override {
    if (!enabled_ || !config_.withhold_frames || frame_taken_) return Verdict::kContinue;
    if (data.size() < kFrameHead) {
      return stream.reply({.status = 200, .body = "invalid request body", .details = "grpc_bridge_data_too_small", .grpc_status = kUnknownStatus});
    }
    data.remove_prefix(kFrameHead);
    frame_taken_ = true;
    return Verdict::kContinue;
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    if (!enabled_) return Verdict::kContinue;
    const std::string_view status = headers.get(HeaderId::kStatus);
    const std::string_view type = headers.get(HeaderId::kContentType);
    if (type != config_.content_type) {
      enabled_ = false;
      const std::string_view body =
          type.data() == nullptr
              ? stream.arena().concat("envoy reverse bridge: upstream responded with no content-type header, status code ", status)
              : stream.arena().concat("envoy reverse bridge: upstream responded with unsupported content-type ", type, ", status code ", status);
      return stream.reply({.status = 200, .body = body, .details = "grpc_bridge_content_type_wrong", .grpc_status = kUnknownStatus});
    }
    headers.set(HeaderId::kContentType, content_type_);
    const auto code = static_cast<uint32_t>(base::parseDecimal(status).value_or(0));
    grpc_status_ = code == 200 ? 0 : http_proxy::grpcStatusOf(code);
    if (config_.withhold_frames && !tellLength(headers)) {
      enabled_ = false;
      return stream.reply({.status = 200,
                           .body = "envoy reverse bridge: upstream did not set content length",
                           .details = "grpc_bridge_content_length_missing",
                           .grpc_status = kInternalStatus});
    }
    headers.set(HeaderId::kStatus, "200");  // a gRPC client knows no other
    if (!end_stream || !config_.withhold_frames) return Verdict::kContinue;
    headers.set(HeaderId::kContentLength, stream.arena().decimal(kFrameHead));
    enabled_ = false;  // the empty message is whole
    stream.addResponseData(framed({}, nullptr, 0, stream));
    setStatus(stream.addResponseTrailers(), stream);
    return Verdict::kContinue;
  }

  Verdict onResponseData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (!enabled_) return Verdict::kContinue;
    received_ += data.size();
    if (config_.withhold_frames && told_size_ && !std::exchange(framed_, true)) data = framed(data, {}, *told_size_, stream);
    const bool holds = config_.withhold_frames && !told_size_;
    if (!end_stream) return holds ? Verdict::kBuffer : Verdict::kContinue;
    if (told_size_ && received_ != *told_size_) {
      return stream.reply({.status = 200,
                           .body = "envoy reverse bridge: upstream set incorrect content length",
                           .details = "grpc_bridge_content_length_wrong",
                           .grpc_status = kInternalStatus});
    }
    setStatus(stream.addResponseTrailers(), stream);
    if (!holds) return Verdict::kContinue;
    data = frameAll(data, stream);
    return Verdict::kContinue;
  }

  Verdict onResponseTrailers(http::HeaderMap& trailers, FilterStream& stream) override {
    if (!enabled_) return Verdict::kContinue;
    setStatus(trailers, stream);
    if (config_.withhold_frames && !told_size_) {
      const std::string_view whole = frameAll({}, stream);
      stream.addResponseData(whole);
    }
    return Verdict::kContinue;
  }

 private:
  /** The answer's length with its frame's head; false: the upstream should have told it in a header of its own and did not. */
  bool tellLength(http::HeaderMap& headers) {
    if (config_.response_size_header.empty()) {
      adjustLength(headers, kFrameHead);
      return true;
    }
    told_size_ = base::parseDecimal<uint32_t>(headers.get(config_.response_size_header));
    if (told_size_) headers.set(HeaderId::kContentLength, headers.arena().decimal(uint64_t{*told_size_} + kFrameHead));
    return told_size_.has_value();
  }

  void setStatus(http::HeaderMap& trailers, FilterStream& stream) {
    trailers.set(HeaderId::kGrpcStatus, stream.arena().decimal(grpc_status_));
  }

  /** What is held and `rest`, behind the head of one frame; nothing is held any more. */
  std::string_view frameAll(std::string_view rest, FilterStream& stream) {
    const http_proxy::BodyBuffer* held = stream.heldResponse();
    const size_t before = held == nullptr ? 0 : held->size();
    const std::string_view out = framed(rest, held, static_cast<uint32_t>(before + rest.size()), stream);
    stream.dropHeldResponse();
    return out;
  }

  static std::string_view framed(std::string_view rest, const http_proxy::BodyBuffer* held, uint32_t message_size, FilterStream& stream) {
    const size_t before = held == nullptr ? 0 : held->size();
    char* const frame = stream.turnMemory(kFrameHead + before + rest.size());
    frame[0] = 0;
    const uint32_t order = htonl(message_size);
    std::memcpy(frame + 1, &order, 4);
    if (before != 0) held->peek(frame + kFrameHead, 0, before);
    if (!rest.empty()) std::memcpy(frame + kFrameHead + before, rest.data(), rest.size());
    return {frame, kFrameHead + before + rest.size()};
  }

  const plan::grpc_http1_reverse_bridge::ReverseBridge& config_;
  std::string_view content_type_;
  std::optional<uint32_t> told_size_;
  uint64_t received_ = 0;    // of the answer
  uint32_t grpc_status_ = 0;
  bool enabled_ = false;
  bool frame_taken_ = false;
  bool framed_ = false;
};

template <class Pointer>
base::Result<Pointer, std::string> read(std::span<const uint8_t> bytes, Pointer (*wrap)(std::unique_ptr<const Settings>)) {
  auto settings = std::make_unique<Settings>();
  if (!plan::grpc_http1_reverse_bridge::decode(bytes, settings->plan)) return std::string("malformed plan");
  return wrap(std::move(settings));
}

base::Result<http_proxy::FilterFactoryPtr, std::string> make(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  return read<http_proxy::FilterFactoryPtr>(bytes, [](std::unique_ptr<const Settings> settings) {
    return http_proxy::FilterFactoryPtr(std::make_unique<http_proxy::PlainFactory<ReverseBridge, Settings>>(std::move(settings)));
  });
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  return read<http_proxy::RouteSettingsPtr>(
      bytes, [](std::unique_ptr<const Settings> settings) { return http_proxy::RouteSettingsPtr(std::move(settings)); });
}

}  // namespace
}  // namespace reverse_bridge

extern const http_proxy::FilterEntry grpc_http1_reverse_bridge = {"envoy.filters.http.grpc_http1_reverse_bridge", &reverse_bridge::make,
                                                                  &reverse_bridge::makeRoute};

}  // namespace nuncio::ext
