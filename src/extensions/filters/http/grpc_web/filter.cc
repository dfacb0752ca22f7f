// envoy.filters.http.grpc_web: browsers' gRPC-Web to gRPC and back. The trailers of an answer become the last frame of its
// body; in text mode everything is base64.
#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/base64.h"
#include "http_proxy/manager_config.h"
#include "src/extensions/filters/http/common/grpc.h"

namespace nuncio::ext {
namespace {

using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;

constexpr size_t kMaxMessage = 16384;  // of a foreign answer's text, in grpc-message

bool isText(std::string_view type) { return type == "application/grpc-web-text" || type == "application/grpc-web-text+proto"; }
bool isBinary(std::string_view type) { return type == "application/grpc-web" || type == "application/grpc-web+proto"; }

struct GrpcWebConfig {};

struct GrpcWebRuntime final : http_proxy::FilterRuntime {
  GrpcWebRuntime(const http_proxy::FilterSite& site, const GrpcWebConfig&) : methods(site.worker.stats) {}
  grpc::MethodTable methods;
};

class GrpcWeb final : public http_proxy::Filter {
 public:
  GrpcWeb(const GrpcWebConfig&, GrpcWebRuntime& runtime) : runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool) override {
    const std::string_view type = headers.get(HeaderId::kContentType);
    text_request_ = isText(type);
    if (!text_request_ && !isBinary(type)) return Verdict::kContinue;
    active_ = true;
    headers.remove(HeaderId::kContentLength);  // of the coded body
    findStats(headers, stream);
    headers.set(HeaderId::kContentType, "application/grpc");
    text_response_ = isText(headers.get(HeaderId::kAccept));
    headers.set(HeaderId::kTe, "trailers");
    headers.set("grpc-accept-encoding", "identity");
    return Verdict::kContinue;
  }

  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (!active_ || !text_request_) return Verdict::kContinue;
    const size_t available = data.size() + pending_size_;
    if (end_stream && available == 0) return Verdict::kContinue;
    if (end_stream && available % 4 != 0) return refuse(stream, "grpc_base_64_decode_failed_bad_size");
    if (available < 4) {
      keep(data);
      return Verdict::kPause;
    }
    // What was left over completes a group with the first of the new bytes.
    const size_t whole = available / 4 * 4;
    char* coded = stream.turnMemory(whole);
    std::memcpy(coded, pending_, pending_size_);
    std::memcpy(coded + pending_size_, data.data(), whole - pending_size_);
    data.remove_prefix(whole - pending_size_);
    pending_size_ = 0;
    keep(data);
    const auto size = base::decodeBase64({coded, whole}, coded);
    if (!size) return refuse(stream, "grpc_base_64_decode_failed");
    data = {coded, *size};
    return Verdict::kContinue;
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream&, bool end_stream) override {
    if (!active_) return Verdict::kContinue;
    if (stats_ != nullptr) stats_->chargeStatus(headers.get(HeaderId::kGrpcStatus));
    const std::string_view type = headers.get(HeaderId::kContentType);
    foreign_ = !grpc::isGrpcResponse(headers, end_stream) && !isBinary(type) && !isText(type);
    headers.remove(HeaderId::kContentLength);
    headers.set(HeaderId::kContentType, text_response_ ? "application/grpc-web-text+proto" : "application/grpc-web+proto");
    if (end_stream || !foreign_) return Verdict::kContinue;
    response_ = &headers;
    return Verdict::kPause;
  }

