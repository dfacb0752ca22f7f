#include "http/substitution/custom_tags.h"

#include <algorithm>
#include <utility>

#include "generated/plan.h"

namespace nuncio::http {

base::Result<CustomTags, std::string> CustomTags::make(const std::vector<plan::CustomTag>& plans) {
  CustomTags made;
  for (const plan::CustomTag& plan : plans) {
    auto value = Formatter::make(plan.value.value_or(plan::Format{}));
    if (!value.ok()) return std::move(value.error().message);
    made.tags_.push_back({plan.name, std::move(value.value()), plan.default_value});
  }
  return made;
}

void CustomTags::forEach(const FormatContext& context, Visit visit, const CustomTags* except) const {
  base::TextBuffer text;
  for (const Tag& tag : tags_) {
    if (except != nullptr && except->has(tag.name)) continue;
    text.clear();
    tag.value.append(context, text);
    const std::string_view value = text.empty() ? std::string_view(tag.otherwise) : text.view();
    if (!value.empty()) visit(tag.name, value);
  }
}

bool CustomTags::has(std::string_view name) const {
  return std::any_of(tags_.begin(), tags_.end(), [&](const Tag& tag) { return tag.name == name; });
}

}  // namespace nuncio::http
