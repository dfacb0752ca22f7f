#include "script/listener_filter.h"

namespace nuncio::script {

using tcp::ListenerVerdict;

ListenerVerdict ListenerFilter::onAccept(tcp::AcceptedConnection& connection) {
  connection_ = &connection;
  if (has(Stage::kAccept)) return verdictOf(run(Stage::kAccept, false));
  return has(Stage::kAcceptData) ? ListenerVerdict::kNeedData : ListenerVerdict::kContinue;
}

ListenerVerdict ListenerFilter::onData(tcp::AcceptedConnection& connection, std::string_view bytes) {
  connection_ = &connection;
  return has(Stage::kAcceptData) ? verdictOf(run(Stage::kAcceptData, false, bytes)) : ListenerVerdict::kContinue;
}

ListenerVerdict ListenerFilter::verdictOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kGoOn: return ListenerVerdict::kContinue;
    case Outcome::kMore: return ListenerVerdict::kNeedData;
    case Outcome::kWaiting:
      waits_ = true;
      return ListenerVerdict::kWait;
    case Outcome::kFailed:
    case Outcome::kGone: return program_->failsOpen() ? ListenerVerdict::kContinue : ListenerVerdict::kReject;
    default: return ListenerVerdict::kReject;
  }
}

void ListenerFilter::settle(Stage, Outcome outcome) {
  if (!waits_) return;
  waits_ = false;
  connection_->resume(verdictOf(outcome));
}

void ListenerFilter::onHostGone() { settle(Stage::kAccept, Outcome::kFailed); }

}  // namespace nuncio::script
