#include "test/native/h2/frames.h"

#include <sstream>

#include "base/ascii.h"
#include "http/h2/frame.h"
#include "test/native/test.h"

namespace nuncio::test::h2 {
namespace {

using namespace http::h2;

constexpr std::string_view kTypes[] = {"DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
                                       "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};
constexpr const char* kErrors[] = {"NO_ERROR",       "PROTOCOL_ERROR", "INTERNAL_ERROR",    "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
                                   "STREAM_CLOSED",  "FRAME_SIZE_ERROR", "REFUSED_STREAM",  "CANCEL",             "COMPRESSION_ERROR",
                                   "CONNECT_ERROR",  "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"};

uint32_t numberOf(const std::string& word) {
  for (uint32_t code = 0; code < std::size(kErrors); ++code) {
    if (word == kErrors[code]) return code;
  }
  return static_cast<uint32_t>(std::stoul(word, nullptr, 0));
}

int hexDigit(char c) { return base::isDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10; }

/** The text of "…", with \xNN, \n, \r, \t, \0, \", \\; {text*N} stands for N times text. */
std::string unquoted(std::string_view text) {
  if (text.starts_with('"')) text.remove_prefix(1);
  if (text.ends_with('"')) text.remove_suffix(1);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') {
      const size_t star = text.find('*', i), close = text.find('}', i);
      if (star < close && close != std::string_view::npos) {
        const size_t times = std::stoul(std::string(text.substr(star + 1, close - star - 1)));
        for (size_t n = 0; n < times; ++n) out += text.substr(i + 1, star - i - 1);
        i = close;
        continue;
      }
    }
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case '0': out += '\0'; break;
      case 'x':
        out += static_cast<char>(hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]));
        i += 2;
        break;
      default: out += text[i];
    }
  }
  return out;
}

std::string wholeFrame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  char header[kFrameHeaderSize];
  writeFrameHeader(header, payload.size(), type, flags, stream);
  return std::string(header, sizeof(header)) + std::string(payload);
}

std::string uint32Text(uint32_t value) {
  char text[4];
  writeUint32(text, value);
  return {text, 4};
}

/** Words separated by spaces; a quoted one may hold spaces. */
std::vector<std::string> wordsOf(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quotes = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && i + 1 < line.size()) {
      word += c;
      word += line[++i];
      continue;
    }
    if (c == '"') quotes = !quotes;
    if (c == ' ' && !quotes) {
      if (!word.empty()) words.push_back(word);
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

}  // namespace

const char* errorName(uint32_t code) { return code < std::size(kErrors) ? kErrors[code] : "unknown"; }

std::string FrameWriter::bytes(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::string line, next;
  std::string out;
  bool have = static_cast<bool>(std::getline(in, next));
  while (have) {
    line = next;
    have = static_cast<bool>(std::getline(in, next));
    std::vector<std::string> below;
    while (have && next.starts_with("  ")) {
      below.push_back(next.substr(2));
      have = static_cast<bool>(std::getline(in, next));
    }
    std::vector<std::string> words = wordsOf(line);
    if (words.empty()) continue;
    size_t times = 1;
    if (words.back().starts_with("*")) {
      times = std::stoul(words.back().substr(1));
      words.pop_back();
    }
    for (size_t n = 0; n < times; ++n) out += frame(words, below);
  }
  return out;
}

std::string FrameWriter::block(const std::vector<std::string>& lines) {
  std::string out(HpackEncoder::kBeginRoom, '\0');
  out.resize(static_cast<size_t>(encoder_.begin(out.data()) - out.data()));
  for (const std::string& line : lines) {
    if (line.starts_with("hex ")) {
      for (size_t i = 4; i + 1 < line.size(); i += 2) {
        if (line[i] == ' ') ++i;
        out += static_cast<char>(hexDigit(line[i]) * 16 + hexDigit(line[i + 1]));
      }
      continue;
    }
    const size_t colon = line.find(": ", 1);
    const std::string name = unquoted(line.substr(0, colon)), value = unquoted(line.substr(colon + 2));
    std::string room(HpackEncoder::fieldRoom(name.size(), value.size()), '\0');
    const char* end = encoder_.field(room.data(), http::headerId(name), name, value);
    out.append(room.data(), static_cast<size_t>(end - room.data()));
  }
  return out;
}

