// What the operators about TLS give: %DOWNSTREAM_TLS_VERSION%, %UPSTREAM_PEER_SUBJECT% and their like. Any thread.
#pragma once

#include "base/text_buffer.h"
#include "http/substitution/piece.h"
#include "net/tls_info.h"

namespace nuncio::http::substitution {

/** `tls` null: clear text, and no value. */
ValueKind appendTls(const Piece& piece, const net::TlsInfo* tls, base::TextBuffer& out);

}  // namespace nuncio::http::substitution
