#include "config/value.h"

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
