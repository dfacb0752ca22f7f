// HeadRun: the hook of one filter that is to see a head. Several cross to JavaScript together: those of filters that follow each
// other in a chain, and those of the streams of a turn. Worker thread only.
#pragma once

#include <cstdint>
#include <span>

#include "http/header_map.h"
#include "script/host.h"

namespace nuncio::script {

struct HeadRun {
  uint32_t program = 0;
  uint32_t slot = 0;    // where the snapshot has it, for the watchdog
  uint32_t handle = 0;
  bool leads = false;   // the first of its stream; those that follow run when it, and all before them, let the head go on
  http::HeaderMap* headers = nullptr;
  Outcome outcome = Outcome::kNotRun;
};

// More than that cross in several calls.
inline constexpr size_t kMostHeadRuns = 128;

}  // namespace nuncio::script
