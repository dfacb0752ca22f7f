// HeadBuilder: the fields of one header block into a HeaderMap, under the rules for HTTP/2 messages (RFC 9113 section 8, as
// nghttp2 within Envoy enforces them). Made on the stack for each block; worker thread.
//
//   ":method" … ":path" │ fields; `host` becomes ":authority" when there is none; cookies are joined, and come last
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h2/hpack_decoder.h"
#include "http/h2/options.h"
#include "http/header_map.h"

namespace nuncio::http::h2 {

enum class HeadKind : uint8_t { kRequest, kResponse, kTrailers };

enum class HeadFault : uint8_t {
  kNone,
  kInvalidField,    // one field may not be there or may not say that
  kViolation,       // fields that are missing or contradict each other
  kTooMany,         // max_headers_count
  kTooLarge,        // max_request_headers_kb
  kUnderscore,
};

class HeadBuilder final : public FieldSink {
 public:
  HeadBuilder(HeaderMap& headers, HeadKind kind, const CommonOptions& options, Underscores underscores)
      : headers_(headers), options_(options), kind_(kind), underscores_(underscores) {}

  void onField(const Field& field) override;
  /** Behind the last field. `to_connect`: the response is one to CONNECT. */
  HeadFault finish(bool to_connect);

  static constexpr uint64_t kNoLength = ~uint64_t{0};
  uint64_t contentLength() const { return content_length_; }
  uint32_t status() const { return status_; }
  uint32_t underscored() const { return underscored_; }
  /** Names and values that came, in bytes. */
  uint64_t bytes() const { return bytes_; }

 private:
  struct Crumb {
    Crumb* next;
    std::string_view text;
  };
  void onPseudo(const Field& field);
  void onPseudoRequest(const Field& field);
  void onRegular(const Field& field);
  bool onKnown(const Field& field);
  void addCookie(std::string_view text);
  void addHost(const Field& field);
  void add(const Field& field);
  bool joined(const Field& field);
  void onContentLength(const Field& field);
  HeadFault checkRequest() const;
  HeadFault checkResponse(bool to_connect);
  void fail(HeadFault fault) {
    if (fault_ == HeadFault::kNone) fault_ = fault;
  }

  HeaderMap& headers_;
  const CommonOptions& options_;
  const HeadKind kind_;
  const Underscores underscores_;
  HeadFault fault_ = HeadFault::kNone;
  bool regular_seen_ = false;
  bool path_is_star_ = false;
  bool length_seen_ = false;
  uint32_t status_ = 0;
  uint32_t count_ = 0;
  uint32_t underscored_ = 0;
  uint64_t bytes_ = 0;
  uint64_t content_length_ = kNoLength;
  uint64_t names_seen_ = 0;      // a bit for each hash of a name without number
  Crumb* first_crumb_ = nullptr;
  Crumb* last_crumb_ = nullptr;
  size_t cookie_size_ = 0;
  std::string_view host_;
};

/** Takes fields of a block nobody wants: the decoder's state must follow all the same. */
class NoFields final : public FieldSink {
 public:
  void onField(const Field&) override {}
};

}  // namespace nuncio::http::h2
