#include "http/substitution/formatter.h"

#include <algorithm>

#include "generated/plan.h"

namespace nuncio::http {

using substitution::Piece;
using substitution::ValueKind;
using substitution::ValueUse;

base::Result<Formatter, FormatError> Formatter::make(const plan::Format& format) {
  Formatter made;
  made.omit_empty_ = format.omit_empty_values;
  for (const plan::FormatPiece& each : format.pieces) {
    base::Result<Piece, std::string> piece = substitution::makePiece(each);
    if (!piece.ok()) return FormatError{std::move(piece.error())};
    const bool joins = piece.value().op == plan::Operator::LITERAL && !made.pieces_.empty() &&
                       made.pieces_.back().op == plan::Operator::LITERAL;
    if (joins) {
      made.pieces_.back().text += piece.value().text;
    } else {
      made.pieces_.push_back(std::move(piece.value()));
    }
  }
  made.constant_ = std::all_of(made.pieces_.begin(), made.pieces_.end(),
                               [](const Piece& piece) { return piece.op == plan::Operator::LITERAL; });
  if (made.constant_ && !made.pieces_.empty()) made.constant_text_ = made.pieces_[0].text;
  return made;
}

void Formatter::append(const FormatContext& context, base::TextBuffer& out) const {
  for (const Piece& piece : pieces_) {
    if (piece.op == plan::Operator::LITERAL) {
      out.append(piece.text);
    } else if (appendValue(piece, ValueUse::kText, context, out) == ValueKind::kNull && !omit_empty_) {
      out.append('-');
    }
  }
}

}  // namespace nuncio::http
