// Handlers of whole frames.
#include <algorithm>
#include <cstring>

#include "base/arena.h"
#include "http/h2/session.h"

namespace nuncio::http::h2 {
namespace {

/** A head that is larger than this when coded is not read to its end: nobody sends it by mistake. */
size_t maxBlock(const CommonOptions& options) { return size_t{2} * options.max_head_bytes + 4 * kDefaultFrameSize; }

/** Tiny CONTINUATION frames cost work and carry nothing. */
uint32_t maxBlockFrames(const CommonOptions& options) { return 16 + options.max_head_bytes / 4096; }

/** Takes padding off. False: there is more of it than payload. */
bool takePadding(const FrameHeader& frame, std::string_view& payload) {
  if (!frame.has(kFlagPadded)) return true;
  if (payload.empty()) return false;
  const auto padding = static_cast<unsigned char>(payload.front());
  payload.remove_prefix(1);
  if (padding > payload.size()) return false;
  payload.remove_suffix(padding);
  return true;
}

}  // namespace

void Session::onFrame(std::string_view payload) {
  switch (frame_.type) {
    case FrameType::kHeaders: return onHeaders(payload);
    case FrameType::kPriority: return onPriority(payload);
    case FrameType::kRstStream: return onRstStream(payload);
    case FrameType::kSettings: return onSettings(payload);
    case FrameType::kPushPromise: return fail(kPush);
    case FrameType::kPing: return onPing(payload);
    case FrameType::kGoAway: return onGoAway(payload);
    case FrameType::kWindowUpdate: return onWindowUpdate(payload);
    case FrameType::kContinuation: return onContinuation(payload);
    case FrameType::kMetadata: return onMetadata(payload);
    case FrameType::kData: return;
  }
}

bool Session::countEmptyFrame(bool empty, uint32_t id) {
  if (!empty) {
    consecutive_empty_ = 0;
  } else if (++consecutive_empty_ > options_.max_consecutive_empty_frames) {
    failFlood(kEmptyFlood, Stat::inbound_empty_frames_flood);
    if (Stream* stream = streams_.find(id)) tellReset(*stream, ResetReason::kProtocolError, kEmptyFramesDetail);
  }
  return !dead();
}

// ---------------------------------------------------------------- heads

void Session::onHeaders(std::string_view payload) {
  const uint32_t id = frame_.stream;
  if (id == 0) return fail(kStreamZero);
  if (!takePadding(frame_, payload)) return fail(kBadPadding);
  bool depends_on_itself = false;
  if (frame_.has(kFlagPriority)) {
    if (payload.size() < 5) return fail(kFrameSize);
    depends_on_itself = (readUint32(payload.data()) & kLargestStream) == id;
    payload.remove_prefix(5);
  }
  const bool end_stream = frame_.has(kFlagEndStream);
  if (!countEmptyFrame(payload.empty() && !end_stream, id)) return;
  if (depends_on_itself) return fail(kWrongStreamId);
  if (frame_.has(kFlagEndHeaders)) return onBlock(payload, id, end_stream);
  block_stream_ = id;
  block_ends_stream_ = end_stream;
  block_frames_ = 1;
  append(block_, payload, maxBlock(options_));
}

void Session::onContinuation(std::string_view payload) {
  if (block_stream_ == 0) return fail(kContinuationUnexpected);
  const bool last = frame_.has(kFlagEndHeaders);
  if (!countEmptyFrame(payload.empty() && !last, block_stream_)) return;
  if (++block_frames_ > maxBlockFrames(options_) || !append(block_, payload, maxBlock(options_))) return fail(kTooManyContinuations);
  if (!last) return;
  const uint32_t id = block_stream_;
  block_stream_ = 0;
  onBlock(block_ == nullptr ? std::string_view() : std::string_view(block_->bytes(), block_->used), id, block_ends_stream_);
  forgetBlock();
}

bool Session::append(net::Block*& to, std::string_view bytes, size_t limit) {
  if (bytes.empty()) return true;
  const size_t have = to == nullptr ? 0 : to->used;
  const size_t wanted = have + bytes.size();
  if (wanted > limit) return false;
  if (to == nullptr || wanted > to->capacity) {
    net::Block* larger = memory_.blocks().takeBlock(have == 0 ? wanted : wanted * 2);
    if (to != nullptr) {
      std::memcpy(larger->bytes(), to->bytes(), have);
      memory_.blocks().release(to);
    }
    larger->used = static_cast<uint32_t>(have);
    to = larger;
  }
  std::memcpy(to->end(), bytes.data(), bytes.size());
  to->used += static_cast<uint32_t>(bytes.size());
  return true;
}

void Session::forgetBlock() {
  if (block_ != nullptr) memory_.blocks().release(block_);
  block_ = nullptr;
}

void Session::onBlock(std::string_view block, uint32_t id, bool end_stream) {
  Stream* stream = streams_.find(id);
  if (stream == nullptr) return onBlockWithoutStream(block, id, end_stream);
  stream->byte_counts.wire_received += block.size() + kFrameHeaderSize;
  stream->byte_counts.headers_received += block.size() + kFrameHeaderSize;
  if (stream->remote_closed) {
    if (decodeUnwanted(block)) abortStream(*stream, ErrorCode::kStreamClosed, ResetReason::kProtocolError, kViolationDetail);
  } else if (stream->head_seen) {
    onTrailers(*stream, block, end_stream);
  } else {
    onResponseHead(*stream, block, end_stream);
  }
}

void Session::onBlockWithoutStream(std::string_view block, uint32_t id, bool end_stream) {
  if (isServer() && id > last_peer_stream_) {
    if (id % 2 == 0) return fail(kWrongStreamId);
    if (id > last_peer_stream_ + 2) noteSkipped(last_peer_stream_ + 1, id - 1);
    last_peer_stream_ = id;
    if (refusing_) {
      decodeUnwanted(block);
      return;
    }
    return onRequestHead(block, id, end_stream);
  }
  if (isIdle(id) || (isServer() && wasSkipped(id))) return fail(kWrongStreamId);
  if (endedByPeer(id)) return fail(kClosedStream);
  decodeUnwanted(block);
}

bool Session::decodeUnwanted(std::string_view block) {
  NoFields nowhere;
  if (!decoder_.decode(block, nowhere)) fail(kCompression);
  return !dead();
}

bool Session::decodeInto(HeadBuilder& builder, std::string_view block) {
  if (!decoder_.decode(block, builder)) fail(kCompression);
  if (block.size() > kDefaultFrameSize) memory_.scratch().shrink();
  return !dead();
}

void Session::onRequestHead(std::string_view block, uint32_t id, bool end_stream) {
  if (streams_.size() >= options_.max_concurrent_streams) {
    if (settings_acknowledged_) return fail(kTooManyStreams);
    if (!decodeUnwanted(block)) return;
    stats_.inc(Stat::stream_refused_errors);
    return writeReset(id, ErrorCode::kRefusedStream);
  }
  Stream& stream = *makeStream(id);
  stream.byte_counts.wire_received = stream.byte_counts.headers_received = block.size() + kFrameHeaderSize;
  stream.head_seen = true;
  stream.request = &server_->newStream(stream);
  base::Arena& arena = stream.request->arena();
  HeaderMap& headers = *arena.make<HeaderMap>(arena);
  HeadBuilder builder(headers, HeadKind::kRequest, options_, underscores_);
  if (!decodeInto(builder, block)) return;
  stream.connect_request = headers.get(HeaderId::kMethod) == "CONNECT";
  if (!acceptHead(stream, builder, end_stream)) return;
  stream.remote_closed = end_stream;
  stream.remote_delivered = end_stream;
  stream.request->onRequestHeaders(headers, end_stream);
  if (end_stream && !stream.closed) finishIfComplete(stream);
}

void Session::onResponseHead(Stream& stream, std::string_view block, bool end_stream) {
  base::Arena& arena = stream.response->arena();
  HeaderMap& headers = *arena.make<HeaderMap>(arena);
  HeadBuilder builder(headers, HeadKind::kResponse, options_, Underscores::kAllow);
  if (!decodeInto(builder, block) || !acceptHead(stream, builder, end_stream)) return;
  if (builder.status() < 200) {
    if (end_stream) return malformed(stream, kViolation, kViolationDetail);
    if (forwardsInterim(builder.status())) stream.response->on1xx(headers);
    return;
  }
  stream.head_seen = true;
  stream.remote_closed = end_stream;
  stream.remote_delivered = end_stream;
  stream.response->onResponseHeaders(headers, end_stream);
  if (end_stream && !stream.closed) finishIfComplete(stream);
}

bool Session::acceptHead(Stream& stream, HeadBuilder& builder, bool end_stream) {
  HeadFault fault = builder.finish(stream.connect_request);
  stream.byte_counts.fields_received += builder.bytes();
  if (builder.underscored() != 0) {
    stats_.inc(underscores_ == Underscores::kRejectRequest ? Stat::requests_rejected_with_underscores_in_headers
                                                           : Stat::dropped_headers_with_underscores,
               builder.underscored());
  }
  stream.expected = builder.contentLength();
  const bool bodiless = stream.head_request || builder.status() == 304;
  if (bodiless) stream.expected = HeadBuilder::kNoLength;
  if (fault == HeadFault::kNone && end_stream && stream.expected != HeadBuilder::kNoLength && stream.expected != 0) {
    fault = HeadFault::kViolation;
  }
  switch (fault) {
    case HeadFault::kNone: return true;
    case HeadFault::kInvalidField: malformed(stream, kInvalidField, kInvalidFieldDetail); return false;
    case HeadFault::kViolation: malformed(stream, kViolation, kViolationDetail); return false;
    case HeadFault::kTooMany:
      stats_.inc(Stat::header_overflow);
      abortStream(stream, ErrorCode::kInternalError, ResetReason::kRemoteReset, kTooManyHeadersDetail);
      return false;
    case HeadFault::kTooLarge:
      stats_.inc(Stat::header_list_size_too_large);
      abortStream(stream, ErrorCode::kInternalError, ResetReason::kRemoteReset, kHeadTooLargeDetail);
      return false;
    case HeadFault::kUnderscore:
      abortStream(stream, ErrorCode::kInternalError, ResetReason::kRemoteReset, kUnderscoreDetail);
      return false;
  }
  return false;
}

void Session::onTrailers(Stream& stream, std::string_view block, bool end_stream) {
  if (isServer()) stats_.inc(Stat::trailers);    // Envoy counts those of requests
  if (!ownerListens(stream)) {
    if (!decodeUnwanted(block) || !end_stream) return;
    stream.remote_closed = true;
    return finishIfComplete(stream);
  }
  base::Arena& arena = isServer() ? stream.request->arena() : stream.response->arena();
  HeaderMap& trailers = *arena.make<HeaderMap>(arena);
  HeadBuilder builder(trailers, HeadKind::kTrailers, options_, underscores_);
  if (!decodeInto(builder, block)) return;
  const uint64_t expected = stream.expected;
  if (!acceptHead(stream, builder, false)) return;
  const uint64_t claimed = builder.contentLength();
  const bool lies = claimed != HeadBuilder::kNoLength && claimed != stream.received;
  if (!end_stream || lies) return malformed(stream, kViolation, kViolationDetail);
  if (expected != HeadBuilder::kNoLength && stream.received != expected) {
    return abortStream(stream, ErrorCode::kProtocolError, ResetReason::kProtocolError, kRemoteResetDetail);
  }
  stream.remote_closed = true;
  if (stream.paused != 0 || !stream.held.empty()) {
    stream.held_trailers = &trailers;
    return;
  }
  stream.remote_delivered = true;
  tellTrailers(stream, trailers);
  if (!stream.closed) finishIfComplete(stream);
}

void Session::tellTrailers(Stream& stream, HeaderMap& trailers) {
  if (isServer()) {
    stream.request->onRequestTrailers(trailers);
  } else {
    stream.response->onResponseTrailers(trailers);
  }
}

// ---------------------------------------------------------------- the small ones

void Session::onPriority(std::string_view payload) {
  if (frame_.stream == 0) return fail(kStreamZero);
  if (++priority_frames_ > options_.max_priority_frames_per_stream * (1 + streams_opened_)) {
    return failFlood(kPriorityFlood, Stat::inbound_priority_frames_flood);
  }
  if ((readUint32(payload.data()) & kLargestStream) == frame_.stream) fail(kWrongStreamId);
}

void Session::onRstStream(std::string_view payload) {
  if (frame_.stream == 0) return fail(kStreamZero);
  if (isIdle(frame_.stream)) return fail(kIdleStream);
  Stream* stream = streams_.find(frame_.stream);
  if (stream == nullptr) return;
  stats_.inc(Stat::rx_reset);
  stream->byte_counts.wire_received += frame_.length + kFrameHeaderSize;
  stream->remote_closed = true;
  switch (static_cast<ErrorCode>(readUint32(payload.data()))) {
    case ErrorCode::kRefusedStream: return tellReset(*stream, ResetReason::kRemoteRefusedStreamReset, kRemoteRefuseDetail);
    case ErrorCode::kProtocolError:
      if (isServer()) return tellReset(*stream, ResetReason::kRemoteReset, kRemoteResetDetail);
      return tellReset(*stream, ResetReason::kProtocolError, kRemoteResetDetail);
    case ErrorCode::kConnectError: return tellReset(*stream, ResetReason::kConnectError, kRemoteResetDetail);
    default: return tellReset(*stream, ResetReason::kRemoteReset, kRemoteResetDetail);
  }
}

void Session::onSettings(std::string_view payload) {
  if (frame_.stream != 0) return fail(kNotStreamZero);
  if (frame_.has(kFlagAck)) {
    settings_acknowledged_ = true;
    decoder_.setMaxTableSize(options_.hpack_table_size);
    return;
  }
  settings_seen_ = true;
  for (; !payload.empty(); payload.remove_prefix(6)) {
    if (!onSetting(readUint16(payload.data()), readUint32(payload.data() + 2))) return;
  }
  writeFrame(FrameType::kSettings, kFlagAck, 0, {}, true);
  if (client_ != nullptr) client_->onMaxStreams(streamLimit());
  if (!dead()) sendReady();
}

bool Session::onSetting(uint16_t id, uint32_t value) {
  switch (static_cast<SettingId>(id)) {
    case SettingId::kHeaderTableSize: encoder_.setPeerLimit(value); break;
    case SettingId::kEnablePush:
      if (value > 1 || (!isServer() && value != 0)) fail(kBadSetting);
      break;
    case SettingId::kMaxConcurrentStreams: peer_max_streams_ = value; break;
    case SettingId::kInitialWindowSize: return onInitialWindow(value);
    case SettingId::kMaxFrameSize:
      // Larger frames than the default are never sent: they would only keep other streams waiting.
      if (value < kDefaultFrameSize || value > kLargestFrameSize) fail(kBadSetting);
      break;
    case SettingId::kEnableConnectProtocol:
      if (value > 1) fail(kBadSetting);
      break;
    case SettingId::kMaxHeaderListSize: break;    // a hint; who sends more learns it from the answer
  }
  return !dead();
}

bool Session::onInitialWindow(uint32_t value) {
  if (value > kLargestWindow) {
    fail(kWindowSetting);
    return false;
  }
  const int64_t change = static_cast<int64_t>(value) - peer_stream_window_;
  peer_stream_window_ = value;
  streams_.forEach([&](Stream& stream) {
    stream.send_window += change;
    if (stream.send_window > kLargestWindow && !dead()) fail(kWindowSetting);
    if (stream.send_window > 0 && !stream.unsent.empty()) ready_.pushBack(&stream);
  });
  return !dead();
}

void Session::onPing(std::string_view payload) {
  if (frame_.stream != 0) return fail(kNotStreamZero);
  if (!frame_.has(kFlagAck)) return writeFrame(FrameType::kPing, kFlagAck, 0, payload, true);
  if (readUint32(payload.data() + 4) != static_cast<uint32_t>(ping_number_)) return;
  if (isServer()) {
    server_->onPingAck();
  } else {
    client_->onPingAck();
  }
}

void Session::onGoAway(std::string_view payload) {
  if (frame_.stream != 0) return fail(kNotStreamZero);
  go_away_seen_ = true;
  if (isServer()) return server_->onGoAway();
  const uint32_t last = readUint32(payload.data()) & kLargestStream;
  const auto code = static_cast<ErrorCode>(readUint32(payload.data() + 4));
  const bool calm = code == ErrorCode::kNoError;
  for (;;) {    // telling one may end others
    Stream* refused = nullptr;
    streams_.forEach([&](Stream& stream) {
      if (stream.id > last && (refused == nullptr || stream.id < refused->id)) refused = &stream;
    });
    if (refused == nullptr) break;
    tellReset(*refused, ResetReason::kRemoteRefusedStreamReset, calm ? kRemoteRefuseDetail : kRemoteResetDetail);
  }
  client_->onGoAway();
}

void Session::onWindowUpdate(std::string_view payload) {
  ++window_updates_;
  const uint64_t allowed = 5 + 2 * (streams_opened_ + options_.max_window_updates_per_data_frame * data_frames_sent_);
  if (window_updates_ > allowed) return failFlood(kWindowFlood, Stat::inbound_window_update_frames_flood);
  const uint32_t increment = readUint32(payload.data()) & kLargestWindow;
  if (frame_.stream == 0) {
    if (increment == 0) return fail(kWindowZero);
    if (send_window_ + increment > kLargestWindow) return fail(kWindowOverflow);
    send_window_ += increment;
    return sendReady();
  }
  if (isIdle(frame_.stream)) return fail(kIdleStream);
  Stream* stream = streams_.find(frame_.stream);
  if (stream == nullptr) return;
  if (increment == 0) return abortStream(*stream, ErrorCode::kProtocolError, ResetReason::kProtocolError, kViolationDetail);
  if (stream->send_window + increment > kLargestWindow) {
    return abortStream(*stream, ErrorCode::kFlowControlError, ResetReason::kProtocolError, kViolationDetail);
  }
  stream->send_window += increment;
  if (stream->send_window <= 0 || stream->unsent.empty()) return;
  ready_.pushBack(stream);
  sendReady();
}

}  // namespace nuncio::http::h2
