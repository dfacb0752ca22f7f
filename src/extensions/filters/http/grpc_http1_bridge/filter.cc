// envoy.filters.http.grpc_http1_bridge: unary gRPC for clients of HTTP/1.1, which cannot read trailers: the answer is held
// until its trailers are there, and their grpc-status becomes headers and status.
#include <arpa/inet.h>

#include <cstring>

#include "base/ascii.h"
#include "generated/filters/http/grpc_http1_bridge/plan.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;
using plan::grpc_http1_bridge::Bridge;

constexpr size_t kFrameHead = 5;

class GrpcHttp1Bridge final : public http_proxy::Filter {
 public:
  explicit GrpcHttp1Bridge(const Bridge& config) : config_(config) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    if (config_.upgrade_protobuf && headers.get(HeaderId::kContentType) == "application/x-protobuf") {
      frames_ = true;
      headers.set(HeaderId::kContentType, "application/grpc");
      headers.remove(HeaderId::kContentLength);  // the frame says how long the message is
      if (config_.ignore_query_parameters) {
        const std::string_view path = headers.get(HeaderId::kPath);
        headers.set(HeaderId::kPath, path.substr(0, path.find('?')));
      }
    }
    const http::Protocol protocol = stream.info().protocol;
    bridges_ = (protocol == http::Protocol::kHttp10 || protocol == http::Protocol::kHttp11) &&
               http_proxy::isGrpcContentType(headers.get(HeaderId::kContentType));
    return Verdict::kContinue;
  }
  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (!frames_) return Verdict::kContinue;
    if (!end_stream) return Verdict::kBuffer;
    const http_proxy::BodyBuffer* held = stream.heldRequest();
    const size_t before = held == nullptr ? 0 : held->size();
    const size_t size = before + data.size();
    char* frame = stream.turnMemory(kFrameHead + size);
    frame[0] = 0;
    const uint32_t order = htonl(static_cast<uint32_t>(size));
    std::memcpy(frame + 1, &order, 4);
    if (before != 0) held->peek(frame + kFrameHead, 0, before);
    if (!data.empty()) std::memcpy(frame + kFrameHead + before, data.data(), data.size());
    stream.dropHeldRequest();
    data = {frame, kFrameHead + size};
    return Verdict::kContinue;
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream&, bool end_stream) override {
    if (!bridges_ || end_stream) return Verdict::kContinue;
    response_ = &headers;
    return Verdict::kPause;
  }
  Verdict onResponseData(std::string_view& data, FilterStream&, bool end_stream) override {
    if (!bridges_) return Verdict::kContinue;
    if (frames_ && to_drop_ != 0) {
      const size_t part = std::min(to_drop_, data.size());
      data.remove_prefix(part);
      to_drop_ -= part;
    }
    return end_stream ? Verdict::kContinue : Verdict::kBuffer;
  }
  Verdict onResponseTrailers(http::HeaderMap& trailers, FilterStream& stream) override {
    if (!bridges_ || response_ == nullptr) return Verdict::kContinue;
    takeStatus(trailers);
    const http_proxy::BodyBuffer* held = stream.heldResponse();
    response_->set(HeaderId::kContentLength, stream.arena().decimal(held == nullptr ? 0 : held->size()));
    return Verdict::kContinue;
  }

 private:
  /** A call that failed is a 503 to who does not look at grpc-status. */
  void takeStatus(const http::HeaderMap& from) {
    if (from.has(HeaderId::kGrpcStatus)) {
      const std::string_view status = from.get(HeaderId::kGrpcStatus);
      const auto code = base::parseDecimal(status);
      if (!code || *code != 0) response_->set(HeaderId::kStatus, "503");
      response_->set(HeaderId::kGrpcStatus, status);
    }
    if (from.has(HeaderId::kGrpcMessage)) response_->set(HeaderId::kGrpcMessage, from.get(HeaderId::kGrpcMessage));
  }

  const Bridge& config_;
  http::HeaderMap* response_ = nullptr;
  size_t to_drop_ = kFrameHead;
  bool frames_ = false;   // a plain protobuf message, to be put into a frame
  bool bridges_ = false;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeBridge(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto config = std::make_unique<Bridge>();
  if (!plan::grpc_http1_bridge::decode(bytes, *config)) return std::string("malformed plan");
  return http_proxy::FilterFactoryPtr(std::make_unique<http_proxy::PlainFactory<GrpcHttp1Bridge, Bridge>>(std::move(config)));
}

}  // namespace

extern const http_proxy::FilterEntry grpc_http1_bridge = {"envoy.filters.http.grpc_http1_bridge", &makeBridge};

}  // namespace nuncio::ext
