// HeadFrame: memory that JavaScript and native code share while hooks of heads run: which hooks, what they said, and the headers
// they wrote, which native code takes over when the call is back, or before any other call that JavaScript makes of it. Layout as in
// src/worker/head-frame.ts. Part of the ScriptHost; worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nuncio::binding {

struct HeadFrame {
  static constexpr uint32_t kEntries = 128;
  static constexpr uint32_t kWrites = 256;
  static constexpr uint32_t kText = 16 * 1024;

  struct Entry {
    uint32_t program;
    uint32_t handle;
    int32_t values;   // that were read ahead for its stream: the first, and how many in the upper half; -1: it follows the entry before
    int32_t outcome;  // kGoOn, unless JavaScript writes another
  };
  enum Kind : uint32_t { kNone, kSetText, kAppendText, kDelete, kSetValue, kAppendValue };
  struct Write {
    uint32_t entry : 8;   // whose hook wrote it
    uint32_t kind : 24;   // kNone: not written; native code puts it back
    uint32_t name;
    uint32_t at : 16;     // in `text`, or the number of a value that was read ahead
    uint32_t length : 16;
  };

  uint32_t entries = 0;
  uint32_t stage = 0;
  Entry entry[kEntries];
  Write write[kWrites + 1] = {};  // the last is never written
  char text[kText];
};
static_assert(offsetof(HeadFrame, entry) == 8 && sizeof(HeadFrame::Entry) == 16 && sizeof(HeadFrame::Write) == 12 &&
              offsetof(HeadFrame, text) == 8 + 128 * 16 + 257 * 12 && HeadFrame::kText <= 1 << 16);

}  // namespace nuncio::binding
