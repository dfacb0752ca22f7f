#include "http/dynamic_metadata.h"

#include <charconv>
#include <cmath>

#include "http/substitution/json_text.h"

namespace nuncio::http {
namespace {

constexpr int kMaxDepth = 32;

void writeNumber(double value, base::TextBuffer& out) {
  if (!std::isfinite(value)) return out.append("null");
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::floor(value) == value && std::fabs(value) <= kExact) return out.appendDecimal(static_cast<int64_t>(value));
  constexpr size_t kLongest = 32;
  char* at = out.reserve(kLongest);
  out.commit(std::to_chars(at, at + kLongest, value).ptr);
}

void writeString(std::string_view text, base::TextBuffer& out) {
  out.append('"');
  substitution::appendJsonEscaped(text, out);
  out.append('"');
}

/** Recursive descent, bounded in depth. */
class Reader {
 public:
  Reader(std::string_view json, base::Arena& arena) : at_(json.data()), end_(json.data() + json.size()), arena_(arena) {}

  bool whole(MetadataValue& out) {
    if (!value(out, 0)) return false;
    blanks();
    return at_ == end_;
  }

 private:
  void blanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool take(char wanted) {
    blanks();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view wanted) {
    if (static_cast<size_t>(end_ - at_) < wanted.size() || std::string_view(at_, wanted.size()) != wanted) return false;
    at_ += wanted.size();
    return true;
  }

  bool value(MetadataValue& out, int depth) {
    blanks();
    if (at_ == end_ || depth > kMaxDepth) return false;
    switch (*at_) {
      case '{': return object(out, depth);
      case '[': return list(out, depth);
      case '"': {
        out = MetadataValue::string({});
        return string(out.text);
      }
      case 't': out = MetadataValue::boolean(true); return word("true");
      case 'f': out = MetadataValue::boolean(false); return word("false");
      case 'n': out = MetadataValue::null(); return word("null");
      default: return number(out);
    }
  }

  bool number(MetadataValue& out) {
    double parsed = 0;
    const auto result = std::from_chars(at_, end_, parsed);
    if (result.ec != std::errc() || !std::isfinite(parsed)) return false;
    at_ = result.ptr;
    out = MetadataValue::number(parsed);
    return true;
  }

  bool string(std::string_view& out) {
    const char* const begin = at_++;
    bool escaped = false;
    while (at_ < end_ && *at_ != '"') {
      if (static_cast<unsigned char>(*at_) < 0x20) return false;
      if (*at_ == '\\') {
        escaped = true;
        if (++at_ == end_) return false;
      }
      ++at_;
    }
    if (at_ == end_) return false;
    ++at_;
    const std::string_view quoted(begin, static_cast<size_t>(at_ - begin));
    if (!escaped) {
      out = arena_.copy(quoted.substr(1, quoted.size() - 2));
      return true;
    }
    base::TextBuffer text;
    substitution::appendJsonString(quoted, text);
    out = arena_.copy(text.view());
    return true;
  }

  bool object(MetadataValue& out, int depth) {
    out = MetadataValue::structure();
    ++at_;
    if (take('}')) return true;
    do {
      blanks();
      std::string_view key;
      if (at_ == end_ || *at_ != '"' || !string(key) || !take(':')) return false;
      if (!value(out.member(arena_, key), depth + 1)) return false;
    } while (take(','));
    return take('}');
  }

  bool list(MetadataValue& out, int depth) {
    out = MetadataValue::list();
    ++at_;
    if (take(']')) return true;
    MetadataMember** end = &out.first;
    do {
      *end = arena_.make<MetadataMember>(MetadataMember{{}, {}, nullptr});
      if (!value((*end)->value, depth + 1)) return false;
      end = &(*end)->next;
    } while (take(','));
    return take(']');
  }

  const char* at_;
  const char* const end_;
  base::Arena& arena_;
};

}  // namespace

const MetadataValue* MetadataValue::find(std::string_view key) const {
  if (kind != Kind::kStruct) return nullptr;
  for (const MetadataMember* at = first; at != nullptr; at = at->next) {
    if (at->key == key) return &at->value;
  }
  return nullptr;
}

MetadataValue& MetadataValue::member(base::Arena& arena, std::string_view key) {
  MetadataMember** at = &first;
  while (*at != nullptr && (*at)->key < key) at = &(*at)->next;
  if (*at != nullptr && (*at)->key == key) return (*at)->value;
  *at = arena.make<MetadataMember>(MetadataMember{arena.copy(key), {}, *at});
  return (*at)->value;
}

