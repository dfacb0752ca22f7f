// SocketBio: the one BIO of a worker through which OpenSSL reads from and writes to sockets. Before each call into OpenSSL
// it is told whose turn it is; records written are collected here and leave together. Owned by WorkerTls; worker thread only.
//
//   recv ─▶ OpenSSL's read buffer (several records at once) ─▶ decrypted into the worker's read buffer
//   records of OpenSSL ─▶ collected ─▶ one send ─▶ what the socket does not take waits in the connection's `Unsent`
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tls/openssl.h"

namespace nuncio::tls {

/** Encrypted bytes of one connection that its socket did not take yet. Bounded: nothing more is encrypted while there are any. */
class Unsent {
 public:
  bool empty() const { return bytes_ == nullptr; }
  std::string_view view() const { return bytes_ == nullptr ? std::string_view() : std::string_view(*bytes_).substr(sent_); }
  void add(std::string_view bytes);
  void consume(size_t size);

 private:
  std::unique_ptr<std::string> bytes_;
  size_t sent_ = 0;
};

class SocketBio {
 public:
  SocketBio();
  SocketBio(const SocketBio&) = delete;
  SocketBio& operator=(const SocketBio&) = delete;
  ~SocketBio();

  /** Not owned by those who use it: `BIO_up_ref` for each. */
  BIO* bio() { return bio_; }

  /** What follows is about this socket. */
  void turnTo(int fd, Unsent& unsent);
  /** No more reads once one came back short: the socket is empty. */
  void stopWhenDrained(bool stop) { stop_when_drained_ = stop; }
  bool drained() const { return drained_; }
  bool sawEnd() const { return end_; }
  /** errno of what broke the socket; 0: nothing did. */
  int error() const { return error_; }
  /** Sends what was collected; false: the socket is broken. */
  bool flush();
  size_t collected() const { return size_; }
  /** Forgets what was collected: nobody is told. */
  void discard() { size_ = 0; }

 private:
  static constexpr size_t kCapacity = 72 * 1024;  // four full records with room for a fifth
  static constexpr size_t kMaxUnsent = 512 * 1024;
  static int onRead(BIO* bio, char* out, size_t size, size_t* got);
  static int onWrite(BIO* bio, const char* bytes, size_t size, size_t* written);
  static long onControl(BIO* bio, int command, long number, void* pointer);
  /** How much the socket took; SIZE_MAX: it is broken. */
  size_t send(const char* bytes, size_t size);

  BIO* bio_;
  int fd_ = -1;
  Unsent* unsent_ = nullptr;
  bool stop_when_drained_ = false;
  bool drained_ = false;
  bool end_ = false;
  bool broken_ = false;
  int error_ = 0;
  size_t size_ = 0;
  std::unique_ptr<char[]> collected_;
};

}  // namespace nuncio::tls
