#include "http/h1/header_block.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"
#include "http/h1/errors.h"
#include "http/h1/start_line.h"
#include "node_abi/llhttp.h"

namespace nuncio::http::h1 {
namespace {

// Headers of which Envoy keeps one: further lines are joined to the first with ",". Seen on Envoy itself.
constexpr std::string_view kJoinedInRequests[] = {
    "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method", "authorization",
    "cache-control", "connection", "content-encoding", "content-length", "content-type", "expect", "grpc-accept-encoding",
    "grpc-timeout", "host", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive",
    "origin", "pragma", "proxy-connection", "proxy-status", "referer", "te", "transfer-encoding", "upgrade", "user-agent", "via",
    "x-client-trace-id", "x-envoy-attempt-count", "x-envoy-decorator-operation", "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node", "x-envoy-expected-rq-timeout-ms", "x-envoy-external-address", "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout", "x-envoy-internal", "x-envoy-ip-tags", "x-envoy-is-timeout-retry",
    "x-envoy-max-retries", "x-envoy-original-host", "x-envoy-original-path", "x-envoy-original-url", "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes", "x-envoy-retry-grpc-on", "x-envoy-retry-on", "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms", "x-envoy-upstream-rq-timeout-alt-response", "x-envoy-upstream-rq-timeout-ms",
    "x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-request-id"};
constexpr std::string_view kJoinedInResponses[] = {
    "access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
    "access-control-allow-origin", "access-control-expose-headers", "access-control-max-age", "age", "cache-control",
    "connection", "content-encoding", "content-length", "content-type", "date", "etag", "expires", "grpc-message", "grpc-status",
    "keep-alive", "last-modified", "location", "proxy-connection", "proxy-status", "server", "transfer-encoding", "upgrade", "vary",
    "via", "x-envoy-attempt-count", "x-envoy-decorator-operation", "x-envoy-degraded", "x-envoy-immediate-health-check-fail",
    "x-envoy-ratelimited", "x-envoy-upstream-canary", "x-envoy-upstream-healthchecked-cluster", "x-envoy-upstream-service-time", "x-request-id"};

static_assert(std::is_sorted(std::begin(kJoinedInRequests), std::end(kJoinedInRequests)));
static_assert(std::is_sorted(std::begin(kJoinedInResponses), std::end(kJoinedInResponses)));

bool isJoined(std::string_view name, Kind kind) {
  if (kind == Kind::kTrailers) return false;
  const auto in = [name](const auto& names) { return std::binary_search(std::begin(names), std::end(names), name); };
  return kind == Kind::kRequest ? in(kJoinedInRequests) : in(kJoinedInResponses);
}

/** Lower-cases eight bytes at a time; reads and writes back up to seven bytes behind the end. */
void toLowerInPlace(char* text, size_t size) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word;
    std::memcpy(&word, text + at, 8);
    const uint64_t low_bits = word & (kOnes * 0x7f);
    const uint64_t above_at = low_bits + kOnes * (0x7f - 'A' + 1);   // bit 7 of a byte: at least 'A'
    const uint64_t above_z = low_bits + kOnes * (0x7f - 'Z');        // bit 7 of a byte: above 'Z'
    uint64_t upper = (above_at & ~above_z & ~word) & (kOnes * 0x80);
    if (size - at < 8) upper &= (uint64_t{1} << (8 * (size - at))) - 1;
    word |= upper >> 2;
    std::memcpy(text + at, &word, 8);
  }
}

struct Reader : node_abi::HeaderLines {
  Reader(HeaderMap& headers, const HeaderLimits& limits, size_t authority_at)
      : headers(headers), limits(limits), authority_at(authority_at) {}

  HeaderMap& headers;
  const HeaderLimits& limits;
  const size_t authority_at;
  const CodecError* error = nullptr;
  uint64_t wire_bytes = 0;
  uint64_t names_seen = 0;      // a bit for each hash of a name without number
  uint32_t count = 0;
  bool host_seen = false;

