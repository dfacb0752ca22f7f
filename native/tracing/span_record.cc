#include "tracing/span_record.h"

#include "http/substitution/json_text.h"
#include "tracing/header_ids.h"

namespace nuncio::tracing {

static void id(base::TextBuffer& out, uint64_t value) {
  char* at = out.reserve(16);
  out.commit(writeHex(at, value));
}

SpanRecord::SpanRecord(base::TextBuffer& out, const Span& span, std::string_view trace_id, int64_t end_ns) : out_(out) {
  out.append("{\"trace\":\"");
  out.append(trace_id);
  out.append("\",\"id\":\"");
  id(out, span.id);
  if (span.has_parent) {
    out.append("\",\"parent\":\"");
    id(out, span.parent);
  }
  out.append(span.remote_parent ? "\",\"remote\":true,\"kind\":\"" : "\",\"kind\":\"");
  out.append(span.kind == SpanKind::kClient ? "client\",\"name\":" : "server\",\"name\":");
  text(span.name);
  if (!span.state.empty()) {
    out.append(",\"state\":");
    text(span.state);
  }
  out.append(",\"start\":");
  time(span.start_wall_ns);
  out.append(",\"end\":");
  time(span.start_wall_ns + (end_ns - span.start_ns));
  out.append(",\"events\":[");
}

void SpanRecord::text(std::string_view value) {
  out_.append('"');
  http::substitution::appendJsonEscaped(value, out_);
  out_.append('"');
}

void SpanRecord::time(int64_t ns) {
  out_.append('"');
  out_.appendDecimal(ns);
  out_.append('"');
}

void SpanRecord::event(int64_t wall_ns, std::string_view what) {
  if (!first_) out_.append(',');
  first_ = false;
  time(wall_ns);
  out_.append(',');
  text(what);
}

void SpanRecord::tagName(std::string_view name) {
  if (!in_tags_) {
    out_.append("],\"tags\":[");
    in_tags_ = true;
  } else {
    out_.append(',');
  }
  text(name);
  out_.append(',');
}

void SpanRecord::tag(std::string_view name, std::string_view value) {
  tagName(name);
  text(value);
}

void SpanRecord::tag(std::string_view name, uint64_t value) {
  tagName(name);
  out_.append('"');
  out_.appendDecimal(value);
  out_.append('"');
}

std::string_view SpanRecord::finish() {
  if (!in_tags_) out_.append("],\"tags\":[");
  out_.append("]}\n");
  return out_.view();
}

}  // namespace nuncio::tracing
