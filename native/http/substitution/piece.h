// Piece: one literal or operator of a format, with its arguments resolved as far as they can be before there is a request.
// Made from plan::FormatPiece; immutable, any thread. Used by Formatter (text) and JsonFormatter (typed values).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/format_context.h"
#include "http/well_known_headers.h"

namespace nuncio::plan {
struct FormatPiece;
enum class Operator : uint32_t;
}  // namespace nuncio::plan

namespace nuncio::http::substitution {

/** What an operator gave. kJson is text that is JSON already (metadata objects). */
enum class ValueKind : uint8_t { kNull, kString, kNumber, kBool, kJson };

struct TimePart;  // one literal or field of a time format

struct Piece {
  plan::Operator op;
  HeaderId id = HeaderId::kUnknown;       // of `text`, for the header operators
  HeaderId id2 = HeaderId::kUnknown;      // of `text2`
  uint32_t option = 0;
  uint32_t max_length = UINT32_MAX;       // of the value, in bytes
  std::string text;
  std::string text2;
  std::vector<std::string> path;
  std::vector<TimePart> time;
  std::vector<Piece> alternatives;        // COALESCE

  Piece();
  Piece(Piece&&) noexcept;
  Piece& operator=(Piece&&) noexcept;
  ~Piece();
};

/** The error is a sentence. */
base::Result<Piece, std::string> makePiece(const plan::FormatPiece& piece);

/** True when the value is the same for every request (literals, HOSTNAME, ENVIRONMENT, FILE_CONTENT). */
bool isConstant(const Piece& piece);

/** Appends the operator's value; kNull appends nothing. */
ValueKind appendValue(const Piece& piece, const FormatContext& context, base::TextBuffer& out);

}  // namespace nuncio::http::substitution
