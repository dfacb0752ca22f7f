// Writing: frames into the sink, and what waits for window.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/ascii.h"
#include "http/h2/session.h"

namespace nuncio::http::h2 {
namespace {

/** Copied trailers: the fields follow, then their text. */
struct SavedFields {
  size_t count;

  static SavedFields* in(net::Block* block) {
    const auto at = reinterpret_cast<uintptr_t>(block->bytes());
    return reinterpret_cast<SavedFields*>((at + alignof(Header) - 1) & ~(alignof(Header) - 1));
  }
};

/** HTTP/2 has its own ways for what these say (RFC 9113 section 8.2.2). */
bool isForHttp1Only(const Header& header, bool has_authority) {
  switch (header.id) {
    case HeaderId::kConnection:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyConnection:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade:
    case HeaderId::kHttp2Settings: return true;
    case HeaderId::kHost: return has_authority;
    case HeaderId::kTe: return !header.value.empty() && !base::equalsIgnoreCase(header.value, "trailers");
    default: return false;
  }
}

constexpr bool isPseudo(HeaderId id) { return id >= HeaderId::kMethod && id <= HeaderId::kProtocol; }

/** Small frames are copied together into one piece of the queue; the body of a larger one is lent. */
constexpr size_t kLendFrom = 2048;

}  // namespace

// ---------------------------------------------------------------- frames

void Session::start() {
  char text[256];
  char* out = text;
  if (!isServer()) out = std::copy(kPreface.begin(), kPreface.end(), out);
  char* const frame = out;
  out += kFrameHeaderSize;
  const auto setting = [&out](SettingId id, uint32_t value) {
    writeUint16(out, static_cast<uint16_t>(id));
    writeUint32(out + 2, value);
    out += 6;
  };
  if (!isServer()) setting(SettingId::kEnablePush, 0);
  setting(SettingId::kHeaderTableSize, options_.hpack_table_size);
  setting(SettingId::kEnableConnectProtocol, options_.allow_connect ? 1 : 0);
  setting(SettingId::kMaxConcurrentStreams, options_.max_concurrent_streams);
  setting(SettingId::kInitialWindowSize, options_.initial_stream_window);
  constexpr size_t kMostCustom = 16;
  for (const Setting& custom : options_.custom_settings.first(std::min(options_.custom_settings.size(), kMostCustom))) {
    setting(static_cast<SettingId>(custom.id), custom.value);
  }
  writeFrameHeader(frame, static_cast<size_t>(out - frame) - kFrameHeaderSize, FrameType::kSettings, 0, 0);
  sink_.write({text, static_cast<size_t>(out - text)});
  wroteFrame(static_cast<size_t>(out - text), false);
  if (receive_window_ > kDefaultWindow) writeWindowUpdate(0, static_cast<uint32_t>(receive_window_ - kDefaultWindow));
}

void Session::wroteFrame(size_t bytes, bool control) {
  flood_.wrote(bytes, control);
  stats_.inc(Stat::outbound_frames_active);
  if (control) {
    stats_.inc(Stat::outbound_control_frames_active);
    if (flood_.control() > options_.max_outbound_control_frames) failFlood(kControlFlood, Stat::outbound_control_flood);
  }
  if (flood_.frames() > options_.max_outbound_frames) failFlood(kOutboundFlood, Stat::outbound_flood);
}

void Session::outputLeft(size_t queued) {
  const uint32_t frames = flood_.frames(), control = flood_.control();
  flood_.left(queued);
  if (frames != flood_.frames()) stats_.dec(Stat::outbound_frames_active, frames - flood_.frames());
  if (control != flood_.control()) stats_.dec(Stat::outbound_control_frames_active, control - flood_.control());
}

void Session::writeFrame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload, bool control) {
  char* const begin = sink_.reserve(kFrameHeaderSize + payload.size());
  char* const out = writeFrameHeader(begin, payload.size(), type, flags, stream);
  if (!payload.empty()) std::memcpy(out, payload.data(), payload.size());
  sink_.commit(kFrameHeaderSize + payload.size());
  wroteFrame(kFrameHeaderSize + payload.size(), control);
}

void Session::writeReset(uint32_t stream, ErrorCode code) {
  char payload[4];
  writeUint32(payload, static_cast<uint32_t>(code));
  stats_.inc(Stat::tx_reset);
  writeFrame(FrameType::kRstStream, 0, stream, {payload, sizeof(payload)}, true);
}

