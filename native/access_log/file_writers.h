// FileWriters: all access-log files of the process, one FileWriter for each path however many loggers name it. Owned by the
// process's composition root; every call on the main thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "access_log/file_writer.h"
#include "base/result.h"

namespace nuncio::access_log {

class FileWriters {
 public:
  explicit FileWriters(const WriterOptions& options) : options_(options) {}
  FileWriters(const FileWriters&) = delete;
  FileWriters& operator=(const FileWriters&) = delete;
  /** Flushes and closes every file. */
  ~FileWriters() = default;

  /** The writer of a path ("/dev/stdout" and "/dev/stderr" are the process's own streams). */
  base::Result<std::shared_ptr<FileWriter>, std::string> open(const std::string& path);
  std::shared_ptr<FileWriter> standardOutput();
  std::shared_ptr<FileWriter> standardError();

  /** SIGUSR1, POST /reopen_logs. */
  void reopenAll();
  /** Returns when everything appended so far has been written. */
  void flushAll();
  /** Closes the files no logger uses any more (after a configuration update); their counts stay in stats(). */
  void closeUnused();

  FileStats stats() const;

 private:
  const WriterOptions options_;
  std::map<std::string, std::shared_ptr<FileWriter>> writers_;
  FileStats closed_;
};

}  // namespace nuncio::access_log
