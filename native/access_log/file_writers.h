// FileWriters: all access-log files of the process, one FileWriter for each path however many loggers name it, and the streams of
// entries to gRPC access log services. Owned by the
// process's composition root; every call on the main thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "access_log/file_writer.h"
#include "base/result.h"

namespace nuncio::plan {
struct GrpcAccessLog;
}

namespace nuncio::access_log {

class FileWriters {
 public:
  explicit FileWriters(const WriterOptions& options) : options_(options) {}
  FileWriters(const FileWriters&) = delete;
  FileWriters& operator=(const FileWriters&) = delete;
  /** Flushes and closes every file and stream. */
  ~FileWriters();

  /** The writer of a path ("/dev/stdout" and "/dev/stderr" are the process's own streams). */
  base::Result<std::shared_ptr<FileWriter>, std::string> open(const std::string& path);
  std::shared_ptr<FileWriter> standardOutput();
  std::shared_ptr<FileWriter> standardError();

  /**
   * The writer towards a gRPC access log service: a socket pair, whose other end the sender of entries takes by takeStreams(). While
   * nobody reads there, lanes fill up and what comes then is dropped.
   */
  base::Result<std::shared_ptr<FileWriter>, std::string> stream(const plan::GrpcAccessLog& plan);
  struct Stream {
    std::string name;
    std::string config;   // plan::GrpcAccessLog::config
    bool tcp;
    int fd;               // of who asked: to be closed; it ends when no logger uses the stream any more
  };
  /** Streams opened since the last call. */
  std::vector<Stream> takeStreams();

  /** SIGUSR1, POST /reopen_logs. */
  void reopenAll();
  /** Returns when everything appended so far has been written. */
  void flushAll();
  /** Closes the files and streams no logger uses any more (after a configuration update); their counts stay. */
  void closeUnused();

  FileStats stats() const;
  /** The same of streams: lines are entries. */
  FileStats streamStats() const;

 private:
  using Table = std::map<std::string, std::shared_ptr<FileWriter>>;
  static void closeUnused(Table& writers, FileStats& closed);

  const WriterOptions options_;
  Table writers_;
  Table streams_;
  std::vector<Stream> fresh_;
  FileStats closed_;
  FileStats closed_streams_;
};

}  // namespace nuncio::access_log
