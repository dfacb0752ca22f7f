#include "http/substitution/piece.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "generated/plan.h"
#include "http/substitution/tls_operators.h"

namespace nuncio::http::substitution {
namespace {

using plan::Operator;

struct TimePoint {
  std::string_view name;
  int64_t Timings::* member;
};
constexpr TimePoint kTimePoints[] = {
    {"DS_RX_BEG", &Timings::start},
    {"DS_RX_END", &Timings::downstream_rx_end},
    {"US_CX_BEG", &Timings::upstream_connect_begin},
    {"US_CX_END", &Timings::upstream_connect_end},
    {"US_HS_END", &Timings::upstream_handshake_end},
    {"US_TX_BEG", &Timings::upstream_tx_begin},
    {"US_TX_END", &Timings::upstream_tx_end},
    {"US_RX_BEG", &Timings::upstream_rx_begin},
    {"US_RX_BODY_BEG", &Timings::upstream_rx_body_begin},
    {"US_RX_END", &Timings::upstream_rx_end},
    {"DS_TX_BEG", &Timings::downstream_tx_begin},
    {"DS_TX_END", &Timings::downstream_tx_end},
};

int64_t Timings::* timePoint(std::string_view name) {
  for (const TimePoint& point : kTimePoints) {
    if (point.name == name) return point.member;
  }
  return nullptr;
}

std::string hostname() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? std::string(name) : std::string("-");
}

bool readFile(const std::string& path, std::string& out) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char block[4096];
  ssize_t size;
  while ((size = ::read(fd, block, sizeof(block))) > 0) out.append(block, static_cast<size_t>(size));
  ::close(fd);
  return size == 0;
}

Piece literal(std::string text, uint32_t max_length) {
  Piece piece;  // LITERAL is 0
  piece.text = std::move(text);
  if (piece.text.size() > max_length) piece.text.resize(max_length);
  return piece;
}

bool isAddress(Operator op) {
  return op >= Operator::UPSTREAM_LOCAL_ADDRESS && op <= Operator::DOWNSTREAM_DIRECT_LOCAL_ADDRESS;
}

}  // namespace

base::Result<Piece, std::string> makePiece(const plan::FormatPiece& plan) {
  const uint32_t max_length = plan.max_length.value_or(UINT32_MAX);
  Piece piece;
  piece.op = plan.op;
  piece.option = plan.option;
  piece.max_length = max_length;
  piece.text = plan.text;
  piece.text2 = plan.text2;
  piece.path = plan.path;
  switch (plan.op) {
    case Operator::LITERAL: return literal(plan.text, UINT32_MAX);
    case Operator::HOSTNAME: return literal(hostname(), max_length);
    case Operator::ENVIRONMENT: {
      const char* value = std::getenv(plan.text.c_str());
      return literal(value == nullptr ? "-" : value, max_length);
    }
    case Operator::FILE_CONTENT: {
      std::string content;
      if (!readFile(plan.text, content)) return "Invalid path: " + plan.text;
      return literal(std::move(content), max_length);
    }
    case Operator::START_TIME:
    case Operator::EMIT_TIME: piece.time = TimeFormat(plan.text, false); break;
    case Operator::START_TIME_LOCAL:
    case Operator::EMIT_TIME_LOCAL: piece.time = TimeFormat(plan.text, true); break;
    case Operator::DOWNSTREAM_TLS:
    case Operator::UPSTREAM_TLS: {
      const std::optional<uint32_t> fact = tlsFactNumber(plan.text);
      if (!fact.has_value()) return "no operator about TLS is called " + plan.text;
      piece.option = *fact;
      piece.time = TimeFormat(plan.text2, false);
      break;
    }
    case Operator::REQ:
    case Operator::RESP:
    case Operator::TRAILER:
    case Operator::REQ_WITHOUT_QUERY:
      piece.id = headerId(plan.text);
      piece.id2 = headerId(plan.text2);
      break;
    case Operator::COMMON_DURATION:
      piece.from = timePoint(plan.text);
      piece.to = timePoint(plan.text2);
      break;
    case Operator::COALESCE:
      for (const plan::FormatPiece& each : plan.alternatives) {
        base::Result<Piece, std::string> made = makePiece(each);
        if (!made.ok()) return std::move(made.error());
        piece.alternatives.push_back(std::move(made.value()));
      }
      break;
    default:
      if (isAddress(plan.op) && !plan.path.empty() && plan.path[0] == "mask") {
        piece.mask = static_cast<int32_t>(std::min<uint32_t>(max_length, 128));
        piece.max_length = UINT32_MAX;
      }
  }
  return piece;
}

}  // namespace nuncio::http::substitution
