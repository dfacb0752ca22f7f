// ResponseCodes: how often each status code was answered, and each class of them (`upstream_rq_200`,
// `upstream_rq_2xx`). Codes come in pages of 16 that are made when one of them is first seen. One writer (its
// worker), any thread reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <new>

namespace nuncio::stats {

class ResponseCodes {
 public:
  static constexpr unsigned kFirst = 100;
  static constexpr unsigned kEnd = 600;   // codes outside count as `upstream_rq_unknown`
  static constexpr unsigned kUnknown = 0;

  ResponseCodes() = default;
  ResponseCodes(const ResponseCodes&) = delete;
  ResponseCodes& operator=(const ResponseCodes&) = delete;
  ~ResponseCodes() {
    for (auto& page : pages_) delete page.load(std::memory_order_relaxed);
  }

  void charge(unsigned code) {
    if (code < kFirst || code >= kEnd) return bump(unknown_);
    bump(classes_[code / 100 - 1]);
    std::atomic<Page*>& at = pages_[(code - kFirst) / kPageSize];
    Page* page = at.load(std::memory_order_relaxed);
    if (page == nullptr) [[unlikely]] at.store(page = new Page, std::memory_order_release);
    bump(page->counts[(code - kFirst) % kPageSize]);
  }

  /** Calls visit(id, count) for all that is not zero; id is a code (100..599), a class (1..5) or kUnknown. */
  template <class Visit>
  void forEach(Visit&& visit) const {
    const auto show = [&](unsigned id, const std::atomic<uint64_t>& cell) {
      const uint64_t count = cell.load(std::memory_order_relaxed);
      if (count != 0) visit(id, count);
    };
    show(kUnknown, unknown_);
    for (unsigned i = 0; i < 5; ++i) show(i + 1, classes_[i]);
    for (unsigned p = 0; p < kPages; ++p) {
      const Page* page = pages_[p].load(std::memory_order_acquire);
      if (page == nullptr) continue;
      for (unsigned i = 0; i < kPageSize; ++i) show(kFirst + p * kPageSize + i, page->counts[i]);
    }
  }

 private:
  static constexpr unsigned kPageSize = 16;
  static constexpr unsigned kPages = (kEnd - kFirst + kPageSize - 1) / kPageSize;
  struct Page {
    std::atomic<uint64_t> counts[kPageSize] = {};
  };
  static void bump(std::atomic<uint64_t>& cell) {
    cell.store(cell.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::atomic<uint64_t> unknown_{0};
  std::atomic<uint64_t> classes_[5] = {};
  std::atomic<Page*> pages_[kPages] = {};
};

}  // namespace nuncio::stats
