// Host: the JavaScript of a worker as native code calls it. Implemented by binding/ with N-API, and by tests. It comes
// and goes with the Node thread that runs the worker; a call that finds it gone says so. Worker thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stats/scope.h"

namespace nuncio::script {

/** What a hook is called for. The bit of a hook in a program's mask is 1 << stage. Numbers as in src/worker/script-addon.ts. */
enum class Stage : uint32_t {
  kRequestHeaders, kRequestData, kRequestTrailers, kResponseHeaders, kResponseData, kResponseTrailers,
  kComplete,
  kRelease,       // no stream and no snapshot holds the program any more
  kRequestBody,   // a body that a hook waits for is there
  kResponseBody,
  // ---- of a request that JavaScript made (script/outgoing_calls.h); `handle` is its number, `end_stream` as said there
  kCallHeaders,
  kCallData,
  kCallTrailers,
  kCallEnd,       // end_stream: the answer came whole
  kCallWritable,  // its body may go on
  // ---- of a connection
  kConnection, kConnectionData, kConnectionWrite, kConnectionClosed,
  kAccept, kAcceptData, kAcceptEnd,
  // ---- of no stream: a batch of log entries; the handle is how many were lost before it
  kLog,
};

enum class Outcome : int32_t {
  kNotRun = -1,  // of several that cross together: one before it did not let the head go on, or there is no JavaScript
  kGoOn,
  kReplied,  // the answer was left with HttpFilter::leaveReply
  kWaiting,  // a promise; HttpFilter::settle follows
  kChanged,  // other bytes were left with leaveChunk
  kFailed,   // it threw; that was logged and counted
  kGone,     // there is no JavaScript (the thread is being replaced)
  kMore,     // a connection's bytes are to come again, with those after them
  kClosed,   // a listener filter refuses the connection
  kHeld,     // what the hook was given stays with it; a head waits
};

struct Call {
  Stage stage;
  uint32_t program;
  uint32_t handle;
  uint32_t end_stream;
};

/** A program as the host has it built. */
struct Built {
  uint32_t index;
  uint32_t hooks;
  stats::Scope* times;  // of the histogram of its hooks' time; null: none
};

struct HeadRun;

class Host {
 public:
  /** Null data: no chunk. */
  virtual Outcome run(const Call& call, std::string_view chunk) = 0;
  /** Calls the hooks of heads (script/head_run.h), all of the same stage, and leaves what they said in `runs`. */
  virtual void runHeads(Stage stage, std::span<HeadRun> runs) = 0;
  /** This turn is to have an end: ScriptSet::flush is called then. */
  virtual void wantEndOfTurn() = 0;
  /** The program with this id, when it was prepared; from now on it is in use. */
  virtual std::optional<Built> find(const std::string& id) = 0;

 protected:
  ~Host() = default;
};

}  // namespace nuncio::script
