// TimeFormat: strftime formats of START_TIME and friends, taken apart once and then written without locale or allocation.
// Besides strftime's fields: %f (nanoseconds), %1f … %9f (that many digits), %E3S, %E*S, %E3f, %E*f, %Ez, %E4Y, %ET.
// Immutable, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text_buffer.h"

namespace nuncio::http::substitution {

class TimeFormat {
 public:
  TimeFormat() = default;
  /** An empty format is "2016-04-15T20:17:00.310Z", in local time "2016-04-15T20:17:00.310+0200". */
  TimeFormat(std::string_view format, bool local);

  /** `wall_ns`: nanoseconds since the epoch; shown with the microseconds Envoy's clock has. */
  void append(int64_t wall_ns, base::TextBuffer& out) const;

 private:
  enum class Field : uint8_t {
    kLiteral, kYear, kYear2, kCentury, kIsoYear, kIsoYear2, kMonth, kMonthName, kMonthShort, kDay, kDaySpace, kDayOfYear,
    kHour, kHourSpace, kHour12, kHour12Space, kMinute, kSecond, kAmPm, kAmPmLower, kWeekday, kWeekdayIso, kWeekdayName,
    kWeekdayShort, kWeekSunday, kWeekMonday, kWeekIso, kEpoch, kOffset, kOffsetColon, kZone,
    kFraction,         // `digits` digits after the point
    kFractionTrimmed,  // as many as are needed, at least one
    kSecondFraction,   // seconds, point, `digits` digits
    kSecondTrimmed,
    kSystem,           // what only strftime(3) knows: flags and widths
  };
  struct Part {
    Field field;
    uint8_t digits;
    std::string text;
  };
  struct Moment;

  void parse(std::string_view format);
  size_t parseExtended(std::string_view rest);
  size_t parseFlagged(std::string_view rest);
  bool addField(char letter);
  void add(Field field, uint8_t digits = 0) { parts_.push_back({field, digits, {}}); }
  void addLiteral(std::string_view text);
  static void appendPart(const Part& part, const Moment& moment, base::TextBuffer& out);
  static void appendSystem(const Part& part, const Moment& moment, base::TextBuffer& out);

  std::vector<Part> parts_;
  bool local_ = false;
  bool iso_utc_ = true;  // the default, which has a road of its own
};

}  // namespace nuncio::http::substitution
