#include "http/h1/framing.h"

#include "base/ascii.h"
#include "http/h1/errors.h"

namespace nuncio::http::h1 {
namespace {

/** Rules both directions share; leaves kNone where neither header is there. */
const CodecError* frameByHeaders(HeaderMap& headers, bool connect, bool allow_chunked_length, Framing& out) {
  const bool coded = headers.has(HeaderId::kTransferEncoding);
  const bool chunked = coded && base::equalsIgnoreCase(headers.get(HeaderId::kTransferEncoding), "chunked");
  if (coded && headers.has(HeaderId::kContentLength)) {
    if (!chunked || !allow_chunked_length) return &kContentLengthAndChunked;
    headers.remove(HeaderId::kContentLength);
  }
  if (coded) {
    if (!chunked || connect) return &kInvalidTransferEncoding;
    out.body = Body::kChunked;
    return nullptr;
  }
  if (headers.has(HeaderId::kContentLength)) {
    const auto length = base::parseDecimal(headers.get(HeaderId::kContentLength));
    if (!length.has_value()) return &kInvalidContentLength;
    out.body = *length == 0 ? Body::kNone : Body::kLength;
    out.length = *length;
  }
  return nullptr;
}

/** Takes the h2c upgrade away as if it had never been asked for. */
void dropUpgrade(HeaderMap& headers) {
  const std::string_view connection = headers.get(HeaderId::kConnection);
  std::string_view kept;
  base::forEachToken(connection, [&](std::string_view token) {
    if (base::equalsIgnoreCase(token, "upgrade") || base::equalsIgnoreCase(token, "http2-settings")) return true;
    kept = kept.empty() ? token : headers.arena().concat(kept, ",", token);
    return true;
  });
  headers.remove(HeaderId::kUpgrade);
  headers.remove(HeaderId::kHttp2Settings);
  if (kept.empty()) {
    headers.remove(HeaderId::kConnection);
  } else {
    headers.set(HeaderId::kConnection, kept);
  }
}

}  // namespace

bool isUpgrade(const HeaderMap& headers) {
  return headers.has(HeaderId::kUpgrade) && base::listContains(headers.get(HeaderId::kConnection), "upgrade");
}

const CodecError* frameRequest(HeaderMap& headers, bool connect, const ServerOptions& options, Framing& out) {
  bool raw = connect;
  if (headers.has(HeaderId::kUpgrade) && isUpgrade(headers)) {
    const std::string_view token = headers.get(HeaderId::kUpgrade);
    const bool ignored = base::equalsIgnoreCase(token, "h2c") ||
                         (options.ignores_upgrade != nullptr && options.ignores_upgrade(options.ignores_upgrade_context, token));
    if (ignored) {
      dropUpgrade(headers);
    } else {
      raw = true;
    }
  }
  if (connect && headers.has(HeaderId::kContentLength)) {
    if (headers.get(HeaderId::kContentLength) != "0") return &kBodyDisallowed;
    headers.remove(HeaderId::kContentLength);
  }
  const CodecError* error = frameByHeaders(headers, connect, options.allow_chunked_length, out);
  if (error == nullptr && raw) out.body = Body::kRaw;
  return error;
}

const CodecError* frameResponse(HeaderMap& headers, const ResponseFacts& facts, const ClientOptions& options, Framing& out) {
  const bool bodiless_status = facts.status < 200 || facts.status == 204;
  if (bodiless_status && headers.has(HeaderId::kTransferEncoding)) return &kCodingOnBodilessStatus;
  if (bodiless_status && headers.has(HeaderId::kContentLength)) {
    if (headers.get(HeaderId::kContentLength) != "0") return &kLengthOnBodilessStatus;
    headers.remove(HeaderId::kContentLength);
  }
  if (const CodecError* error = frameByHeaders(headers, false, options.allow_chunked_length, out)) return error;
  if (facts.status == 101 && facts.upgrade_asked) {
    out.body = Body::kRaw;
  } else if (facts.to_connect && facts.status >= 200 && facts.status < 300) {
    out.body = Body::kRaw;
  } else if (facts.to_head || bodiless_status || facts.status == 304) {
    out.body = Body::kNone;
  } else if (!headers.has(HeaderId::kContentLength) && out.body == Body::kNone) {
    out.body = Body::kUntilClose;
  }
  return nullptr;
}

}  // namespace nuncio::http::h1
