#include "node_abi/llhttp.h"

#include <cstring>
#include <string_view>

// What the running node exports, in its own C types reduced to the pointers they are.
extern "C" {
void llhttp_init(void* parser, int type, const void* settings);
int llhttp_execute(void* parser, const char* data, size_t size);
const char* llhttp_get_error_reason(const void* parser);
void llhttp_set_lenient_chunked_length(void* parser, int enabled);
void llhttp_set_lenient_transfer_encoding(void* parser, int enabled);
}

namespace nuncio::node_abi {
namespace {

constexpr int kRequest = 1;
constexpr size_t kSlots = 64;          // llhttp_settings_t had 20 to 25 members so far
constexpr size_t kProbedSlots = 16;    // the span callbacks stand among the first ones
constexpr std::string_view kStartLine = "GET / HTTP/1.1\r\n";
constexpr std::string_view kProbeLines = "Ab-c: d e \r\nx:\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n";

using SpanCallback = int (*)(void* parser, const char* at, size_t size);

struct Settings {
  SpanCallback slots[kSlots] = {};
};

struct Tokenizer {
  Settings settings;
  unsigned char start[HeaderLines::kParserSize] = {};  // state behind the canonical start line
  const char* problem = nullptr;
};

HeaderLines& linesOf(void* parser) { return *reinterpret_cast<HeaderLines*>(parser); }

/** llhttp tells no value for an empty content-length or transfer-encoding: such a line ends where the next begins. */
bool endLine(HeaderLines& lines) {
  if (lines.name == nullptr) return true;
  const char* name = lines.name;
  lines.name = nullptr;
  return lines.onLine(lines, name, lines.name_size, name + lines.name_size, 0);
}

int onField(void* parser, const char* at, size_t size) {
  HeaderLines& lines = linesOf(parser);
  if (!endLine(lines)) return -1;
  lines.name = at;
  lines.name_size = size;
  return 0;
}

int onValue(void* parser, const char* at, size_t size) {
  HeaderLines& lines = linesOf(parser);
  const char* name = lines.name;
  lines.name = nullptr;
  return lines.onLine(lines, name, lines.name_size, at, size) ? 0 : -1;
}

// ---- finding the callbacks: which slot is told of the span "Ab-c", which of "d e "?
const char* probe_at = nullptr;
size_t probe_size = 0;
bool probe_hit = false;

int onProbe(void*, const char* at, size_t size) {
  if (at == probe_at && size == probe_size) probe_hit = true;
  return 0;
}

void startParser(unsigned char* parser, const Settings& settings) {
  std::memset(parser, 0, HeaderLines::kParserSize);
  llhttp_init(parser, kRequest, &settings);
  llhttp_set_lenient_chunked_length(parser, 1);      // framing is decided in http/h1/framing.cc
  llhttp_set_lenient_transfer_encoding(parser, 1);
}

size_t findSlot(size_t offset, size_t size) {
  probe_at = kProbeLines.data() + offset;
  probe_size = size;
  for (size_t slot = 0; slot < kProbedSlots; ++slot) {
    Settings settings;
    settings.slots[slot] = &onProbe;
    alignas(16) unsigned char parser[HeaderLines::kParserSize];
    startParser(parser, settings);
    llhttp_execute(parser, kStartLine.data(), kStartLine.size());
    probe_hit = false;
    llhttp_execute(parser, kProbeLines.data(), kProbeLines.size());
    if (probe_hit) return slot;
  }
  return kSlots;
}

struct SelfTest : HeaderLines {
  size_t seen = 0;
  bool right = true;
};

bool onSelfTestLine(HeaderLines& lines, const char* name, size_t name_size, const char* value, size_t value_size) {
  static constexpr std::string_view kExpected[][2] = {
      {"Ab-c", "d e "}, {"x", ""}, {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}};
  auto& test = static_cast<SelfTest&>(lines);
  test.right = test.right && test.seen < std::size(kExpected) &&
               std::string_view(name, name_size) == kExpected[test.seen][0] &&
               std::string_view(value, value_size) == kExpected[test.seen][1];
  ++test.seen;
  return true;
}

const char* tokenize(const Tokenizer& tokenizer, HeaderLines& lines, const char* block, size_t size) {
  std::memcpy(lines.parser, tokenizer.start, sizeof(tokenizer.start));
  lines.name = nullptr;
  if (llhttp_execute(lines.parser, block, size) == 0) return endLine(lines) ? nullptr : "stopped";
  const char* reason = llhttp_get_error_reason(lines.parser);
  return reason == nullptr ? "invalid header line" : reason;
}

void fillTokenizer(Tokenizer& made) {
  const size_t field = findSlot(kProbeLines.find("Ab-c"), 4);
  const size_t value = findSlot(kProbeLines.find("d e "), 4);
  if (field == kSlots || value == kSlots || field == value) {
    made.problem = "llhttp: the callbacks for header names and values were not found";
    return;
  }
  made.settings.slots[field] = &onField;
  made.settings.slots[value] = &onValue;
  startParser(made.start, made.settings);
  if (llhttp_execute(made.start, kStartLine.data(), kStartLine.size()) != 0) {
    made.problem = "llhttp: a plain start line was refused";
    return;
  }
  SelfTest test;
  test.onLine = &onSelfTestLine;
  const char* error = tokenize(made, test, kProbeLines.data(), kProbeLines.size());
  if (error != nullptr || !test.right || test.seen != 4) made.problem = "llhttp: header lines came out wrong";
  // A line it must refuse: a space in a name.
  SelfTest refused;
  refused.onLine = &onSelfTestLine;
  if (tokenize(made, refused, "Ab c: d\r\n", 9) == nullptr) made.problem = "llhttp: a bad header name was taken";
}

/** Lives at one place for good: the settings are pointed to by every parser copied from `start`. */
const Tokenizer& tokenizer() {
  static Tokenizer made;
  static const bool once = (fillTokenizer(made), true);
  static_cast<void>(once);
  return made;
}

}  // namespace

const char* tokenizeHeaderLines(HeaderLines& lines, const char* block, size_t size) {
  static const Tokenizer& ready = tokenizer();
  return tokenize(ready, lines, block, size);
}

const char* selfTestLlhttp() { return tokenizer().problem; }

}  // namespace nuncio::node_abi
