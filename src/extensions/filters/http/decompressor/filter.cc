// envoy.filters.http.decompressor: bodies that come in gzip, brotli or zstd go on plain, in both directions; servers are told
// that answers may come so.
#include <cstring>
#include <memory>

#include "compression/codec.h"
#include "generated/filters/http/decompressor/plan.h"
#include "http_proxy/filter_support.h"

namespace nuncio::ext {
namespace {

using compression::DecompressionFault;
using http::HeaderId;
using http_proxy::FilterStream;
using http_proxy::Verdict;

struct DecompressorSettings {
  plan::decompressor::Decompressor plan;
  std::unique_ptr<const compression::DecompressorFactory> library;
  std::string_view coding;
  std::string compressed_trailer;
  std::string uncompressed_trailer;
};

struct DecompressorCounters {
  DecompressorCounters(stats::WorkerStats& stats, const std::string& prefix)
      : decompressed(stats, prefix + "decompressed"),
        not_decompressed(stats, prefix + "not_decompressed"),
        total_uncompressed_bytes(stats, prefix + "total_uncompressed_bytes"),
        total_compressed_bytes(stats, prefix + "total_compressed_bytes") {}

  const http_proxy::FilterCounter decompressed;
  const http_proxy::FilterCounter not_decompressed;
  const http_proxy::FilterCounter total_uncompressed_bytes;
  const http_proxy::FilterCounter total_compressed_bytes;
};

struct DecompressorRuntime final : http_proxy::FilterRuntime {
  DecompressorRuntime(const http_proxy::FilterSite& site, const DecompressorSettings& settings)
      : DecompressorRuntime(site.worker.stats, settings,
                            "http." + std::string(site.stat_prefix) + ".decompressor." + settings.plan.library_name + "." +
                                std::string(compression::statName(*settings.plan.library)) + ".") {}

  /** The faults' counters are there from the first body on. */
  std::unique_ptr<compression::Decompressor> take() {
    if (faults_.empty()) {
      for (const compression::FaultName& one : compression::faultNames(library)) {
        faults_.emplace_back(one.fault, std::make_unique<http_proxy::FilterCounter>(stats, library_prefix + std::string(one.name)));
      }
    }
    return pool.take();
  }
  void count(DecompressionFault fault) const {
    const bool special = fault == DecompressionFault::kBrotliOverflow || fault == DecompressionFault::kBrotliRedundant;
    if (special) count(DecompressionFault::kBrotli);
    for (const auto& [one, counter] : faults_) {
      if (one == fault) counter->inc();
    }
  }

  stats::WorkerStats& stats;
  const plan::CompressionLibrary& library;
  const std::string library_prefix;
  const DecompressorCounters request;
  const DecompressorCounters response;
  compression::DecompressorPool pool;
  compression::Output output;  // of the piece being decompressed; never kept across calls

 private:
  DecompressorRuntime(stats::WorkerStats& worker_stats, const DecompressorSettings& settings, const std::string& prefix)
      : stats(worker_stats),
        library(*settings.plan.library),
        library_prefix(prefix + "decompressor_library."),
        request(stats, prefix + "request."),
        response(stats, prefix + "response."),
        pool(*settings.library) {}

  std::vector<std::pair<DecompressionFault, std::unique_ptr<http_proxy::FilterCounter>>> faults_;
};

/** One direction of a stream that is being decompressed. */
struct DecompressorSide {
  std::unique_ptr<compression::Decompressor> codec;
  uint64_t compressed = 0;
  uint64_t uncompressed = 0;
};

class Decompressor final : public http_proxy::Filter {
 public:
  Decompressor(const DecompressorSettings& settings, DecompressorRuntime& runtime) : settings_(settings), runtime_(runtime) {}

  Verdict onRequestHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    if (settings_.plan.advertise && enabled(*settings_.plan.response, stream)) advertise(headers);
    if (!end_stream) begin(request_, *settings_.plan.request, runtime_.request, headers, stream);
    return Verdict::kContinue;
  }
  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (request_.codec == nullptr) return Verdict::kContinue;
    const http::Protocol protocol = stream.info().protocol;
    const bool end_apart = end_stream && (protocol == http::Protocol::kHttp10 || protocol == http::Protocol::kHttp11);
    data = decompress(request_, runtime_.request, data, end_apart, stream);
    if (end_stream) report(request_, stream.addRequestTrailers());
    return Verdict::kContinue;
  }
  Verdict onRequestTrailers(http::HeaderMap& trailers, FilterStream&) override {
    if (request_.codec != nullptr) report(request_, trailers);
    return Verdict::kContinue;
  }

