#include "access_log/file_writers.h"

#include <unistd.h>

namespace nuncio::access_log {

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

void FileWriters::reopenAll() {
  for (const auto& [path, writer] : writers_) writer->reopen();
}

void FileWriters::flushAll() {
  for (const auto& [path, writer] : writers_) writer->flush();
}

void FileWriters::closeUnused() {
  for (auto each = writers_.begin(); each != writers_.end();) {
    if (each->second.use_count() > 1) {
      ++each;
      continue;
    }
    each->second->flush();
    FileStats last = each->second->stats();
    last.write_total_buffered = 0;
    closed_ += last;
    each = writers_.erase(each);
  }
}

FileStats FileWriters::stats() const {
  FileStats sum = closed_;
  for (const auto& [path, writer] : writers_) sum += writer->stats();
  return sum;
}

}  // namespace nuncio::access_log
