// The operators about TLS: DOWNSTREAM_TLS_VERSION, UPSTREAM_PEER_SUBJECT and their kin. Which fact an operator means is
// found once, when its format is made. Facts come from the connection's net::TlsInfo. Worker thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text_buffer.h"
#include "http/substitution/piece.h"
#include "net/tls_info.h"

namespace nuncio::http::substitution {

enum class TlsFact : uint32_t;

/** The number of the fact an operator names ("DOWNSTREAM_PEER_SUBJECT"), for Piece::option; nothing for another name. */
std::optional<uint32_t> tlsFactNumber(std::string_view operator_name);

/** `tls` null: clear text, of which there are no facts. */
ValueKind appendTlsFact(const Piece& piece, const net::TlsInfo* tls, base::TextBuffer& out);

/** TLS_JA3_FINGERPRINT and TLS_JA4_FINGERPRINT: told by the TLS inspector, not by the transport. */
bool isHelloFingerprint(const Piece& piece);

}  // namespace nuncio::http::substitution