  bool fail(const CodecError& what) {
    error = &what;
    return false;
  }
};

std::string_view trimEnd(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void join(HeaderMap& headers, Header& first, std::string_view value) {
  first.value = headers.arena().concat(first.value, ",", value);
}

/** The entry a further line of a joined header belongs to, or null. */
Header* joinTarget(Reader& reader, std::string_view name, HeaderId id) {
  if (id != HeaderId::kUnknown) {
    if (!reader.headers.has(id)) return nullptr;
  } else {
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    const uint64_t bit = uint64_t{1} << ((name.size() * 5 + first * 3 + last) % 64);
    const bool maybe = (reader.names_seen & bit) != 0;
    reader.names_seen |= bit;
    if (!maybe) return nullptr;
  }
  if (!isJoined(name, reader.limits.kind)) return nullptr;
  for (Header& header : reader.headers.entries()) {
    if (header.id == id && header.name == name) return &header;
  }
  return nullptr;
}

/** Every line of a header is written the way its first one was (Envoy). */
const char* firstForm(const HeaderMap& headers, std::string_view name, const char* original) {
  for (const Header& header : headers.entries()) {
    if (header.name == name && header.original != nullptr) return header.original;
  }
  return original;
}

bool addHost(Reader& reader, std::string_view value, const char* original) {
  Header& authority = reader.headers.entries()[reader.authority_at];
  if (reader.host_seen) {
    join(reader.headers, authority, value);
  } else {
    authority.value = value;
    authority.original = original;
    reader.host_seen = true;
  }
  return true;
}

bool onLine(node_abi::HeaderLines& lines, const char* name_at, size_t name_size, const char* value_at, size_t value_size) {
  auto& reader = static_cast<Reader&>(lines);
  char* name_text = const_cast<char*>(name_at);   // the block is ours
  const std::string_view name(name_text, name_size);
  const std::string_view value = trimEnd({value_at, value_size});
  reader.wire_bytes += name_size + value.size() + 3;
  const UnderscoreRule& underscores = reader.limits.underscores;
  if (underscores.action != Underscores::kAllow && std::memchr(name_at, '_', name_size) != nullptr) {
    if (underscores.count != nullptr) ++*underscores.count;
    return underscores.action == Underscores::kDropHeader || reader.fail(kUnexpectedUnderscore);
  }
  const char* original = nullptr;
  if (reader.limits.keep_original) original = reader.headers.arena().copy(name).data();
  toLowerInPlace(name_text, name_size);
  if (original != nullptr) original = firstForm(reader.headers, name, original);
  const HeaderId id = headerId(name);
  if (id == HeaderId::kHost && reader.limits.kind == Kind::kRequest) {
    if (!reader.host_seen && ++reader.count > reader.limits.max_headers) return reader.fail(kTooManyHeaders);
    return addHost(reader, value, original);
  }
  if (Header* first = joinTarget(reader, name, id)) {
    if (id == HeaderId::kContentLength) return reader.fail(kInvalidContentLength);
    join(reader.headers, *first, value);
    return true;
  }
  // Checked at the first header too many, so that memory stays bounded; the error is the same at the end.
  if (++reader.count > reader.limits.max_headers) return reader.fail(kTooManyHeaders);
  reader.headers.add(Header{name, value, original, id});
  return true;
}

bool isFramingName(std::string_view name) {
  return base::equalsIgnoreCase(name, "content-length") || base::equalsIgnoreCase(name, "transfer-encoding");
}

/**
 * Rewrites lenient lines (LF alone, lines folded, a CR inside a value) as strict ones, in fresh memory. Empty: what may
 * not be forgiven, because another reader would frame the message in another way.
 */
std::string_view rewriteLines(base::Arena& arena, std::string_view lines) {
  char* const out = static_cast<char*>(arena.allocate(lines.size() * 2 + kParsePadding + 2, 1));
  char* to = out;
  bool framing_line = false;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    while (line.ends_with('\r')) line.remove_suffix(1);
    const bool folded = !line.empty() && (line.front() == ' ' || line.front() == '\t') && to != out;
    const size_t colon = folded ? 0 : line.find(':');
    if (!folded) framing_line = isFramingName(line.substr(0, colon));
    if (folded) to -= 2;    // over the CRLF of the line before
    if (folded && framing_line) return {};
    for (size_t i = 0; i < line.size(); ++i) {
      const bool in_value = folded || (colon != std::string_view::npos && i > colon);
      if (line[i] != '\r' || !in_value) {
        *to++ = line[i];
      } else if (framing_line) {
        return {};
      }
    }
    *to++ = '\r';
    *to++ = '\n';
  }
  return {out, static_cast<size_t>(to - out)};
}

