#include "http/substitution/time_format.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <iterator>

#include "base/ascii.h"

namespace nuncio::http::substitution {
namespace {

constexpr std::string_view kWeekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
constexpr int64_t kSecondsPerDay = 86'400;

struct Alias {
  char letter;
  std::string_view format;
};
// Fields that are several fields in a row (C locale).
constexpr Alias kAliases[] = {
    {'c', "%a %b %e %H:%M:%S %Y"}, {'D', "%m/%d/%y"}, {'x', "%m/%d/%y"},    {'F', "%Y-%m-%d"}, {'T', "%H:%M:%S"},
    {'X', "%H:%M:%S"},             {'R', "%H:%M"},    {'r', "%I:%M:%S %p"}, {'t', "\t"},       {'n', "\n"},
};

void appendPadded(uint64_t value, unsigned width, char fill, base::TextBuffer& out) {
  char digits[20];
  const size_t size = static_cast<size_t>(std::to_chars(digits, digits + sizeof(digits), value).ptr - digits);
  for (size_t i = size; i < width; ++i) out.append(fill);
  out.append(std::string_view(digits, size));
}

char* writeTwo(char* at, unsigned value) {
  at[0] = static_cast<char>('0' + value / 10);
  at[1] = static_cast<char>('0' + value % 10);
  return at + 2;
}

struct Date {
  int64_t year;
  unsigned month;  // 1 … 12
  unsigned day;    // 1 … 31
};

// Days since 1970-01-01 to a date of the Gregorian calendar, counted in eras of 400 years that begin on 1 March.
Date dateOf(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const unsigned day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

bool isLeap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

unsigned dayOfYear(const Date& date) {  // 0 … 365
  constexpr unsigned kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  return kBefore[date.month - 1] + date.day - 1 + (date.month > 2 && isLeap(date.year) ? 1 : 0);
}

struct IsoWeek {
  int64_t year;
  unsigned week;
};

// ISO 8601: the week that holds the year's first Thursday is week 1.
IsoWeek isoWeekOf(int64_t days, unsigned weekday) {
  const int64_t thursday = days + 3 - (weekday + 6) % 7;
  const Date of_thursday = dateOf(thursday);
  return {of_thursday.year, dayOfYear(of_thursday) / 7 + 1};
}

// 2016-04-15T20:17:00.310Z
void appendIso(int64_t seconds, unsigned millis, base::TextBuffer& out) {
  const int64_t days = (seconds >= 0 ? seconds : seconds - (kSecondsPerDay - 1)) / kSecondsPerDay;
  const unsigned of_day = static_cast<unsigned>(seconds - days * kSecondsPerDay);
  const Date date = dateOf(days);
  char* at = out.reserve(32);
  at = writeTwo(at, static_cast<unsigned>(date.year / 100 % 100));
  at = writeTwo(at, static_cast<unsigned>(date.year % 100));
  *at++ = '-';
  at = writeTwo(at, date.month);
  *at++ = '-';
  at = writeTwo(at, date.day);
  *at++ = 'T';
  at = writeTwo(at, of_day / 3600);
  *at++ = ':';
  at = writeTwo(at, of_day / 60 % 60);
  *at++ = ':';
  at = writeTwo(at, of_day % 60);
  *at++ = '.';
  *at++ = static_cast<char>('0' + millis / 100);
  at = writeTwo(at, millis % 100);
  *at++ = 'Z';
  out.commit(at);
}

}  // namespace

struct TimeFormat::Moment {
  int64_t epoch;
  int64_t days;
  uint32_t micros;
  Date date;
  unsigned hour, minute, second, weekday;
  long offset;
  const char* zone;
};

TimeFormat::TimeFormat(std::string_view format, bool local) : local_(local), iso_utc_(format.empty() && !local) {
  if (iso_utc_) return;
  parse(format.empty() ? "%Y-%m-%dT%H:%M:%E3S%z" : format);
}

void TimeFormat::addLiteral(std::string_view text) {
  if (!parts_.empty() && parts_.back().field == Field::kLiteral) {
    parts_.back().text.append(text);
  } else {
    parts_.push_back({Field::kLiteral, 0, std::string(text)});
  }
}

void TimeFormat::parse(std::string_view format) {
  while (!format.empty()) {
    const size_t percent = format.find('%');
    if (percent != 0) addLiteral(format.substr(0, percent));
    if (percent == std::string_view::npos) return;
    format.remove_prefix(percent);
    if (format.size() == 1) return addLiteral("%");
    size_t used = 2;
    if (format[1] == '%') {
      addLiteral("%");
    } else if (format[1] == 'E') {
      used = parseExtended(format);
    } else if (!addField(format[1])) {
      used = parseFlagged(format);
    }
    format.remove_prefix(used);
  }
}

// `rest` begins with "%E". Returns how much was read; what is not ours stays as it is written.
size_t TimeFormat::parseExtended(std::string_view rest) {
  const std::string_view tail = rest.substr(2);
  if (tail.starts_with("z")) return add(Field::kOffsetColon), 3;
  if (tail.starts_with("*z")) return add(Field::kOffsetColon), 4;
  if (tail.starts_with("*S")) return add(Field::kSecondTrimmed), 4;
  if (tail.starts_with("*f")) return add(Field::kFractionTrimmed), 4;
  if (tail.starts_with("4Y")) return add(Field::kYear), 4;
  if (tail.starts_with("T")) return addLiteral("T"), 3;
  size_t digits = 0;
  unsigned count = 0;
  while (digits < tail.size() && base::isDigit(tail[digits])) {
    count = std::min(count * 10 + static_cast<unsigned>(tail[digits] - '0'), 1000u);
    ++digits;
  }
  if (digits > 0 && digits < tail.size() && (tail[digits] == 'S' || tail[digits] == 'f')) {
    const uint8_t shown = static_cast<uint8_t>(std::min(count, 18u));
    if (tail[digits] == 'S' && shown == 0) {
      add(Field::kSecond);
    } else {
      add(tail[digits] == 'S' ? Field::kSecondFraction : Field::kFraction, shown);
    }
    return 3 + digits;
  }
  if (!tail.empty() && std::string_view("cCxXyY").find(tail[0]) != std::string_view::npos) {
    addField(tail[0]);  // the C locale has no other era
    return 3;
  }
  addLiteral("%E");
  return 2;
}

// "%3f", "%9s", "%-d", "%Oy" and whatever else is left.
size_t TimeFormat::parseFlagged(std::string_view rest) {
  if (rest.size() > 2 && rest[1] >= '1' && rest[1] <= '9' && rest[2] == 'f') {
    add(Field::kFraction, static_cast<uint8_t>(rest[1] - '0'));
    return 3;
  }
  size_t end = 1;
  while (end < rest.size() && std::string_view("_-0^#+").find(rest[end]) != std::string_view::npos) ++end;
  while (end < rest.size() && base::isDigit(rest[end])) ++end;
  if (end < rest.size() && rest[end] == 'O') ++end;
  if (end == 1 || end >= rest.size() || !base::isAlpha(rest[end])) {
    addLiteral("%");
    return 1;
  }
  // A width no clock needs would only make strftime write a page of zeros.
  if (end > 6) {
    addLiteral(rest.substr(0, end + 1));
    return end + 1;
  }
  parts_.push_back({Field::kSystem, 0, std::string(rest.substr(0, end + 1))});
  return end + 1;
}

bool TimeFormat::addField(char letter) {
  for (const Alias& alias : kAliases) {
    if (alias.letter == letter) return parse(alias.format), true;
  }
  switch (letter) {
    case 'Y': return add(Field::kYear), true;
    case 'y': return add(Field::kYear2), true;
    case 'C': return add(Field::kCentury), true;
    case 'G': return add(Field::kIsoYear), true;
    case 'g': return add(Field::kIsoYear2), true;
    case 'm': return add(Field::kMonth), true;
    case 'B': return add(Field::kMonthName), true;
    case 'b':
    case 'h': return add(Field::kMonthShort), true;
    case 'd': return add(Field::kDay), true;
    case 'e': return add(Field::kDaySpace), true;
    case 'j': return add(Field::kDayOfYear), true;
    case 'H': return add(Field::kHour), true;
    case 'k': return add(Field::kHourSpace), true;
    case 'I': return add(Field::kHour12), true;
    case 'l': return add(Field::kHour12Space), true;
    case 'M': return add(Field::kMinute), true;
    case 'S': return add(Field::kSecond), true;
    case 'p': return add(Field::kAmPm), true;
    case 'P': return add(Field::kAmPmLower), true;
    case 'w': return add(Field::kWeekday), true;
    case 'u': return add(Field::kWeekdayIso), true;
    case 'A': return add(Field::kWeekdayName), true;
    case 'a': return add(Field::kWeekdayShort), true;
    case 'U': return add(Field::kWeekSunday), true;
    case 'W': return add(Field::kWeekMonday), true;
    case 'V': return add(Field::kWeekIso), true;
    case 's': return add(Field::kEpoch), true;
    case 'f': return add(Field::kFraction, 9), true;
    case 'z': return add(Field::kOffset), true;
    case 'Z': return add(Field::kZone), true;
    default: return false;
  }
}

void TimeFormat::append(int64_t wall_ns, base::TextBuffer& out) const {
  constexpr int64_t kNanos = 1'000'000'000;
  const int64_t seconds = (wall_ns >= 0 ? wall_ns : wall_ns - (kNanos - 1)) / kNanos;
  const uint32_t micros = static_cast<uint32_t>((wall_ns - seconds * kNanos) / 1000);
  if (iso_utc_) return appendIso(seconds, micros / 1000, out);

  Moment moment{seconds, 0, micros, {}, 0, 0, 0, 0, 0, "UTC"};
  tm local{};
  if (local_) {
    const time_t time = seconds;
    localtime_r(&time, &local);
    moment.offset = local.tm_gmtoff;
    moment.zone = local.tm_zone;
  }
  const int64_t shown = seconds + moment.offset;
  moment.days = (shown >= 0 ? shown : shown - (kSecondsPerDay - 1)) / kSecondsPerDay;
  const unsigned of_day = static_cast<unsigned>(shown - moment.days * kSecondsPerDay);
  moment.date = dateOf(moment.days);
  moment.hour = of_day / 3600;
  moment.minute = of_day / 60 % 60;
  moment.second = of_day % 60;
  moment.weekday = static_cast<unsigned>(((moment.days + 4) % 7 + 7) % 7);
  for (const Part& part : parts_) appendPart(part, moment, out);
}

namespace {

// `digits` digits of a fraction that is known to the microsecond.
void appendFraction(uint32_t micros, unsigned digits, base::TextBuffer& out) {
  char text[18];
  std::memset(text, '0', sizeof(text));
  for (int i = 5; i >= 0; --i, micros /= 10) text[i] = static_cast<char>('0' + micros % 10);
  out.append(std::string_view(text, digits));
}

unsigned neededDigits(uint32_t micros) {
  if (micros == 0) return 0;
  unsigned digits = 6;
  for (; micros % 10 == 0; micros /= 10) --digits;
  return digits;
}

void appendOffset(long offset, bool colon, base::TextBuffer& out) {
  out.append(offset < 0 ? '-' : '+');
  const uint64_t minutes = static_cast<uint64_t>(offset < 0 ? -offset : offset) / 60;
  appendPadded(minutes / 60, 2, '0', out);
  if (colon) out.append(':');
  appendPadded(minutes % 60, 2, '0', out);
}

}  // namespace

void TimeFormat::appendPart(const Part& part, const Moment& moment, base::TextBuffer& out) {
  const unsigned hour12 = moment.hour % 12 == 0 ? 12 : moment.hour % 12;
  const uint64_t year = static_cast<uint64_t>(moment.date.year);
  switch (part.field) {
    case Field::kLiteral: return out.append(part.text);
    case Field::kYear: return out.appendDecimal(moment.date.year);
    case Field::kYear2: return appendPadded(year % 100, 2, '0', out);
    case Field::kCentury: return appendPadded(year / 100, 2, '0', out);
    case Field::kIsoYear: return out.appendDecimal(isoWeekOf(moment.days, moment.weekday).year);
    case Field::kIsoYear2:
      return appendPadded(static_cast<uint64_t>(isoWeekOf(moment.days, moment.weekday).year) % 100, 2, '0', out);
    case Field::kMonth: return appendPadded(moment.date.month, 2, '0', out);
    case Field::kMonthName: return out.append(kMonths[moment.date.month - 1]);
    case Field::kMonthShort: return out.append(kMonths[moment.date.month - 1].substr(0, 3));
    case Field::kDay: return appendPadded(moment.date.day, 2, '0', out);
    case Field::kDaySpace: return appendPadded(moment.date.day, 2, ' ', out);
    case Field::kDayOfYear: return appendPadded(dayOfYear(moment.date) + 1, 3, '0', out);
    case Field::kHour: return appendPadded(moment.hour, 2, '0', out);
    case Field::kHourSpace: return appendPadded(moment.hour, 2, ' ', out);
    case Field::kHour12: return appendPadded(hour12, 2, '0', out);
    case Field::kHour12Space: return appendPadded(hour12, 2, ' ', out);
    case Field::kMinute: return appendPadded(moment.minute, 2, '0', out);
    case Field::kSecond: return appendPadded(moment.second, 2, '0', out);
    case Field::kAmPm: return out.append(moment.hour < 12 ? "AM" : "PM");
    case Field::kAmPmLower: return out.append(moment.hour < 12 ? "am" : "pm");
    case Field::kWeekday: return appendPadded(moment.weekday, 1, '0', out);
    case Field::kWeekdayIso: return appendPadded(moment.weekday == 0 ? 7 : moment.weekday, 1, '0', out);
    case Field::kWeekdayName: return out.append(kWeekdays[moment.weekday]);
    case Field::kWeekdayShort: return out.append(kWeekdays[moment.weekday].substr(0, 3));
    case Field::kWeekSunday: return appendPadded((dayOfYear(moment.date) + 7 - moment.weekday) / 7, 2, '0', out);
    case Field::kWeekMonday:
      return appendPadded((dayOfYear(moment.date) + 7 - (moment.weekday + 6) % 7) / 7, 2, '0', out);
    case Field::kWeekIso:
      return appendPadded(isoWeekOf(moment.days, moment.weekday).week, 2, '0', out);
    case Field::kEpoch: return out.appendDecimal(moment.epoch);
    case Field::kOffset: return appendOffset(moment.offset, false, out);
    case Field::kOffsetColon: return appendOffset(moment.offset, true, out);
    case Field::kZone: return out.append(std::string_view(moment.zone));
    case Field::kFraction: return appendFraction(moment.micros, part.digits, out);
    case Field::kFractionTrimmed: return appendFraction(moment.micros, std::max(1u, neededDigits(moment.micros)), out);
    case Field::kSecondFraction:
      appendPadded(moment.second, 2, '0', out);
      out.append('.');
      return appendFraction(moment.micros, part.digits, out);
    case Field::kSecondTrimmed:
      appendPadded(moment.second, 2, '0', out);
      if (moment.micros == 0) return;
      out.append('.');
      return appendFraction(moment.micros, neededDigits(moment.micros), out);
    case Field::kSystem: return appendSystem(part, moment, out);
  }
}

void TimeFormat::appendSystem(const Part& part, const Moment& moment, base::TextBuffer& out) {
  tm fields{};
  fields.tm_sec = static_cast<int>(moment.second);
  fields.tm_min = static_cast<int>(moment.minute);
  fields.tm_hour = static_cast<int>(moment.hour);
  fields.tm_mday = static_cast<int>(moment.date.day);
  fields.tm_mon = static_cast<int>(moment.date.month) - 1;
  fields.tm_year = static_cast<int>(moment.date.year - 1900);
  fields.tm_wday = static_cast<int>(moment.weekday);
  fields.tm_yday = static_cast<int>(dayOfYear(moment.date));
  fields.tm_gmtoff = moment.offset;
  fields.tm_zone = moment.zone;
  char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const size_t size = strftime(text, sizeof(text), part.text.c_str(), &fields);
#pragma GCC diagnostic pop
  out.append(std::string_view(text, size));
}

}  // namespace nuncio::http::substitution
