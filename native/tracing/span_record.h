// SpanRecord: a finished span as one line of JSON, for the program in TypeScript that sends it on:
//
//   {"trace": "…", "id": "…", "parent": "…", "remote": true, "kind": "client", "name": "…", "state": "…", "start": "ns", "end": "ns",
//    "tags": ["name", "value", …], "events": ["ns", "text", …]}
//
// `parent`, `remote` and `state` only where there is something to say; numbers are text, as JavaScript's would lose digits. Written into a buffer
// of the worker; on the stack of whoever ends a span.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/text_buffer.h"
#include "tracing/span.h"

namespace nuncio::tracing {

class SpanRecord {
 public:
  /** Events come before tags. */
  SpanRecord(base::TextBuffer& out, const Span& span, std::string_view trace_id, int64_t end_ns);

  void event(int64_t wall_ns, std::string_view text);
  void tag(std::string_view name, std::string_view value);
  void tag(std::string_view name, uint64_t value);
  /** The whole line, with its line break. */
  std::string_view finish();

 private:
  void text(std::string_view value);
  void time(int64_t ns);
  void tagName(std::string_view name);

  base::TextBuffer& out_;
  bool first_ = true;
  bool in_tags_ = false;
};

}  // namespace nuncio::tracing
