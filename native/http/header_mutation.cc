#include "http/header_mutation.h"

#include "generated/plan.h"

namespace nuncio::http {
namespace {

/** Puts a value behind the first one, with a comma between. */
void join(HeaderMap& headers, std::string_view name, std::string_view value) {
  for (Header& header : headers.entries()) {
    if (header.name != name) continue;
    header.value = headers.arena().concat(header.value, ",", value);
    return;
  }
  headers.add(name, value);
}

/** Stores the one value of a header, which moves to the end, as in Envoy. */
void overwrite(HeaderMap& headers, std::string_view name, std::string_view value) {
  if (name[0] != ':') headers.remove(name);
  headers.set(name, value);
}

}  // namespace

base::Result<HeaderMutations, std::string> HeaderMutations::make(const std::vector<plan::HeaderMutation>& plans, MessageSide side) {
  HeaderMutations mutations;
  for (const plan::HeaderMutation& plan : plans) {
    Action action;
    using Plan = plan::HeaderMutation::Action;
    switch (plan.action) {
      case Plan::REMOVE: mutations.removals_.push_back(plan.name); continue;
      case Plan::APPEND_IF_EXISTS_OR_ADD: action = Action::kAppendOrAdd; break;
      case Plan::ADD_IF_ABSENT: action = Action::kAddIfAbsent; break;
      case Plan::OVERWRITE_IF_EXISTS_OR_ADD: action = Action::kOverwriteOrAdd; break;
      case Plan::OVERWRITE_IF_EXISTS: action = Action::kOverwriteIfExists; break;
      default: return plan.name + ": unknown header action";
    }
    auto value = Formatter::make(plan.value.has_value() ? *plan.value : plan::Format());
    if (!value.ok()) return plan.name + ": " + value.error().message;
    const std::string name = plan.name == "host" ? ":authority" : plan.name;
    mutations.additions_.push_back({name, action, plan.keep_empty_value, joinsRepeated(name, side), std::move(value.value())});
  }
  return mutations;
}

void HeaderMutations::apply(HeaderMap& headers, const FormatContext& context, base::TextBuffer& scratch) const {
  for (const std::string& name : removals_) headers.remove(name);
  if (additions_.empty()) return;

  // All values are made before any is stored, so that they speak of the headers as they came.
  base::Arena& arena = headers.arena();
  auto* values = arena.array<std::string_view>(additions_.size());
  for (size_t i = 0; i < additions_.size(); ++i) {
    const Addition& addition = additions_[i];
    values[i] = {};
    if (addition.action == Action::kAddIfAbsent && headers.find(addition.name) != nullptr) continue;
    if (addition.action == Action::kOverwriteIfExists && headers.find(addition.name) == nullptr) continue;
    std::string_view value = addition.value.constant();
    if (!addition.value.isConstant()) {
      scratch.clear();
      addition.value.append(context, scratch);
      value = arena.copy(scratch.view());
    }
    if (value.empty() && !addition.keep_empty) continue;
    values[i] = value.data() == nullptr ? std::string_view("", 0) : value;
  }
  for (size_t i = 0; i < additions_.size(); ++i) {
    const Action action = additions_[i].action;
    const bool overwrites = action == Action::kOverwriteOrAdd || action == Action::kOverwriteIfExists;
    if (!overwrites || values[i].data() == nullptr) continue;
    overwrite(headers, additions_[i].name, values[i]);
  }
  for (size_t i = 0; i < additions_.size(); ++i) {
    const Addition& addition = additions_[i];
    const bool adds = addition.action == Action::kAppendOrAdd || addition.action == Action::kAddIfAbsent;
    if (!adds || values[i].data() == nullptr) continue;
    if (addition.joins) {
      join(headers, addition.name, values[i]);
    } else {
      headers.add(addition.name, values[i]);
    }
  }
}

}  // namespace nuncio::http
