#include "access_log/file_writer.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace nuncio::access_log {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kMode = 0644;

int openFile(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
}

// Sleeps while `word` is `seen`, at most until `deadline`. Wakes early for no reason at times.
void sleepOn(const std::atomic<uint32_t>& word, uint32_t seen, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - Clock::now()).count();
  if (left <= 0) return;
  const timespec timeout{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
  ::syscall(SYS_futex, reinterpret_cast<const uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen, &timeout, nullptr, 0);
}

void bump(std::atomic<uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

FileStats& FileStats::operator+=(const FileStats& other) {
  write_buffered += other.write_buffered;
  write_completed += other.write_completed;
  write_failed += other.write_failed;
  flushed_by_timer += other.flushed_by_timer;
  reopen_failed += other.reopen_failed;
  write_total_buffered += other.write_total_buffered;
  dropped_lines += other.dropped_lines;
  return *this;
}

base::Result<std::shared_ptr<FileWriter>, std::string> FileWriter::open(std::string path, const WriterOptions& options) {
  const int fd = openFile(path);
  if (fd < 0) return "unable to open file '" + path + "': " + std::strerror(errno);
  return std::shared_ptr<FileWriter>(new FileWriter(fd, Descriptor::kFile, std::move(path), options));
}

std::shared_ptr<FileWriter> FileWriter::onDescriptor(int fd, std::string name, const WriterOptions& options) {
  return std::shared_ptr<FileWriter>(new FileWriter(fd, Descriptor::kBorrowed, std::move(name), options));
}

std::shared_ptr<FileWriter> FileWriter::onSocket(int fd, std::string name, const WriterOptions& options) {
  return std::shared_ptr<FileWriter>(new FileWriter(fd, Descriptor::kSocket, std::move(name), options));
}

FileWriter::FileWriter(int fd, Descriptor kind, std::string path, const WriterOptions& options)
    : path_(std::move(path)), options_(options), kind_(kind), fd_(fd) {
  for (uint32_t i = 0; i < options.lanes; ++i) lanes_.push_back(std::make_unique<Lane>(options.lane_limit));
  // Signals are for the process's main thread; this one takes none.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

FileWriter::~FileWriter() {
  stopping_.store(true, std::memory_order_release);
  wake();
  thread_.join();
  if (kind_ != Descriptor::kBorrowed) ::close(fd_);
}

void FileWriter::append(uint32_t lane, std::string_view text) {
  if (text.empty()) return;
  const uint64_t waiting = lanes_[lane]->append(text);
  if (waiting < options_.flush_size) [[likely]] return;
  if (wake_pending_.load(std::memory_order_relaxed)) return;
  if (!wake_pending_.exchange(true, std::memory_order_acq_rel)) wake();
}

void FileWriter::wake() {
  signal_.fetch_add(1, std::memory_order_release);
  ::syscall(SYS_futex, reinterpret_cast<uint32_t*>(&signal_), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void FileWriter::reopen() {
  if (kind_ != Descriptor::kFile) return;
  reopen_asked_.store(true, std::memory_order_release);
  wake();
}

void FileWriter::flush() {
  const uint64_t ticket = flush_asked_.fetch_add(1, std::memory_order_acq_rel) + 1;
  wake();
  for (uint64_t done = flush_done_.load(std::memory_order_acquire); done < ticket;
       done = flush_done_.load(std::memory_order_acquire)) {
    flush_done_.wait(done, std::memory_order_acquire);
  }
}

bool FileWriter::used() const {
  for (const auto& lane : lanes_) {
    if (lane->lines() != 0) return true;
  }
  return false;
}

void FileWriter::run() {
  const auto interval = std::chrono::milliseconds(options_.flush_interval_ms == 0 ? 1 : options_.flush_interval_ms);
  Clock::time_point deadline = Clock::now() + interval;
  while (true) {
    const uint32_t seen = signal_.load(std::memory_order_acquire);
    const bool last = stopping_.load(std::memory_order_acquire);
    const uint64_t asked = flush_asked_.load(std::memory_order_acquire);
    wake_pending_.exchange(false, std::memory_order_acq_rel);
    if (reopen_asked_.exchange(false, std::memory_order_acq_rel)) reopenNow();
    writeLanes();
    flush_done_.store(asked, std::memory_order_release);
    flush_done_.notify_all();
    if (last) return;
    // Sleep until someone wakes us or the interval is over; both lead to another round of writing.
    while (signal_.load(std::memory_order_acquire) == seen && Clock::now() < deadline) sleepOn(signal_, seen, deadline);
    if (Clock::now() >= deadline) {
      deadline = Clock::now() + interval;
      if (used()) bump(flushed_by_timer_);
    }
  }
}

void FileWriter::writeLanes() {
  for (const auto& lane : lanes_) {
    lane->takeAll([this](const char* data, size_t size) { writeAll(data, size); });
  }
}

void FileWriter::writeAll(const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd_, data, size);
    if (written >= 0) {
      data += written;
      size -= static_cast<size_t>(written);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!waitWritable()) return bump(write_failed_);
    } else if (errno != EINTR) {
      return bump(write_failed_);  // a full disk, say; the bytes are lost, as they are in Envoy
    }
  }
  bump(write_completed_);
}

// A pipe that was made non-blocking (stdout) and whose reader is slow. At the end of the process it gets a second more.
bool FileWriter::waitWritable() {
  if (reader_gone_) return false;
  pollfd one{fd_, POLLOUT, 0};
  while (!stopping_.load(std::memory_order_acquire)) {
    if (::poll(&one, 1, 100) > 0) return true;
  }
  reader_gone_ = ::poll(&one, 1, 1000) <= 0;
  return !reader_gone_;
}

void FileWriter::reopenNow() {
  const int fresh = openFile(path_);
  if (fresh < 0) return bump(reopen_failed_);
  writeLanes();  // what was logged before the rotation belongs to the old file
  ::close(fd_);
  fd_ = fresh;
}

FileStats FileWriter::stats() const {
  FileStats sum;
  for (const auto& lane : lanes_) {
    sum.write_buffered += lane->lines();
    sum.dropped_lines += lane->dropped();
    sum.write_total_buffered += lane->waiting();
  }
  sum.write_completed = write_completed_.load(std::memory_order_relaxed);
  sum.write_failed = write_failed_.load(std::memory_order_relaxed);
  sum.flushed_by_timer = flushed_by_timer_.load(std::memory_order_relaxed);
  sum.reopen_failed = reopen_failed_.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace nuncio::access_log
