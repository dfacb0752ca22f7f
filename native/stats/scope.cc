#include "stats/scope.h"

#include <cstdlib>
#include <new>

#include "base/check.h"

namespace nuncio::stats {

static_assert(sizeof(Scope) % alignof(std::atomic<uint64_t>) == 0);

Scope* Scope::make(Kind kind, std::string_view name, bool shared) {
  const KindTemplate& rows = templateOf(kind);
  constexpr size_t kLine = 64;  // a scope's lines are its worker's alone
  const size_t size = sizeof(Scope) + rows.stats.size() * sizeof(Cell) + rows.histograms.size() * sizeof(HistogramSlot);
  void* memory = std::aligned_alloc(kLine, (size + kLine - 1) / kLine * kLine);
  CHECK(memory != nullptr);
  Scope* scope = ::new (memory) Scope(kind, name, shared);
  for (size_t i = 0; i < rows.stats.size(); ++i) ::new (scope->cells() + i) Cell(0);
  for (size_t i = 0; i < rows.histograms.size(); ++i) ::new (scope->histograms() + i) HistogramSlot(nullptr);
  return scope;
}

void Scope::destroy(Scope* scope) {
  scope->~Scope();
  std::free(scope);
}

Scope::~Scope() {
  for (size_t i = 0; i < templateOf(kind_).histograms.size(); ++i) {
    delete histograms()[i].load(std::memory_order_relaxed);
  }
  delete response_codes_.load(std::memory_order_relaxed);
}

Histogram& Scope::makeHistogram(size_t index) {
  Histogram* made = new Histogram;
  histograms()[index].store(made, std::memory_order_release);
  return *made;
}

ResponseCodes& Scope::makeResponseCodes() {
  ResponseCodes* made = new ResponseCodes;
  response_codes_.store(made, std::memory_order_release);
  return *made;
}

}  // namespace nuncio::stats
