#include "config/value.h"

#include "base/assert.h"
#include "base/mem.h"

bool kh_value_number(struct kh_str text, int64_t *number)
{
    struct kh_str digits = kh_str_trim(text);

    if (digits.n > 1 && digits.p[0] == '+' && digits.p[1] != '-') {
        digits = kh_str_of(digits.p + 1, digits.n - 1);
    }
    return kh_str_i64(digits, number);
}

bool kh_value_choice(struct kh_str text, const char *const *choices, unsigned *choice)
{
    struct kh_str word = kh_str_trim(text);

    for (unsigned i = 0; choices[i] != NULL; i++) {
        if (kh_str_eq_nocase(word, kh_str(choices[i]))) {
            *choice = i;
            return true;
        }
    }
    return false;
}

bool kh_value_bool(struct kh_str text, bool *value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "n", "y",
                                        "off",   "on",   "0",  "1",   NULL};
    unsigned word;

    if (!kh_value_choice(text, words, &word)) {
        return false;
    }
    *value = word % 2 == 1; /* they stand in pairs */
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Take exactly n digits off the front. */
static bool take_digits(struct kh_str *text, size_t n, int64_t *number)
{
    *number = 0;
    if (text->n < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(text->p[i])) {
            return false;
        }
        *number = *number * 10 + (text->p[i] - '0');
    }
    *text = kh_str_of(text->p + n, text->n - n);
    return true;
}

static bool take_char(struct kh_str *text, char c)
{
    if (text->n == 0 || text->p[0] != c) {
        return false;
    }
    *text = kh_str_of(text->p + 1, text->n - 1);
    return true;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970 of a date from 1970 on; false if there is no such day. */
static bool days_of(int64_t year, int64_t month, int64_t day, int64_t *days)
{
    static const int64_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

    if (year < 1970 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    bool leap = is_leap(year);
    int64_t length = before[month] - before[month - 1] + (leap && month == 2 ? 1 : 0);
    if (day > length) {
        return false;
    }
    int64_t past = year - 1; /* the years that are over, since year 1 */
    int64_t leap_days = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    *days =
        (year - 1970) * 365 + leap_days + before[month - 1] + (leap && month > 2 ? 1 : 0) + day - 1;
    return true;
}

static bool take_date(struct kh_str *text, int64_t *ms)
{
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t days;

    if (!take_digits(text, 4, &year) || !take_char(text, '-') || !take_digits(text, 2, &month) ||
        !take_char(text, '-') || !take_digits(text, 2, &day) || !days_of(year, month, day, &days)) {
        return false;
    }
    *ms = days * 86400000;
    return true;
}

/* hh:mm, hh:mm:ss, or hh:mm:ss and a fraction. */
static bool take_time(struct kh_str *text, int64_t *ms)
{
    int64_t hour;
    int64_t minute;
    int64_t second = 0;
    int64_t fraction_ms = 0;

    if (!take_digits(text, 2, &hour) || !take_char(text, ':') || !take_digits(text, 2, &minute)) {
        return false;
    }
    if (take_char(text, ':') && !take_digits(text, 2, &second)) {
        return false;
    }
    if (take_char(text, '.')) {
        if (text->n == 0 || !is_digit(text->p[0])) {
            return false;
        }
        for (int64_t unit = 100; text->n > 0 && is_digit(text->p[0]); unit /= 10) {
            fraction_ms += unit * (text->p[0] - '0');
            *text = kh_str_of(text->p + 1, text->n - 1);
        }
    }
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction_ms;
    return hour < 24 && minute < 60 && second < 60;
}

/* Z, or what local time is ahead of UTC: +hh:mm. */
static bool take_zone(struct kh_str *text, int64_t *ahead_ms)
{
    int64_t hour;
    int64_t minute;

    *ahead_ms = 0;
    if (take_char(text, 'Z')) {
        return true;
    }
    bool behind = take_char(text, '-');
    if (!behind && !take_char(text, '+')) {
        return false;
    }
    if (!take_digits(text, 2, &hour)) {
        return false;
    }
    (void)take_char(text, ':');
    if (!take_digits(text, 2, &minute) || hour > 18 || minute > 59) {
        return false;
    }
    *ahead_ms = (hour * 60 + minute) * 60000 * (behind ? -1 : 1);
    return true;
}

bool kh_value_instant(struct kh_str text, int64_t *wall_ms)
{
    struct kh_str rest = kh_str_trim(text);
    int64_t date_ms;
    int64_t time_ms;
    int64_t ahead_ms;

    if (kh_value_number(rest, wall_ms)) {
        if (*wall_ms < 0) {
            return false;
        }
        *wall_ms *= *wall_ms < KH_VALUE_MILLIS_FROM ? 1000 : 1;
        return true;
    }
    if (!take_date(&rest, &date_ms) || !take_char(&rest, 'T') || !take_time(&rest, &time_ms) ||
        !take_zone(&rest, &ahead_ms) || rest.n != 0) {
        return false;
    }
    *wall_ms = date_ms + time_ms - ahead_ms;
    return *wall_ms >= 0;
}

bool kh_value_url(struct kh_str text, struct kh_str *url, bool *has_scheme)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct kh_str rest = kh_str_trim(text);

    while (kh_str_ends(rest, KH_STR("/"))) {
        rest.n--;
    }
    *url = rest;
    *has_scheme = false;
    for (size_t i = 0; i + 2 < rest.n; i++) {
        *has_scheme =
            *has_scheme || kh_str_starts(kh_str_of(rest.p + i, rest.n - i), KH_STR("://"));
    }
    for (size_t i = 0; i < rest.n; i++) {
        if ((unsigned char)rest.p[i] <= ' ' || rest.p[i] == 0x7f) {
            return false;
        }
    }
    if (!*has_scheme) {
        return rest.n > 0 && rest.p[0] != ':' && rest.p[0] != '/';
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct kh_str scheme = kh_str(schemes[i]);
        if (rest.n > scheme.n && kh_str_eq_nocase(kh_str_of(rest.p, scheme.n), scheme) &&
            rest.p[scheme.n] != '/' && rest.p[scheme.n] != ':') {
            return true;
        }
    }
    return false;
}

static bool is_region(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '-') {
            return false;
        }
    }
    return text.n > 0;
}

