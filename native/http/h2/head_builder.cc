#include "http/h2/head_builder.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/authority.h"
#include "http/h2/field_rules.h"
#include "http/joined_headers.h"

namespace nuncio::http::h2 {
namespace {

constexpr std::string_view kCookieSeparator = "; ";

/** Digits only, at most 19 of them. */
bool parseLength(std::string_view text, uint64_t& out) {
  if (text.empty()) return false;
  out = 0;
  for (const char c : text) {
    if (!base::isDigit(c) || out > (HeadBuilder::kNoLength - 9) / 10) return false;
    out = out * 10 + static_cast<uint64_t>(c - '0');
  }
  return true;
}

bool hasObsText(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

bool isAuthority(std::string_view text) {
  return !text.empty() && isAuthorityText(text) && text.find('@') == std::string_view::npos;
}

}  // namespace

void HeadBuilder::onField(const Field& field) {
  bytes_ += field.name.size() + field.value.size();
  if (fault_ != HeadFault::kNone) return;
  if (bytes_ > options_.max_head_bytes) return fail(HeadFault::kTooLarge);
  if (++count_ > options_.max_headers) return fail(HeadFault::kTooMany);
  if ((field.facts & (kNameValid | kValueValid)) != (kNameValid | kValueValid)) [[unlikely]] return fail(HeadFault::kInvalidField);
  if (options_.disallow_obs_text && hasObsText(field.value)) [[unlikely]] return fail(HeadFault::kInvalidField);
  if (field.name.front() == ':') return onPseudo(field);
  regular_seen_ = true;
  if (underscores_ != Underscores::kAllow && (field.facts & kNameHasUnderscore) != 0) [[unlikely]] {
    ++underscored_;
    if (underscores_ == Underscores::kRejectRequest) fail(HeadFault::kUnderscore);
    return;
  }
  onRegular(field);
}

void HeadBuilder::onPseudo(const Field& field) {
  if (regular_seen_ || field.id == HeaderId::kUnknown || headers_.has(field.id)) return fail(HeadFault::kInvalidField);
  if (kind_ == HeadKind::kRequest) return onPseudoRequest(field);
  if (kind_ != HeadKind::kResponse || field.id != HeaderId::kStatus || field.value.size() != 3) {
    return fail(HeadFault::kInvalidField);
  }
  for (const char c : field.value) {
    if (!base::isDigit(c)) return fail(HeadFault::kInvalidField);
    status_ = status_ * 10 + static_cast<uint32_t>(c - '0');
  }
  if (status_ == 101) return fail(HeadFault::kInvalidField);
  add(field);
}

void HeadBuilder::onPseudoRequest(const Field& field) {
  bool good = true;
  switch (field.id) {
    case HeaderId::kMethod: good = field.static_value || isMethodText(field.value); break;
    case HeaderId::kPath:
      good = field.static_value || isPathText(field.value);
      path_is_star_ = field.value == "*";
      break;
    case HeaderId::kAuthority: good = isAuthority(field.value); break;
    case HeaderId::kScheme: good = field.static_value || isSchemeText(field.value); break;
    case HeaderId::kProtocol: good = options_.allow_connect && !field.value.empty(); break;
    default: good = false;
  }
  if (!good) return fail(HeadFault::kInvalidField);
  add(field);
}

void HeadBuilder::onRegular(const Field& field) {
  if (field.id != HeaderId::kUnknown && onKnown(field)) return;
  if (fault_ == HeadFault::kNone && !joined(field)) add(field);
}

/** True: the field needs nothing more. */
bool HeadBuilder::onKnown(const Field& field) {
  switch (field.id) {
    case HeaderId::kConnection:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyConnection:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade: fail(HeadFault::kInvalidField); return true;
    case HeaderId::kTe:
      if (!base::equalsIgnoreCase(field.value, "trailers")) fail(HeadFault::kInvalidField);
      return false;
    case HeaderId::kContentLength: onContentLength(field); return true;
    case HeaderId::kCookie:
      if (kind_ == HeadKind::kRequest) addCookie(field.value);
      return kind_ == HeadKind::kRequest;
    case HeaderId::kHost:
      if (kind_ == HeadKind::kRequest) addHost(field);
      return kind_ != HeadKind::kResponse;
    default: return false;
  }
}

void HeadBuilder::onContentLength(const Field& field) {
  uint64_t length;
  if (length_seen_ || !parseLength(field.value, length)) return fail(HeadFault::kInvalidField);
  length_seen_ = true;
  if (kind_ == HeadKind::kResponse && (status_ / 100 == 1 || (status_ == 204 && length != 0))) {
    return fail(HeadFault::kInvalidField);
  }
  if (status_ == 204) return;    // says nothing
  content_length_ = length;
  if (kind_ == HeadKind::kTrailers) return;    // a receiver that merges trailers must not learn another length
  add(field);
}

void HeadBuilder::addHost(const Field& field) {
  if (!isAuthority(field.value)) return fail(HeadFault::kInvalidField);
  if (host_.data() == nullptr && !headers_.has(HeaderId::kAuthority)) host_ = headers_.arena().copy(field.value);
}

void HeadBuilder::addCookie(std::string_view text) {
  if (text.empty() && first_crumb_ == nullptr) return;    // as Envoy: nothing begins a cookie but text
  base::Arena& arena = headers_.arena();
  auto* crumb = arena.make<Crumb>(Crumb{nullptr, arena.copy(text)});
  (last_crumb_ == nullptr ? first_crumb_ : last_crumb_->next) = crumb;
  last_crumb_ = crumb;
  cookie_size_ += text.size() + kCookieSeparator.size();
}

/** Envoy keeps some headers once: a further value is joined to the first. */
bool HeadBuilder::joined(const Field& field) {
  if (kind_ == HeadKind::kTrailers) return false;
  if (field.id != HeaderId::kUnknown) {
    if (!headers_.has(field.id)) return false;
  } else {
    const auto first = static_cast<unsigned char>(field.name.front());
    const auto last = static_cast<unsigned char>(field.name.back());
    const uint64_t bit = uint64_t{1} << ((field.name.size() * 5 + first * 3 + last) % 64);
    const bool maybe = (names_seen_ & bit) != 0;
    names_seen_ |= bit;
    if (!maybe) return false;
  }
  const MessageSide side = kind_ == HeadKind::kRequest ? MessageSide::kRequest : MessageSide::kResponse;
  if (!joinsRepeated(field.name, side)) return false;
  for (Header& header : headers_.entries()) {
    if (header.id != field.id || header.name != field.name) continue;
    header.value = headers_.arena().concat(header.value, ",", field.value);
    return true;
  }
  return false;
}

void HeadBuilder::add(const Field& field) {
  Header header{field.name, field.value, nullptr, field.id};
  base::Arena& arena = headers_.arena();
  const bool static_name = field.static_name || field.id != HeaderId::kUnknown;
  if (field.id != HeaderId::kUnknown) header.name = headerName(field.id);
  if (!static_name && !field.static_value) {
    const std::string_view both = arena.concat(field.name, field.value);
    header.name = both.substr(0, field.name.size());
    header.value = both.substr(field.name.size());
  } else if (!field.static_value) {
    header.value = arena.copy(field.value);
  }
  headers_.add(header);
}

HeadFault HeadBuilder::finish(bool to_connect) {
  if (fault_ != HeadFault::kNone) return fault_;
  if (host_.data() != nullptr) headers_.addFirst(HeaderId::kAuthority, host_);
  if (first_crumb_ != nullptr) {
    std::string_view cookie = first_crumb_->text;
    if (first_crumb_ != last_crumb_) {
      char* const joined = headers_.arena().array<char>(cookie_size_);
      char* out = joined;
      for (const Crumb* crumb = first_crumb_; crumb != nullptr; crumb = crumb->next) {
        if (crumb != first_crumb_) out = std::copy(kCookieSeparator.begin(), kCookieSeparator.end(), out);
        out = std::copy(crumb->text.begin(), crumb->text.end(), out);
      }
      cookie = {joined, static_cast<size_t>(out - joined)};
    }
    headers_.add(HeaderId::kCookie, cookie);
  }
  switch (kind_) {
    case HeadKind::kRequest: return checkRequest();
    case HeadKind::kResponse: return checkResponse(to_connect);
    case HeadKind::kTrailers: break;
  }
  return HeadFault::kNone;
}

HeadFault HeadBuilder::checkRequest() const {
  const std::string_view method = headers_.get(HeaderId::kMethod);
  const bool has_path = headers_.has(HeaderId::kPath);
  const bool has_scheme = headers_.has(HeaderId::kScheme);
  const bool has_protocol = headers_.has(HeaderId::kProtocol);
  if (!headers_.has(HeaderId::kMethod) || !headers_.has(HeaderId::kAuthority)) return HeadFault::kViolation;
  const bool connect = method == "CONNECT";
  if (connect && !has_protocol) return has_path || has_scheme ? HeadFault::kViolation : HeadFault::kNone;
  if (!has_path || !has_scheme || (has_protocol && !connect)) return HeadFault::kViolation;
  const std::string_view path = headers_.get(HeaderId::kPath);
  const std::string_view scheme = headers_.get(HeaderId::kScheme);
  const bool http = base::equalsIgnoreCase(scheme, "http") || base::equalsIgnoreCase(scheme, "https");
  if (!http || path.front() == '/') return HeadFault::kNone;
  return path_is_star_ && method == "OPTIONS" ? HeadFault::kNone : HeadFault::kViolation;
}

HeadFault HeadBuilder::checkResponse(bool to_connect) {
  if (!headers_.has(HeaderId::kStatus)) return HeadFault::kViolation;
  if (to_connect && status_ / 100 == 2) {
    content_length_ = kNoLength;
    headers_.remove(HeaderId::kContentLength);
  }
  return HeadFault::kNone;
}

}  // namespace nuncio::http::h2
