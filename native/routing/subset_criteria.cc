#include "routing/subset_criteria.h"

#include <algorithm>

#include "generated/plan.h"
#include "http/dynamic_metadata.h"

namespace nuncio::routing {
namespace {

std::vector<SubsetCriterion> viewOf(const std::vector<plan::SubsetCriterion>& plan) {
  std::vector<SubsetCriterion> out;
  out.reserve(plan.size());
  for (const plan::SubsetCriterion& one : plan) out.push_back({one.key, one.value});
  return out;
}

}  // namespace

SubsetCriteria mergeCriteria(const SubsetCriteria& base, std::span<const SubsetCriterion> over, base::Arena& arena) {
  if (over.empty()) return base;
  auto* merged = static_cast<SubsetCriterion*>(
      arena.allocate((base.values.size() + over.size()) * sizeof(SubsetCriterion), alignof(SubsetCriterion)));
  SubsetCriterion* end = merged;
  auto lower = base.values.begin();
  for (const SubsetCriterion& upper : over) {
    while (lower != base.values.end() && lower->key < upper.key) *end++ = *lower++;
    if (lower != base.values.end() && lower->key == upper.key) ++lower;
    *end++ = upper;
  }
  while (lower != base.values.end()) *end++ = *lower++;
  SubsetCriteria out = base;
  out.values = {merged, static_cast<size_t>(end - merged)};
  return out;
}

SubsetCriteria mergeCriteria(const SubsetCriteria& base, const http::MetadataValue& object, base::Arena& arena,
                             base::TextBuffer& scratch) {
  size_t count = 0;
  for (const http::MetadataMember* member = object.first; member != nullptr; member = member->next) ++count;
  auto* values = static_cast<SubsetCriterion*>(arena.allocate(count * sizeof(SubsetCriterion), alignof(SubsetCriterion)));
  size_t at = 0;
  for (const http::MetadataMember* member = object.first; member != nullptr; member = member->next) {
    scratch.clear();
    member->value.writeJson(scratch);
    values[at++] = {member->key, arena.copy(scratch.view())};
  }
  return mergeCriteria(base, {values, count}, arena);
}

OwnedSubsetCriteria::OwnedSubsetCriteria(const plan::SubsetCriteria& plan)
    : plan_(std::make_unique<const plan::SubsetCriteria>(plan)) {
  values_.push_back(viewOf(plan_->values));
  for (const plan::SubsetCriteria& one : plan_->fallback_list) values_.push_back(viewOf(one.values));
  for (size_t i = 1; i < values_.size(); ++i) fallback_list_.push_back({values_[i], {}, false});
  view_ = {values_.front(), fallback_list_, plan_->has_fallback_list};
}

OwnedSubsetCriteria::~OwnedSubsetCriteria() = default;

}  // namespace nuncio::routing