bool isLenient(std::string_view block) {
  for (size_t at = 0; at < block.size(); ++at) {
    if (block[at] == '\r' && (at + 1 == block.size() || block[at + 1] != '\n')) return true;
    if (block[at] != '\n') continue;
    if (at == 0 || block[at - 1] != '\r') return true;
    if (at + 1 < block.size() && (block[at + 1] == ' ' || block[at + 1] == '\t')) return true;
  }
  return false;
}

}  // namespace

char* copyForParsing(base::Arena& arena, std::string_view text) {
  char* copy = static_cast<char*>(arena.allocate(text.size() + kParsePadding, 1));
  std::memcpy(copy, text.data(), text.size());
  std::memset(copy + text.size(), 0, kParsePadding);
  return copy;
}

const CodecError* parseHeaderBlock(HeaderMap& headers, std::string_view lines, char* copy, const HeaderLimits& limits,
                                   size_t authority_at, uint64_t& wire_bytes) {
  if (lines.empty()) {
    wire_bytes += 3;    // as Envoy counts an empty head
    return nullptr;
  }
  const size_t entries = headers.size();
  Reader reader(headers, limits, authority_at);
  reader.onLine = &onLine;
  const char* problem = node_abi::tokenizeHeaderLines(reader, copy, lines.size());
  wire_bytes += reader.wire_bytes;
  if (problem == nullptr || reader.error != nullptr) return reader.error;
  // llhttp is strict. If only the form is lenient, write it anew and read that.
  if (isLenient(lines)) {
    const std::string_view strict = rewriteLines(headers.arena(), lines);
    if (strict.empty()) return &kFoldedFraming;
    headers.truncate(entries);
    if (limits.underscores.count != nullptr) *limits.underscores.count = 0;
    Reader again(headers, limits, authority_at);
    again.onLine = &onLine;
    problem = node_abi::tokenizeHeaderLines(again, strict.data(), strict.size());
    wire_bytes += again.wire_bytes - reader.wire_bytes;
    if (problem == nullptr || again.error != nullptr) return again.error;
  }
  return hasControlCharacter(lines) ? &kInvalidCharacters : &kInvalidHeaderLine;
}

const CodecError* parseTrailers(HeaderMap& trailers, std::string_view lines, const CommonOptions& options, UnderscoreRule underscores,
                                uint64_t& wire_bytes) {
  if (lines.empty()) return nullptr;
  HeaderLimits limits;
  limits.kind = Kind::kTrailers;
  limits.keep_original = options.header_case == HeaderCase::kPreserve;
  limits.max_headers = options.enable_trailers ? options.max_headers : UINT32_MAX;
  if (options.enable_trailers) limits.underscores = underscores;
  uint64_t counted = 0;
  const CodecError* error = parseHeaderBlock(trailers, lines, copyForParsing(trailers.arena(), lines), limits, 0, counted);
  if (error != nullptr) return error;
  if (!options.enable_trailers) {
    trailers.clear();
    return nullptr;
  }
  wire_bytes += counted;
  // A receiver that merges trailers into the head must not learn another framing or host from them.
  trailers.remove(HeaderId::kContentLength);
  trailers.remove(HeaderId::kTransferEncoding);
  trailers.remove(HeaderId::kHost);
  return nullptr;
}

}  // namespace nuncio::http::h1
