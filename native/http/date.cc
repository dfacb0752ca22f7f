#include "http/date.h"

#include <cstring>

namespace nuncio::http {
namespace {

void twoDigits(char* out, int64_t value) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void writeHttpDate(char* out, int64_t seconds) {
  int64_t days = seconds / 86400;
  int64_t rest = seconds % 86400;
  if (rest < 0) rest += 86400, --days;

  // Days since the epoch to a date, in years that begin in March (leap days last) and eras of 400 years.
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
  const int64_t month = march_month < 10 ? march_month + 2 : march_month - 10;  // from 0
  const int64_t year = year_of_era + era * 400 + (month < 2 ? 1 : 0);
  const int64_t weekday = ((days % 7) + 11) % 7;  // 0 is Sunday; the epoch was a Thursday

  std::memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", 29);
  std::memcpy(out, "SunMonTueWedThuFriSat" + weekday * 3, 3);
  twoDigits(out + 5, day);
  std::memcpy(out + 8, "JanFebMarAprMayJunJulAugSepOctNovDec" + month * 3, 3);
  twoDigits(out + 12, year / 100 % 100);
  twoDigits(out + 14, year % 100);
  twoDigits(out + 17, rest / 3600);
  twoDigits(out + 20, rest / 60 % 60);
  twoDigits(out + 23, rest % 60);
}

}  // namespace nuncio::http
