#include "http/substitution/body_formatter.h"

#include "generated/plan.h"

namespace nuncio::http {

base::Result<BodyFormatter, FormatError> BodyFormatter::make(const plan::BodyFormat& format) {
  BodyFormatter made;
  if (format.json.has_value()) {
    base::Result<JsonFormatter, FormatError> json = JsonFormatter::make(*format.json, format.omit_empty_values);
    if (!json.ok()) return std::move(json.error());
    made.json_ = std::move(json.value());
    made.content_type_ = "application/json";
  } else if (format.text.has_value()) {
    plan::Format text = *format.text;
    text.omit_empty_values = text.omit_empty_values || format.omit_empty_values;
    base::Result<Formatter, FormatError> made_text = Formatter::make(text);
    if (!made_text.ok()) return std::move(made_text.error());
    made.text_ = std::move(made_text.value());
    made.content_type_ = "text/plain";
  } else {
    return FormatError{"a body format has neither text nor JSON"};
  }
  if (!format.content_type.empty()) made.content_type_ = format.content_type;
  return made;
}

}  // namespace nuncio::http
