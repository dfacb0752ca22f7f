// envoy.filters.http.compressor: bodies of answers (and of requests, where asked for) in gzip, brotli or zstd. Several of them
// in a chain agree on one coding for the answer.
#include <cstring>

#include "http_proxy/request_preparation.h"
#include "src/extensions/filters/http/compressor/encoding_choice.h"
#include "src/extensions/filters/http/compressor/settings.h"

namespace nuncio::ext {
namespace {

using compressors::ChoiceKind;
using compressors::Direction;
using compressors::DirectionCounters;
using compressors::EncodingChoice;
using compressors::RouteOverrides;
using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;

constexpr std::string_view kAcceptEncoding = "accept-encoding";
constexpr std::string_view kContentEncoding = "content-encoding";

class Compressor final : public http_proxy::Filter {
 public:
  Compressor(const compressors::Settings& settings, compressors::Runtime& runtime) : settings_(settings), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    findOverrides(stream);
    accept_encoding_ = headers.get(kAcceptEncoding);
    if (responseEnabled(stream) && removesAcceptEncoding()) headers.remove(kAcceptEncoding);
    if (!end_stream && compressesRequest(headers, stream) && start(request_)) {
      headers.remove(HeaderId::kContentLength);
      headers.set(kContentEncoding, coding());
      runtime_.request.compressed.inc();
    } else {
      runtime_.request.not_compressed.inc();
    }
    return Verdict::kContinue;
  }
  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (request_ != nullptr) data = compress(*request_, runtime_.request, data, end_stream, requestByHttp1(stream), stream);
    return Verdict::kContinue;
  }
  Verdict onRequestTrailers(http::HeaderMap&, FilterStream& stream) override {
    if (request_ != nullptr) stream.addRequestData(compress(*request_, runtime_.request, {}, true, false, stream));
    return Verdict::kContinue;
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    findOverrides(stream);
    const bool enabled = responseEnabled(stream);
    const bool tells = settings_.plan.status_header;
    const bool concerned = enabled && (!tells || isTransformable(headers)) && isLongEnough(headers);
    const bool compressible = concerned && isTransformable(headers) && response().allowsType(typeOf(headers)) &&
                              allowsEtag(headers) && allowsStatus(headers);
    // With the status header the client's wishes matter for what can be compressed only.
    const bool asks = !end_stream && (tells ? compressible : concerned);
    const bool compresses = asks && isAccepted(headers, stream) && compressible && start(response_);
    if (compressible && tells) insertVary(headers);
    if (compresses) {
      startResponse(headers);
    } else {
      runtime_.response.not_compressed.inc();
      if (tells && enabled && !end_stream && !compressible && isTransformable(headers)) tellWhyNot(headers);
    }
    if (compressible && !tells) insertVary(headers);
    return Verdict::kContinue;
  }
  Verdict onResponseData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (response_ != nullptr) data = compress(*response_, runtime_.response, data, end_stream, responseByHttp1(stream), stream);
    return Verdict::kContinue;
  }
  Verdict onResponseTrailers(http::HeaderMap&, FilterStream& stream) override {
    if (response_ != nullptr) stream.addResponseData(compress(*response_, runtime_.response, {}, true, false, stream));
    return Verdict::kContinue;
  }
  void onLocalReply(const http_proxy::LocalReply&, FilterStream&) override { local_reply_ = true; }
  void onComplete(FilterStream&) override {
    if (!ownLibrary()) return;
    runtime_.pool.give(std::move(request_));
    runtime_.pool.give(std::move(response_));
  }

 private:
  const Direction& response() const { return *settings_.response; }
  void findOverrides(FilterStream& stream) {
    if (overrides_ == nullptr) overrides_ = stream.routeSettings<RouteOverrides>();
  }
  bool ownLibrary() const { return overrides_ == nullptr || overrides_->library == nullptr; }
  std::string_view coding() const { return ownLibrary() ? settings_.coding : overrides_->coding; }
  bool responseEnabled(FilterStream& stream) const {
    if (overrides_ != nullptr && overrides_->plan.response_enabled) return *overrides_->plan.response_enabled;
    return response().enabled(stream.worker());
  }
  bool removesAcceptEncoding() const {
    const bool own = settings_.plan.remove_accept_encoding;
    return overrides_ == nullptr ? own : overrides_->plan.remove_accept_encoding.value_or(own);
  }
  static std::string_view typeOf(const http::HeaderMap& headers) { return headers.get(HeaderId::kContentType); }

  /** False: there is no memory for it, and the body stays as it is. */
  bool start(std::unique_ptr<compression::Compressor>& codec) {
    codec = ownLibrary() ? runtime_.pool.take() : overrides_->library->make();
    return codec != nullptr;
  }

  std::string_view compress(compression::Compressor& codec, const DirectionCounters& counters, std::string_view data, bool finish,
                            bool from_http1, FilterStream& stream) {
    if (data.empty() && !finish) return data;
    compression::Output& out = runtime_.output;
    // With HTTP/1 Envoy learns of the end after the last piece, and what it sends is a flush longer for it.
    const bool end_apart = finish && from_http1 && !data.empty();
    codec.compress(data, finish && !end_apart, out);
    if (end_apart) codec.compress({}, true, out);
    counters.total_uncompressed_bytes.inc(data.size());
    counters.total_compressed_bytes.inc(out.size());
    const size_t size = out.size();
    char* bytes = stream.turnMemory(std::max<size_t>(size, 1));
    if (size != 0) std::memcpy(bytes, out.text().data(), size);
    out.clear();
    return {bytes, size};
  }

  static bool requestByHttp1(FilterStream& stream) {
    const http::Protocol protocol = stream.info().protocol;
    return protocol == http::Protocol::kHttp10 || protocol == http::Protocol::kHttp11;
  }
  bool responseByHttp1(FilterStream& stream) const {
    return !local_reply_ && stream.info().upstream_protocol == http::Protocol::kHttp11;
  }

  bool compressesRequest(const http::HeaderMap& headers, FilterStream& stream) {
    if (!settings_.request || !settings_.request->enabled(stream.worker()) || http_proxy::isUpgradeRequest(headers)) return false;
    if (!settings_.request->isLongEnough(headers)) {
      runtime_.request.content_length_too_small.inc();
      return false;
    }
    return settings_.request->allowsType(typeOf(headers)) && !headers.find(kContentEncoding);
  }

  // ---- may this answer be compressed?
  bool isLongEnough(const http::HeaderMap& headers) {
    if (response().isLongEnough(headers)) return true;
    runtime_.response.content_length_too_small.inc();
    return false;
  }
  static bool isTransformable(const http::HeaderMap& headers) {
    return !http_proxy::isUpgradeRequest(headers) && !base::listContains(headers.get("cache-control"), "no-transform") &&
           !headers.find(kContentEncoding);
  }
  bool etagForbids(const http::HeaderMap& headers) const {
    return settings_.plan.disable_on_etag && !settings_.plan.weaken_etag && headers.find("etag") != nullptr;
  }
  bool allowsEtag(const http::HeaderMap& headers) {
    if (!etagForbids(headers)) return true;
    if (!settings_.plan.status_header) runtime_.not_compressed_etag.inc();
    return false;
  }
  bool allowsStatus(const http::HeaderMap& headers) const {
    const auto& codes = settings_.plan.uncompressible_codes;
    if (codes.empty()) return true;
    const auto status = base::parseDecimal<uint32_t>(headers.get(HeaderId::kStatus));
    return !status || std::find(codes.begin(), codes.end(), *status) == codes.end();
  }

  /** Does the client take this filter's coding, before those of others in the chain? Counted. */
  bool isAccepted(const http::HeaderMap& headers, FilterStream& stream) {
    if (accept_encoding_.data() == nullptr) {
      runtime_.no_accept_header.inc();
      return false;
    }
    const EncodingChoice choice = choiceOf(headers, stream);
    const bool mine = base::equalsIgnoreCase(choice.coding, coding());
    switch (choice.kind) {
      case ChoiceKind::kCompressor: (mine ? runtime_.header_compressor_used : runtime_.header_compressor_overshadowed).inc(); break;
      case ChoiceKind::kIdentity: runtime_.header_identity.inc(); break;
      case ChoiceKind::kWildcard: runtime_.header_wildcard.inc(); break;
      case ChoiceKind::kNotValid: runtime_.header_not_valid.inc(); break;
    }
    return mine;
  }
  /** Made once for the stream; the first compressor of the chain keeps it. */
  EncodingChoice choiceOf(const http::HeaderMap& headers, FilterStream& stream) {
    Compressor* first = nullptr;
    stream.eachOfKind<Compressor>([&](Compressor& one, FilterStream&) {
      if (first == nullptr) first = &one;
    });
    if (first->choice_) return *first->choice_;
    compressors::EncodingChooser chooser;
    stream.eachOfKind<Compressor>([&](Compressor& one, FilterStream& place) {
      one.findOverrides(place);  // it may not have seen the request
      if (one.response().allowsType(typeOf(headers))) chooser.offer(one.coding(), one.settings_.plan.choose_first);
    });
    first->choice_ = chooser.choose(accept_encoding_);
    return *first->choice_;
  }

  // ---- what becomes of the answer's head
  void startResponse(http::HeaderMap& headers) {
    const std::string_view length = headers.get(HeaderId::kContentLength);
    changeEtag(headers);
    headers.remove(HeaderId::kContentLength);
    headers.set(kContentEncoding, coding());
    if (settings_.plan.status_header) addStatus(headers, headers.arena().concat("Compressed;OriginalLength=", length));
    runtime_.response.compressed.inc();
  }
  /** A strong validator is of the bytes as they were. */
  void changeEtag(http::HeaderMap& headers) {
    const std::string_view etag = headers.get("etag");
    if (etag.data() == nullptr) return;
    const bool weak = etag.size() > 1 && base::toLower(etag[0]) == 'w' && etag[1] == '/';
    if (weak) return;
    if (settings_.plan.weaken_etag) {
      headers.set("etag", headers.arena().concat("W/", etag));
    } else {
      headers.remove("etag");
    }
  }
  static void insertVary(http::HeaderMap& headers) {
    const std::string_view vary = headers.get("vary");
    if (vary.data() == nullptr) return headers.set("vary", "Accept-Encoding");
    bool named = false;
    base::forEachToken(vary, [&](std::string_view item) {
      named = item == "Accept-Encoding";
      return !named;
    });
    if (!named) headers.set("vary", headers.arena().concat(vary, ", Accept-Encoding"));
  }
  void tellWhyNot(http::HeaderMap& headers) {
    if (!isLongEnough(headers)) return addStatus(headers, "ContentLengthTooSmall");
    if (!response().allowsType(typeOf(headers))) return addStatus(headers, "ContentTypeNotAllowed");
    if (etagForbids(headers)) {
      runtime_.not_compressed_etag.inc();
      return addStatus(headers, "EtagNotAllowed");
    }
    if (!allowsStatus(headers)) addStatus(headers, "StatusCodeNotAllowed");
  }
  void addStatus(http::HeaderMap& headers, std::string_view what) {
    headers.add("x-envoy-compression-status", headers.arena().concat(coding(), ";", what));
  }

  const compressors::Settings& settings_;
  compressors::Runtime& runtime_;
  const RouteOverrides* overrides_ = nullptr;
  std::string_view accept_encoding_ = {};  // null data: none came, or the request did not come this far
  std::optional<EncodingChoice> choice_;
  bool local_reply_ = false;
  std::unique_ptr<compression::Compressor> request_;
  std::unique_ptr<compression::Compressor> response_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeCompressor(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = std::make_unique<compressors::Settings>();
  if (!plan::compressor::decode(bytes, settings->plan) || !settings->plan.library || !settings->plan.response) {
    return std::string("malformed plan");
  }
  for (const auto& [from, to] : {std::pair{&settings->plan.request, &settings->request}, {&settings->plan.response, &settings->response}}) {
    if (!*from) continue;
    auto direction = Direction::make(**from);
    if (!direction.ok()) return std::move(direction.error());
    *to = std::move(direction.value());
  }
  auto library = compression::makeCompressorFactory(*settings->plan.library);
  if (!library.ok()) return std::move(library.error());
  settings->library = std::move(library.value());
  settings->coding = compression::contentCoding(*settings->plan.library);
  using Factory = http_proxy::RuntimeFactory<Compressor, compressors::Settings, compressors::Runtime>;
  return http_proxy::FilterFactoryPtr(std::make_unique<Factory>(std::move(settings)));
}

base::Result<http_proxy::RouteSettingsPtr, std::string> makeCompressorRoute(std::span<const uint8_t> bytes,
                                                                            http_proxy::DecodeContext&) {
  auto overrides = std::make_unique<RouteOverrides>();
  if (!plan::compressor::decode(bytes, overrides->plan)) return std::string("malformed plan");
  if (overrides->plan.library) {
    auto library = compression::makeCompressorFactory(*overrides->plan.library);
    if (!library.ok()) return std::move(library.error());
    overrides->library = std::move(library.value());
    overrides->coding = compression::contentCoding(*overrides->plan.library);
  }
  return http_proxy::RouteSettingsPtr(std::move(overrides));
}

}  // namespace

extern const http_proxy::FilterEntry compressor = {"envoy.filters.http.compressor", &makeCompressor, &makeCompressorRoute};

}  // namespace nuncio::ext
