// CommonConfig: what both sides of TLS read from a CommonTlsContext when a plan is decoded: settings and key log. Immutable,
// shared by all workers; any thread.
#pragma once

#include <memory>
#include <string>

#include "plan/plan_types.h"
#include "tls/key_log.h"
#include "tls/settings.h"

namespace nuncio::tls {

struct CommonConfig {
  Settings settings;
  std::unique_ptr<const KeyLog> key_log;  // null: none

  /** The error, or nothing. */
  std::string read(const plan::TlsCommon& common, Role role);
};

}  // namespace nuncio::tls
