// Load of new TLS connections: each opens, shakes hands, makes one request with `Connection: close`,
// reads the answer to its end, and is followed by the next. One thread, one epoll, OpenSSL 3.
//
//   tls_client PORT CONNECTIONS SECONDS full|resumed PATH
//
// `full` never offers a session; `resumed` offers the one the last connection of its place was given.
// What the server did is counted, not believed: `resumed` in the result says how many handshakes were short.
// Prints one line, `BENCH {…}`, in the form of bench/wrk/report.lua.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMaxConnections = 1024, kMaxEvents = 256, kReadSize = 16384 };

// Times fall into 128 buckets for each power of two: a width below one percent.
enum { kSubBits = 7, kBuckets = (64 - kSubBits) << kSubBits };

enum Phase { kConnecting, kHandshaking, kReading };

struct Connection {
  SSL* ssl;
  SSL_SESSION* session;  // owned; the newest one the server gave this place
  uint64_t began_us;
  int fd;
  enum Phase phase;
  uint32_t watching;  // epoll events asked for
  int status_seen;    // the answer began with HTTP/1.1 200
};

static struct {
  SSL_CTX* context;
  struct sockaddr_in address;
  char request[512];
  int request_size;
  int epoll;
  int offer_sessions;
  uint64_t end_us;
  struct Connection connections[kMaxConnections];
  int open;
  // Results.
  uint64_t requests, resumed, connect_errors, read_errors, status_errors;
  uint64_t histogram[kBuckets];
} bench;

static uint64_t nowUs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int bucketOf(uint64_t us) {
  if (us < (1u << kSubBits)) return (int)us;
  int shift = 63 - __builtin_clzll(us) - kSubBits;
  return (int)((((uint64_t)shift + 1) << kSubBits) + ((us >> shift) & ((1u << kSubBits) - 1)));
}

static uint64_t bucketValue(int bucket) {
  if (bucket < (1 << kSubBits)) return (uint64_t)bucket;
  int shift = (bucket >> kSubBits) - 1;
  return ((1ull << kSubBits) | ((uint64_t)bucket & ((1u << kSubBits) - 1))) << shift;
}

// A ticket of TLS 1.3 comes after the handshake, a session of TLS 1.2 with it; both end up here.
static int onNewSession(SSL* ssl, SSL_SESSION* session) {
  struct Connection* c = SSL_get_app_data(ssl);
  if (c->session != NULL) SSL_SESSION_free(c->session);
  c->session = session;
  return 1;  // kept
}

static void watch(struct Connection* c, uint32_t events) {
  if (c->watching == events) return;
  struct epoll_event event = {.events = events, .data.ptr = c};
  epoll_ctl(bench.epoll, c->watching == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &event);
  c->watching = events;
}

static int openConnection(struct Connection* c) {
  c->began_us = nowUs();
  c->phase = kConnecting;
  c->watching = 0;
  c->status_seen = 0;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) return 0;
  int on = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(c->fd, (struct sockaddr*)&bench.address, sizeof bench.address) != 0 && errno != EINPROGRESS) {
    close(c->fd);
    return 0;
  }
  c->ssl = SSL_new(bench.context);
  SSL_set_fd(c->ssl, c->fd);
  SSL_set_app_data(c->ssl, c);
  SSL_set_tlsext_host_name(c->ssl, "bench.test");
  SSL_set_connect_state(c->ssl);
  if (bench.offer_sessions && c->session != NULL) SSL_set_session(c->ssl, c->session);
  bench.open++;
  watch(c, EPOLLOUT);
  return 1;
}

static void closeConnection(struct Connection* c) {
  SSL_free(c->ssl);
  close(c->fd);
  bench.open--;
  if (nowUs() >= bench.end_us) return;
  if (!openConnection(c)) bench.connect_errors++;
}

static void fail(struct Connection* c, uint64_t* counter) {
  ++*counter;
  closeConnection(c);
}

static void finish(struct Connection* c) {
  if (!c->status_seen) {
    bench.status_errors++;
  } else {
    bench.requests++;
    bench.resumed += (uint64_t)SSL_session_reused(c->ssl);
    bench.histogram[bucketOf(nowUs() - c->began_us)]++;
  }
  // Said properly: a session whose connection was cut would not be offered again.
  SSL_shutdown(c->ssl);
  closeConnection(c);
}