std::string FrameWriter::frame(const std::vector<std::string>& words, const std::vector<std::string>& below) {
  if (words[0] == "PREFACE") return std::string(kPreface);
  if (words[0] == "HEX") {
    std::string out;
    for (size_t w = 1; w < words.size(); ++w) {
      for (size_t i = 0; i + 1 < words[w].size(); i += 2) out += static_cast<char>(hexDigit(words[w][i]) * 16 + hexDigit(words[w][i + 1]));
    }
    return out;
  }
  size_t type = 0;
  while (type < std::size(kTypes) && kTypes[type] != words[0]) ++type;
  if (type == std::size(kTypes) || words.size() < 2) {
    fail(__FILE__, __LINE__, "no such frame: " + words[0]);
    return {};
  }
  const uint32_t stream = numberOf(words[1]);
  uint8_t flags = 0;
  std::string payload, padding, priority;
  if (static_cast<FrameType>(type) == FrameType::kHeaders || static_cast<FrameType>(type) == FrameType::kContinuation) {
    flags = kFlagEndHeaders;
    payload = block(below);
  }
  for (size_t w = 2; w < words.size(); ++w) {
    const std::string& word = words[w];
    const size_t equals = word.find('=');
    if (word == "END_STREAM") {
      flags |= kFlagEndStream;
    } else if (word == "ACK") {
      flags |= kFlagAck;
    } else if (word == "MORE") {
      flags &= static_cast<uint8_t>(~kFlagEndHeaders);
    } else if (word.starts_with("PAD=")) {
      flags |= kFlagPadded;
      padding = std::string(std::stoul(word.substr(4)), '\0');
    } else if (word.starts_with("DEPENDS=")) {
      flags |= kFlagPriority;
      priority = uint32Text(numberOf(word.substr(8))) + '\x10';
    } else if (word.starts_with('"')) {
      payload += unquoted(word);
    } else if (equals != std::string::npos) {
      const uint32_t id = numberOf(word.substr(0, equals));
      payload += std::string{static_cast<char>(id >> 8), static_cast<char>(id)} + uint32Text(numberOf(word.substr(equals + 1)));
    } else {
      payload += uint32Text(numberOf(word));
    }
  }
  payload = priority + payload;
  if ((flags & kFlagPadded) != 0) payload = static_cast<char>(padding.size()) + payload + padding;
  return wholeFrame(static_cast<FrameType>(type), flags, stream, payload);
}

// ---------------------------------------------------------------- bytes into lines

namespace {
struct Lines final : FieldSink {
  void onField(const Field& field) override { text += "  " + std::string(field.name) + ": " + quoted(field.value) + "\n"; }
  std::string text;
};
}  // namespace

FrameReader::FrameReader() : decoder_(4096, scratch_) {}

std::string FrameReader::lines(std::string_view bytes) {
  kept_ += bytes;
  if (kept_.starts_with(kPreface)) kept_.erase(0, kPreface.size());
  std::string out;
  while (kept_.size() >= kFrameHeaderSize) {
    const FrameHeader header = readFrameHeader(kept_.data());
    if (kept_.size() < kFrameHeaderSize + header.length) break;
    out += line(std::string_view(kept_).substr(0, kFrameHeaderSize + header.length));
    kept_.erase(0, kFrameHeaderSize + header.length);
  }
  return out;
}

std::string FrameReader::line(std::string_view frame) {
  const FrameHeader header = readFrameHeader(frame.data());
  frame.remove_prefix(kFrameHeaderSize);
  const auto type = static_cast<size_t>(header.type);
  if (type >= std::size(kTypes)) {
    good_ = false;
    return "UNKNOWN\n";
  }
  std::string out(kTypes[type]);
  out += " " + std::to_string(header.stream);
  const bool has_end = header.type == FrameType::kData || header.type == FrameType::kHeaders;
  if (has_end && header.has(kFlagEndStream)) out += " END_STREAM";
  switch (header.type) {
    case FrameType::kHeaders:
    case FrameType::kContinuation: {
      block_ += frame;
      if (!header.has(kFlagEndHeaders)) return out + " MORE\n";
      Lines fields;
      if (!decoder_.decode(block_, fields)) good_ = false;
      block_.clear();
      return out + "\n" + fields.text;
    }
    case FrameType::kData: return out + (frame.empty() ? "" : " " + quoted(frame)) + "\n";
    case FrameType::kRstStream: return out + " " + errorName(readUint32(frame.data())) + "\n";
    case FrameType::kGoAway:
      return out + " " + std::to_string(readUint32(frame.data())) + " " + errorName(readUint32(frame.data() + 4)) + "\n";
    case FrameType::kWindowUpdate: return out + " " + std::to_string(readUint32(frame.data())) + "\n";
    case FrameType::kPing:
    case FrameType::kSettings:
      if (header.has(kFlagAck)) return out + " ACK\n";
      if (header.type == FrameType::kPing) return out + "\n";
      for (; frame.size() >= 6; frame.remove_prefix(6)) {
        out += " " + std::to_string(readUint16(frame.data())) + "=" + std::to_string(readUint32(frame.data() + 2));
      }
      return out + "\n";
    default: return out + "\n";
  }
}

}  // namespace nuncio::test::h2
