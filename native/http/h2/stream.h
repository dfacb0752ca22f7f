// Stream: one HTTP/2 stream of either side, and what its owner encodes with. Lives in the worker's Memory from the session's
// table to the end of the call in which it ended. Worker thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "http/h2/error_code.h"
#include "net/output_queue.h"

namespace nuncio::http::h2 {

class Session;

struct HeldTag;    // the list of streams whose held body can be given out

class Stream final : public ResponseEncoder, public RequestEncoder, public base::ListNode<>, public base::ListNode<HeldTag> {
 public:
  Stream(Session& session, uint32_t id, net::BlockPool& blocks) : session(session), id(id), unsent(blocks), held(blocks) {}

  // ResponseEncoder, RequestEncoder
  void encode1xx(const HeaderMap& headers) override;
  void encodeHeaders(const HeaderMap& headers, bool end_stream) override;
  void encodeData(std::string_view data, bool end_stream) override;
  void encodeTrailers(const HeaderMap& trailers) override;
  bool encodeMetadata(std::string_view block) override;
  void reset(ResetReason reason) override;
  void pauseReading(bool pause) override;
  const StreamBytes& bytes() const override { return byte_counts; }

  bool isClosed() const { return closed; }

  Session& session;
  uint32_t id;                            // 0: a client's stream whose head is not written yet
  RequestDecoder* request = nullptr;      // of a server's stream
  ResponseDecoder* response = nullptr;    // of a client's
  StreamBytes byte_counts;

  // Sending.
  int64_t send_window = 0;
  net::OutputQueue unsent;                  // body that waits for window
  net::Block* waiting_trailers = nullptr;   // behind it; SavedFields (session_send.cc)
  bool head_sent = false;                   // the final one
  bool local_ended = false;                 // the owner gave us all; `unsent` may hold some of it
  bool local_closed = false;                // END_STREAM is written
  bool above_high = false;

  // Receiving.
  int64_t receive_window = 0;
  uint32_t unacknowledged = 0;              // bytes taken that the peer got no window for yet
  uint64_t expected = ~uint64_t{0};         // content-length
  uint64_t received = 0;
  net::OutputQueue held;                    // body that came while reading is paused
  HeaderMap* held_trailers = nullptr;
  net::Block* metadata = nullptr;           // METADATA that comes in several frames
  uint32_t paused = 0;
  bool head_seen = false;                   // the final one of a response
  bool remote_closed = false;               // END_STREAM came
  bool remote_delivered = false;            // and the owner knows
  bool head_request = false;
  bool connect_request = false;

  bool closed = false;                      // over: nothing happens to it any more
};

}  // namespace nuncio::http::h2
