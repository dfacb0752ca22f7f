// Plan decoder: bytes that are no plan are refused, and nothing else happens. A plan stays one when a field nobody knows
// follows, and is none when it ends in the middle of a field.
//
// Input: a byte that chooses the message, then the plan.
#include <cstdint>
#include <span>

#include "base/check.h"
#include "generated/plan.h"
#include "test/fuzz/target.h"

namespace nuncio::fuzz {
namespace {

// Tags of the first fields with one byte and lengths, so that mutations nest messages instead of breaking them.
const std::vector<std::string_view> kWords = {"\x0a\x02", "\x12\x02", "\x1a\x02", "\x22\x04", "\x08\x01", "\x10\x01", "\xfa\x07\x01x",
                                              "\x92\x01\x02", "\x9a\x01\x02", "\xff\xff\xff\xff\x0f", "\x80\x01"};

template <class Message>
bool decodes(std::string_view input) {
  Message out;
  return plan::decode(std::span(reinterpret_cast<const uint8_t*>(input.data()), input.size()), out);
}

template <class Message>
void runMessage(std::string_view input) {
  const bool good = decodes<Message>(input);
  CHECK(decodes<Message>(input) == good);
  const std::string text(input);
  if (!good) return;
  CHECK(decodes<Message>(text + "\xfa\xff\x07\x01x"));
  CHECK(!decodes<Message>(text + "\xfa\xff\x07\x05x"));
}

void runPlan(std::string_view input) {
  if (input.empty()) return;
  const std::string_view bytes = input.substr(1);
  switch (static_cast<uint8_t>(input[0]) % 9) {
    case 0: return runMessage<plan::Listener>(bytes);
    case 1: return runMessage<plan::HttpConnectionManager>(bytes);
    case 2: return runMessage<plan::RouteTable>(bytes);
    case 3: return runMessage<plan::Cluster>(bytes);
    case 4: return runMessage<plan::Endpoints>(bytes);
    case 5: return runMessage<plan::TcpProxy>(bytes);
    case 6: return runMessage<plan::Router>(bytes);
    case 7: return runMessage<plan::AccessLog>(bytes);
    default: return runMessage<plan::Runtime>(bytes);
  }
}

std::vector<std::string> planSeeds() {
  using namespace std::string_literals;
  return {
      "\x00\x0a\x01l\x1a\x0d\x0a\x09\x31\x32\x37.0.0.1\x10\x50\x92\x01\x09\x0a\x01x\x22\x04\x0a\x02hc"s,  // a listener with a chain
      "\x01\x12\x01h\x2a\x05\x08\xe8\x07\x18\x64\x22\x04\x0a\x02rt"s,                                        // a connection manager
      "\x02\x0a\x01r\x12\x10\x0a\x01v\x12\x01*\x1a\x08\x1a\x03\x12\x01/\x22\x01\x00"s,                      // a route
      "\x03\x0a\x01c\x18\x01\x28\x88\x27\x5a\x04\x08\x80\x08\x10\x41\x99\x01\x00\x00\x00\x00\x00\x00\xf0\x3f"s,  // a cluster
      "\x04\x0a\x0e\x32\x0c\x0a\x08\x0a\x04\x31.2.\x10\x50\x18\x01\x10\x8c\x01\x20\x01"s,                  // endpoints
      "\x05\x0a\x01t\x10\x01\x22\x06\x08\x01\x12\x01\x61\x20"s,
      "\x08\x0a\x01k\x12\x01v"s,
  };
}

FUZZ_TARGET("plan", runPlan, planSeeds, kWords);

}  // namespace
}  // namespace nuncio::fuzz