void Session::sendGoAway(uint32_t last_stream, ErrorCode code, std::string_view debug) {
  char payload[128];
  writeUint32(payload, last_stream);
  writeUint32(payload + 4, static_cast<uint32_t>(code));
  debug = debug.substr(0, sizeof(payload) - 8);
  std::copy(debug.begin(), debug.end(), payload + 8);
  if (last_stream != kLargestStream) stats_.inc(Stat::goaway_sent);    // a notice is none yet, as Envoy counts
  writeFrame(FrameType::kGoAway, 0, 0, {payload, 8 + debug.size()}, false);
}

void Session::sendPing() {
  if (dead()) return;
  const Entry entry(*this);
  char payload[8] = {};
  writeUint32(payload + 4, static_cast<uint32_t>(++ping_number_));
  writeFrame(FrameType::kPing, 0, 0, {payload, sizeof(payload)}, false);
}

void Session::writeWindowUpdate(uint32_t stream, uint32_t bytes) {
  char payload[4];
  writeUint32(payload, bytes);
  writeFrame(FrameType::kWindowUpdate, 0, stream, {payload, sizeof(payload)}, false);
}

// ---------------------------------------------------------------- heads

void Session::encode1xx(Stream& stream, const HeaderMap& headers) {
  const Entry entry(*this);
  if (stream.closed || stream.head_sent || dead()) return;
  writeHead(stream, headers.entries(), false);
}

void Session::encodeHeaders(Stream& stream, const HeaderMap& headers, bool end_stream) {
  const Entry entry(*this);
  if (stream.closed || stream.head_sent || dead()) return;
  if (stream.id == 0) {
    stream.base::ListNode<>::unlink();
    --unnumbered_count_;
    stream.id = next_stream_;
    next_stream_ += 2;
    streams_.insert(&stream);
    stream.head_request = headers.get(HeaderId::kMethod) == "HEAD";
    stream.connect_request = headers.get(HeaderId::kMethod) == "CONNECT";
  }
  stream.head_sent = true;
  stream.local_ended = stream.local_closed = end_stream;
  writeHead(stream, headers.entries(), end_stream);
  if (end_stream) finishIfComplete(stream);
}

void Session::encodeTrailers(Stream& stream, const HeaderMap& trailers) {
  const Entry entry(*this);
  if (stream.closed || !stream.head_sent || stream.local_ended || dead()) return;
  stream.local_ended = true;
  if (stream.unsent.empty()) {
    stream.local_closed = true;
    writeHead(stream, trailers.entries(), true);
    return finishIfComplete(stream);
  }
  saveTrailers(stream, trailers);
}

/** The owner's map lives no longer than its stream; a copy waits with the body. */
void Session::saveTrailers(Stream& stream, const HeaderMap& trailers) {
  const std::span<const Header> fields = trailers.entries();
  size_t size = alignof(Header) + sizeof(SavedFields) + fields.size_bytes();
  for (const Header& field : fields) size += field.name.size() + field.value.size();
  net::Block* block = memory_.blocks().takeBlock(size);
  auto* saved = ::new (SavedFields::in(block)) SavedFields{fields.size()};
  auto* out = reinterpret_cast<Header*>(saved + 1);
  char* text = reinterpret_cast<char*>(out + fields.size());
  const auto copy = [&text](std::string_view from) {
    char* const begin = text;
    text = std::copy(from.begin(), from.end(), text);
    return std::string_view(begin, from.size());
  };
  for (const Header& field : fields) {
    const std::string_view name = copy(field.name);
    ::new (out++) Header{name, copy(field.value), nullptr, field.id};
  }
  stream.waiting_trailers = block;
}

void Session::writeHead(Stream& stream, std::span<const Header> headers, bool end_stream) {
  size_t room = kFrameHeaderSize + HpackEncoder::kBeginRoom;
  for (const Header& header : headers) room += HpackEncoder::fieldRoom(header.name.size(), header.value.size());
  if (room > kDefaultFrameSize) [[unlikely]] return writeLongHead(stream, headers, room, end_stream);
  char* const begin = sink_.reserve(room);
  char* const end = encodeBlock(begin + kFrameHeaderSize, headers, stream.byte_counts);
  const size_t size = static_cast<size_t>(end - begin);
  const uint8_t flags = kFlagEndHeaders | (end_stream ? kFlagEndStream : 0);
  writeFrameHeader(begin, size - kFrameHeaderSize, FrameType::kHeaders, flags, stream.id);
  sink_.commit(size);
  wroteHead(stream, size);
}

