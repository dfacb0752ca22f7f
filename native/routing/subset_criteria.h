// SubsetCriteria: the metadata (`envoy.lb`) that hosts must have for a request, as a route, a weighted cluster or a TCP
// proxy asks for it, and what the stream's own dynamic metadata adds. A view: keys sorted, values as canonical JSON; what
// it points to is a plan's, immutable and shared by all workers, or a stream's arena.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/text_buffer.h"

namespace nuncio::plan {
struct SubsetCriteria;
struct SubsetCriterion;
}
namespace nuncio::http {
struct MetadataValue;
}

namespace nuncio::routing {

struct SubsetCriterion {
  std::string_view key;
  std::string_view value;
};

struct SubsetCriteria {
  std::span<const SubsetCriterion> values;
  std::span<const SubsetCriteria> fallback_list;  // each goes over `values`: the first that gives a host counts
  bool has_fallback_list = false;
};

/** `over` wins where both name a key. */
SubsetCriteria mergeCriteria(const SubsetCriteria& base, std::span<const SubsetCriterion> over, base::Arena& arena);
/** With the members of the object that filters left as dynamic metadata. */
SubsetCriteria mergeCriteria(const SubsetCriteria& base, const http::MetadataValue& object, base::Arena& arena,
                             base::TextBuffer& scratch);

/** Criteria of a plan, with the text they view. */
class OwnedSubsetCriteria {
 public:
  explicit OwnedSubsetCriteria(const plan::SubsetCriteria& plan);
  ~OwnedSubsetCriteria();
  OwnedSubsetCriteria(const OwnedSubsetCriteria&) = delete;
  OwnedSubsetCriteria& operator=(const OwnedSubsetCriteria&) = delete;

  const SubsetCriteria& view() const { return view_; }

 private:
  std::unique_ptr<const plan::SubsetCriteria> plan_;
  std::vector<std::vector<SubsetCriterion>> values_;
  std::vector<SubsetCriteria> fallback_list_;
  SubsetCriteria view_;
};
using SubsetCriteriaPtr = std::unique_ptr<const OwnedSubsetCriteria>;

}  // namespace nuncio::routing
