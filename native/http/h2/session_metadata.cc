// METADATA: a map beside the message, in a frame type of Envoy's own. Each is a header block by itself: its table begins
// empty and ends with it. What came is passed on decoded and coded anew, each name once, as Envoy does.
#include <algorithm>
#include <cstring>

#include "http/h2/session.h"

namespace nuncio::http::h2 {
namespace {

constexpr uint32_t kTableSize = 4096;

/** Bytes a text takes as a literal with its length in front. */
size_t literalSize(std::string_view text) { return text.size() + 6; }

char* writeText(char* out, std::string_view text) {
  size_t left = text.size();
  constexpr size_t kPrefix = 127;
  if (left < kPrefix) {
    *out++ = static_cast<char>(left);
  } else {
    *out++ = static_cast<char>(kPrefix);
    for (left -= kPrefix; left >= 0x80; left >>= 7) *out++ = static_cast<char>(0x80 | (left & 0x7f));
    *out++ = static_cast<char>(left);
  }
  return std::copy(text.begin(), text.end(), out);
}

std::string_view readText(const char*& at) {
  const auto next = [&at] { return static_cast<unsigned char>(*at++); };
  size_t size = next();
  if (size == 127) {
    for (int shift = 0;; shift += 7) {
      const size_t part = next();
      size += (part & 0x7f) << shift;
      if ((part & 0x80) == 0) break;
    }
  }
  const std::string_view text(at, size);
  at += size;
  return text;
}

/** Fields as literals (RFC 7541 section 6.2.2, no index, no Huffman) behind each other; the first of a name counts. */
class Literals final : public FieldSink {
 public:
  Literals(net::BlockPool& blocks, size_t limit) : blocks_(blocks), limit_(limit) {}
  Literals(const Literals&) = delete;
  Literals& operator=(const Literals&) = delete;
  ~Literals() {
    if (block_ != nullptr) blocks_.release(block_);
  }

  void onField(const Field& field) override {
    if (too_large_ || has(field.name)) return;
    const size_t size = 1 + literalSize(field.name) + literalSize(field.value);
    const size_t have = block_ == nullptr ? 0 : block_->used;
    too_large_ = have + size > limit_ || ++count_ > kMostFields;
    if (too_large_) return;
    if (block_ == nullptr || have + size > block_->capacity) grow(have, have + size);
    char* const begin = block_->end();
    *begin = 0;
    const char* const end = writeText(writeText(begin + 1, field.name), field.value);
    block_->used += static_cast<uint32_t>(end - begin);
  }

  bool tooLarge() const { return too_large_; }
  std::string_view bytes() const { return block_ == nullptr ? std::string_view() : std::string_view(block_->bytes(), block_->used); }

 private:
  static constexpr uint32_t kMostFields = 1000;  // looking for a name among them is slow

  bool has(std::string_view name) const {
    const std::string_view all = bytes();
    for (const char* at = all.data(); at != all.data() + all.size();) {
      ++at;
      if (readText(at) == name) return true;
      readText(at);
    }
    return false;
  }

  void grow(size_t have, size_t wanted) {
    net::Block* larger = blocks_.takeBlock(have == 0 ? wanted : wanted * 2);
    if (have != 0) std::memcpy(larger->bytes(), block_->bytes(), have);
    larger->used = static_cast<uint32_t>(have);
    if (block_ != nullptr) blocks_.release(block_);
    block_ = larger;
  }

  net::BlockPool& blocks_;
  const size_t limit_;
  net::Block* block_ = nullptr;
  uint32_t count_ = 0;
  bool too_large_ = false;
};

}  // namespace

void Session::onMetadata(std::string_view payload) {
  Stream* stream = streams_.find(frame_.stream);
  if (stream == nullptr || stream->remote_closed || !ownerListens(*stream)) return;
  if (!append(stream->metadata, payload, options_.max_metadata_size)) return fail(kMetadata);
  if (!frame_.has(kFlagEndMetadata)) return;
  if (stream->metadata == nullptr) return stats_.inc(Stat::metadata_empty_frames);
  net::Block* whole = stream->metadata;
  stream->metadata = nullptr;
  tellMetadata(*stream, {whole->bytes(), whole->used});
  memory_.blocks().release(whole);
}

void Session::tellMetadata(Stream& stream, std::string_view block) {
  // Text that was Huffman-coded grows, and each field has its lengths.
  Literals literals(memory_.blocks(), size_t{2} * options_.max_metadata_size + kDefaultFrameSize);
  HpackDecoder decoder(kTableSize, memory_.scratch());
  const bool good = decoder.decode(block, literals) && !literals.tooLarge();
  if (block.size() > kDefaultFrameSize) memory_.scratch().shrink();
  if (!good) return fail(kMetadata);
  if (literals.bytes().empty()) return stats_.inc(Stat::metadata_empty_frames);
  if (isServer()) {
    stream.request->onRequestMetadata(literals.bytes());
  } else {
    stream.response->onResponseMetadata(literals.bytes());
  }
}

void Session::encodeMetadata(Stream& stream, std::string_view block) {
  const Entry entry(*this);
  if (!options_.allow_metadata || stream.closed || stream.id == 0 || stream.local_ended) return;
  while (!block.empty() && !dead()) {
    const std::string_view part = block.substr(0, kDefaultFrameSize);
    block.remove_prefix(part.size());
    stream.byte_counts.wire_sent += kFrameHeaderSize + part.size();
    writeFrame(FrameType::kMetadata, block.empty() ? kFlagEndMetadata : 0, stream.id, part, false);
  }
}

}  // namespace nuncio::http::h2