bool kh_value_arn(struct kh_str text, struct kh_value_arn *arn)
{
    const size_t account_digits = 12;
    struct kh_str whole = kh_str_trim(text);
    struct kh_str rest;
    struct kh_str part;
    int64_t account;

    if (!kh_str_cut(whole, ':', &part, &rest) || !kh_str_eq(part, KH_STR("arn")) ||
        !kh_str_cut(rest, ':', &part, &rest) || !kh_str_starts(part, KH_STR("aws")) ||
        !kh_str_cut(rest, ':', &part, &rest) || !kh_str_eq(part, KH_STR("kinesis")) ||
        !kh_str_cut(rest, ':', &arn->region, &rest) || !is_region(arn->region) ||
        !take_digits(&rest, account_digits, &account) || !take_char(&rest, ':')) {
        return false;
    }
    if (!kh_str_starts(rest, KH_STR("stream/"))) {
        return false;
    }
    rest = kh_str_of(rest.p + 7, rest.n - 7);
    size_t slash = kh_str_find(rest, '/');
    size_t colon = kh_str_find(rest, ':');
    arn->name = kh_str_of(rest.p, slash < colon ? slash : colon);
    kh_assert(rest.p >= whole.p);
    arn->arn = kh_str_of(whole.p, (size_t)(rest.p - whole.p) + arn->name.n);
    return arn->name.n > 0;
}

void kh_value_set_text(char **owned, struct kh_str text)
{
    char *copy = kh_mem_copy(text.p, text.n); /* first: text may be part of *owned */

    kh_mem_free(*owned);
    *owned = copy;
}
