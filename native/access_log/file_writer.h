// FileWriter: one access-log file (or stdout, stderr), shared on purpose by all workers of the process (DESIGN chapter 4).
// Each worker appends whole lines to a lane of its own: no lock, and no system call besides a wake-up for each 64 KiB. One
// flush thread for each file (so that a slow one delays no other) writes the bytes of all lanes.
//
//   worker 0 ─ append ─▶ lane 0: [chunk]─▶[chunk]─▶[chunk…]  ─┐
//   worker 1 ─ append ─▶ lane 1: [chunk…]                     ─┼─▶ flush thread ─ write(2) ─▶ file
//                                                             reopen(), flush() ┘
//
// A lane holds at most `lane_limit` bytes; what comes while it is full is dropped and counted, the worker never waits.
// Lines of one worker stay in order and whole; lines of different workers come in the order of the flushes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "access_log/lane.h"
#include "base/result.h"

namespace nuncio::access_log {

struct WriterOptions {
  uint32_t lanes = 1;                     // how many threads may append: workers, and one for main
  uint32_t flush_interval_ms = 10'000;    // --file-flush-interval-msec
  uint64_t flush_size = 64 << 10;         // --file-flush-min-size-kb: bytes in one lane that wake the flush thread
  uint64_t lane_limit = 4 << 20;          // bytes one lane may hold
};

/** Envoy's `filesystem.*`, and lines lost because a lane was full. Sums over lanes at one moment. */
struct FileStats {
  uint64_t write_buffered = 0;            // lines taken
  uint64_t write_completed = 0;           // pieces given to the kernel whole
  uint64_t write_failed = 0;              // pieces it refused
  uint64_t flushed_by_timer = 0;
  uint64_t reopen_failed = 0;
  uint64_t write_total_buffered = 0;      // gauge: bytes waiting
  uint64_t dropped_lines = 0;

  FileStats& operator+=(const FileStats& other);
};

class FileWriter {
 public:
  /** Opens (creates, appends to) `path`. The error is Envoy's sentence: "unable to open file '/x': No such file or directory". */
  static base::Result<std::shared_ptr<FileWriter>, std::string> open(std::string path, const WriterOptions& options);
  /** Writes to a descriptor it does not own (1 or 2); reopen() leaves it alone. */
  static std::shared_ptr<FileWriter> onDescriptor(int fd, std::string name, const WriterOptions& options);
  /** Writes to a socket, which it owns; there is nothing to reopen. */
  static std::shared_ptr<FileWriter> onSocket(int fd, std::string name, const WriterOptions& options);

  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  /** Writes everything out, then closes. No thread may append any more. Main thread. */
  ~FileWriter();

  /** Takes one whole text (usually a line). Called only by the thread that owns lane number `lane`. */
  void append(uint32_t lane, std::string_view text);

  /** Opens the path anew before the next write (log rotation). When that fails, the old file goes on. Any thread. */
  void reopen();
  /** Returns when all that was appended before the call has been given to the kernel. Any thread but the flush thread. */
  void flush();

  const std::string& path() const { return path_; }
  FileStats stats() const;

 private:
  enum class Descriptor : uint8_t { kFile, kSocket, kBorrowed };
  FileWriter(int fd, Descriptor kind, std::string path, const WriterOptions& options);
  void run();
  void wake();
  void writeLanes();
  void writeAll(const char* data, size_t size);
  bool waitWritable();
  void reopenNow();
  bool used() const;

  const std::string path_;
  const WriterOptions options_;
  const Descriptor kind_;
  int fd_;                                  // the flush thread's alone, once it runs
  bool reader_gone_ = false;                // the flush thread's: at the end, a pipe whose reader no longer reads
  std::vector<std::unique_ptr<Lane>> lanes_;

  // A word to sleep on (futex), changed by every wake-up.
  std::atomic<uint32_t> signal_{0};
  std::atomic<bool> wake_pending_{false};   // a lane has asked already
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reopen_asked_{false};
  std::atomic<uint64_t> flush_asked_{0};
  std::atomic<uint64_t> flush_done_{0};

  std::atomic<uint64_t> write_completed_{0};
  std::atomic<uint64_t> write_failed_{0};
  std::atomic<uint64_t> flushed_by_timer_{0};
  std::atomic<uint64_t> reopen_failed_{0};
  std::thread thread_;
};

}  // namespace nuncio::access_log
