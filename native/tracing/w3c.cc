#include "tracing/w3c.h"

#include <algorithm>

#include "tracing/header_ids.h"

namespace nuncio::tracing {
namespace {

constexpr std::string_view kTraceparent = "traceparent";
constexpr std::string_view kTracestate = "tracestate";
constexpr size_t kLength = 55;  // version-trace-parent-flags: 2, 32, 16 and 2 digits

bool isHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = static_cast<char>(c | 0x20);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
  });
}

std::optional<SpanContext> parse(std::string_view value) {
  if (value.size() != kLength || value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const std::string_view version = value.substr(0, 2), flags = value.substr(53);
  if (!isHex(version) || !isHex(flags)) return std::nullopt;
  const auto high = parseHex(value.substr(3, 16)), low = parseHex(value.substr(19, 16)), id = parseHex(value.substr(36, 16));
  if (!high || !low || !id || (*high == 0 && *low == 0) || *id == 0) return std::nullopt;
  return SpanContext{.trace_high = *high, .trace_low = *low, .id = *id, .sampled = (*parseHex(flags) & 1) != 0};
}

}  // namespace

W3c readW3c(http::HeaderMap& headers) {
  const http::Header* found = headers.find(kTraceparent);
  if (found == nullptr) return {};
  W3c read{.context = parse(found->value)};
  read.broken = !read.context;
  if (read.context) read.context->state = headers.getJoined(kTracestate);
  return read;
}

void writeTraceparent(const Span& span, http::HeaderMap& headers) {
  char* const out = headers.arena().array<char>(kLength);
  char* at = out;
  std::memcpy(at, "00-", 3);
  at = writeHex(writeHex(at + 3, span.trace_high), span.trace_low);
  *at++ = '-';
  at = writeHex(at, span.id);
  std::memcpy(at, span.sampled ? "-01" : "-00", 3);
  setLast(headers, kTraceparent, {out, kLength});
}

void writeTracestate(const Span& span, http::HeaderMap& headers) { setLast(headers, kTracestate, span.state); }

}  // namespace nuncio::tracing
