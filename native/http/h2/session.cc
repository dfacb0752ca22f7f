#include "http/h2/session.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace nuncio::http::h2 {
namespace {

/** Frames whose payload has one length only. */
bool hasRightLength(const FrameHeader& frame) {
  switch (frame.type) {
    case FrameType::kPriority: return frame.length == 5;
    case FrameType::kRstStream:
    case FrameType::kWindowUpdate: return frame.length == 4;
    case FrameType::kPing: return frame.length == 8;
    case FrameType::kGoAway: return frame.length >= 8;
    case FrameType::kSettings: return frame.has(kFlagAck) ? frame.length == 0 : frame.length % 6 == 0;
    default: return true;
  }
}

}  // namespace

Session::Session(ServerCallbacks* server, ClientCallbacks* client, ByteSink& sink, const CommonOptions& options,
                 Underscores underscores, Memory& memory, stats::Http2Scope stats)
    : server_(server),
      client_(client),
      sink_(sink),
      options_(options),
      memory_(memory),
      stats_(stats),
      state_(server != nullptr ? State::kPreface : State::kHeader),
      underscores_(underscores),
      decoder_(options.hpack_table_size, memory.scratch()),
      encoder_(options.hpack_table_size, options.huffman),
      receive_window_(std::max(options.initial_connection_window, kDefaultWindow)),
      peer_max_streams_(options.max_concurrent_streams) {
  start();
}

Session::~Session() {
  while (Stream* stream = streams_.any()) retire(*stream);
  while (Stream* stream = unnumbered_.front()) retire(*stream);
  freeRetired();
  if (partial_ != nullptr) memory_.blocks().release(partial_);
  forgetBlock();
  stats_.dec(Stat::outbound_frames_active, flood_.frames());
  stats_.dec(Stat::outbound_control_frames_active, flood_.control());
}

DispatchResult Session::dispatchFrames(std::string_view data) {
  const Entry entry(*this);
  in_dispatch_ = true;
  dispatch_wanted_ = false;
  if (!held_.empty()) giveHeldBodies();
  size_t at = 0;
  while (at < data.size() && !dead()) at += step(data.data() + at, data.size() - at);
  finishAnswered();
  in_dispatch_ = false;
  if (error_ == nullptr || std::exchange(error_told_, true)) return {data.size(), nullptr};
  return {data.size(), &error_->error};
}

size_t Session::step(const char* input, size_t size) {
  switch (state_) {
    case State::kPreface: return readPreface(input, size);
    case State::kHeader: return readHeader(input, size);
    case State::kPayload: return readPayload(input, size);
    case State::kPadLength:
      padding_left_ = static_cast<unsigned char>(*input);
      --data_left_;
      consumedByConnection(1);
      if (padding_left_ > data_left_) {
        fail(kBadPadding);
      } else {
        data_left_ -= padding_left_;
        beginDataPayload();
      }
      return 1;
    case State::kData: return readData(input, size);
    case State::kPadding: {
      const size_t part = std::min<size_t>(size, padding_left_);
      padding_left_ -= static_cast<uint32_t>(part);
      consumedByConnection(part);
      if (padding_left_ == 0) endFrame();
      return part;
    }
    case State::kSkip: {
      const size_t part = std::min<size_t>(size, data_left_);
      data_left_ -= static_cast<uint32_t>(part);
      if (frame_.type == FrameType::kData) consumedByConnection(part);
      if (data_left_ == 0) endFrame();
      return part;
    }
  }
  return size;
}

size_t Session::readPreface(const char* input, size_t size) {
  const size_t part = std::min(size, kPreface.size() - header_have_);
  if (kPreface.substr(header_have_, part) != std::string_view(input, part)) {
    fail(kBadPreface);
    return size;
  }
  header_have_ += static_cast<uint8_t>(part);
  if (header_have_ == kPreface.size()) {
    header_have_ = 0;
    endFrame();
  }
  return part;
}