void Session::wroteHead(Stream& stream, size_t bytes) {
  stream.byte_counts.wire_sent += bytes;
  stream.byte_counts.headers_sent += bytes;
  wroteFrame(bytes, false);
}

char* Session::encodeBlock(char* out, std::span<const Header> headers, StreamBytes& counts) {
  out = encoder_.begin(out);
  bool has_authority = false;
  for (const Header& header : headers) {    // in front, wherever they stand
    if (!isPseudo(header.id)) continue;
    has_authority |= header.id == HeaderId::kAuthority;
    counts.fields_sent += header.name.size() + header.value.size();
    out = encoder_.field(out, header.id, header.name, header.value);
  }
  for (const Header& header : headers) {
    if (header.id != HeaderId::kUnknown && (isPseudo(header.id) || isForHttp1Only(header, has_authority))) continue;
    counts.fields_sent += header.name.size() + header.value.size();
    out = encoder_.field(out, header.id, header.name, header.value);
  }
  return out;
}

/** One that may need CONTINUATION frames. */
void Session::writeLongHead(Stream& stream, std::span<const Header> headers, size_t room, bool end_stream) {
  net::Block* block = memory_.blocks().takeBlock(room);
  const char* const end = encodeBlock(block->bytes(), headers, stream.byte_counts);
  std::string_view left(block->bytes(), static_cast<size_t>(end - block->bytes()));
  FrameType type = FrameType::kHeaders;
  do {
    const std::string_view part = left.substr(0, kDefaultFrameSize);
    left.remove_prefix(part.size());
    uint8_t flags = left.empty() ? kFlagEndHeaders : 0;
    if (type == FrameType::kHeaders && end_stream) flags |= kFlagEndStream;
    char* const begin = sink_.reserve(kFrameHeaderSize + part.size());
    std::memcpy(writeFrameHeader(begin, part.size(), type, flags, stream.id), part.data(), part.size());
    sink_.commit(kFrameHeaderSize + part.size());
    wroteHead(stream, kFrameHeaderSize + part.size());
    type = FrameType::kContinuation;
  } while (!left.empty());
  memory_.blocks().release(block);
}

// ---------------------------------------------------------------- bodies

void Session::encodeData(Stream& stream, std::string_view data, bool end_stream) {
  const Entry entry(*this);
  if (stream.closed || !stream.head_sent || stream.local_ended || dead()) return;
  if (data.empty() && !end_stream) return;
  stream.local_ended = end_stream;
  if (!stream.unsent.empty()) return queue(stream, data);
  while (!data.empty()) {
    const int64_t window = std::min(send_window_, stream.send_window);
    if (window <= 0) return queue(stream, data);
    const std::string_view part = data.substr(0, std::min<size_t>(static_cast<size_t>(window), kDefaultFrameSize));
    data.remove_prefix(part.size());
    writeDataFrame(stream, part, data.empty() && end_stream);
    if (dead()) return;
  }
  if (!end_stream) return;
  if (!stream.local_closed) writeEnd(stream);
  finishIfComplete(stream);
}

void Session::writeDataFrame(Stream& stream, std::string_view data, bool end_stream) {
  const uint8_t flags = end_stream ? kFlagEndStream : 0;
  const bool lend = data.size() >= kLendFrom;
  char* const begin = sink_.reserve(kFrameHeaderSize + (lend ? 0 : data.size()));
  char* const payload = writeFrameHeader(begin, data.size(), FrameType::kData, flags, stream.id);
  if (lend) {
    sink_.commit(kFrameHeaderSize);
    sink_.writeBorrowed(data);
  } else {
    std::memcpy(payload, data.data(), data.size());
    sink_.commit(kFrameHeaderSize + data.size());
  }
  send_window_ -= static_cast<int64_t>(data.size());
  stream.send_window -= static_cast<int64_t>(data.size());
  stream.local_closed = end_stream;
  stream.byte_counts.wire_sent += kFrameHeaderSize + data.size();
  ++data_frames_sent_;
  wroteFrame(kFrameHeaderSize + data.size(), false);
}

void Session::queue(Stream& stream, std::string_view data) {
  if (data.empty()) return;
  stream.unsent.append(data);
  stats_.inc(Stat::pending_send_bytes, data.size());
  // Held back by the connection's window alone, it waits for that; else a WINDOW_UPDATE of its own puts it in line.
  if (stream.send_window > 0) ready_.pushBack(&stream);
  const uint32_t limit = options_.stream_buffer_limit;
  if (limit == 0 || stream.above_high || stream.unsent.size() <= limit || !ownerListens(stream)) return;
  stream.above_high = true;
  if (isServer()) {
    stream.request->onEncoderAboveHighWatermark();
  } else {
    stream.response->onEncoderAboveHighWatermark();
  }
}

