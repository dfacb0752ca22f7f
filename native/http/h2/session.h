// Session: what both sides of HTTP/2 have in common: frames, HPACK state, settings, flow control, streams. The base of
// ServerCodec and ClientCodec; worker thread.
//
//   bytes ─▶ FrameReader state ─▶ DATA: given out as it comes │ others: whole frames ─▶ handlers (session_frames.cc)
//   encoders ─▶ frames into the sink; DATA beyond a window waits in its stream (session_send.cc)
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "http/h2/errors.h"
#include "http/h2/flood_guard.h"
#include "http/h2/frame.h"
#include "http/h2/head_builder.h"
#include "http/h2/hpack_decoder.h"
#include "http/h2/hpack_encoder.h"
#include "http/h2/memory.h"
#include "http/h2/options.h"
#include "http/h2/stream.h"
#include "http/h2/stream_table.h"
#include "stats/scope.h"

namespace nuncio::http::h2 {

class Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- for Stream
  void encode1xx(Stream& stream, const HeaderMap& headers);
  void encodeHeaders(Stream& stream, const HeaderMap& headers, bool end_stream);
  void encodeData(Stream& stream, std::string_view data, bool end_stream);
  void encodeTrailers(Stream& stream, const HeaderMap& trailers);
  void encodeMetadata(Stream& stream, std::string_view block);
  void reset(Stream& stream, ResetReason reason);
  void pauseReading(Stream& stream, bool pause);

 protected:
  using Stat = stats::Http2Scope::Stat;

  Session(ServerCallbacks* server, ClientCallbacks* client, ByteSink& sink, const CommonOptions& options, Underscores underscores,
          Memory& memory, stats::Http2Scope stats);
  ~Session();

  DispatchResult dispatchFrames(std::string_view data);
  void sendPing();
  void sendGoAway(uint32_t last_stream, ErrorCode code, std::string_view debug);
  void outputLeft(size_t queued);
  bool dead() const { return error_ != nullptr || closed_; }
  /** A header block is on its way, in several frames. */
  bool inHeaderBlock() const { return block_stream_ != 0; }
  uint32_t streamCount() const { return streams_.size() + unnumbered_count_; }
  stats::Http2Scope statistics() const { return stats_; }

  Stream& startStream(ResponseDecoder& decoder);
  bool canStartStream() const;
  uint32_t streamLimit() const;
  bool goAwaySeen() const { return go_away_seen_; }
  /** Streams up to this one were taken. */
  uint32_t lastPeerStream() const { return last_peer_stream_; }
  /** Frames of later streams are ignored from now on. */
  void refuseNewStreams() { refusing_ = true; }
  bool refusesNewStreams() const { return refusing_; }
  /** Nothing is read any more. */
  void shut() { closed_ = true; }

 private:
  enum class State : uint8_t { kPreface, kHeader, kPayload, kPadLength, kData, kPadding, kSkip };

  /** Streams that end within a call are freed at the end of the outermost one. */
  class Entry {
   public:
    explicit Entry(Session& session) : session_(session) { ++session_.depth_; }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
      if (--session_.depth_ == 0 && !session_.retired_.empty()) session_.freeRetired();
    }

