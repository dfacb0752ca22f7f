// HeaderMutations: the headers one level of the configuration (route table, virtual host, route, weighted cluster, local
// reply) removes and adds. Made once from its plan, then immutable and shared by all workers.
//
// One level works as Envoy's header parser does: removals first, then all values are computed from the headers as they
// are, then overwrites are stored, then additions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text_buffer.h"
#include "http/header_map.h"
#include "http/joined_headers.h"
#include "http/substitution/formatter.h"

namespace nuncio::plan {
struct HeaderMutation;
}

namespace nuncio::http {

class HeaderMutations {
 public:
  /** `side`: which headers are joined when a value is appended differs between requests and responses. */
  static base::Result<HeaderMutations, std::string> make(const std::vector<plan::HeaderMutation>& plans,
                                                         MessageSide side = MessageSide::kResponse);

  HeaderMutations() = default;
  bool empty() const { return removals_.empty() && additions_.empty(); }

  /**
   * Changes `headers`. Constant values are used where they are (this object must outlive the stream: its route table is
   * leased); others are written into `scratch` (cleared here) and copied to the headers' arena.
   */
  void apply(HeaderMap& headers, const FormatContext& context, base::TextBuffer& scratch) const;

 private:
  enum class Action : uint8_t { kAppendOrAdd, kAddIfAbsent, kOverwriteOrAdd, kOverwriteIfExists };
  struct Addition {
    std::string name;
    Action action;
    bool keep_empty;
    bool joins;  // see joined_headers.h
    Formatter value;
  };

  std::vector<std::string> removals_;
  std::vector<Addition> additions_;
};

}  // namespace nuncio::http
