#include "tracing/b3.h"

#include "tracing/header_ids.h"

namespace nuncio::tracing {
namespace {

constexpr std::string_view kSingle = "b3";
constexpr std::string_view kTraceId = "x-b3-traceid";
constexpr std::string_view kSpanId = "x-b3-spanid";
constexpr std::string_view kParentId = "x-b3-parentspanid";
constexpr std::string_view kSampled = "x-b3-sampled";

constexpr size_t kIdDigits = 16;
constexpr size_t kLongest = 2 * kIdDigits + 1 + kIdDigits + 3 + kIdDigits;  // trace-span-1-parent

bool isFlag(char c) { return c == '0' || c == '1' || c == 'd'; }

/** Where the flag of a single header must stand, by the header's length; npos: such a length has none. */
size_t flagPosition(size_t length) {
  switch (length) {
    case 1: return 0;
    case 35:
    case 52: return 34;   // after a trace id of 64 bits
    case 51:
    case 68: return 50;   // of 128
    default: return std::string_view::npos;
  }
}

std::optional<bool> singleFlag(std::string_view value) {
  const size_t at = flagPosition(value.size());
  if (at == std::string_view::npos || !isFlag(value[at])) return std::nullopt;
  return value[at] != '0';
}

/** Takes an id of 16 digits from the front. */
bool takeId(std::string_view& rest, uint64_t& out) {
  const auto id = parseHex(rest.substr(0, kIdDigits));
  if (!id) return false;
  out = *id;
  rest.remove_prefix(kIdDigits);
  return true;
}

bool takeDash(std::string_view& rest) {
  if (!rest.starts_with('-')) return false;
  rest.remove_prefix(1);
  return true;
}

/** What follows trace and span: "-flag", "-flag-parent", or nothing. */
bool readTail(std::string_view rest, SpanContext& out) {
  if (rest.empty()) return true;
  if (!takeDash(rest) || rest.empty() || !isFlag(rest[0])) return false;
  rest.remove_prefix(1);
  if (rest.empty()) return true;
  return rest.size() == 1 + kIdDigits && takeDash(rest) && takeId(rest, out.parent);
}

bool readSingle(std::string_view value, std::optional<SpanContext>& out) {
  if (value.size() == 1) return isFlag(value[0]);
  if (value.size() < kIdDigits + 1 + kIdDigits || value.size() > kLongest) return false;
  SpanContext context;
  std::string_view rest = value;
  if (rest[2 * kIdDigits] == '-' && !takeId(rest, context.trace_high)) return false;
  if (!takeId(rest, context.trace_low) || !takeDash(rest)) return false;
  if (rest.size() < kIdDigits || !takeId(rest, context.id) || !readTail(rest, context)) return false;
  out = context;
  return true;
}

bool readTraceId(std::string_view text, SpanContext& out) {
  const bool wide = text.size() == 2 * kIdDigits;
  const auto high = wide ? parseHex(text.substr(0, kIdDigits)) : std::optional<uint64_t>(0);
  const auto low = parseHex(wide ? text.substr(kIdDigits) : text);
  if (!high || !low) return false;
  out.trace_high = *high;
  out.trace_low = *low;
  return true;
}

bool readSeveral(const http::HeaderMap& headers, std::optional<SpanContext>& out) {
  const http::Header* trace = headers.find(kTraceId);
  const http::Header* span = headers.find(kSpanId);
  if (trace == nullptr || span == nullptr) return true;
  SpanContext context;
  if (!readTraceId(trace->value, context)) return false;
  const auto id = parseHex(span->value);
  if (!id) return false;
  context.id = *id;
  if (const std::string_view parent = headers.get(kParentId); !parent.empty()) {
    const auto parent_id = parseHex(parent);
    if (!parent_id) return false;
    context.parent = *parent_id;
  }
  out = context;
  return true;
}

}  // namespace

B3 readB3(const http::HeaderMap& headers) {
  B3 found;
  if (const http::Header* single = headers.find(kSingle)) {
    found.sampled = singleFlag(single->value);
    found.broken = !readSingle(single->value, found.context);
    return found;
  }
  if (const http::Header* sampled = headers.find(kSampled)) found.sampled = sampled->value == "1" || sampled->value == "true";
  found.broken = !readSeveral(headers, found.context);
  return found;
}

void writeB3(const Span& span, http::HeaderMap& headers) {
  base::Arena& arena = headers.arena();
  if (headers.find(kSingle) != nullptr) {  // who came with one header goes on with one
    const std::string_view trace = traceIdText(arena, span.trace_high, span.trace_low, false), id = hexText(arena, span.id);
    const std::string_view flag = span.sampled ? "-1" : "-0";
    return setLast(headers, kSingle, span.has_parent ? arena.concat(trace, "-", id, flag, "-", hexText(arena, span.parent))
                                                     : arena.concat(trace, "-", id, flag));
  }
  setLast(headers, kTraceId, traceIdText(arena, span.trace_high, span.trace_low, false));
  setLast(headers, kSpanId, hexText(arena, span.id));
  if (span.has_parent) setLast(headers, kParentId, hexText(arena, span.parent));
  setLast(headers, kSampled, span.sampled ? "1" : "0");
}

}  // namespace nuncio::tracing