  Verdict onResponseData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (!active_) return Verdict::kContinue;
    if (foreign_) {
      if (!end_stream) return Verdict::kBuffer;
      explain(stream, data);
      data = {};
      return Verdict::kContinue;
    }
    if (!text_response_) return Verdict::kContinue;
    return encodeFrames(data, stream, end_stream);
  }

  Verdict onResponseTrailers(http::HeaderMap& trailers, FilterStream& stream) override {
    if (!active_) return Verdict::kContinue;
    if (stats_ != nullptr) stats_->chargeStatus(trailers.get(HeaderId::kGrpcStatus));
    if (foreign_) {
      explain(stream, {});
      return Verdict::kContinue;
    }
    size_t size = 0;
    for (const http::Header& header : trailers.entries()) size += header.name.size() + header.value.size() + 3;
    char* frame = stream.turnMemory(size + 5);
    char* out = writeHead(frame, 0x80, static_cast<uint32_t>(size));
    for (const http::Header& header : trailers.entries()) {
      out = copy(copy(copy(copy(out, header.name), ":"), header.value), "\r\n");
    }
    trailers.clear();
    if (!text_response_) {
      stream.addResponseData({frame, size + 5});
    } else {
      char* coded = stream.turnMemory(base::base64Size(size + 5));
      base::encodeBase64({frame, size + 5}, coded);
      stream.addResponseData({coded, base::base64Size(size + 5)});
    }
    return Verdict::kContinue;
  }

 private:
  static char* copy(char* out, std::string_view text) {
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    return out + text.size();
  }
  static char* writeHead(char* out, unsigned char flags, uint32_t length) {
    *out++ = static_cast<char>(flags);
    const uint32_t order = htonl(length);
    std::memcpy(out, &order, 4);
    return out + 4;
  }

  void findStats(http::HeaderMap& headers, FilterStream& stream) {
    upstream::ClusterRuntime* cluster = stream.cluster();
    const auto method = grpc::methodOf(headers.get(HeaderId::kPath));
    if (cluster != nullptr && method) stats_ = runtime_.methods.find(stream.arena(), *cluster, "grpc-web", *method);
  }

  void keep(std::string_view data) {
    std::memcpy(pending_ + pending_size_, data.data(), data.size());
    pending_size_ = static_cast<uint8_t>(pending_size_ + data.size());
  }

  Verdict refuse(FilterStream& stream, std::string_view details) {
    return stream.reply({.status = 400, .body = "Bad gRPC-web request, invalid base64 data.", .details = details});
  }

  /** Each message is coded by itself, so that a browser can read it when it is there. */
  Verdict encodeFrames(std::string_view& data, FilterStream& stream, bool end_stream) {
    http_proxy::BodyBuffer& frames = framesOf(stream);
    frames.append(data);
    size_t whole = 0;
    while (frames.size() - whole >= 5) {
      char head[5];
      frames.peek(head, whole, 5);
      uint32_t length;
      std::memcpy(&length, head + 1, 4);
      const size_t size = 5 + static_cast<size_t>(ntohl(length));
      if (frames.size() - whole < size) break;
      whole += size;
    }
    if (whole == 0) {
      data = {};
      return end_stream ? Verdict::kContinue : Verdict::kPause;
    }
    char* plain = stream.turnMemory(whole);
    frames.take(plain, whole);
    size_t coded_size = 0;
    forEachFrame(plain, whole, [&](std::string_view frame) { coded_size += base::base64Size(frame.size()); });
    char* coded = stream.turnMemory(coded_size);
    char* out = coded;
    forEachFrame(plain, whole, [&](std::string_view frame) { out = base::encodeBase64(frame, out); });
    data = {coded, coded_size};
    return Verdict::kContinue;
  }
  template <class Visit>
  static void forEachFrame(const char* bytes, size_t size, Visit&& visit) {
    for (size_t at = 0; at < size;) {
      uint32_t length;
      std::memcpy(&length, bytes + at + 1, 4);
      const size_t frame = 5 + static_cast<size_t>(ntohl(length));
      visit(std::string_view(bytes + at, frame));
      at += frame;
    }
  }
  http_proxy::BodyBuffer& framesOf(FilterStream& stream) {
    if (!frames_) frames_.emplace(stream.worker().services.io.blocks());
    return *frames_;
  }

  /** The answer is not gRPC (a proxy's on the way, or our own): its text becomes the message. */
  void explain(FilterStream& stream, std::string_view last) {
    const http_proxy::BodyBuffer* held = stream.heldResponse();
    const size_t held_size = held == nullptr ? 0 : held->size();
    const size_t size = std::min(held_size + last.size(), kMaxMessage);
    char* text = stream.arena().array<char>(size + 1);
    const size_t from_held = std::min(held_size, size);
    if (from_held != 0) held->peek(text, 0, from_held);
    std::memcpy(text + from_held, last.data(), size - from_held);
    stream.dropHeldResponse();
    const auto status = base::parseDecimal(response_->get(HeaderId::kStatus)).value_or(0);
    response_->set(HeaderId::kGrpcMessage, http_proxy::grpcMessage(stream.arena(), {text, size}));
    response_->set(HeaderId::kGrpcStatus, stream.arena().decimal(http_proxy::grpcStatusOf(static_cast<uint32_t>(status))));
    response_->set(HeaderId::kContentLength, "0");
  }

  GrpcWebRuntime& runtime_;
  grpc::MethodStats* stats_ = nullptr;
  http::HeaderMap* response_ = nullptr;
  std::optional<http_proxy::BodyBuffer> frames_;
  char pending_[4] = {};  // less than a group of base64
  uint8_t pending_size_ = 0;
  bool active_ = false;
  bool text_request_ = false;
  bool text_response_ = false;
  bool foreign_ = false;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeGrpcWeb(std::span<const uint8_t>, http_proxy::DecodeContext&) {
  return http_proxy::FilterFactoryPtr(
      std::make_unique<http_proxy::RuntimeFactory<GrpcWeb, GrpcWebConfig, GrpcWebRuntime>>(std::make_unique<GrpcWebConfig>()));
}

}  // namespace

extern const http_proxy::FilterEntry grpc_web = {"envoy.filters.http.grpc_web", &makeGrpcWeb};

}  // namespace nuncio::ext
