#include "src/extensions/filters/listener/tls_inspector/client_hello.h"

#include <algorithm>
#include <cstring>

namespace nuncio::ext::listener {
namespace {

constexpr size_t kRecordHead = 5, kMessageHead = 4;
constexpr uint8_t kHandshake = 22, kMajor = 3, kClientHello = 1;
constexpr size_t kMaxRecord = 16384;
constexpr uint16_t kTls10 = 0x0301;

/** Reads a message from the front; one that is too short makes it bad for good. */
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}
  bool good() const { return good_; }
  bool empty() const { return rest_.empty(); }

  std::string_view take(size_t size) {
    if (rest_.size() < size) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }
  size_t number(size_t bytes) {
    size_t value = 0;
    for (const char c : take(bytes)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  /** A list behind its length of one or two bytes. */
  std::string_view list(size_t length_bytes) {
    const size_t size = number(length_bytes);
    return take(size);
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

bool readServerName(std::string_view body, std::string_view& out) {
  constexpr size_t kLongest = 255;
  Cursor extension(body);
  Cursor names(extension.list(2));
  const size_t type = names.number(1);
  out = names.list(2);
  return extension.good() && extension.empty() && names.good() && names.empty() && type == 0 && !out.empty() &&
         out.size() <= kLongest && out.find('\0') == std::string_view::npos;
}

/** A malformed list counts as none. */
std::span<const std::string_view> readProtocols(std::string_view body, base::Arena& arena) {
  Cursor extension(body);
  const std::string_view list = extension.list(2);
  if (!extension.good() || !extension.empty()) return {};
  size_t count = 0;
  for (Cursor names(list); !names.empty(); ++count) {
    if (names.list(1).empty()) return {};
  }
  if (count == 0) return {};
  auto* out = arena.array<std::string_view>(count);
  Cursor names(list);
  for (size_t i = 0; i < count; ++i) out[i] = names.list(1);
  return {out, count};
}

bool readExtensions(std::string_view bytes, base::Arena& arena, ClientHello& out) {
  size_t count = 0;
  for (Cursor at(bytes); !at.empty(); ++count) {
    at.number(2);
    at.list(2);
    if (!at.good()) return false;
  }
  auto* list = arena.array<HelloExtension>(count == 0 ? 1 : count);
  Cursor at(bytes);
  for (size_t i = 0; i < count; ++i) {
    const auto type = static_cast<uint16_t>(at.number(2));
    list[i] = {type, at.list(2)};
  }
  out.extensions = {list, count};
  auto* types = arena.array<uint16_t>(count == 0 ? 1 : count);
  for (size_t i = 0; i < count; ++i) types[i] = list[i].type;
  std::sort(types, types + count);
  return std::adjacent_find(types, types + count) == types + count;
}

/** A list of versions is for the handshake to judge; without one, Envoy lets nothing pass that is no TLS. */
bool mayBeSpoken(const ClientHello& hello) {
  if (hello.find(hello_type::kVersions) != nullptr) return true;
  return hello.version >> 8 == kMajor && hello.version >= kTls10;
}

HelloParse readMessage(std::string_view body, base::Arena& arena, ClientHello& out) {
  constexpr size_t kRandom = 32, kLongestSession = 32;
  Cursor at(body);
  out.version = static_cast<uint16_t>(at.number(2));
  at.take(kRandom);
  const std::string_view session = at.list(1);
  out.ciphers = at.list(2);
  const std::string_view compression = at.list(1);
  if (!at.good() || session.size() > kLongestSession || out.ciphers.empty() || out.ciphers.size() % 2 != 0 || compression.empty()) {
    return HelloParse::kNotTls;
  }
  if (!at.empty()) {
    const std::string_view extensions = at.list(2);
    if (!at.good() || !at.empty() || !readExtensions(extensions, arena, out)) return HelloParse::kNotTls;
  }
  if (const HelloExtension* name = out.find(hello_type::kServerName)) {
    if (!readServerName(name->body, out.server_name)) return HelloParse::kNotTls;
  }
  if (const HelloExtension* alpn = out.find(hello_type::kAlpn)) out.protocols = readProtocols(alpn->body, arena);
  return mayBeSpoken(out) ? HelloParse::kDone : HelloParse::kVersionRefused;
}

/** The message of `size` bytes that fills records from the first on, as one piece. */
std::string_view join(std::string_view bytes, size_t size, base::Arena& arena) {
  if (big16(bytes, 3) >= size) return bytes.substr(kRecordHead, size);
  char* const out = arena.array<char>(size);
  size_t have = 0;
  while (have < size) {
    const size_t record = big16(bytes, 3);
    const size_t piece = std::min(record, size - have);
    std::memcpy(out + have, bytes.data() + kRecordHead, piece);
    have += piece;
    bytes.remove_prefix(kRecordHead + record);
  }
  return {out, size};
}

}  // namespace

const HelloExtension* ClientHello::find(uint16_t type) const {
  const auto found = std::find_if(extensions.begin(), extensions.end(), [type](const HelloExtension& e) { return e.type == type; });
  return found == extensions.end() ? nullptr : &*found;
}

HelloResult parseClientHello(std::string_view bytes, size_t max_message, base::Arena& arena, ClientHello& out) {
  out = {};
  char head[kMessageHead] = {};
  size_t message = 0;   // bytes of the message in the records so far
  for (size_t at = 0;;) {
    if (bytes.size() - at < kRecordHead) return {HelloParse::kNeedMore, at};
    const std::string_view record = bytes.substr(at);
    const size_t size = big16(record, 3);
    const bool fits = static_cast<uint8_t>(record[0]) == kHandshake && static_cast<uint8_t>(record[1]) == kMajor;
    if (!fits || size > kMaxRecord) return {HelloParse::kNotTls, at + kRecordHead};
    const size_t there = std::min(size, record.size() - kRecordHead);
    for (size_t i = message; i < kMessageHead && i - message < there; ++i) head[i] = record[kRecordHead + i - message];
    // As Envoy, which hands whole records to its TLS library, nothing is judged before a record is complete.
    if (there < size) return {HelloParse::kNeedMore, at};
    message += size;
    at += kRecordHead + size;
    if (message < kMessageHead) continue;
    const size_t body = static_cast<size_t>(static_cast<uint8_t>(head[1])) << 16 | static_cast<size_t>(big16({head, 4}, 2));
    if (static_cast<uint8_t>(head[0]) != kClientHello || body > max_message) return {HelloParse::kNotTls, at};
    if (message < kMessageHead + body) continue;
    if (message > kMessageHead + body) return {HelloParse::kNotTls, at};
    const std::string_view whole = join(bytes, message, arena);
    return {readMessage(whole.substr(kMessageHead), arena, out), at};
  }
}

}  // namespace nuncio::ext::listener
