// The operators about the query of a request's path: QUERY_PARAM and QUERY_PARAMS. Worker thread only.
#pragma once

#include "base/text_buffer.h"
#include "http/substitution/format_context.h"
#include "http/substitution/piece.h"

namespace nuncio::http::substitution {

/** The decoded value of the first parameter named `piece.text`. */
ValueKind appendQueryParam(const Piece& piece, const FormatContext& context, base::TextBuffer& out);

/** The whole query. */
ValueKind appendQueryParams(const Piece& piece, const FormatContext& context, base::TextBuffer& out);

}  // namespace nuncio::http::substitution
