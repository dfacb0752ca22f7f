// BodyFormatter: Envoy's SubstitutionFormatString: a text or a JSON format with its content type. Immutable, shared by all
// workers. Used for access-log lines, local reply bodies and direct responses.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/formatter.h"
#include "http/substitution/json_formatter.h"

namespace nuncio::http {

class BodyFormatter {
 public:
  static base::Result<BodyFormatter, FormatError> make(const plan::BodyFormat& format);

  void append(const FormatContext& context, base::TextBuffer& out) const {
    if (json_.has_value()) {
      json_->append(context, out);
    } else if (text_.has_value()) {
      text_->append(context, out);
    }
  }

  /** As configured, else "application/json" for JSON and "text/plain" for text. */
  std::string_view contentType() const { return content_type_; }
  bool isJson() const { return json_.has_value(); }

 private:
  BodyFormatter() = default;

  std::optional<Formatter> text_;
  std::optional<JsonFormatter> json_;
  std::string content_type_;
};

}  // namespace nuncio::http
