// RouteScopes: scoped routes (SRDS): from the fragments of a request's scope key to the slot of its route table. Made once
// from its plan, const everywhere, shared by all workers through the snapshot; a change of one scope changes this leaf alone.
//
//   request ─ ScopeKeyBuilder (of the connection manager) ─▶ key ─ RouteScopes ─▶ slot ─▶ RouteTable
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "generated/plan.h"
#include "http/header_map.h"
#include "routing/string_table.h"

namespace nuncio::routing {

struct RouteScope {
  std::string name;
  uint32_t route_table_slot;
  bool on_demand;  // its table comes with the first request
};

class RouteScopes {
 public:
  static base::Result<std::unique_ptr<const RouteScopes>, std::string> make(const plan::RouteScopes& plan);

  /** Null: no scope has this key. `key`: what ScopeKeyBuilder::keyOf gave. */
  const RouteScope* find(std::string_view key) const;

 private:
  std::vector<RouteScope> scopes_;
  StringTable keys_;
};

/** Envoy's ScopeKeyBuilder: one fragment from each header extractor. Immutable, of the connection manager's configuration. */
class ScopeKeyBuilder {
 public:
  ScopeKeyBuilder() = default;
  explicit ScopeKeyBuilder(std::vector<plan::ScopeKeyFragment> fragments) : fragments_(std::move(fragments)) {}

  /** The fragments as one text, in the arena; nothing when the request lacks one of them: it belongs to no scope. */
  std::optional<std::string_view> keyOf(http::HeaderMap& headers, base::Arena& arena) const;

 private:
  std::vector<plan::ScopeKeyFragment> fragments_;
};

}  // namespace nuncio::routing
