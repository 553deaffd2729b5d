#include "wire/timestamp.h"

#include <stdio.h>

#include "base/assert.h"
#include "wire/decimal.h"

bool kh_timestamp_seconds(struct kh_str token, int64_t *ms)
{
    return kh_decimal_scaled(token, 3, KH_DECIMAL_NEAREST, ms);
}

/* Cut n digits, and then the character `after` (unless it is '\0'), off rest. */
static bool cut_digits(struct kh_str *rest, size_t n, char after, int64_t *value)
{
    const size_t taken = n + (after != '\0' ? 1 : 0);

    *value = 0;
    if (rest->n < taken || (after != '\0' && rest->p[n] != after)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (rest->p[i] < '0' || rest->p[i] > '9') {
            return false;
        }
        *value = *value * 10 + (rest->p[i] - '0');
    }
    *rest = kh_str_of(rest->p + taken, rest->n - taken);
    return true;
}

/* ".123456" if there is one: thousandths, rounded. */
static bool cut_fraction(struct kh_str *rest, int64_t *ms)
{
    size_t n = 1;

    *ms = 0;
    if (rest->n == 0 || rest->p[0] != '.') {
        return true;
    }
    while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9') {
        *ms += n <= 3 ? (rest->p[n] - '0') * (n == 1 ? 100 : n == 2 ? 10 : 1) : 0;
        *ms += n == 4 && rest->p[n] >= '5' ? 1 : 0;
        n++;
    }
    *rest = kh_str_of(rest->p + n, rest->n - n);
    return n > 1;
}

/* All of rest: "Z", "+01:00", "-0530". */
static bool read_offset(struct kh_str rest, int64_t *minutes)
{
    int64_t hours;
    int64_t more;

    *minutes = 0;
    if (kh_str_eq(rest, KH_STR("Z"))) {
        return true;
    }
    if (rest.n == 0 || (rest.p[0] != '+' && rest.p[0] != '-')) {
        return false;
    }
    int64_t sign = rest.p[0] == '-' ? -1 : 1;
    rest = kh_str_of(rest.p + 1, rest.n - 1);
    bool colon = rest.n > 2 && rest.p[2] == ':';
    if (!cut_digits(&rest, 2, colon ? ':' : '\0', &hours) || !cut_digits(&rest, 2, '\0', &more)) {
        return false;
    }
    *minutes = sign * (hours * 60 + more);
    return rest.n == 0 && hours < 24 && more < 60;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    kh_assert(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days from 1970-01-01 in the Gregorian calendar. Counting years from March puts the leap day last
 * in its year. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month > 2 ? year : year - 1;
    const int64_t months_since_march = (month + 9) % 12;
    const int64_t day_of_year = (153 * months_since_march + 2) / 5 + day - 1;

    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

bool kh_timestamp_iso8601(struct kh_str text, int64_t *ms)
{
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t fraction_ms;
    int64_t offset_minutes;

    if (!cut_digits(&text, 4, '-', &year) || !cut_digits(&text, 2, '-', &month) ||
        !cut_digits(&text, 2, 'T', &day) || !cut_digits(&text, 2, ':', &hour) ||
        !cut_digits(&text, 2, ':', &minute) || !cut_digits(&text, 2, '\0', &second) ||
        !cut_fraction(&text, &fraction_ms) || !read_offset(text, &offset_minutes)) {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60) { /* 60 is a leap second */
        return false;
    }
    int64_t minutes =
        (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    *ms = (minutes * 60 + second) * 1000 + fraction_ms;
    return true;
}

void kh_timestamp_format(int64_t ms, char text[KH_TIMESTAMP_TEXT_BYTES])
{
    const int64_t seconds = ms / 1000;
    const int64_t day = seconds / 86400;
    int64_t year = 1970 + day / 366;
    int64_t month = 1;
    unsigned clock;
    int n;

    kh_assert(ms >= 0);
    kh_assert(seconds <= KH_TIMESTAMP_SECONDS_MAX);
    while (days_since_1970(year + 1, 1, 1) <= day) {
        year++;
    }
    while (month < 12 && days_since_1970(year, month + 1, 1) <= day) {
        month++;
    }
    clock = (unsigned)(seconds % 86400);
    n = snprintf(text, KH_TIMESTAMP_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year,
                 (unsigned)month, (unsigned)(day - days_since_1970(year, month, 1) + 1),
                 clock / 3600, clock / 60 % 60, clock % 60);
    kh_assert(n == KH_TIMESTAMP_TEXT_BYTES - 1);
}
