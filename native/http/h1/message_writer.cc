#include "http/h1/message_writer.h"

#include <bit>
#include <cstring>

#include "base/ascii.h"

namespace nuncio::http::h1 {
namespace {

constexpr std::string_view kChunkedHeader = "transfer-encoding: chunked\r\n";
constexpr std::string_view kChunkedHeaderProper = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view kCloseHeader = "connection: close\r\n";
constexpr std::string_view kCloseHeaderProper = "Connection: close\r\n";
constexpr std::string_view kZeroLengthHeader = "content-length: 0\r\n";
constexpr std::string_view kZeroLengthHeaderProper = "Content-Length: 0\r\n";

char* put(char* to, std::string_view text) {
  if (text.empty()) return to;    // may be a null view
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

/** Copies from both ends: together the two reach every byte of a text that has `Half` to twice as many. */
template <size_t Half>
char* putHalves(char* to, std::string_view text) {
  char first[Half], last[Half];
  std::memcpy(first, text.data(), Half);
  std::memcpy(last, text.data() + text.size() - Half, Half);
  std::memcpy(to, first, Half);
  std::memcpy(to + text.size() - Half, last, Half);
  return to + text.size();
}

/** Names and most values are short: a few moves beat the call of memcpy. */
char* putShort(char* to, std::string_view text) {
  const size_t size = text.size();
  if (size > 32) return put(to, text);
  if (size >= 16) return putHalves<16>(to, text);
  if (size >= 8) return putHalves<8>(to, text);
  if (size >= 4) return putHalves<4>(to, text);
  for (size_t i = 0; i < size; ++i) to[i] = text[i];
  return to + size;
}

/** "x-foo" as "X-Foo": the first letter, and each one behind something that is neither letter nor digit. */
char* putProper(char* to, std::string_view name) {
  bool start = true;
  for (const char c : name) {
    *to++ = start ? base::toUpper(c) : c;
    start = !base::isAlpha(c) && !base::isDigit(c);
  }
  return to;
}

/** "transfer-encoding" as the sender of the message wrote it, if the map still knows. */
const char* originalCoding(const HeaderMap& headers, HeaderCase header_case) {
  if (header_case != HeaderCase::kPreserve || !headers.has(HeaderId::kTransferEncoding)) return nullptr;
  const Header* header = headers.find("transfer-encoding");
  return header == nullptr ? nullptr : header->original;
}

std::string_view framingLine(FramingHeader framing, HeaderCase header_case) {
  const bool proper = header_case == HeaderCase::kProper;
  switch (framing) {
    case FramingHeader::kChunked: return proper ? kChunkedHeaderProper : kChunkedHeader;
    case FramingHeader::kZeroLength: return proper ? kZeroLengthHeaderProper : kZeroLengthHeader;
    case FramingHeader::kNone: break;
  }
  return {};
}

size_t linesSize(const HeaderMap& headers) {
  size_t size = 0;
  for (const Header& header : headers.entries()) size += header.name.size() + header.value.size() + 4;
  return size;
}

char* putLines(char* to, const HeaderMap& headers, HeaderCase header_case) {
  for (const Header& header : headers.entries()) {
    if (header.id == HeaderId::kTransferEncoding) continue;    // says what the writer does, never what the map has
    std::string_view name = header.name;
    if (!name.empty() && name.front() == ':') {
      if (header.id != HeaderId::kAuthority) continue;
      name = "host";
    }
    if (header_case == HeaderCase::kLower) {
      to = putShort(to, name);
    } else if (header_case == HeaderCase::kProper) {
      to = putProper(to, name);
    } else {
      to = put(to, header.original == nullptr ? name : std::string_view(header.original, name.size()));
    }
    *to++ = ':';
    *to++ = ' ';
    to = putShort(to, header.value);
    *to++ = '\r';
    *to++ = '\n';
  }
  return to;
}

char* putHex(char* to, uint64_t value) {
  const int digits = value == 0 ? 1 : (67 - std::countl_zero(value)) / 4;
  for (int i = digits; i-- > 0;) {
    to[i] = "0123456789abcdef"[value & 15];
    value >>= 4;
  }
  return to + digits;
}

}  // namespace

void MessageWriter::head(const HeadParts& parts, const HeaderMap& headers, HeaderCase header_case) {
  size_t room = 4 + kChunkedHeader.size() + kCloseHeader.size() + linesSize(headers);
  for (const std::string_view part : parts.start_line) room += part.size();
  char* const begin = sink_.reserve(room);
  char* to = begin;
  for (const std::string_view part : parts.start_line) to = put(to, part);
  *to++ = '\r';
  *to++ = '\n';
  char* const lines = to;
  to = putLines(to, headers, header_case);
  if (parts.close) to = put(to, header_case == HeaderCase::kProper ? kCloseHeaderProper : kCloseHeader);
  char* const framing = to;
  to = put(to, framingLine(parts.framing, header_case));
  if (const char* original = originalCoding(headers, header_case); original != nullptr && parts.framing == FramingHeader::kChunked) {
    std::memcpy(framing, original, headerName(HeaderId::kTransferEncoding).size());
  }
  bytes_.headers_sent += static_cast<uint64_t>(to - lines);
  *to++ = '\r';
  *to++ = '\n';
  const auto size = static_cast<size_t>(to - begin);
  sink_.commit(size);
  bytes_.wire_sent += size;
}

void MessageWriter::data(std::string_view data, bool chunked) {
  if (data.empty()) return;
  if (!chunked) {
    data.size() <= kCopiedPiece ? sink_.write(data) : sink_.writeBorrowed(data);
    bytes_.wire_sent += data.size();
    return;
  }
  const bool copied = data.size() <= kCopiedPiece;
  char* const begin = sink_.reserve(20 + (copied ? data.size() : 0));
  char* to = putHex(begin, data.size());
  *to++ = '\r';
  *to++ = '\n';
  bytes_.wire_sent += static_cast<uint64_t>(to - begin) + data.size() + 2;
  if (copied) {
    to = put(put(to, data), "\r\n");
    sink_.commit(static_cast<size_t>(to - begin));
  } else {
    sink_.commit(static_cast<size_t>(to - begin));
    sink_.writeBorrowed(data);
    sink_.write("\r\n");
  }
}

void MessageWriter::lastChunk(const HeaderMap* trailers, HeaderCase header_case) {
  char* const begin = sink_.reserve(5 + (trailers == nullptr ? 0 : linesSize(*trailers)));
  char* to = put(begin, "0\r\n");
  if (trailers != nullptr) {
    char* const lines = to;
    to = putLines(to, *trailers, header_case);
    bytes_.headers_sent += static_cast<uint64_t>(to - lines);
  }
  to = put(to, "\r\n");
  sink_.commit(static_cast<size_t>(to - begin));
  bytes_.wire_sent += static_cast<uint64_t>(to - begin);
}

}  // namespace nuncio::http::h1
