// HeadFrame: memory that JavaScript and native code share while hooks of heads run: which hooks, what they said, and the headers
// they wrote, which native code takes over when the call is back, or before any other call that JavaScript makes of it. Layout as in
// src/worker/head-frame.ts. Part of the ScriptHost; worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nuncio::binding {

struct HeadFrame {
  static constexpr uint32_t kEntries = 64;
  static constexpr uint32_t kWrites = 256;
  static constexpr uint32_t kText = 16 * 1024;

  struct Entry {
    uint32_t program;
    uint32_t handle;
    uint32_t slot;    // for Activity
    int32_t first;    // of the values that were read ahead for its stream; -1: it follows the entry before
    uint32_t values;  // how many
    int32_t outcome;  // written by JavaScript
  };
  enum Kind : uint32_t { kSetText, kAppendText, kDelete, kSetValue, kAppendValue };
  struct Write {
    uint32_t handle;
    uint32_t name;
    uint32_t kind;
    uint32_t at;      // in `text`, or the number of a value that was read ahead
    uint32_t length;
  };

  uint32_t entries = 0;
  uint32_t stage = 0;
  uint32_t writes = 0;
  uint32_t used = 0;  // of `text`
  Entry entry[kEntries];
  Write write[kWrites];
  char text[kText];
};
static_assert(offsetof(HeadFrame, entry) == 16 && sizeof(HeadFrame::Entry) == 24 && sizeof(HeadFrame::Write) == 20 &&
              offsetof(HeadFrame, text) == 16 + 64 * 24 + 256 * 20);

}  // namespace nuncio::binding