   private:
    Session& session_;
  };

  bool isServer() const { return server_ != nullptr; }
  /** The owner of a response that it ended hears no more of the stream. */
  bool ownerListens(const Stream& stream) const { return !isServer() || !stream.local_ended; }

  // ---- reading (session.cc)
  size_t step(const char* input, size_t size);
  size_t readPreface(const char* input, size_t size);
  size_t readHeader(const char* input, size_t size);
  size_t readPayload(const char* input, size_t size);
  size_t readData(const char* input, size_t size);
  void onFrameHeader();
  bool checkFrameHeader();
  void beginData();
  void beginDataPayload();
  void deliverData(Stream& stream, std::string_view data, bool end_stream);
  void giveHeldBodies();
  void giveHeld(Stream& stream);
  void endFrame() { state_ = State::kHeader; }
  void tellData(Stream& stream, std::string_view data, bool end_stream);
  void tellTrailers(Stream& stream, HeaderMap& trailers);

  // ---- handlers of whole frames (session_frames.cc)
  void onFrame(std::string_view payload);
  void onHeaders(std::string_view payload);
  void onContinuation(std::string_view payload);
  void onPriority(std::string_view payload);
  void onRstStream(std::string_view payload);
  void onSettings(std::string_view payload);
  bool onSetting(uint16_t id, uint32_t value);
  bool onInitialWindow(uint32_t value);
  void onPing(std::string_view payload);
  void onGoAway(std::string_view payload);
  void onWindowUpdate(std::string_view payload);
  void onBlock(std::string_view block, uint32_t id, bool end_stream);
  void onBlockWithoutStream(std::string_view block, uint32_t id, bool end_stream);
  void onRequestHead(std::string_view block, uint32_t id, bool end_stream);
  void onResponseHead(Stream& stream, std::string_view block, bool end_stream);
  void onTrailers(Stream& stream, std::string_view block, bool end_stream);
  bool decodeUnwanted(std::string_view block);
  bool decodeInto(HeadBuilder& builder, std::string_view block);
  /** False: the message is refused, the stream or the connection over. */
  bool acceptHead(Stream& stream, HeadBuilder& builder, bool end_stream);
  bool countEmptyFrame(bool empty, uint32_t stream);
  /** False: `limit` bytes are not enough. */
  bool append(net::Block*& to, std::string_view bytes, size_t limit);
  void onMetadata(std::string_view payload);
  void tellMetadata(Stream& stream, std::string_view block);
  void forgetBlock();

  // ---- streams (session_streams.cc)
  Stream* makeStream(uint32_t id);
  bool isIdle(uint32_t id) const;
  bool endedByPeer(uint32_t id) const;
  void noteSkipped(uint32_t from, uint32_t to);
  bool wasSkipped(uint32_t id) const;
  void retire(Stream& stream);
  void freeRetired();
  void finishIfComplete(Stream& stream);
  void finishAnswered();
  /** A message that is against the rules costs the connection, or by option its stream alone. */
  void malformed(Stream& stream, const Problem& problem, std::string_view details);
  /** RST_STREAM out, the owner told. */
  void abortStream(Stream& stream, ErrorCode code, ResetReason reason, std::string_view details);
  void tellReset(Stream& stream, ResetReason reason, std::string_view details);
  /** The problem must live for ever. */
  void fail(const Problem& problem);
  void failFlood(const Problem& problem, Stat stat);

  // ---- writing (session_send.cc)
  void start();
  void writeFrame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload, bool control);
  void writeReset(uint32_t stream, ErrorCode code);
  void wroteFrame(size_t bytes, bool control);
  void writeHead(Stream& stream, std::span<const Header> headers, bool end_stream);
  char* encodeBlock(char* out, std::span<const Header> headers, StreamBytes& counts);
  void writeLongHead(Stream& stream, std::span<const Header> headers, size_t room, bool end_stream);
  void saveTrailers(Stream& stream, const HeaderMap& trailers);
  void wroteHead(Stream& stream, size_t bytes);
  void writeDataFrame(Stream& stream, std::string_view data, bool end_stream);
  void writeUnsentFrame(Stream& stream, size_t size);
  void writeEnd(Stream& stream);
  void sendReady();
  void queue(Stream& stream, std::string_view data);
  void checkWatermarks(Stream& stream);
  void consumed(Stream& stream, size_t bytes);
  void consumedByStream(Stream& stream, size_t bytes);
  void consumedByConnection(size_t bytes);
  void writeWindowUpdate(uint32_t stream, uint32_t bytes);
  void wantDispatch();

  ServerCallbacks* const server_;    // of the two, one is set
  ClientCallbacks* const client_;
  ByteSink& sink_;
  const CommonOptions& options_;
  Memory& memory_;
  const stats::Http2Scope stats_;
  const Problem* error_ = nullptr;

  // Reading.
  FrameHeader frame_;
  char partial_header_[kFrameHeaderSize];
  uint8_t header_have_ = 0;         // bytes of it; of the preface, while that is read
  State state_;
  const Underscores underscores_;
  bool settings_seen_ = false;
  bool settings_acknowledged_ = false;
  bool go_away_seen_ = false;
  bool refusing_ = false;
  bool closed_ = false;
  bool error_told_ = false;
  bool in_dispatch_ = false;
  bool dispatch_wanted_ = false;
  uint32_t data_left_ = 0;
  uint32_t padding_left_ = 0;
  net::Block* partial_ = nullptr;   // payload of a frame that came in pieces
  net::Block* block_ = nullptr;     // header block that came in several frames
  uint32_t block_stream_ = 0;
  bool block_ends_stream_ = false;
  uint32_t block_frames_ = 0;
  HpackDecoder decoder_;
  HpackEncoder encoder_;

  // Streams.
  StreamTable streams_;
  base::IntrusiveList<Stream> ready_;           // body that only the connection's window holds back
  base::IntrusiveList<Stream, HeldTag> held_;   // body that may be given out again
  base::IntrusiveList<Stream> answered_;        // within this dispatch, while their request is not whole
  base::IntrusiveList<Stream> retired_;
  base::IntrusiveList<Stream> unnumbered_;      // a client's, until their head is written
  uint32_t unnumbered_count_ = 0;
  uint32_t depth_ = 0;
  uint32_t last_peer_stream_ = 0;
  uint32_t next_stream_ = 1;
  static constexpr uint32_t kRemembered = 32;
  uint32_t ended_by_peer_[kRemembered] = {};
  struct Range {
    uint32_t from, to;
  };
  static constexpr uint32_t kRanges = 4;
  Range skipped_[kRanges] = {};
  uint32_t skipped_count_ = 0;

  // Flow control and settings.
  int64_t send_window_ = kDefaultWindow;
  int64_t receive_window_;
  uint32_t unacknowledged_ = 0;
  uint32_t peer_stream_window_ = kDefaultWindow;
  uint32_t peer_max_streams_;
  uint64_t ping_number_ = 0;

  // Limits.
  FloodGuard flood_;
  uint32_t consecutive_empty_ = 0;
  uint64_t priority_frames_ = 0;
  uint64_t window_updates_ = 0;
  uint64_t data_frames_sent_ = 0;
  uint64_t streams_opened_ = 0;
};

}  // namespace nuncio::http::h2
