#include "config/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/timestamp.h"

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

bool kh_value_decimal(struct kh_str text, double *number)
{
    const struct kh_str trimmed = kh_str_trim(text);
    char copy[64];
    char *end = copy;

    /* strtod also knows words and hexadecimal digits. */
    if (!kh_str_copy(copy, sizeof(copy), trimmed) || strspn(copy, "+-.0123456789eE") != trimmed.n) {
        return false;
    }
    *number = strtod(copy, &end);
    return end != copy && *end == '\0' && isfinite(*number);
}

/* Units of a time span, in the order in which they may stand. */
static const struct {
    char letter;
    bool in_day; /* stands behind the T */
    int64_t ms;
} span_units[] = {
    {'D', false, INT64_C(86400000)}, {'H', true, 3600000}, {'M', true, 60000}, {'S', true, 1000}};
enum { SPAN_UNITS_N = sizeof(span_units) / sizeof(span_units[0]) };

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* ".5" of a second as milliseconds: at most nine digits. */
static bool fraction_ms(struct kh_str digits, int64_t *ms)
{
    uint64_t number;

    if (digits.n > 9 || (digits.n > 0 && !kh_str_u64(digits, &number))) {
        return false;
    }
    *ms = 0;
    for (size_t i = 0; i < 3; i++) {
        *ms = *ms * 10 + (i < digits.n ? digits.p[i] - '0' : 0);
    }
    return true;
}

/* "15" or "1.5" of the unit; only seconds have a fraction. */
static bool span_part(struct kh_str text, size_t unit, int64_t *ms)
{
    struct kh_str whole;
    struct kh_str fraction;
    int64_t number;
    int64_t part_ms = 0;
    const bool has_fraction = kh_str_cut(text, '.', &whole, &fraction);

    if (!kh_str_i64(whole, &number) || number < 0 || whole.p[0] == '-' ||
        number > INT32_MAX * INT64_C(1000)) {
        return false;
    }
    if (has_fraction && (unit != SPAN_UNITS_N - 1 || !fraction_ms(fraction, &part_ms))) {
        return false;
    }
    *ms += number * span_units[unit].ms + part_ms;
    return *ms <= KH_VALUE_SPAN_MS_MAX;
}

/* How many bytes of a number stand at the front. */
static size_t span_digits(struct kh_str text)
{
    size_t n = 0;

    while (n < text.n && ((text.p[n] >= '0' && text.p[n] <= '9') || text.p[n] == '.')) {
        n++;
    }
    return n;
}

bool kh_value_duration(struct kh_str text, int64_t *ms)
{
    struct kh_str rest = kh_str_trim(text);
    bool in_day = false;
    bool any = false; /* since the beginning, or since the T */
    size_t unit = 0;

    *ms = 0;
    if (rest.n == 0 || upper(rest.p[0]) != 'P') {
        return false;
    }
    for (rest = kh_str_of(rest.p + 1, rest.n - 1); rest.n > 0;) {
        size_t n = span_digits(rest);

        if (n == 0 && upper(rest.p[0]) == 'T' && !in_day) {
            in_day = true;
            any = false;
            rest = kh_str_of(rest.p + 1, rest.n - 1);
            continue;
        }
        while (unit < SPAN_UNITS_N && n < rest.n &&
               (span_units[unit].letter != upper(rest.p[n]) || span_units[unit].in_day != in_day)) {
            unit++;
        }
        if (n == rest.n || unit == SPAN_UNITS_N || !span_part(kh_str_of(rest.p, n), unit, ms)) {
            return false;
        }
        any = true;
        unit++;
        rest = kh_str_of(rest.p + n + 1, rest.n - n - 1);
    }
    return any;
}

bool kh_value_instant(struct kh_str text, int64_t *wall_ms)
{
    struct kh_str trimmed = kh_str_trim(text);

    if (!kh_value_number(trimmed, wall_ms)) {
        return kh_timestamp_iso8601(trimmed, wall_ms) && *wall_ms >= 0;
    }
    if (*wall_ms >= 0 && *wall_ms < KH_VALUE_MILLIS_FROM) {
        *wall_ms *= 1000;
    }
    return *wall_ms >= 0;
}

bool kh_value_url(struct kh_str text, struct kh_str *url, bool *has_scheme)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct kh_str rest = kh_str_trim(text);

    *has_scheme = false;
    for (size_t i = 0; i + 2 < rest.n; i++) {
        *has_scheme =
            *has_scheme || kh_str_starts(kh_str_of(rest.p + i, rest.n - i), KH_STR("://"));
    }
    while (kh_str_ends(rest, KH_STR("/"))) {
        rest.n--;
    }
    *url = rest;
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
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return text.n > 0;
}

static bool is_account(struct kh_str text)
{
    uint64_t number;

    return text.n == 12 && kh_str_u64(text, &number);
}

bool kh_value_arn(struct kh_str text, struct kh_value_arn *arn)
{
    const struct kh_str stream = KH_STR("stream/");
    struct kh_str whole = kh_str_trim(text);
    struct kh_str rest;
    struct kh_str part;

    if (!kh_str_cut(whole, ':', &part, &rest) || !kh_str_eq(part, KH_STR("arn")) ||
        !kh_str_cut(rest, ':', &part, &rest) || !kh_str_starts(part, KH_STR("aws")) ||
        !kh_str_cut(rest, ':', &part, &rest) || !kh_str_eq(part, KH_STR("kinesis")) ||
        !kh_str_cut(rest, ':', &arn->region, &rest) || !is_region(arn->region) ||
        !kh_str_cut(rest, ':', &part, &rest) || !is_account(part) || !kh_str_starts(rest, stream)) {
        return false;
    }
    rest = kh_str_of(rest.p + stream.n, rest.n - stream.n);
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
