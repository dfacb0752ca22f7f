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
  static base::Result<JsonFormatter, FormatError> make(const plan::JsonFormat& format, bool omit_empty_values);

  /** One line of JSON, ending in a newline. */
  void append(const FormatContext& context, base::TextBuffer& out) const;

 private:
  // The tree flattened: text between leaves is ready-made JSON; a leaf holds its pieces.
  struct Step {
    enum class Kind : uint8_t { kRaw, kTyped, kString, kOpenObject, kKey, kCloseObject, kOpenArray, kItem, kCloseArray };
    Kind kind;
    std::string text;                          // kRaw: JSON; kKey: the key, quoted, with its colon
    std::vector<substitution::Piece> pieces;   // kTyped: one; kString: several
  };

  JsonFormatter() = default;
  bool flatten(const plan::JsonFormat& format, FormatError& error);
  void addRaw(std::string_view json);
  bool appendLeaf(const Step& step, const FormatContext& context, base::TextBuffer& out) const;
  void appendKeepingAll(const FormatContext& context, base::TextBuffer& out) const;
  void appendOmittingNulls(const FormatContext& context, base::TextBuffer& out) const;

  std::vector<Step> steps_;
  bool omit_empty_ = false;
};

}  // namespace nuncio::http
