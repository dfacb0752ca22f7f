#include "tls/key_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

namespace nuncio::tls {

KeyLog::File::~File() { ::close(fd); }

std::shared_ptr<KeyLog::File> KeyLog::open(const std::string& path) {
  struct Files {
    std::mutex mutex;
    std::map<std::string, std::weak_ptr<File>> by_path;
  };
  static Files* const kFiles = new Files();
  std::lock_guard lock(kFiles->mutex);
  std::weak_ptr<File>& known = kFiles->by_path[path];
  if (auto file = known.lock()) return file;
  constexpr mode_t kOwnerOnly = 0600;  // who reads it reads all traffic
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) return nullptr;
  auto file = std::make_shared<File>(fd);
  known = file;
  return file;
}

base::Result<std::unique_ptr<const KeyLog>, std::string> KeyLog::make(const plan::TlsKeyLog& plan) {
  auto log = std::make_unique<KeyLog>();
  const auto read = [](const std::vector<plan::CidrRange>& from, std::vector<Range>& to) {
    for (const plan::CidrRange& range : from) {
      net::Address network;
      if (!net::Address::parseIp(range.ip, 0, network)) return false;
      to.push_back({network, range.prefix_len});
    }
    return true;
  };
  if (!read(plan.local_ranges, log->local_) || !read(plan.remote_ranges, log->remote_)) return std::string("key_log: malformed address range");
  log->file_ = open(plan.path);
  if (log->file_ == nullptr) return "unable to open file '" + plan.path + "': " + std::strerror(errno);
  return std::unique_ptr<const KeyLog>(std::move(log));
}

bool KeyLog::within(const std::vector<Range>& ranges, const net::Address& address) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
           return address.within(range.network, range.prefix_len);
         });
}

bool KeyLog::covers(const net::Address& local, const net::Address& remote) const { return within(local_, local) && within(remote_, remote); }

void KeyLog::write(std::string_view line) const {
  std::string out(line);
  out += '\n';
  // One call a line: those of several threads do not mix. A full disk is no reason to fail a connection.
  [[maybe_unused]] const ssize_t written = ::write(file_->fd, out.data(), out.size());
}

}  // namespace nuncio::tls