  Verdict onResponseHeaders(http::HeaderMap& headers, FilterStream& stream, bool end_stream) override {
    if (!end_stream) begin(response_, *settings_.plan.response, runtime_.response, headers, stream);
    return Verdict::kContinue;
  }
  Verdict onResponseData(std::string_view& data, FilterStream& stream, bool end_stream) override {
    if (response_.codec == nullptr) return Verdict::kContinue;
    const bool end_apart = end_stream && stream.info().upstream_protocol == http::Protocol::kHttp11;
    data = decompress(response_, runtime_.response, data, end_apart, stream);
    if (end_stream) report(response_, stream.addResponseTrailers());
    return Verdict::kContinue;
  }
  Verdict onResponseTrailers(http::HeaderMap& trailers, FilterStream&) override {
    if (response_.codec != nullptr) report(response_, trailers);
    return Verdict::kContinue;
  }
  void onComplete(FilterStream&) override {
    runtime_.pool.give(std::move(request_.codec));
    runtime_.pool.give(std::move(response_.codec));
  }

 private:
  static bool enabled(const plan::decompressor::Direction& direction, FilterStream& stream) {
    return stream.worker().runtimeBoolean(direction.runtime_key, direction.enabled);
  }

  void advertise(http::HeaderMap& headers) {
    const std::string_view accepted = headers.get("accept-encoding");
    if (base::trim(accepted).empty()) return headers.set("accept-encoding", settings_.coding);
    // Its own coding stands at the end, without a q-value, whatever was said of it.
    std::string_view list = "";
    base::forEachToken(accepted, [&](std::string_view item) {
      if (item.substr(0, item.find(';')) != settings_.coding) list = headers.arena().concat(list, item, ",");
      return true;
    });
    headers.set("accept-encoding", headers.arena().concat(list, settings_.coding));
  }

  void begin(DecompressorSide& side, const plan::decompressor::Direction& direction, const DecompressorCounters& counters,
             http::HeaderMap& headers, FilterStream& stream) {
    const std::string_view codings = base::trim(headers.get("content-encoding"));
    const size_t comma = codings.find(',');
    const bool mine = base::equalsIgnoreCase(base::trim(codings.substr(0, comma)), settings_.coding);
    const bool allowed = direction.ignore_no_transform || !base::listContains(headers.get("cache-control"), "no-transform");
    if (mine && allowed && enabled(direction, stream)) side.codec = runtime_.take();
    if (side.codec == nullptr) return counters.not_decompressed.inc();
    counters.decompressed.inc();
    headers.remove(HeaderId::kContentLength);
    if (comma == std::string_view::npos) {
      headers.remove("content-encoding");
    } else {
      headers.set("content-encoding", base::trim(codings.substr(comma + 1)));
    }
  }

  /** `end_apart`: with HTTP/1 Envoy gives the end to its library as a piece without bytes, after the last one. */
  std::string_view decompress(DecompressorSide& side, const DecompressorCounters& counters, std::string_view data, bool end_apart,
                              FilterStream& stream) {
    compression::Output& out = runtime_.output;
    runtime_.count(side.codec->decompress(data, out));
    if (end_apart && !data.empty()) runtime_.count(side.codec->decompress({}, out));
    counters.total_compressed_bytes.inc(data.size());
    counters.total_uncompressed_bytes.inc(out.size());
    side.compressed += data.size();
    side.uncompressed += out.size();
    const size_t size = out.size();
    char* bytes = stream.turnMemory(std::max<size_t>(size, 1));
    if (size != 0) std::memcpy(bytes, out.text().data(), size);
    out.clear();
    return {bytes, size};
  }

  void report(const DecompressorSide& side, http::HeaderMap& trailers) {
    trailers.add(settings_.compressed_trailer, trailers.arena().decimal(side.compressed));
    trailers.add(settings_.uncompressed_trailer, trailers.arena().decimal(side.uncompressed));
  }

  const DecompressorSettings& settings_;
  DecompressorRuntime& runtime_;
  DecompressorSide request_;
  DecompressorSide response_;
};

base::Result<http_proxy::FilterFactoryPtr, std::string> makeDecompressor(std::span<const uint8_t> bytes, http_proxy::DecodeContext&) {
  auto settings = std::make_unique<DecompressorSettings>();
  plan::decompressor::Decompressor& plan = settings->plan;
  if (!plan::decompressor::decode(bytes, plan) || !plan.library || !plan.request || !plan.response) return std::string("malformed plan");
  auto library = compression::makeDecompressorFactory(*plan.library);
  if (!library.ok()) return std::move(library.error());
  settings->library = std::move(library.value());
  settings->coding = compression::contentCoding(*plan.library);
  std::string prefix = "x-envoy-decompressor-" + plan.library_name;
  std::transform(prefix.begin(), prefix.end(), prefix.begin(), base::toLower);
  settings->compressed_trailer = prefix + "-compressed-bytes";
  settings->uncompressed_trailer = prefix + "-uncompressed-bytes";
  using Factory = http_proxy::RuntimeFactory<Decompressor, DecompressorSettings, DecompressorRuntime>;
  return http_proxy::FilterFactoryPtr(std::make_unique<Factory>(std::move(settings)));
}

}  // namespace

extern const http_proxy::FilterEntry decompressor = {"envoy.filters.http.decompressor", &makeDecompressor};

}  // namespace nuncio::ext
