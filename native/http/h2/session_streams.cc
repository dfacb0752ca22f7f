// Life and death of streams, and of the connection.
#include <new>

#include "http/h2/session.h"

namespace nuncio::http::h2 {

// ---------------------------------------------------------------- what Stream passes on

void Stream::encode1xx(const HeaderMap& headers) { session.encode1xx(*this, headers); }
void Stream::encodeHeaders(const HeaderMap& headers, bool end_stream) { session.encodeHeaders(*this, headers, end_stream); }
void Stream::encodeData(std::string_view data, bool end_stream) { session.encodeData(*this, data, end_stream); }
void Stream::encodeTrailers(const HeaderMap& trailers) { session.encodeTrailers(*this, trailers); }
bool Stream::encodeMetadata(std::string_view block) {
  session.encodeMetadata(*this, block);
  return true;
}
void Stream::reset(ResetReason reason) { session.reset(*this, reason); }
void Stream::pauseReading(bool pause) { session.pauseReading(*this, pause); }

// ---------------------------------------------------------------- numbers

bool Session::isIdle(uint32_t id) const {
  const bool ours = (id % 2 == 1) != isServer();
  return ours ? id >= next_stream_ || isServer() : id > last_peer_stream_;
}

bool Session::endedByPeer(uint32_t id) const { return ended_by_peer_[(id >> 1) % kRemembered] == id; }

/** Numbers the peer jumped over can never be opened; those it did open may still get frames that were on their way. */
void Session::noteSkipped(uint32_t from, uint32_t to) { skipped_[skipped_count_++ % kRanges] = {from, to}; }

bool Session::wasSkipped(uint32_t id) const {
  for (const Range& range : skipped_) {
    if (id >= range.from && id <= range.to) return true;
  }
  return false;
}

// ---------------------------------------------------------------- streams

Stream* Session::makeStream(uint32_t id) {
  auto* stream = ::new (memory_.takeStream(sizeof(Stream))) Stream(*this, id, memory_.blocks());
  stream->send_window = peer_stream_window_;
  stream->receive_window = options_.initial_stream_window;
  if (id != 0) streams_.insert(stream);
  ++streams_opened_;
  stats_.inc(Stat::streams_active);
  return stream;
}

Stream& Session::startStream(ResponseDecoder& decoder) {
  Stream& stream = *makeStream(0);
  stream.response = &decoder;
  unnumbered_.pushBack(&stream);
  ++unnumbered_count_;
  return stream;
}

bool Session::canStartStream() const {
  return !dead() && !go_away_seen_ && streamCount() < streamLimit() && next_stream_ + 2 * unnumbered_count_ <= kLargestStream;
}

uint32_t Session::streamLimit() const {
  return peer_max_streams_ < options_.max_concurrent_streams ? peer_max_streams_ : options_.max_concurrent_streams;
}

/** Its memory stays until the outermost call into the session ends. */
void Session::retire(Stream& stream) {
  if (stream.closed) return;
  stream.closed = true;
  if (stream.id == 0) {
    --unnumbered_count_;
  } else {
    streams_.erase(stream.id);
  }
  stream.base::ListNode<HeldTag>::unlink();
  if (stream.unsent.size() != 0) stats_.dec(Stat::pending_send_bytes, stream.unsent.size());
  if (stream.remote_closed) ended_by_peer_[(stream.id >> 1) % kRemembered] = stream.id;
  stats_.dec(Stat::streams_active);
  retired_.pushBack(&stream);
  if (stream.held.size() != 0) consumedByConnection(stream.held.size());
}

void Session::freeRetired() {
  while (Stream* stream = retired_.popFront()) {
    if (stream->metadata != nullptr) memory_.blocks().release(stream->metadata);
    if (stream->waiting_trailers != nullptr) memory_.blocks().release(stream->waiting_trailers);
    stream->~Stream();
    memory_.giveStream(stream);
  }
}

/** Server: the response is out; what is left of the request nobody wants. Client: the response is in; likewise. */
void Session::finishIfComplete(Stream& stream) {
  if (stream.closed || dead()) return;
  if (isServer()) {
    if (!stream.local_closed) return;
    // The rest of the request is perhaps in the same read: no need to refuse it then.
    if (!stream.remote_closed && in_dispatch_) return answered_.pushBack(&stream);
    if (!stream.remote_closed) writeReset(stream.id, ErrorCode::kNoError);
    retire(stream);
    return server_->onStreamComplete(*stream.request);
  }
  if (!stream.remote_delivered) return;
  if (!stream.local_closed) {
    writeReset(stream.id, ErrorCode::kInternalError);
    client_->onRequestGivenUp();
  }
  retire(stream);
  client_->onStreamComplete(*stream.response, !go_away_seen_);
}

void Session::finishAnswered() {
  while (!dead()) {
    Stream* stream = answered_.popFront();
    if (stream == nullptr) return;
    writeReset(stream->id, ErrorCode::kNoError);
    retire(*stream);
    server_->onStreamComplete(*stream->request);
  }
}

void Session::malformed(Stream& stream, const Problem& problem, std::string_view details) {
  stats_.inc(Stat::rx_messaging_error);
  if (options_.stream_error_on_invalid_message) return abortStream(stream, problem.code, ResetReason::kProtocolError, details);
  fail(problem);
  tellReset(stream, ResetReason::kProtocolError, details);
}

void Session::abortStream(Stream& stream, ErrorCode code, ResetReason reason, std::string_view details) {
  if (dead()) return;
  writeReset(stream.id, code);
  if (!dead()) tellReset(stream, reason, details);
}

void Session::tellReset(Stream& stream, ResetReason reason, std::string_view details) {
  retire(stream);
  if (!ownerListens(stream)) return server_->onStreamCut(*stream.request, reason, details);
  if (isServer()) return stream.request->onStreamReset(reason, details);
  ResponseDecoder& decoder = *stream.response;
  decoder.onStreamReset(reason, details);
  client_->onStreamComplete(decoder, !go_away_seen_ && !dead());
}

void Session::reset(Stream& stream, ResetReason reason) {
  const Entry entry(*this);
  if (stream.closed) return;
  const bool known_to_peer = stream.id != 0;
  if (known_to_peer && !dead()) {
    ErrorCode code = ErrorCode::kInternalError;    // Envoy's, for all that has no code of its own
    if (reason == ResetReason::kLocalRefusedStreamReset) code = ErrorCode::kRefusedStream;
    if (reason == ResetReason::kConnectError) code = ErrorCode::kConnectError;
    if (reason == ResetReason::kProtocolError) code = ErrorCode::kProtocolError;
    writeReset(stream.id, code);
  }
  retire(stream);
}

void Session::pauseReading(Stream& stream, bool pause) {
  if (stream.closed) return;
  if (pause) {
    ++stream.paused;
    stream.base::ListNode<HeldTag>::unlink();
    return;
  }
  if (stream.paused == 0 || --stream.paused != 0) return;
  if (!stream.held.empty() || (stream.remote_closed && !stream.remote_delivered)) {
    held_.pushBack(&stream);
    wantDispatch();
  }
  consumedByStream(stream, 0);
}

// ---------------------------------------------------------------- the connection

void Session::wantDispatch() {
  if (dispatch_wanted_) return;
  dispatch_wanted_ = true;
  if (isServer()) {
    server_->onDispatchWanted();
  } else {
    client_->onDispatchWanted();
  }
}

void Session::fail(const Problem& problem) {
  if (dead()) return;
  if (!problem.silent) sendGoAway(last_peer_stream_, problem.code, problem.error.message);
  error_ = &problem;
  if (!in_dispatch_) wantDispatch();
}

void Session::failFlood(const Problem& problem, Stat stat) {
  if (dead()) return;
  stats_.inc(stat);
  fail(problem);
}

}  // namespace nuncio::http::h2
