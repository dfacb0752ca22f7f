// HttpFilter: an HTTP filter whose hooks are JavaScript. To the chain it is a filter like any other; where a hook gives a
// promise it waits, and goes on when that has settled. In the stream's arena, dies with it. Worker thread only.
//
//   head: hook (of a request without a body: at the end of the turn, with those of other streams and of the filters behind)
//            ─▶ go on │ promise: the head waits here, the body in the chain ─▶ settle ─▶ go on
//   body: hook ─▶ go on (with other bytes) │ promise: what comes meanwhile queues here ─▶ settle ─▶ inject, next
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http_proxy/filter.h"
#include "http_proxy/filter_stream.h"
#include "script/head_run.h"
#include "script/script_set.h"

namespace nuncio::script {

class HttpFilter final : public http_proxy::Filter {
 public:
  using Verdict = http_proxy::Verdict;
  using FilterStream = http_proxy::FilterStream;

  /** `program` may be empty: the slot has none, and the filter lets everything pass. */
  HttpFilter(ScriptSet& set, ProgramRef program) : set_(set), program_(std::move(program)) {
    ignores_response_ = program_ && program_->seesRequestsAlone();
  }
  HttpFilter(const HttpFilter&) = delete;
  HttpFilter& operator=(const HttpFilter&) = delete;

  // ---- http_proxy::Filter
  Verdict onRequestHeaders(http::HeaderMap&, FilterStream& stream, bool end_stream) override { return onHead(request_, stream, end_stream); }
  Verdict onRequestData(std::string_view& data, FilterStream& stream, bool end_stream) override { return onData(request_, data, stream, end_stream); }
  Verdict onRequestTrailers(http::HeaderMap&, FilterStream& stream) override { return onTrailers(request_, stream); }
  Verdict onResponseHeaders(http::HeaderMap&, FilterStream& stream, bool end_stream) override { return onHead(response_, stream, end_stream); }
  Verdict onResponseData(std::string_view& data, FilterStream& stream, bool end_stream) override { return onData(response_, data, stream, end_stream); }
  Verdict onResponseTrailers(http::HeaderMap&, FilterStream& stream) override { return onTrailers(response_, stream); }
  void onLocalReply(const http_proxy::LocalReply&, FilterStream&) override;
  void onComplete(FilterStream& stream) override;

  // ---- from JavaScript, while a hook runs or its promise is pending
  FilterStream& stream() { return *stream_; }
  /** The answer that goes out when the hook says kReplied. Texts are the stream's arena's. */
  void leaveReply(const http_proxy::LocalReply& reply) { reply_ = stream_->arena().make<http_proxy::LocalReply>(reply); }
  /** Bytes that take the place of those the hook was given. Copied. */
  void leaveChunk(std::string_view bytes);
  /** The whole body as far as it is needed, when it is there; else the stage kRequestBody or kResponseBody follows. */
  /** `partial`: the first `limit` bytes suffice, when there are more; the rest waits, and slows its sender. */
  std::optional<std::string_view> bufferBody(bool response, uint64_t limit, bool partial);
  void replaceBody(bool response, std::string_view bytes);
  /** Bytes behind what went on: from hooks of trailers, and of heads that end their message. */
  void appendBody(bool response, std::string_view bytes);
  /** Nothing comes after what the hooks have seen, trailers apart. */
  bool bodyComplete(bool response) const {
    const Side& side = response ? response_ : request_;
    return side.ended && !side.end_waits;
  }
  uint64_t bodyLimit(bool response) const { return response ? stream_->responseBufferLimit() : stream_->requestBufferLimit(); }
  /** Wants the stage kComplete though it has no hook. */
  void watch() { watched_ = true; }
  void settle(Stage stage, Outcome outcome);

