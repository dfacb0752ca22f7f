#include "http/substitution/json_formatter.h"

#include <cstring>

#include "generated/plan.h"
#include "http/substitution/json_text.h"

namespace nuncio::http {

using substitution::Piece;
using substitution::ValueKind;
using substitution::ValueUse;

namespace {

std::string quotedJson(std::string_view text) {
  base::TextBuffer out;
  out.append('"');
  substitution::appendJsonEscaped(text, out);
  out.append('"');
  return std::string(out.view());
}

}  // namespace

base::Result<JsonFormatter, FormatError> JsonFormatter::make(const plan::JsonFormat& format, bool omit_empty_values) {
  JsonFormatter made;
  made.omit_empty_ = omit_empty_values;
  FormatError error;
  if (!build(format, made.root_, error)) return error;
  return made;
}

bool JsonFormatter::build(const plan::JsonFormat& format, Node& node, FormatError& error) {
  using Kind = plan::JsonFormat::Kind;
  switch (format.kind) {
    case Kind::RAW:
      node.raw = format.raw;
      return true;
    case Kind::FORMAT:
      return buildLeaf(format.format.value_or(plan::Format{}), node, error);
    case Kind::OBJECT:
    case Kind::ARRAY: break;
  }
  const bool object = format.kind == Kind::OBJECT;
  node.kind = object ? Node::Kind::kObject : Node::Kind::kArray;
  if (object && format.keys.size() != format.values.size()) {
    error.message = "a JSON format has " + std::to_string(format.keys.size()) + " keys and " +
                    std::to_string(format.values.size()) + " values";
    return false;
  }
  for (size_t i = 0; i < format.values.size(); ++i) {
    Node& child = node.children.emplace_back();
    if (object) child.key = quotedJson(format.keys[i]) + ":";
    if (!build(format.values[i], child, error)) return false;
  }
  return true;
}

bool JsonFormatter::buildLeaf(const plan::Format& format, Node& node, FormatError& error) {
  for (const plan::FormatPiece& each : format.pieces) {
    base::Result<Piece, std::string> piece = substitution::makePiece(each);
    if (!piece.ok()) {
      error.message = std::move(piece.error());
      return false;
    }
    node.pieces.push_back(std::move(piece.value()));
  }
  const bool single = node.pieces.size() == 1;
  if (node.pieces.empty() || (single && node.pieces[0].op == plan::Operator::LITERAL)) {
    node.raw = quotedJson(node.pieces.empty() ? "" : node.pieces[0].text);
    node.pieces.clear();
    return true;
  }
  node.kind = single ? Node::Kind::kTyped : Node::Kind::kString;
  return true;
}

void JsonFormatter::append(const FormatContext& context, base::TextBuffer& out) const {
  if (!appendNode(root_, context, out)) out.append("{}");
  out.append('\n');
}

// False: nothing was appended, because the value is null and nulls are left out.
bool JsonFormatter::appendNode(const Node& node, const FormatContext& context, base::TextBuffer& out) const {
  switch (node.kind) {
    case Node::Kind::kObject:
    case Node::Kind::kArray: return appendChildren(node, context, out);
    case Node::Kind::kTyped: return appendTyped(node, context, out);
    case Node::Kind::kString: return appendString(node, context, out), true;
    case Node::Kind::kRaw: break;
  }
  if (omit_empty_ && node.raw == "null") return false;
  out.append(node.raw);
  return true;
}

bool JsonFormatter::appendChildren(const Node& node, const FormatContext& context, base::TextBuffer& out) const {
  const bool object = node.kind == Node::Kind::kObject;
  const size_t start = out.size();
  out.append(object ? '{' : '[');
  bool first = true;
  for (const Node& child : node.children) {
    const size_t before = out.size();
    if (!first) out.append(',');
    out.append(child.key);
    if (appendNode(child, context, out)) {
      first = false;
    } else {
      out.truncate(before);
    }
  }
  if (object && first && omit_empty_) {
    out.truncate(start);
    return false;
  }
  out.append(object ? '}' : ']');
  return true;
}

bool JsonFormatter::appendTyped(const Node& node, const FormatContext& context, base::TextBuffer& out) const {
  const size_t start = out.size();
  out.append('"');  // most values are strings; the quote goes again when this one is not
  const ValueKind kind = appendValue(node.pieces[0], ValueUse::kTyped, context, out);
  if (kind == ValueKind::kString) {
    substitution::escapeJsonTail(out, start + 1);
    out.append('"');
    return true;
  }
  const size_t size = out.size() - start - 1;
  char* text = out.data() + start;
  std::memmove(text, text + 1, size);
  out.truncate(start + size);
  if (kind != ValueKind::kNull) return true;
  if (omit_empty_) return false;
  out.append("null");
  return true;
}

// Each piece is escaped by itself: one that is not UTF-8 leaves the others readable.
void JsonFormatter::appendString(const Node& node, const FormatContext& context, base::TextBuffer& out) const {
  out.append('"');
  for (const Piece& piece : node.pieces) {
    const size_t start = out.size();
    if (appendValue(piece, ValueUse::kText, context, out) == ValueKind::kNull && !omit_empty_) out.append('-');
    substitution::escapeJsonTail(out, start);
  }
  out.append('"');
}

}  // namespace nuncio::http