size_t Session::readHeader(const char* input, size_t size) {
  size_t taken = kFrameHeaderSize;
  if (header_have_ == 0 && size >= kFrameHeaderSize) {
    frame_ = readFrameHeader(input);
  } else {
    taken = std::min(size, kFrameHeaderSize - header_have_);
    std::memcpy(partial_header_ + header_have_, input, taken);
    header_have_ += static_cast<uint8_t>(taken);
    if (header_have_ < kFrameHeaderSize) return taken;
    header_have_ = 0;
    frame_ = readFrameHeader(partial_header_);
  }
  onFrameHeader();
  return taken;
}

void Session::onFrameHeader() {
  if (!checkFrameHeader()) return;
  if (frame_.type == FrameType::kData) return beginData();
  const bool is_metadata = frame_.type == FrameType::kMetadata && options_.allow_metadata && frame_.stream != 0;
  if (frame_.type > FrameType::kContinuation && !is_metadata) {    // unknown: ignored (RFC 9113 section 4.1)
    data_left_ = frame_.length;
    state_ = frame_.length == 0 ? State::kHeader : State::kSkip;
  } else if (frame_.length == 0) {
    endFrame();
    onFrame({});
  } else {
    state_ = State::kPayload;
  }
}

bool Session::checkFrameHeader() {
  const Problem* problem = nullptr;
  if (frame_.length > kDefaultFrameSize) {
    problem = &kFrameTooLarge;
  } else if (block_stream_ != 0 && (frame_.type != FrameType::kContinuation || frame_.stream != block_stream_)) {
    problem = &kContinuationExpected;
  } else if (!settings_seen_ && (frame_.type != FrameType::kSettings || frame_.has(kFlagAck))) {
    problem = &kSettingsFirst;
  } else if (!hasRightLength(frame_)) {
    problem = &kFrameSize;
  }
  if (problem == nullptr) return true;
  fail(*problem);
  return false;
}

/** A frame that is whole in this read is handled where it lies; one that is not is put together first. */
size_t Session::readPayload(const char* input, size_t size) {
  if (partial_ == nullptr && size >= frame_.length) {
    endFrame();
    onFrame({input, frame_.length});
    return frame_.length;
  }
  if (partial_ == nullptr) partial_ = memory_.blocks().takeBlock(frame_.length);
  const size_t part = std::min<size_t>(size, frame_.length - partial_->used);
  std::memcpy(partial_->end(), input, part);
  partial_->used += static_cast<uint32_t>(part);
  if (partial_->used < frame_.length) return part;
  net::Block* payload = std::exchange(partial_, nullptr);
  endFrame();
  onFrame({payload->bytes(), payload->used});
  memory_.blocks().release(payload);
  return part;
}

// ---------------------------------------------------------------- DATA

void Session::beginData() {
  if (frame_.stream == 0) return fail(kStreamZero);
  if (isIdle(frame_.stream)) return fail(kIdleStream);
  if (frame_.length > receive_window_) return fail(kWindowExceeded);
  receive_window_ -= frame_.length;
  data_left_ = frame_.length;
  padding_left_ = 0;
  if (frame_.has(kFlagPadded)) {
    if (frame_.length == 0) return fail(kBadPadding);
    state_ = State::kPadLength;
  } else {
    beginDataPayload();
  }
}

void Session::beginDataPayload() {
  if (!countEmptyFrame(data_left_ == 0 && !frame_.has(kFlagEndStream), frame_.stream)) return;
  Stream* stream = streams_.find(frame_.stream);
  if (stream == nullptr) {
    if (endedByPeer(frame_.stream)) writeReset(frame_.stream, ErrorCode::kStreamClosed);
  } else if (stream->remote_closed) {
    abortStream(*stream, ErrorCode::kStreamClosed, ResetReason::kProtocolError, kViolationDetail);
    stream = nullptr;
  } else if (!stream->head_seen) {
    abortStream(*stream, ErrorCode::kProtocolError, ResetReason::kProtocolError, kViolationDetail);
    stream = nullptr;
  } else if (frame_.length > stream->receive_window) {
    abortStream(*stream, ErrorCode::kFlowControlError, ResetReason::kProtocolError, kViolationDetail);
    stream = nullptr;
  } else {
    stream->receive_window -= frame_.length;
    stream->byte_counts.wire_received += frame_.length + kFrameHeaderSize;
    const size_t padding = frame_.length - data_left_;
    if (padding != 0) consumedByStream(*stream, padding);    // the connection's part when the padding comes
  }
  if (dead()) return;
  if (stream == nullptr) {
    data_left_ += padding_left_;
    padding_left_ = 0;
    state_ = data_left_ == 0 ? State::kHeader : State::kSkip;
  } else if (data_left_ != 0) {
    state_ = State::kData;
  } else {
    state_ = padding_left_ == 0 ? State::kHeader : State::kPadding;
    if (frame_.has(kFlagEndStream)) deliverData(*stream, {}, true);
  }
}

