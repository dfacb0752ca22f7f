// Logger: one entry of an access_log list: filter, format, sink. Made from its plan, then immutable and shared by all
// workers; log() formats into the worker's buffer and hands the line, or the message, to the worker's lane of the sink.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "access_log/file_writers.h"
#include "access_log/filter.h"
#include "access_log/grpc_entry.h"
#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/body_formatter.h"

namespace nuncio::plan {
struct AccessLog;
}

namespace nuncio::access_log {

/** Where lines go that no file takes: to loggers in TypeScript, known by slot. The worker has one. */
class EntrySink {
 public:
  virtual void add(uint32_t slot, std::string_view line) = 0;

 protected:
  ~EntrySink() = default;
};

/** What one worker lends to every logger: its lane number, a buffer for lines, runtime and chance. */
struct WorkerLog {
  const uint32_t lane;
  const Conditions& conditions;
  base::TextBuffer line;
  EntrySink* entries = nullptr;  // null: there are no loggers in TypeScript here
};

class Logger {
 public:
  /** Opens the file. Main thread. The error is a sentence for the operator. */
  static base::Result<std::unique_ptr<const Logger>, std::string> make(const plan::AccessLog& plan, FileWriters& writers);

  /** Writes one line when the filter lets it through. Worker thread. */
  void log(const http::FormatContext& context, WorkerLog& worker) const;

 private:
  using Entry = std::variant<http::BodyFormatter, GrpcEntry>;

  static base::Result<Entry, std::string> makeEntry(const plan::AccessLog& plan);
  Logger(std::shared_ptr<FileWriter> writer, uint32_t slot, Entry format, std::optional<Filter> filter)
      : writer_(std::move(writer)), slot_(slot), format_(std::move(format)), filter_(std::move(filter)) {}

  const std::shared_ptr<FileWriter> writer_;  // null: a logger in TypeScript
  const uint32_t slot_;                       // then its
  const Entry format_;
  const std::optional<Filter> filter_;
};

}  // namespace nuncio::access_log