MetadataValue& MetadataValue::append(base::Arena& arena) {
  MetadataMember** at = &first;
  while (*at != nullptr) at = &(*at)->next;
  *at = arena.make<MetadataMember>(MetadataMember{{}, {}, nullptr});
  return (*at)->value;
}

MetadataValue MetadataValue::clone(base::Arena& arena) const {
  MetadataValue copy = *this;
  copy.text = arena.copy(text);
  copy.first = nullptr;
  MetadataMember** end = &copy.first;
  for (const MetadataMember* at = first; at != nullptr; at = at->next) {
    *end = arena.make<MetadataMember>(MetadataMember{arena.copy(at->key), at->value.clone(arena), nullptr});
    end = &(*end)->next;
  }
  return copy;
}

void MetadataValue::writeJson(base::TextBuffer& out) const {
  switch (kind) {
    case Kind::kNull: return out.append("null");
    case Kind::kBool: return out.append(truth ? "true" : "false");
    case Kind::kNumber: return writeNumber(numeric, out);
    case Kind::kString: return writeString(text, out);
    case Kind::kList:
    case Kind::kStruct: break;
  }
  const bool is_struct = kind == Kind::kStruct;
  out.append(is_struct ? '{' : '[');
  for (const MetadataMember* at = first; at != nullptr; at = at->next) {
    if (at != first) out.append(',');
    if (is_struct) {
      writeString(at->key, out);
      out.append(':');
    }
    at->value.writeJson(out);
  }
  out.append(is_struct ? '}' : ']');
}

bool parseMetadata(std::string_view json, base::Arena& arena, MetadataValue& out) { return Reader(json, arena).whole(out); }

const MetadataValue* DynamicMetadata::find(std::span<const std::string> path) const {
  const MetadataValue* at = &root_;
  for (const std::string& key : path) {
    at = at->find(key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

MetadataValue& DynamicMetadata::space(std::string_view name) {
  json_made_ = false;
  MetadataValue& found = root_.member(arena_, name);
  if (found.kind != MetadataValue::Kind::kStruct) found = MetadataValue::structure();
  return found;
}

void DynamicMetadata::set(std::string_view name, std::string_view key, const MetadataValue& value) {
  space(name).member(arena_, key) = value;
}

bool DynamicMetadata::merge(std::string_view name, std::string_view json_object) {
  MetadataValue parsed;
  if (!parseMetadata(json_object, arena_, parsed) || parsed.kind != MetadataValue::Kind::kStruct) return false;
  merge(name, parsed);
  return true;
}

void DynamicMetadata::merge(std::string_view name, const MetadataValue& object) {
  MetadataValue& into = space(name);
  for (const MetadataMember* at = object.first; at != nullptr; at = at->next) into.member(arena_, at->key) = at->value;
}

void DynamicMetadata::mergeAll(const DynamicMetadata& other) {
  for (const MetadataMember* at = other.root_.first; at != nullptr; at = at->next) merge(at->key, at->value.clone(arena_));
}

std::string_view DynamicMetadata::json() const {
  if (empty()) return {};
  if (json_made_) return json_;
  base::TextBuffer text;
  root_.writeJson(text);
  json_made_ = true;
  return json_ = arena_.copy(text.view());
}

void FilterState::set(std::string_view name, std::string_view text) {
  values_.member(arena_, name) = MetadataValue::string(arena_.copy(text));
}

void FilterState::setField(std::string_view name, std::string_view field, std::string_view text) {
  MetadataValue& value = values_.member(arena_, name);
  if (value.kind != MetadataValue::Kind::kStruct) value = MetadataValue::structure();
  value.member(arena_, field) = MetadataValue::string(arena_.copy(text));
}

std::string_view FilterState::find(std::string_view name) const {
  const MetadataValue* found = value(name);
  return found == nullptr || found->kind != MetadataValue::Kind::kString ? std::string_view() : found->text;
}

std::string_view FilterState::findField(std::string_view name, std::string_view field) const {
  const MetadataValue* object = value(name);
  const MetadataValue* found = object == nullptr ? nullptr : object->find(field);
  return found == nullptr ? std::string_view() : found->text;
}

}  // namespace nuncio::http
