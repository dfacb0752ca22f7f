// CustomTags: names with values made of each request, which spans and log entries get beside their own. Made from its plan,
// then immutable and shared by all workers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "base/text_buffer.h"
#include "http/substitution/formatter.h"

namespace nuncio::plan {
struct CustomTag;
}

namespace nuncio::http {

class CustomTags {
 public:
  using Visit = base::FunctionRef<void(std::string_view name, std::string_view value)>;

  /** The error is a sentence for the operator. */
  static base::Result<CustomTags, std::string> make(const std::vector<plan::CustomTag>& plans);

  /** Calls `visit` for every tag that has a value; of those named in `except` for none. The value lasts for that call. */
  void forEach(const FormatContext& context, Visit visit, const CustomTags* except = nullptr) const;
  bool empty() const { return tags_.empty(); }

 private:
  struct Tag {
    std::string name;
    Formatter value;
    std::string otherwise;
  };
  bool has(std::string_view name) const;

  std::vector<Tag> tags_;
};

}  // namespace nuncio::http
