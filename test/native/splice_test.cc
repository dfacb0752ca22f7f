// Splicing: what goes through a pipe keeps its place among what is copied, and a full sink holds the source back.
#include "net/splice.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "loop/loop.h"
#include "net/connection.h"
#include "net/io_context.h"
#include "net/output_queue.h"
#include "test/native/test.h"

namespace nuncio::net {
namespace {

struct SocketPair {
  SocketPair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0); }
  int fds[2];
};

std::string readAll(int fd) {
  std::string out;
  char buffer[4096];
  for (ssize_t got; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;) out.append(buffer, static_cast<size_t>(got));
  return out;
}

TEST("splice: piped bytes keep their place between copied ones") {
  SocketPair source, sink;
  RawTransport raw;
  PipePool pool;
  Channel there(pool), back(pool);
  SpliceTransport from(raw, there, back), to(raw, back, there);
  BlockPool blocks;
  OutputQueue queue(blocks);
  REQUIRE(send(source.fds[1], "piped", 5, 0) == 5);
  from.fill(true);
  const IoResult read = from.read(source.fds[0], nullptr, 0);
  EXPECT_EQ(read.status, IoStatus::kOk);
  EXPECT_EQ(read.size, 5u);
  EXPECT(there.takeFilled());
  EXPECT(!there.takeFilled());
  REQUIRE(send(source.fds[1], "!", 1, 0) == 1);
  char copied[8];
  EXPECT_EQ(from.read(source.fds[0], copied, sizeof(copied)).size, 1u);  // the pipe is busy: copies
  EXPECT_EQ(copied[0], '!');
  queue.append("before ");
  queue.appendPiped(2);
  queue.appendPiped(3);
  queue.append(" after");
  queue.own();
  iovec pieces[8];
  const int count = queue.gather(pieces, 8);
  EXPECT_EQ(count, 3);
  const IoResult written = to.write(sink.fds[0], pieces, count);
  EXPECT_EQ(written.size, queue.size());
  queue.consume(written.size);
  EXPECT(queue.empty());
  EXPECT_EQ(there.held(), 0u);
  EXPECT_EQ(readAll(sink.fds[1]), "before piped after");
  for (const int fd : {source.fds[0], source.fds[1], sink.fds[0], sink.fds[1]}) close(fd);
}

TEST("splice: an empty socket, and one that ended") {
  SocketPair source;
  RawTransport raw;
  PipePool pool;
  Channel there(pool), back(pool);
  SpliceTransport from(raw, there, back);
  from.fill(true);
  EXPECT_EQ(from.read(source.fds[0], nullptr, 0).status, IoStatus::kAgain);
  close(source.fds[1]);
  EXPECT_EQ(from.read(source.fds[0], nullptr, 0).status, IoStatus::kClosed);
  close(source.fds[0]);
}

/** Moves everything from one connection to another, through the pipe. */
struct OneWay final : ConnectionEvents, ChannelEvents {
  OneWay(IoContext& io, int from_fd, int to_fd)
      : from(io, from_fd, *this),
        to(io, to_fd, sink),
        from_transport(io.rawTransport(), there, back),
        to_transport(io.rawTransport(), back, there) {
    from.setTransport(from_transport);
    to.setTransport(to_transport);
    from_transport.fill(true);
    from.start(false);
    to.start(false);
  }
  size_t onInput(std::string_view bytes) override {
    if (there.takeFilled()) {
      to.writePiped(bytes.size());
    } else {
      to.writeBorrowed(bytes);
    }
    to.flush();
    if (there.held() != 0 && !there.awaitsDrain()) {
      there.awaitDrain(this);
      from.pauseReading(true);
      ++held_back;
    }
    return bytes.size();
  }
  void onChannelDrained(Channel&) override { from.pauseReading(false); }
  void onEndOfInput() override { to.closeAfterFlush(); }
  void onClosed(CloseCause) override {}

  struct Sink final : ConnectionEvents {
    size_t onInput(std::string_view bytes) override { return bytes.size(); }
    void onEndOfInput() override {}
    void onClosed(CloseCause) override {}
  } sink;
  PipePool pool;
  Channel there{pool}, back{pool};
  Connection from, to;
  SpliceTransport from_transport, to_transport;
  int held_back = 0;
};

TEST("splice: megabytes to a slow reader arrive whole") {
  SocketPair source, sink;
  loop::Loop loop;
  IoContext io(loop);
  std::string sent(6 << 20, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>((i * 2654435761u) >> 13);
  std::string received;
  {
    OneWay relay(io, source.fds[0], sink.fds[0]);
    size_t at = 0;
    for (int turn = 0; turn < 100000 && received.size() < sent.size(); ++turn) {
      if (at < sent.size()) {
        const ssize_t put = send(source.fds[1], sent.data() + at, sent.size() - at, MSG_NOSIGNAL);
        if (put > 0) at += static_cast<size_t>(put);
        if (at == sent.size()) shutdown(source.fds[1], SHUT_WR);
      }
      for (int i = 0; i < 4; ++i) loop.turn(0);
      char buffer[50000];
      const ssize_t got = recv(sink.fds[1], buffer, sizeof(buffer), 0);
      if (got > 0) received.append(buffer, static_cast<size_t>(got));
    }
    EXPECT(relay.held_back > 0);
    EXPECT(relay.to.closed());
    EXPECT_EQ(relay.from.bytesRead(), sent.size());
  }
  EXPECT(received == sent);
  close(source.fds[1]);
  close(sink.fds[1]);
}

}  // namespace
}  // namespace nuncio::net
