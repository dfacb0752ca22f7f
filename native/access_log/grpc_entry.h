// GrpcEntry: one request or connection as a message of envoy.data.accesslog.v3 (HTTPAccessLogEntry, TCPAccessLogEntry), filled as
// Envoy fills it. Made from its plan, then immutable and shared by all workers. Entries come framed as `log_entry` of a batch is, so
// that many of them in a row are a batch.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/format_context.h"

namespace nuncio::plan {
struct GrpcAccessLog;
}

namespace nuncio::access_log {

struct GrpcEntrySettings;

class GrpcEntry {
 public:
  /** The error is a sentence for the operator. */
  static base::Result<GrpcEntry, std::string> make(const plan::GrpcAccessLog& plan);

  GrpcEntry(GrpcEntry&&) noexcept;
  ~GrpcEntry();

  void append(const http::FormatContext& context, base::TextBuffer& out) const;

 private:
  explicit GrpcEntry(std::unique_ptr<const GrpcEntrySettings> settings);

  std::unique_ptr<const GrpcEntrySettings> settings_;
};

}  // namespace nuncio::access_log
