// Formatter: a substitution format ("%REQ(:METHOD)% %RESPONSE_CODE%") ready to run. Made once from its plan, then
// immutable and shared by all workers; append() writes into the caller's buffer and allocates nothing besides.
//
//   plan::Format ─ make ─▶ [ literal | operator | literal | … ] ─ append(context) ─▶ text
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/format_context.h"
#include "http/substitution/piece.h"

namespace nuncio::plan {
struct BodyFormat;
struct Format;
struct FormatPiece;
struct JsonFormat;
}  // namespace nuncio::plan

namespace nuncio::http {

/** Why a format cannot be used: a sentence for the operator (a file that cannot be read, an unknown operator number). */
struct FormatError {
  std::string message;
};

class Formatter {
 public:
  /** Reads HOSTNAME, ENVIRONMENT and FILE_CONTENT here, once. */
  static base::Result<Formatter, FormatError> make(const plan::Format& format);

  /** The text for one request. An operator without a value writes "-", or nothing with omit_empty_values. */
  void append(const FormatContext& context, base::TextBuffer& out) const;

  /** True when the text does not depend on the request; it is `constant()` then. */
  bool isConstant() const { return constant_; }
  std::string_view constant() const { return constant_text_; }

  const std::vector<substitution::Piece>& pieces() const { return pieces_; }

 private:
  Formatter() = default;

  std::vector<substitution::Piece> pieces_;
  std::string constant_text_;
  bool constant_ = false;
  bool omit_empty_ = false;
};

}  // namespace nuncio::http
