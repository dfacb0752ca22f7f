// JsonFormatter: a JSON format (access_log json_format, local reply bodies) ready to run. Leaves of exactly one operator
// keep their type: numbers are numbers, nothing is null; all other leaves are strings. Immutable, shared by all workers.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/format_context.h"
#include "http/substitution/formatter.h"

namespace nuncio::http {

class JsonFormatter {
 public:
  /** With omit_empty_values null leaves are left out, and objects (not lists) that have nothing left. */
  static base::Result<JsonFormatter, FormatError> make(const plan::JsonFormat& format, bool omit_empty_values);

  /** One line of JSON, ending in a newline. */
  void append(const FormatContext& context, base::TextBuffer& out) const;

 private:
  struct Node {
    enum class Kind : uint8_t { kObject, kArray, kRaw, kTyped, kString };
    Kind kind = Kind::kRaw;
    std::string key;                           // of a member: quoted, with its colon
    std::string raw;                           // kRaw: JSON
    std::vector<Node> children;                // kObject, kArray
    std::vector<substitution::Piece> pieces;   // kTyped: one; kString: several
  };

  JsonFormatter() = default;
  static bool build(const plan::JsonFormat& format, Node& node, FormatError& error);
  static bool buildLeaf(const plan::Format& format, Node& node, FormatError& error);
  bool appendNode(const Node& node, const FormatContext& context, base::TextBuffer& out) const;
  bool appendChildren(const Node& node, const FormatContext& context, base::TextBuffer& out) const;
  bool appendTyped(const Node& node, const FormatContext& context, base::TextBuffer& out) const;
  void appendString(const Node& node, const FormatContext& context, base::TextBuffer& out) const;

  Node root_;
  bool omit_empty_ = false;
};

}  // namespace nuncio::http
