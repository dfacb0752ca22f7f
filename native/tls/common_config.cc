#include "tls/common_config.h"

#include <utility>

namespace nuncio::tls {

std::string CommonConfig::read(const plan::TlsCommon& common, Role role) {
  auto made = Settings::make(common, role);
  if (!made.ok()) return std::move(made.error());
  settings = std::move(made.value());
  if (!common.key_log) return {};
  auto log = KeyLog::make(*common.key_log);
  if (!log.ok()) return std::move(log.error());
  key_log = std::move(log.value());
  return {};
}

}  // namespace nuncio::tls
