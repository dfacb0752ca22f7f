// What connections send, and when: queues that share a block, events that are sent together, closing with something unsent.
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "loop/loop.h"
#include "net/connection.h"
#include "net/io_context.h"
#include "net/output_queue.h"
#include "test/native/test.h"

namespace nuncio::net {
namespace {

std::string textOf(const OutputQueue& queue) {
  std::string out;
  queue.forEach([&](std::string_view piece) { out += piece; });
  return out;
}

TEST("output queue: short messages of several queues share a block and stay apart") {
  BlockPool blocks;
  {
    OutputQueue first(blocks), second(blocks);
    first.append("one ");
    const size_t block = blocks.inUse();
    second.append("two ");
    first.append("three");
    second.append("four");
    EXPECT_EQ(blocks.inUse(), block);
    EXPECT_EQ(textOf(first), "one three");
    EXPECT_EQ(textOf(second), "two four");
    first.consume(first.size());
    second.append(", five");
    EXPECT_EQ(textOf(second), "two four, five");
    OutputQueue third(blocks);
    third.append(std::string(Block::kCapacity, 'x'));
    third.append("six");
    EXPECT_EQ(textOf(third), std::string(Block::kCapacity, 'x') + "six");
    EXPECT_EQ(textOf(second), "two four, five");
  }
  EXPECT_EQ(blocks.inUse(), 0u);
}

/** A connection to one end of a socket pair, which does what the test says with its input. */
struct End final : ConnectionEvents {
  End(IoContext& io, loop::Loop& loop) : loop_(loop) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    connection = std::make_unique<Connection>(io, fds[0], *this);
    connection->start(false);
  }
  ~End() { close(fds[1]); }
  size_t onInput(std::string_view bytes) override {
    if (act != nullptr) act(*this, bytes);
    return bytes.size();
  }
  void onEndOfInput() override {}
  void onClosed(CloseCause) override {}
  void ask(std::string_view text) { EXPECT_EQ(send(fds[1], text.data(), text.size(), 0), static_cast<ssize_t>(text.size())); }
  /** What the peer can read now. */
  std::string answer() {
    char buffer[4096];
    const ssize_t got = recv(fds[1], buffer, sizeof(buffer), 0);
    return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : std::string();
  }

  loop::Loop& loop_;
  int fds[2];
  std::unique_ptr<Connection> connection;
  void (*act)(End& end, std::string_view bytes) = nullptr;
  End* other = nullptr;
  std::string seen;
};

TEST("address: copies are equal in all they say; those of a unix path outlive it") {
  Address ip;
  REQUIRE(Address::parseIp("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", 65535, ip));
  Address copy;
  {
    const Address path = Address::unixPath("@" + std::string(200, 'p'));
    copy = path;
    copy = *&copy;
    EXPECT(copy == path);
    EXPECT_EQ(copy.text().size(), Address::kMaxPath);
  }
  const Address second = copy;
  sockaddr_storage storage;
  const socklen_t size = copy.toSockaddr(storage);
  EXPECT(Address::from(reinterpret_cast<sockaddr*>(&storage), size) == second);
  copy = ip;
  EXPECT_EQ(copy.text(), "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535");
  EXPECT_EQ(copy.ipText(), "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff");
  EXPECT_EQ(second.text().size(), Address::kMaxPath);
  EXPECT_EQ(Address().text(), "");
}

TEST("connection: what several events wrote is sent by the end of their turn; what is borrowed, after its event") {
  loop::Loop loop;
  IoContext io(loop);
  End first(io, loop), second(io, loop);
  first.act = [](End& end, std::string_view bytes) { end.connection->write(bytes); };
  second.act = [](End& end, std::string_view) { end.seen = end.other->answer(); };
  second.other = &first;
  first.ask("short");
  second.ask("look");
  EXPECT_EQ(loop.turn(0), 2);
  EXPECT_EQ(second.seen, "");  // it waited for the second event
  EXPECT_EQ(first.answer(), "short");
  first.act = [](End& end, std::string_view bytes) { end.connection->writeBorrowed(bytes); };
  const std::string large(3000, 'x');
  first.ask(large);
  second.ask("look");
  EXPECT_EQ(loop.turn(0), 2);
  EXPECT(second.seen == large);
}

TEST("connection: a later event closes it: what was written before goes out, what the closing event wrote does not") {
  loop::Loop loop;
  IoContext io(loop);
  End first(io, loop), second(io, loop);
  first.act = [](End& end, std::string_view) { end.connection->write("before"); };
  second.act = [](End& end, std::string_view) { end.other->connection->close(); };
  second.other = &first;
  first.ask("?");
  second.ask("?");
  EXPECT_EQ(loop.turn(0), 2);
  EXPECT(first.connection->closed());
  EXPECT_EQ(first.answer(), "before");
  second.act = [](End& end, std::string_view) {
    end.connection->write("lost");
    end.connection->close();
  };
  second.ask("?");
  loop.turn(0);
  EXPECT_EQ(second.answer(), "");
}

struct Remains final : DeferredFree {
  explicit Remains(bool& freed) : freed_(freed) {}
  ~Remains() override { freed_ = true; }
  bool& freed_;
};

TEST("io context: what is given up lasts as long as its event") {
  loop::Loop loop;
  IoContext io(loop);
  static bool freed;
  static bool freed_at_once;
  static bool freed_later;
  freed = freed_at_once = freed_later = false;
  End first(io, loop), second(io, loop);
  first.act = [](End& end, std::string_view) {
    end.connection->io().freeLater(new Remains(freed));
    freed_at_once = freed;
  };
  second.act = [](End&, std::string_view) { freed_later = freed; };
  first.ask("?");
  second.ask("?");
  EXPECT_EQ(loop.turn(0), 2);
  EXPECT(!freed_at_once);
  EXPECT(freed_later);
}

}  // namespace
}  // namespace nuncio::net
