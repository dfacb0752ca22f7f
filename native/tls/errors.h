// What went wrong, in the words operators know from Envoy: "TLS_error:|268435581:SSL_routines:OPENSSL_internal:
// CERTIFICATE_VERIFY_FAILED:…:TLS_error_end". Envoy's library is BoringSSL: its numbers and names stand for the same
// mistakes of the handshake; errors it does not have keep OpenSSL's names. Any thread; OpenSSL's queue is the thread's own.
#pragma once

#include <string>
#include <string_view>

namespace nuncio::tls {

/** What a look through the thread's error queue found. The queue is empty afterwards. */
struct ErrorSummary {
  std::string text;             // "TLS_error:|…", without its end; empty: there was no error
  bool no_certificate = false;  // the client sent none where one is required
  bool verify_failed = false;   // our own verification refused the peer; counted where it happened
  int reason = 0;               // OpenSSL's number of the first one
};
ErrorSummary takeErrors();

/** The socket's own error as BoringSSL tells it; 0: none, the peer just went. */
ErrorSummary socketError(int error);

/** The whole reason as logs print it; `detail` (may be empty) says why a certificate was refused. Blanks become '_'. */
std::string failureText(const ErrorSummary& errors, std::string_view detail);

/** The last error of the queue as a sentence for a refused configuration: "bad password read". Empties the queue. */
std::string lastError();

/** What an operator can do about a failure; empty: nothing is known. `upstream`: we are the client. */
std::string_view advice(const ErrorSummary& errors, bool upstream);

}  // namespace nuncio::tls
