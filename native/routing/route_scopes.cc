#include "routing/route_scopes.h"

#include <cstring>

namespace nuncio::routing {
namespace {

// A key as one text: before each fragment its length, so that no two lists of fragments are alike.
using Length = uint32_t;

template <class Text>
void appendFragment(Text& key, std::string_view fragment) {
  const auto length = static_cast<Length>(fragment.size());
  key.append(reinterpret_cast<const char*>(&length), sizeof(length));
  key.append(fragment.data(), fragment.size());
}

/** Room in an arena, filled from the front. */
class ArenaText {
 public:
  ArenaText(base::Arena& arena, size_t size) : begin_(static_cast<char*>(arena.allocate(size, 1))), end_(begin_) {}
  void append(const char* text, size_t size) {
    if (size != 0) std::memcpy(end_, text, size);
    end_ += size;
  }
  std::string_view view() const { return {begin_, static_cast<size_t>(end_ - begin_)}; }

 private:
  char* begin_;
  char* end_;
};

/** The next element of a value; `rest` is what follows it, `more` whether there is a further one. */
std::string_view takeElement(std::string_view& rest, std::string_view separator, bool& more) {
  const size_t at = separator.empty() ? std::string_view::npos : rest.find(separator);
  more = at != std::string_view::npos;
  const std::string_view element = rest.substr(0, at);
  rest = more ? rest.substr(at + separator.size()) : std::string_view();
  return element;
}

/** What an element is the value of; an element without a separator is the key of an empty value. */
std::optional<std::string_view> valueOf(std::string_view element, const plan::ScopeKeyFragment& wanted) {
  const size_t at = wanted.key_separator.empty() ? std::string_view::npos : element.find(wanted.key_separator);
  if (element.substr(0, at) != wanted.key) return std::nullopt;
  return at == std::string_view::npos ? std::string_view() : element.substr(at + wanted.key_separator.size());
}

std::optional<std::string_view> extract(const plan::ScopeKeyFragment& wanted, http::HeaderMap& headers) {
  std::string_view rest = headers.get(wanted.header);
  if (rest.data() == nullptr) return std::nullopt;
  uint32_t position = 0;
  for (bool more = true; more; ++position) {
    const std::string_view element = takeElement(rest, wanted.element_separator, more);
    if (wanted.index) {
      if (position == *wanted.index) return element;
    } else if (const auto value = valueOf(element, wanted)) {
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

base::Result<std::unique_ptr<const RouteScopes>, std::string> RouteScopes::make(const plan::RouteScopes& plan) {
  auto made = std::make_unique<RouteScopes>();
  for (const plan::RouteScope& one : plan.scopes) {
    std::string key;
    for (const std::string& fragment : one.key) appendFragment(key, fragment);
    if (!made->keys_.insert(key, static_cast<uint32_t>(made->scopes_.size()))) {
      return "scope '" + one.name + "' has the key of another";
    }
    made->scopes_.push_back({one.name, one.route_table_slot, one.on_demand});
  }
  return std::unique_ptr<const RouteScopes>(std::move(made));
}

const RouteScope* RouteScopes::find(std::string_view key) const {
  const uint32_t found = keys_.find(key);
  return found == StringTable::kNone ? nullptr : &scopes_[found];
}

std::optional<std::string_view> ScopeKeyBuilder::keyOf(http::HeaderMap& headers, base::Arena& arena) const {
  size_t size = 0;
  for (const plan::ScopeKeyFragment& wanted : fragments_) {
    const auto fragment = extract(wanted, headers);
    if (!fragment) return std::nullopt;
    size += sizeof(Length) + fragment->size();
  }
  ArenaText key(arena, size);
  for (const plan::ScopeKeyFragment& wanted : fragments_) appendFragment(key, *extract(wanted, headers));
  return key.view();
}

}  // namespace nuncio::routing
