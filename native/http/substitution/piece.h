// Piece: one literal or operator of a format, with its arguments resolved as far as they can be before there is a request.
// Made from plan::FormatPiece; immutable, any thread. Used by Formatter (text) and JsonFormatter (typed values).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/format_context.h"
#include "http/substitution/time_format.h"
#include "http/well_known_headers.h"

namespace nuncio::plan {
struct FormatPiece;
enum class Operator : uint32_t;
}  // namespace nuncio::plan

namespace nuncio::http::substitution {

/** What an operator gave. kJson is text that is JSON already (metadata objects). */
enum class ValueKind : uint8_t { kNull, kString, kNumber, kBool, kJson };

/** How a value is wanted: kText may be cut to max_length; kTyped leaves metadata whole, as JSON logs show it. */
enum class ValueUse : uint8_t { kText, kTyped };

struct Piece {
  plan::Operator op{};
  HeaderId id = HeaderId::kUnknown;       // of `text`, for the header operators
  HeaderId id2 = HeaderId::kUnknown;      // of `text2`
  uint32_t option = 0;
  uint32_t max_length = UINT32_MAX;       // of the value, in bytes
  int32_t mask = -1;                      // of addresses: prefix length, -1 for none
  std::string text;
  std::string text2;
  std::vector<std::string> path;          // metadata: filter name, then keys
  TimeFormat time;
  int64_t Timings::* from = nullptr;      // COMMON_DURATION; null: a time point nobody sets
  int64_t Timings::* to = nullptr;
  std::vector<Piece> alternatives;        // COALESCE
};

/** Reads HOSTNAME, ENVIRONMENT and FILE_CONTENT, which become literals. The error is a sentence. */
base::Result<Piece, std::string> makePiece(const plan::FormatPiece& plan);

/** Appends the operator's value; kNull appends nothing. */
ValueKind appendValue(const Piece& piece, ValueUse use, const FormatContext& context, base::TextBuffer& out);

}  // namespace nuncio::http::substitution