size_t Session::readData(const char* input, size_t size) {
  const size_t part = std::min<size_t>(size, data_left_);
  data_left_ -= static_cast<uint32_t>(part);
  const bool whole = data_left_ == 0;
  if (whole) state_ = padding_left_ == 0 ? State::kHeader : State::kPadding;
  if (Stream* stream = streams_.find(frame_.stream)) {
    deliverData(*stream, {input, part}, whole && frame_.has(kFlagEndStream));
  } else {    // it ended while this frame was on its way
    consumedByConnection(part);
  }
  return part;
}

void Session::deliverData(Stream& stream, std::string_view data, bool end_stream) {
  stream.received += data.size();
  const bool too_long = stream.expected != HeadBuilder::kNoLength && stream.received > stream.expected;
  const bool cut = end_stream && stream.expected != HeadBuilder::kNoLength && stream.received != stream.expected;
  if (too_long || cut) {
    consumedByConnection(data.size());
    return abortStream(stream, ErrorCode::kProtocolError, ResetReason::kProtocolError, kRemoteResetDetail);
  }
  if (end_stream) stream.remote_closed = true;
  if (!ownerListens(stream)) {
    consumed(stream, data.size());
    if (end_stream) finishIfComplete(stream);
    return;
  }
  if (stream.paused != 0 || !stream.held.empty()) {
    stream.held.append(data);
    return;
  }
  if (!data.empty()) consumed(stream, data.size());
  if (dead()) return;
  if (end_stream) stream.remote_delivered = true;
  tellData(stream, data, end_stream);
  if (end_stream && !stream.closed) finishIfComplete(stream);
}

void Session::tellData(Stream& stream, std::string_view data, bool end_stream) {
  if (isServer()) {
    stream.request->onRequestData(data, end_stream);
  } else {
    stream.response->onResponseData(data, end_stream);
  }
}

/** What came while a stream was paused. */
void Session::giveHeldBodies() {
  while (Stream* stream = held_.popFront()) {
    giveHeld(*stream);
    if (dead()) return;
  }
}

void Session::giveHeld(Stream& stream) {
  const bool ends = stream.remote_closed && !stream.remote_delivered;
  while (!stream.held.empty() && stream.paused == 0 && !stream.closed && !dead() && ownerListens(stream)) {
    iovec piece;
    stream.held.gather(&piece, 1);
    const bool last = ends && piece.iov_len == stream.held.size() && stream.held_trailers == nullptr;
    if (last) stream.remote_delivered = true;
    const std::string_view data(static_cast<const char*>(piece.iov_base), piece.iov_len);
    // The piece stays in its block while it is read: the queue is emptied behind it.
    tellData(stream, data, last);
    if (stream.closed) return;    // and all that was held is accounted for
    stream.held.consume(data.size());
    consumed(stream, data.size());
    if (last) return finishIfComplete(stream);
  }
  if (stream.closed || dead() || !ends || stream.paused != 0 || !ownerListens(stream)) return;
  stream.remote_delivered = true;
  if (stream.held_trailers == nullptr) {
    tellData(stream, {}, true);
  } else {
    tellTrailers(stream, *stream.held_trailers);
  }
  if (!stream.closed) finishIfComplete(stream);
}

}  // namespace nuncio::http::h2
