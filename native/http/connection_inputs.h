// What matcher trees may ask of a connection (Envoy: network and SSL inputs). Borrows everything; made for one look-up.
#pragma once

#include <span>
#include <string_view>

#include "base/text_buffer.h"
#include "generated/plan.h"
#include "http/connection_facts.h"
#include "http/stream_info.h"
#include "net/address.h"
#include "net/tls_info.h"

namespace nuncio::http {

struct ConnectionInputs {
  const net::Address& local;
  const net::Address& remote;
  const net::Address& direct_remote;
  std::string_view server_name = {};
  std::string_view transport = {};
  std::span<const std::string_view> application_protocols = {};
  const net::TlsInfo* tls = nullptr;
  const ConnectionFacts* facts = nullptr;

  static ConnectionInputs of(const ConnectionInfo& connection);
  /** Null data: there is no such thing. What has to be made is put into `scratch`, and stays until the next call. */
  std::string_view value(const plan::MatchInput& wanted, base::TextBuffer& scratch) const;
};

}  // namespace nuncio::http
