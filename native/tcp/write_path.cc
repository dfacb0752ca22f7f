#include "tcp/write_path.h"

#include <utility>

#include "net/connection.h"
#include "tcp/network_filter_chain.h"

namespace nuncio::tcp {

using net::IoResult;
using net::IoStatus;

namespace {
constexpr int kMaxPieces = 64;
// Filtered bytes that wait for the socket; while there are more, the rest waits in the connection, whose watermark then counts.
constexpr size_t kEnough = 64 << 10;
}  // namespace

WritePath::WritePath(NetworkFilterChain& chain)
    : chain_(chain),
      connection_(chain.downstream().connection),
      inner_(connection_.interpose(*this)),
      filtered_(connection_.io().blocks()) {}

WritePath::~WritePath() { connection_.setTransport(inner_); }

void WritePath::append(std::string_view bytes, bool end) {
  filtered_.append(bytes);
  ends_ = ends_ || end;
}

void WritePath::stall(bool stall) {
  if (stall) {
    ++stalls_;
  } else if (--stalls_ == 0) {
    connection_.transportHasOutput();
  }
}

IoResult WritePath::write(int fd, const iovec* pieces, int count) {
  IoResult sent = send(fd);
  size_t taken = 0;
  for (int i = 0; i < count && sent.status == IoStatus::kOk && stalls_ == 0; ++i) {
    taken += pieces[i].iov_len;
    chain_.passWrite(chain_.filterCount(), {static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len}, false);
    if (connection_.closed()) return {IoStatus::kOk, taken};
    if (filtered_.size() > kEnough) sent = send(fd);
  }
  if (sent.status == IoStatus::kOk) sent = send(fd);
  if (sent.status == IoStatus::kAgain) sent.status = IoStatus::kOk;
  return {sent.status, taken};
}

/** kAgain: something is left that the socket did not take. */
IoResult WritePath::send(int fd) {
  while (!filtered_.empty() || inner_.holdsOutput()) {
    iovec pieces[kMaxPieces];
    const int count = filtered_.gather(pieces, kMaxPieces);
    size_t offered = 0;
    for (int i = 0; i < count; ++i) offered += pieces[i].iov_len;
    const IoResult sent = inner_.write(fd, pieces, count);
    if (sent.status != IoStatus::kOk) return sent;
    filtered_.consume(sent.size);
    if (sent.size < offered || inner_.holdsOutput()) return {IoStatus::kAgain, 0};
  }
  if (ends_ && !std::exchange(ended_, true)) inner_.shutdownWrite(fd);
  return {IoStatus::kOk, 0};
}

/** In order the filters hear of it; a connection that is closed has nothing more to say. */
void WritePath::shutdownWrite(int fd) {
  if (connection_.closed()) {
    if (!std::exchange(ended_, true)) inner_.shutdownWrite(fd);
    return;
  }
  chain_.passWrite(chain_.filterCount(), {}, true);
  if (!connection_.closed()) send(fd);
}

}  // namespace nuncio::tcp
