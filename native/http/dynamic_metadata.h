// DynamicMetadata: what filters say about a stream or a connection while it runs, for other filters, access logs and
// matchers: a namespace (by custom the filter's name) and in it a JSON object. Values live in the owner's arena: what is
// replaced stays there until the owner goes. FilterState beside it: named values that are text outside.
// Owned by the stream, or by the connection whose listener filters wrote it; worker thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "base/text_buffer.h"

namespace nuncio::http {

struct MetadataMember;

/** One JSON value. Strings and members are the arena's. Trivially copyable. */
struct MetadataValue {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kList, kStruct };

  static MetadataValue null() { return {}; }
  static MetadataValue boolean(bool value) { return {.kind = Kind::kBool, .truth = value}; }
  static MetadataValue number(double value) { return {.kind = Kind::kNumber, .numeric = value}; }
  /** `text` must live as long as the arena: use Arena::copy. */
  static MetadataValue string(std::string_view text) { return {.kind = Kind::kString, .text = text}; }
  static MetadataValue list() { return {.kind = Kind::kList}; }
  static MetadataValue structure() { return {.kind = Kind::kStruct}; }

  /** A struct's member; null when there is none, or this is no struct. */
  const MetadataValue* find(std::string_view key) const;
  MetadataValue* find(std::string_view key) { return const_cast<MetadataValue*>(std::as_const(*this).find(key)); }
  /** A struct's member, added when it is missing; the key is copied. */
  MetadataValue& member(base::Arena& arena, std::string_view key);
  /** Adds to the end of a list. */
  MetadataValue& append(base::Arena& arena);
  /** A copy of everything below in another arena. */
  MetadataValue clone(base::Arena& arena) const;
  /** As JSON, keys sorted, whole numbers without a fraction. */
  void writeJson(base::TextBuffer& out) const;

  Kind kind = Kind::kNull;
  bool truth = false;
  double numeric = 0;
  std::string_view text = {};
  MetadataMember* first = nullptr;  // kStruct: sorted by key; kList: in order, keys empty
};

struct MetadataMember {
  std::string_view key;
  MetadataValue value;
  MetadataMember* next;
};

/** Reads JSON into `out`. False when it is malformed, or deeper than 32. Duplicate keys: the last counts. */
bool parseMetadata(std::string_view json, base::Arena& arena, MetadataValue& out);

class DynamicMetadata {
 public:
  explicit DynamicMetadata(base::Arena& arena) : arena_(arena), root_(MetadataValue::structure()) {}
  DynamicMetadata(const DynamicMetadata&) = delete;
  DynamicMetadata& operator=(const DynamicMetadata&) = delete;

  base::Arena& arena() { return arena_; }
  bool empty() const { return root_.first == nullptr; }

  /** Namespace → object. */
  const MetadataValue& root() const { return root_; }
  /** The object of a namespace; null when nobody wrote to it. */
  const MetadataValue* find(std::string_view name) const { return root_.find(name); }
  /** The value at namespace, key, key …; null when there is none. */
  const MetadataValue* find(std::span<const std::string> path) const;
  /** Sets one key of a namespace, in place of what was there (Envoy's setDynamicMetadata merges by key). */
  void set(std::string_view name, std::string_view key, const MetadataValue& value);
  /** As `set`, of a text that is copied. */
  void setString(std::string_view name, std::string_view key, std::string_view text) {
    set(name, key, MetadataValue::string(arena_.copy(text)));
  }
  /** Merges a JSON object's keys into a namespace. False when it is no object or malformed; then nothing changes. */
  bool merge(std::string_view name, std::string_view json_object);
  /** Merges an object whose memory is this arena's. */
  void merge(std::string_view name, const MetadataValue& object);
  /** Takes over all namespaces of another store (copied). */
  void mergeAll(const DynamicMetadata& other);

  /** Everything as JSON: namespace → object, keys sorted. Made when first asked for after a change; the arena's. */
  std::string_view json() const;

 private:
  MetadataValue& space(std::string_view name);

  base::Arena& arena_;
  MetadataValue root_;
  mutable std::string_view json_;
  mutable bool json_made_ = false;
};

/** Named values shared by the filters of a stream or connection, in their text form (Envoy's serializeAsString). */
class FilterState {
 public:
  explicit FilterState(base::Arena& arena) : arena_(arena) {}
  FilterState(const FilterState&) = delete;
  FilterState& operator=(const FilterState&) = delete;

  /** Both are copied; what was there under the name is replaced. */
  void set(std::string_view name, std::string_view text);
  /** A value with fields of its own (`%FILTER_STATE(name:FIELD:field)%`); the object is copied. */
  void setField(std::string_view name, std::string_view field, std::string_view text);
  /** Null data: there is none. */
  std::string_view find(std::string_view name) const;
  std::string_view findField(std::string_view name, std::string_view field) const;
  /** Text or struct of fields, for those who write it out; null: there is none. */
  const MetadataValue* value(std::string_view name) const { return values_.find(name); }
  bool empty() const { return values_.first == nullptr; }

 private:
  base::Arena& arena_;
  MetadataValue values_ = MetadataValue::structure();  // name → string, or struct of fields
};

}  // namespace nuncio::http