/** In turn, a frame of each, as long as the connection's window lasts. */
void Session::sendReady() {
  const Entry entry(*this);
  while (send_window_ > 0 && !dead()) {
    Stream* stream = ready_.popFront();
    if (stream == nullptr) return;
    const int64_t window = std::min(send_window_, stream->send_window);
    if (window <= 0) continue;
    writeUnsentFrame(*stream, std::min({static_cast<size_t>(window), stream->unsent.size(), size_t{kDefaultFrameSize}}));
    if (dead()) return;
    if (!stream->unsent.empty()) {
      if (stream->send_window > 0) ready_.pushBack(stream);
    } else if (stream->local_ended) {
      if (!stream->local_closed) writeEnd(*stream);
      finishIfComplete(*stream);
    }
    if (!stream->closed) checkWatermarks(*stream);
  }
}

void Session::writeUnsentFrame(Stream& stream, size_t size) {
  const bool last = size == stream.unsent.size() && stream.local_ended && stream.waiting_trailers == nullptr;
  char* out = writeFrameHeader(sink_.reserve(kFrameHeaderSize + size), size, FrameType::kData, last ? kFlagEndStream : 0, stream.id);
  for (size_t left = size; left != 0;) {
    iovec piece;
    stream.unsent.gather(&piece, 1);
    const size_t part = std::min(left, piece.iov_len);
    std::memcpy(out, piece.iov_base, part);
    stream.unsent.consume(part);
    out += part;
    left -= part;
  }
  sink_.commit(kFrameHeaderSize + size);
  send_window_ -= static_cast<int64_t>(size);
  stream.send_window -= static_cast<int64_t>(size);
  stream.local_closed = last;
  stream.byte_counts.wire_sent += kFrameHeaderSize + size;
  stats_.dec(Stat::pending_send_bytes, size);
  ++data_frames_sent_;
  wroteFrame(kFrameHeaderSize + size, false);
}

/** Behind the last byte of the body: trailers, or an empty frame that says so. */
void Session::writeEnd(Stream& stream) {
  stream.local_closed = true;
  if (stream.waiting_trailers == nullptr) {
    stream.byte_counts.wire_sent += kFrameHeaderSize;
    return writeFrame(FrameType::kData, kFlagEndStream, stream.id, {}, false);
  }
  const auto* saved = SavedFields::in(stream.waiting_trailers);
  writeHead(stream, {reinterpret_cast<const Header*>(saved + 1), saved->count}, true);
  memory_.blocks().release(std::exchange(stream.waiting_trailers, nullptr));
}

void Session::checkWatermarks(Stream& stream) {
  if (!stream.above_high || stream.unsent.size() > options_.stream_buffer_limit / 2 || !ownerListens(stream)) return;
  stream.above_high = false;
  if (isServer()) {
    stream.request->onEncoderBelowLowWatermark();
  } else {
    stream.response->onEncoderBelowLowWatermark();
  }
}

// ---------------------------------------------------------------- window for the peer

void Session::consumed(Stream& stream, size_t bytes) {
  consumedByStream(stream, bytes);
  consumedByConnection(bytes);
}

/** A WINDOW_UPDATE for each half of a window that was taken; none while the stream is paused. */
void Session::consumedByStream(Stream& stream, size_t bytes) {
  stream.unacknowledged += static_cast<uint32_t>(bytes);
  if (stream.unacknowledged < (options_.initial_stream_window + 1) / 2 || stream.unacknowledged == 0) return;
  if (stream.paused != 0 || stream.remote_closed || stream.closed || dead()) return;
  stream.receive_window += stream.unacknowledged;
  writeWindowUpdate(stream.id, stream.unacknowledged);
  stream.unacknowledged = 0;
}

void Session::consumedByConnection(size_t bytes) {
  unacknowledged_ += static_cast<uint32_t>(bytes);
  if (unacknowledged_ < std::max(options_.initial_connection_window, kDefaultWindow) / 2 || dead()) return;
  receive_window_ += unacknowledged_;
  writeWindowUpdate(0, unacknowledged_);
  unacknowledged_ = 0;
}

}  // namespace nuncio::http::h2
