#include "access_log/file_writers.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "generated/plan.h"

namespace nuncio::access_log {
namespace {

// What one worker may have waiting for a service that takes nothing: entries of a second or so.
constexpr uint64_t kLeastStreamLane = 1 << 20;

}  // namespace

base::Result<std::shared_ptr<FileWriter>, std::string> FileWriters::open(const std::string& path) {
  if (path == "/dev/stdout") return standardOutput();
  if (path == "/dev/stderr") return standardError();
  std::shared_ptr<FileWriter>& known = writers_[path];
  if (known != nullptr) return known;
  base::Result<std::shared_ptr<FileWriter>, std::string> made = FileWriter::open(path, options_);
  if (made.ok()) {
    known = made.value();
  } else {
    writers_.erase(path);
  }
  return made;
}

std::shared_ptr<FileWriter> FileWriters::standardOutput() {
  std::shared_ptr<FileWriter>& known = writers_["/dev/stdout"];
  if (known == nullptr) known = FileWriter::onDescriptor(STDOUT_FILENO, "/dev/stdout", options_);
  return known;
}

std::shared_ptr<FileWriter> FileWriters::standardError() {
  std::shared_ptr<FileWriter>& known = writers_["/dev/stderr"];
  if (known == nullptr) known = FileWriter::onDescriptor(STDERR_FILENO, "/dev/stderr", options_);
  return known;
}

FileWriters::~FileWriters() {
  for (const Stream& stream : fresh_) ::close(stream.fd);
}

base::Result<std::shared_ptr<FileWriter>, std::string> FileWriters::stream(const plan::GrpcAccessLog& plan) {
  const auto known = streams_.find(plan.stream);
  if (known != streams_.end()) return known->second;
  int ends[2];
  // The writer's thread may wait in a write; the reader belongs to an event loop.
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return "no socket for the gRPC access log: " + std::string(std::strerror(errno));
  for (const int fd : ends) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  WriterOptions options = options_;
  options.flush_interval_ms = plan.flush_interval_ms;
  options.flush_size = plan.buffer_size;
  options.lane_limit = std::max<uint64_t>(kLeastStreamLane, uint64_t{plan.buffer_size} * 2);
  std::shared_ptr<FileWriter> writer = FileWriter::onSocket(ends[0], plan.stream, options);
  streams_.emplace(plan.stream, writer);
  fresh_.push_back({plan.stream, std::string(plan.config.begin(), plan.config.end()), plan.tcp, ends[1]});
  return writer;
}

std::vector<FileWriters::Stream> FileWriters::takeStreams() { return std::exchange(fresh_, {}); }

void FileWriters::reopenAll() {
  for (const auto& [path, writer] : writers_) writer->reopen();
}

void FileWriters::flushAll() {
  for (const auto& [path, writer] : writers_) writer->flush();
  // Streams are not waited for: their reader may have gone.
}

void FileWriters::closeUnused() {
  closeUnused(writers_, closed_);
  closeUnused(streams_, closed_streams_);
}

void FileWriters::closeUnused(Table& writers, FileStats& closed) {
  for (auto each = writers.begin(); each != writers.end();) {
    FileStats last = each->second->stats();
    // One that still has something to write would keep the caller waiting; it goes the next time.
    if (each->second.use_count() > 1 || last.write_total_buffered != 0) {
      ++each;
      continue;
    }
    closed += last;
    each = writers.erase(each);
  }
}

FileStats FileWriters::stats() const {
  FileStats sum = closed_;
  for (const auto& [path, writer] : writers_) sum += writer->stats();
  return sum;
}

FileStats FileWriters::streamStats() const {
  FileStats sum = closed_streams_;
  for (const auto& [name, writer] : streams_) sum += writer->stats();
  return sum;
}

}  // namespace nuncio::access_log