  // ---- from the ScriptSet, when the hooks of heads run
  /** So many filters of a stream cross together. */
  static constexpr size_t kMostTogether = 8;
  /** Its own hook, which waits, and those of the filters that follow at once. The answer is how many. */
  size_t headRuns(std::span<HeadRun> runs);
  void headRan(Outcome outcome);
  /** Its hook ran with that of a filter before it: the head will come. */
  void headRanAhead(Outcome outcome) { ahead_ = outcome; }

  /** The worker's JavaScript is gone: what waits for it fails. */
  void onHostGone();

 private:
  enum class Wait : uint8_t { kNone, kHead, kData, kTrailers };
  /** What few streams need: bytes that a hook left, or that wait for one. In the arena. */
  struct Bytes {
    uint64_t enough = 0;         // a hook waits for so much of the body; 0: for all
    std::string_view replacement;
    std::string_view chunk;      // that the pending hook has; in the arena
    http_proxy::BodyBuffer* queue = nullptr;  // came while a data hook was pending
  };
  struct Side {
    explicit Side(bool is_response) : response(is_response) {}
    Stage stage(Stage request_stage) const {
      return static_cast<Stage>(static_cast<uint32_t>(request_stage) + (response ? 3 : 0));
    }
    bool queues() const { return bytes != nullptr && bytes->queue != nullptr && !bytes->queue->empty(); }
    const bool response;
    Wait wait = Wait::kNone;
    bool gathering = false;      // a hook waits for the body
    bool ended = false;          // the message has ended (with head, body or trailers)
    bool head_ended = false;     // with its head
    bool end_waits = false;      // came while a data hook was pending, which has to see it
    bool has_trailers = false;
    bool trailers_seen = false;  // by their hook
    bool replaced = false;
    bool blocked = false;        // the sender is held back for what queues here
    Bytes* bytes = nullptr;
  };

  Bytes& bytes(Side& side) {
    if (side.bytes == nullptr) side.bytes = stream_->arena().make<Bytes>();
    return *side.bytes;
  }
  Verdict onHead(Side& side, FilterStream& stream, bool end_stream);
  Verdict onData(Side& side, std::string_view& data, FilterStream& stream, bool end_stream);
  Verdict onTrailers(Side& side, FilterStream& stream);
  bool enter(FilterStream& stream) {
    stream_ = &stream;
    if (handle_ == 0) handle_ = set_.streams().enter(*this);
    return handle_ != 0;
  }
  void lookAtResponse();
  Outcome run(Stage stage, bool end_stream, std::string_view chunk = {});
  Outcome runHead(Side& side);
  HeadRun headRun(bool leads, http::HeaderMap& headers) const;
  Verdict passHead(Side& side, bool end_stream);
  Verdict reply();
  Verdict fail(Side& side);
  void failLater(Side& side);
  Verdict whileHeadWaits(Side& side, std::string_view data, bool end_stream);
  Verdict whileDataWaits(Side& side, std::string_view data, bool end_stream);
  void queue(Side& side, std::string_view data);
  std::string_view takeQueue(Side& side);
  void drainQueue(Side& side);
  void resumeAll(Side& side);
  void headSettled(Side& side);
  void dataSettled(Side& side, bool changed);
  std::string_view heldBody(Side& side, std::string_view more);
  http_proxy::BodyBuffer* held(Side& side) { return side.response ? stream_->heldResponse() : stream_->heldRequest(); }
  void inject(Side& side, std::string_view data, bool end_stream);
  void resume(Side& side) { side.response ? stream_->resumeResponse() : stream_->resumeRequest(); }
  void block(Side& side, bool blocked);

  ScriptSet& set_;
  const ProgramRef program_;
  FilterStream* stream_ = nullptr;
  uint32_t handle_ = 0;
  bool watched_ = false;
  bool over_ = false;
  bool in_line_ = false;  // the head waits for its hook
  Outcome ahead_ = Outcome::kNotRun;
  std::string_view left_chunk_;
  const http_proxy::LocalReply* reply_ = nullptr;
  Side request_{false};
  Side response_{true};
};

}  // namespace nuncio::script
