#include "script/outgoing_calls.h"

#include <utility>

#include "http_proxy/worker_context.h"

namespace nuncio::script {

// ---------------------------------------------------------------- one call

// JavaScript may give the call up whenever it is told something: nothing of it is touched after tell().

void OutgoingCall::tell(Stage stage, bool flag, std::string_view chunk) {
  OutgoingCalls& calls = calls_;
  const uint32_t number = number_;
  if (calls.host_.run({stage, 0, number, flag}, chunk) == Outcome::kGone) calls.cancel(number);
}

void OutgoingCall::onHeaders(http::HeaderMap& headers, bool end_stream) {
  headers_ = &headers;
  tell(Stage::kCallHeaders, end_stream);
}

void OutgoingCall::onData(std::string_view data, bool end_stream) {
  if (!data.empty()) tell(Stage::kCallData, end_stream, data);
}

void OutgoingCall::onTrailers(http::HeaderMap& trailers) {
  trailers_ = &trailers;
  tell(Stage::kCallTrailers, true);
}

void OutgoingCall::onEnd(bool whole) {
  OutgoingCalls& calls = calls_;
  const uint32_t number = number_;
  calls.host_.run({Stage::kCallEnd, 0, number, whole}, {});
  calls.calls_.erase(number);
}

void OutgoingCall::onRequestBlocked(bool blocked) {
  blocked_ = blocked;
  if (!blocked) tell(Stage::kCallWritable, false);
}

// ---------------------------------------------------------------- all of them

OutgoingCalls::~OutgoingCalls() {
  for (auto& [number, call] : calls_) call->stream().cancel();
}

OutgoingCalls::Start OutgoingCalls::start(uint32_t number, const http_proxy::AsyncOptions& options,
                                          base::FunctionRef<void(http::HeaderMap&)> fill, bool end_stream) {
  bool overflow = false;
  http_proxy::AsyncStream* stream = client_.start(options, &overflow);
  if (stream == nullptr) return overflow ? Start::kOverflow : Start::kNoCluster;
  auto& headers = *stream->arena().make<http::HeaderMap>(stream->arena());
  fill(headers);
  auto& call = calls_[number];
  call = std::make_unique<OutgoingCall>(*this, number, *stream);
  stream->sendHeaders(headers, end_stream, *call);
  return Start::kStarted;
}

bool OutgoingCalls::write(uint32_t number, std::string_view data, bool end_stream) {
  OutgoingCall* call = find(number);
  if (call == nullptr) return true;
  std::string_view kept = data;
  if (!data.empty()) {  // the socket's queue may borrow from it, and JavaScript's memory moves on
    char* memory = call->stream().worker().services.io.turnMemory(data.size());
    data.copy(memory, data.size());
    kept = {memory, data.size()};
  }
  call->stream().sendData(kept, end_stream);
  call = find(number);
  return call == nullptr || !call->requestBlocked();
}

void OutgoingCalls::pause(uint32_t number, bool pause) {
  if (OutgoingCall* call = find(number)) call->stream().pauseResponse(pause);
}

void OutgoingCalls::cancel(uint32_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end()) return;
  const auto call = std::move(found->second);
  calls_.erase(found);
  call->stream().cancel();
}

OutgoingCall* OutgoingCalls::find(uint32_t number) {
  const auto found = calls_.find(number);
  return found == calls_.end() ? nullptr : found->second.get();
}

}  // namespace nuncio::script
