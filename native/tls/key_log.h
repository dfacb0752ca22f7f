// KeyLog: writes the secrets of TLS connections in NSS's SSLKEYLOGFILE format, for debugging with a packet analyser. One
// file a path and process, shared by all who name it. Immutable but for the file; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "plan/plan_types.h"

namespace nuncio::tls {

class KeyLog {
 public:
  /** Opens (creates) the file. */
  static base::Result<std::unique_ptr<const KeyLog>, std::string> make(const plan::TlsKeyLog& plan);

  bool covers(const net::Address& local, const net::Address& remote) const;
  void write(std::string_view line) const;

 private:
  struct Range {
    net::Address network;
    uint32_t prefix_len;
  };
  struct File {
    explicit File(int opened) : fd(opened) {}
    ~File();
    const int fd;
  };
  static std::shared_ptr<File> open(const std::string& path);
  static bool within(const std::vector<Range>& ranges, const net::Address& address);

  std::shared_ptr<File> file_;
  std::vector<Range> local_, remote_;
};

}  // namespace nuncio::tls
