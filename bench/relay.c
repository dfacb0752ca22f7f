/*
 * The floor of every proxy benchmark: relays bytes between a client socket and an upstream socket
 * without looking at them. One thread, one epoll, one upstream connection for each client.
 *
 * What it spends is what the kernel asks for two sockets (recv, send, recv, send and a shared
 * epoll_wait); the rest of a proxy's time is the proxy's own.
 *
 * Usage: relay LISTEN_PORT UPSTREAM_PORT     (both on 127.0.0.1)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kChunk = 64 * 1024, kBatch = 256, kBacklog = 4096 };

/* One side of a pair. What could not be written to `fd` waits in `pending`; until it is gone the
 * other side is not read, so memory stays at one chunk a direction. */
struct side {
  int fd;
  struct side *other;
  char *pending;
  size_t pending_length;
  size_t pending_offset;
  unsigned events;     /* what epoll watches now */
  int saw_end;         /* the peer sent FIN */
  int dead;            /* closed in this turn; freed at its end */
  struct side *next_dead;
};

static int epoll_fd;
static char chunk[kChunk];
static struct side *dead_list;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(struct side *s, unsigned events) {
  if (s->events == events) return;
  struct epoll_event event = {.events = events, .data.ptr = s};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, s->fd, &event);
  s->events = events;
}

static struct side *newSide(int fd, unsigned events) {
  struct side *s = calloc(1, sizeof *s);
  if (s == NULL) fail("calloc");
  s->fd = fd;
  s->events = events;
  return s;
}

static void addToEpoll(struct side *s) {
  struct epoll_event event = {.events = s->events, .data.ptr = s};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &event) < 0) fail("epoll_ctl");
}

/* An event for either side may still be in this turn's batch, so memory is freed at its end. */
static void closePair(struct side *s) {
  struct side *both[2] = {s, s->other};
  for (int i = 0; i < 2; i++) {
    if (both[i]->dead) continue;
    close(both[i]->fd);
    both[i]->dead = 1;
    both[i]->next_dead = dead_list;
    dead_list = both[i];
  }
}

static void freeDead(void) {
  while (dead_list != NULL) {
    struct side *s = dead_list;
    dead_list = s->next_dead;
    free(s->pending);
    free(s);
  }
}

static unsigned wanted(const struct side *s) {
  unsigned events = 0;
  if (!s->saw_end && s->other->pending_length == 0) events |= EPOLLIN;
  if (s->pending_length > 0) events |= EPOLLOUT;
  return events;
}

static void settle(struct side *s) {
  struct side *other = s->other;
  if (s->saw_end && other->saw_end && s->pending_length == 0 && other->pending_length == 0) {
    closePair(s);
    return;
  }
  watch(s, wanted(s));
  watch(other, wanted(other));
}

static void keepPending(struct side *s, const char *bytes, size_t length) {
  if (s->pending == NULL) s->pending = malloc(kChunk);
  if (s->pending == NULL) fail("malloc");
  memcpy(s->pending, bytes, length);
  s->pending_length = length;
  s->pending_offset = 0;
}

static void onReadable(struct side *s) {
  struct side *other = s->other;
  ssize_t got = recv(s->fd, chunk, kChunk, 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) closePair(s);
    return;
  }
  if (got == 0) {
    s->saw_end = 1;
    shutdown(other->fd, SHUT_WR);
    settle(s);
    return;
  }
  ssize_t sent = send(other->fd, chunk, (size_t)got, MSG_NOSIGNAL);
  if (sent == got) return;
  if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
    closePair(s);
    return;
  }
  size_t done = sent > 0 ? (size_t)sent : 0;
  keepPending(other, chunk + done, (size_t)got - done);
  settle(s);
}

static void onWritable(struct side *s) {
  if (s->pending_length > 0) {
    ssize_t sent = send(s->fd, s->pending + s->pending_offset, s->pending_length, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) closePair(s);
      return;
    }
    s->pending_offset += (size_t)sent;
    s->pending_length -= (size_t)sent;
    if (s->pending_length == 0 && s->other->saw_end) shutdown(s->fd, SHUT_WR);
  }
  settle(s);
}

static void noDelay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void acceptAll(int listen_fd, const struct sockaddr_in *upstream) {
  for (;;) {
    int client_fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client_fd < 0) return;
    int upstream_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (upstream_fd < 0) {
      close(client_fd);
      return;
    }
    noDelay(client_fd);
    noDelay(upstream_fd);
    if (connect(upstream_fd, (const struct sockaddr *)upstream, sizeof *upstream) < 0 &&
        errno != EINPROGRESS) {
      close(client_fd);
      close(upstream_fd);
      continue;
    }
    struct side *client = newSide(client_fd, EPOLLIN);
    struct side *server = newSide(upstream_fd, EPOLLIN);
    client->other = server;
    server->other = client;
    addToEpoll(client);
    addToEpoll(server);
  }
}

static int listenOn(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = loopback(port);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(fd, kBacklog) < 0) fail("listen");
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: relay LISTEN_PORT UPSTREAM_PORT\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  int listen_fd = listenOn(atoi(argv[1]));
  struct sockaddr_in upstream = loopback(atoi(argv[2]));
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
  struct epoll_event listen_event = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &listen_event) < 0) fail("epoll_ctl");

  struct epoll_event events[kBatch];
  for (;;) {
    int count = epoll_wait(epoll_fd, events, kBatch, -1);
    for (int i = 0; i < count; i++) {
      struct side *s = events[i].data.ptr;
      if (s == NULL) {
        acceptAll(listen_fd, &upstream);
        continue;
      }
      if (s->dead) continue;
      if (events[i].events & EPOLLERR) {
        closePair(s);
        continue;
      }
      if (events[i].events & EPOLLOUT) onWritable(s);
      /* Not while bytes already read wait to be written: there is one slot for them. */
      if (!s->dead && !s->saw_end && s->other->pending_length == 0 &&
          (events[i].events & (EPOLLIN | EPOLLHUP))) {
        onReadable(s);
      } else if (!s->dead && s->saw_end && s->other->pending_length == 0 &&
                 (events[i].events & EPOLLHUP)) {
        closePair(s);
      }
    }
    freeDead();
  }
}
