#include "http/substitution/query_operators.h"

#include <string_view>

#include "base/ascii.h"
#include "http/header_map.h"

namespace nuncio::http::substitution {
namespace {

int hexDigit(char c) {
  if (base::isDigit(c)) return c - '0';
  const char low = base::toLower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// "%41" is decoded when both digits are hexadecimal; everything else stays.
void appendDecoded(std::string_view value, base::TextBuffer& out) {
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '%' && i + 2 < value.size()) {
      const int high = hexDigit(value[i + 1]);
      const int low = hexDigit(value[i + 2]);
      if (high >= 0 && low >= 0) {
        out.append(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.append(value[i]);
  }
}

// QUERY_PARAMS(DECODED): only visible ASCII is decoded, and a '%' before what is no number is dropped.
void appendVisiblyDecoded(std::string_view value, base::TextBuffer& out) {
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '%' || i + 2 >= value.size()) {
      out.append(value[i]);
      continue;
    }
    const int high = hexDigit(value[i + 1]);
    const int low = hexDigit(value[i + 2]);
    if (high < 0 || low < 0) continue;
    const int code = high * 16 + low;
    if (code > 0x20 && code < 0x7f) {
      out.append(static_cast<char>(code));
    } else {
      out.append(value.substr(i, 3));
    }
    i += 2;
  }
}

std::string_view query(const FormatContext& context) {
  std::string_view whole;
  if (context.request != nullptr && context.request->has(HeaderId::kPath)) whole = context.request->get(HeaderId::kPath);
  const size_t mark = whole.find('?');
  return mark == std::string_view::npos ? std::string_view() : whole.substr(mark + 1);
}

bool nameIs(std::string_view encoded, std::string_view name, base::TextBuffer& out) {
  if (encoded.find('%') == std::string_view::npos) return encoded == name;
  const size_t start = out.size();
  appendDecoded(encoded, out);
  const bool same = out.view().substr(start) == name;
  out.truncate(start);
  return same;
}

}  // namespace

ValueKind appendQueryParam(const Piece& piece, const FormatContext& context, base::TextBuffer& out) {
  std::string_view rest = query(context);
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view item = rest.substr(0, end);
    const size_t equals = item.find('=');
    if (!item.empty() && nameIs(item.substr(0, equals), piece.text, out)) {
      if (equals != std::string_view::npos) appendDecoded(item.substr(equals + 1), out);
      return ValueKind::kString;
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return ValueKind::kNull;
}

ValueKind appendQueryParams(const Piece& piece, const FormatContext& context, base::TextBuffer& out) {
  const std::string_view whole = query(context);
  if (whole.data() == nullptr) return ValueKind::kNull;
  if (piece.option == 0) return out.append(whole), ValueKind::kString;
  appendVisiblyDecoded(whole, out);
  return ValueKind::kString;
}

}  // namespace nuncio::http::substitution
