#include "access_log/logger.h"

#include "generated/plan.h"

namespace nuncio::access_log {
namespace {

// Lines longer than this are rare; the buffer that held one is given back.
constexpr size_t kKeptLine = 64 << 10;

base::Result<std::shared_ptr<FileWriter>, std::string> openSink(const plan::AccessLog& plan, FileWriters& writers) {
  switch (plan.sink) {
    case plan::AccessLog::Sink::FILE: return writers.open(plan.path);
    case plan::AccessLog::Sink::STDOUT: return writers.standardOutput();
    case plan::AccessLog::Sink::STDERR: return writers.standardError();
    case plan::AccessLog::Sink::GRPC:
      if (plan.grpc.has_value()) return writers.stream(*plan.grpc);
      break;
    case plan::AccessLog::Sink::SCRIPT: return std::shared_ptr<FileWriter>();
    case plan::AccessLog::Sink::EXTENSION: break;
  }
  return "no access logger '" + plan.extension + "'";
}

}  // namespace

base::Result<Logger::Entry, std::string> Logger::makeEntry(const plan::AccessLog& plan) {
  if (plan.grpc.has_value()) {
    base::Result<GrpcEntry, std::string> made = GrpcEntry::make(*plan.grpc);
    if (!made.ok()) return std::move(made.error());
    return Entry(std::move(made.value()));
  }
  if (!plan.format.has_value()) return std::string("an access log has no format");
  base::Result<http::BodyFormatter, http::FormatError> format = http::BodyFormatter::make(*plan.format);
  if (!format.ok()) return std::move(format.error().message);
  return Entry(std::move(format.value()));
}

base::Result<std::unique_ptr<const Logger>, std::string> Logger::make(const plan::AccessLog& plan, FileWriters& writers) {
  std::optional<Filter> filter;
  if (plan.filter.has_value()) {
    base::Result<Filter, std::string> made = Filter::make(*plan.filter);
    if (!made.ok()) return std::move(made.error());
    filter.emplace(std::move(made.value()));
  }
  base::Result<Entry, std::string> format = makeEntry(plan);
  if (!format.ok()) return std::move(format.error());
  base::Result<std::shared_ptr<FileWriter>, std::string> writer = openSink(plan, writers);
  if (!writer.ok()) return std::move(writer.error());
  return std::unique_ptr<const Logger>(
      new Logger(std::move(writer.value()), plan.script_slot, std::move(format.value()), std::move(filter)));
}

void Logger::log(const http::FormatContext& context, WorkerLog& worker) const {
  if (filter_.has_value() && !filter_->passes(context, worker.conditions)) return;
  worker.line.clear();
  if (const auto* text = std::get_if<http::BodyFormatter>(&format_)) [[likely]] {
    text->append(context, worker.line);
  } else {
    std::get<GrpcEntry>(format_).append(context, worker.line);
  }
  if (writer_ != nullptr) [[likely]] {
    writer_->append(worker.lane, worker.line.view());
  } else if (worker.entries != nullptr) {
    worker.entries->add(slot_, worker.line.view());
  }
  if (worker.line.capacity() > kKeptLine) [[unlikely]] worker.line.shrink(kKeptLine);
}

}  // namespace nuncio::access_log
