// envoy.filters.http.buffer: the whole request before any of it goes on; a body that is too large is a 413.
#include <cstdint>

#include "generated/filters/http/buffer/plan.h"
#include "http_proxy/filter_support.h"
#include "http_proxy/manager_config.h"

namespace nuncio::ext {
namespace {

using http_proxy::FilterStream;
using http_proxy::Verdict;

struct BufferSettings final : routing::RouteSettings {
  uint32_t max_request_bytes = 0;
  bool disabled = false;
};

class Buffer final : public http_proxy::Filter {
 public:
  explicit Buffer(const BufferSettings& own) : settings_(&own) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    if (end_stream) return Verdict::kContinue;
    if (const auto* route = stream.routeSettings<BufferSettings>()) settings_ = route;
    if (settings_->disabled) return Verdict::kContinue;
    stream.setRequestBufferLimit(settings_->max_request_bytes);
    headers_ = &headers;
    return Verdict::kPause;
  }
  Verdict onRequestData(std::string_view& data, FilterStream&, bool end_stream) override {
    size_ += data.size();
    if (headers_ == nullptr) return Verdict::kContinue;
    if (!end_stream) return Verdict::kBuffer;
    addLength();
    return Verdict::kContinue;
  }
  Verdict onRequestTrailers(http::HeaderMap&, FilterStream&) override {
    addLength();
    return Verdict::kContinue;
  }

 private:
  void addLength() {
    if (headers_ == nullptr || headers_->has(http::HeaderId::kContentLength)) return;
    char text[20];
    const char* end = base::writeDecimal(text, size_);
    headers_->setCopy(http::HeaderId::kContentLength, {text, static_cast<size_t>(end - text)});
  }

  const BufferSettings* settings_;
  http::HeaderMap* headers_ = nullptr;  // set while the request is being buffered
  uint64_t size_ = 0;
};

std::unique_ptr<const BufferSettings> readBuffer(std::span<const uint8_t> bytes) {
  plan::buffer::Buffer plan;
  if (!plan::buffer::decode(bytes, plan)) return nullptr;
  auto settings = std::make_unique<BufferSettings>();
  settings->max_request_bytes = plan.max_request_bytes;
  settings->disabled = plan.disabled;
  return settings;
}

base::Result<http_proxy::FilterFactoryPtr, std::string> makeBuffer(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = readBuffer(bytes);
  if (settings == nullptr) return std::string("malformed plan");
  return http_proxy::FilterFactoryPtr(std::make_unique<http_proxy::PlainFactory<Buffer, BufferSettings>>(std::move(settings)));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeBufferRoute(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = readBuffer(bytes);
  if (settings == nullptr) return std::string("malformed plan");
  return http_proxy::RouteSettingsPtr(std::move(settings));
}

}  // namespace

extern const http_proxy::FilterEntry buffer = {"envoy.filters.http.buffer", &makeBuffer, &makeBufferRoute};

}  // namespace nuncio::ext
