// Notes: sentences for the operator from threads that carry traffic. Main takes them now and then and writes them to the
// application log. One a second for each source; those between are counted, and so is what comes while too many wait. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nuncio::base {

class Notes {
 public:
  static Notes& process() {
    static Notes* const kNotes = new Notes();  // outlives every worker
    return *kNotes;
  }

  /** `source`: what the note is about ("cluster.a.ssl"). */
  void add(std::string_view source, int64_t now_ns, std::string_view text) {
    std::lock_guard lock(mutex_);
    Source* known = find(source);
    if (known == nullptr || now_ns - known->noted_ns < kIntervalNs || texts_.size() >= kMax) {
      ++(known == nullptr ? dropped_ : known->dropped);
      return;
    }
    std::string note(source);
    note.append(": ").append(text);
    if (known->dropped != 0) note.append(" (and ").append(std::to_string(known->dropped)).append(" more before)");
    known->dropped = 0;
    known->noted_ns = now_ns;
    texts_.push_back(std::move(note));
  }

  /** What came since the last call. */
  std::vector<std::string> take() {
    std::lock_guard lock(mutex_);
    if (dropped_ != 0) texts_.push_back(std::to_string(std::exchange(dropped_, 0)) + " notes of further sources were dropped");
    return std::exchange(texts_, {});
  }

 private:
  static constexpr size_t kMax = 64;
  static constexpr size_t kMaxSources = 256;
  static constexpr int64_t kIntervalNs = 1'000'000'000;
  struct Source {
    std::string name;
    int64_t noted_ns;
    uint64_t dropped;
  };

  Source* find(std::string_view name) {
    for (Source& source : sources_) {
      if (source.name == name) return &source;
    }
    if (sources_.size() >= kMaxSources) return nullptr;
    return &sources_.emplace_back(Source{std::string(name), -kIntervalNs, 0});
  }

  std::mutex mutex_;
  std::vector<Source> sources_;     // guarded by mutex_
  std::vector<std::string> texts_;  // guarded by mutex_
  uint64_t dropped_ = 0;            // guarded by mutex_
};

}  // namespace nuncio::base