// 1: go on, 0: wait for the socket, -1: broken.
static int waitFor(struct Connection* c, int result) {
  switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_READ: watch(c, EPOLLIN); return 0;
    case SSL_ERROR_WANT_WRITE: watch(c, EPOLLOUT); return 0;
    default: return -1;
  }
}

static void readAnswer(struct Connection* c) {
  char bytes[kReadSize];
  for (;;) {
    int got = SSL_read(c->ssl, bytes, sizeof bytes);
    if (got > 0) {
      if (!c->status_seen && got >= 12 && memcmp(bytes, "HTTP/1.1 200", 12) == 0) c->status_seen = 1;
      continue;
    }
    int error = SSL_get_error(c->ssl, got);
    if (error == SSL_ERROR_ZERO_RETURN || (c->status_seen && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE))
      return finish(c);
    if (waitFor(c, got) < 0) fail(c, &bench.read_errors);
    return;
  }
}

static void onEvent(struct Connection* c) {
  if (c->phase == kConnecting) c->phase = kHandshaking;
  if (c->phase == kHandshaking) {
    int done = SSL_do_handshake(c->ssl);
    if (done != 1) {
      if (waitFor(c, done) < 0) fail(c, &bench.connect_errors);
      return;
    }
    // A few hundred bytes into an empty socket buffer: written at once or broken.
    if (SSL_write(c->ssl, bench.request, bench.request_size) != bench.request_size) return fail(c, &bench.connect_errors);
    c->phase = kReading;
    watch(c, EPOLLIN);
  }
  readAnswer(c);
}

static void report(uint64_t duration_us) {
  printf("BENCH {\"requests\":%llu,\"resumed\":%llu,\"durationUs\":%llu,", (unsigned long long)bench.requests,
         (unsigned long long)bench.resumed, (unsigned long long)duration_us);
  printf("\"errors\":{\"connect\":%llu,\"read\":%llu,\"write\":0,\"status\":%llu,\"timeout\":%d},\"histogram\":[",
         (unsigned long long)bench.connect_errors, (unsigned long long)bench.read_errors,
         (unsigned long long)bench.status_errors, bench.open);
  const char* comma = "";
  for (int i = 0; i < kBuckets; i++) {
    if (bench.histogram[i] == 0) continue;
    printf("%s[%llu,%llu]", comma, (unsigned long long)bucketValue(i), (unsigned long long)bench.histogram[i]);
    comma = ",";
  }
  printf("]}\n");
}

static void runUntilEnd(int connections) {
  struct epoll_event events[kMaxEvents];
  for (int i = 0; i < connections; i++) {
    if (!openConnection(&bench.connections[i])) bench.connect_errors++;
  }
  // What is under way at the end may end: two seconds, then it counts as timed out.
  while (bench.open > 0 && nowUs() < bench.end_us + 2000000) {
    int count = epoll_wait(bench.epoll, events, kMaxEvents, 100);
    for (int i = 0; i < count; i++) onEvent(events[i].data.ptr);
  }
}

int main(int argc, char** argv) {
  if (argc != 6 || (strcmp(argv[4], "full") != 0 && strcmp(argv[4], "resumed") != 0)) {
    fprintf(stderr, "usage: tls_client PORT CONNECTIONS SECONDS full|resumed PATH\n");
    return 2;
  }
  int connections = atoi(argv[2]);
  if (connections < 1 || connections > kMaxConnections) {
    fprintf(stderr, "tls_client: 1 to %d connections\n", kMaxConnections);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  bench.offer_sessions = strcmp(argv[4], "resumed") == 0;
  bench.address.sin_family = AF_INET;
  bench.address.sin_port = htons((uint16_t)atoi(argv[1]));
  bench.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bench.request_size = snprintf(bench.request, sizeof bench.request,
                                "GET %s HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n", argv[5]);
  bench.epoll = epoll_create1(EPOLL_CLOEXEC);
  bench.context = SSL_CTX_new(TLS_client_method());
  if (bench.epoll < 0 || bench.context == NULL || bench.request_size >= (int)sizeof bench.request) return 1;
  // The certificate is the benchmark's own: its signature over the handshake is checked, its issuer is not.
  SSL_CTX_set_verify(bench.context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(bench.context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  if (bench.offer_sessions) SSL_CTX_sess_set_new_cb(bench.context, onNewSession);
  uint64_t began = nowUs();
  bench.end_us = began + (uint64_t)(atof(argv[3]) * 1e6);
  runUntilEnd(connections);
  report(nowUs() - began);
  return 0;
}
