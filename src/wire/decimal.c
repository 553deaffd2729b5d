#include "wire/decimal.h"

#include "base/assert.h"

/* A number token taken apart: ±0.DIGITS × 10^point, the digits being those of whole and then of
 * fraction. */
struct decimal {
    bool negative;
    struct kh_str whole;
    struct kh_str fraction;
    int64_t point;
};

#define EXPONENT_MAX 1000000000 /* no token is as long: beyond it the exponent decides alone */

static struct decimal take_apart(struct kh_str token)
{
    struct decimal d = {0};
    struct kh_str exponent = {0};
    int64_t e = 0;

    kh_assert(token.n > 0);
    d.negative = token.p[0] == '-';
    if (d.negative) {
        token = kh_str_of(token.p + 1, token.n - 1);
    }
    if (!kh_str_cut(token, 'e', &d.whole, &exponent)) {
        (void)kh_str_cut(token, 'E', &d.whole, &exponent);
    }
    (void)kh_str_cut(d.whole, '.', &d.whole, &d.fraction);
    if (exponent.n > 0) {
        bool minus = exponent.p[0] == '-';
        for (size_t i = 0; i < exponent.n; i++) {
            if (exponent.p[i] >= '0' && exponent.p[i] <= '9' && e < EXPONENT_MAX) {
                e = e * 10 + (exponent.p[i] - '0');
            }
        }
        e = minus ? -e : e;
    }
    d.point = (int64_t)d.whole.n + e;
    return d;
}

/* The i-th digit after "0."; zeros stand at both ends without limit. */
static unsigned digit_at(const struct decimal *d, size_t i)
{
    if (i < d->whole.n) {
        return (unsigned)(d->whole.p[i] - '0');
    }
    i -= d->whole.n;
    return i < d->fraction.n ? (unsigned)(d->fraction.p[i] - '0') : 0;
}

bool kh_decimal_scaled(struct kh_str token, int shift, enum kh_decimal_rounding rounding,
                       int64_t *value)
{
    struct decimal d = take_apart(token);
    const size_t digits = d.whole.n + d.fraction.n;
    uint64_t most = (uint64_t)INT64_MAX + (d.negative ? 1 : 0);
    uint64_t sum = 0;

    d.point += shift;
    for (int64_t i = 0; i < d.point; i++) {
        unsigned digit = digit_at(&d, (size_t)i);
        if (sum > (most - digit) / 10) {
            return false;
        }
        if (sum == 0 && (size_t)i >= digits) {
            break; /* nothing but zeros, however large the exponent */
        }
        sum = sum * 10 + digit;
    }
    if (rounding == KH_DECIMAL_NEAREST && d.point >= 0 && digit_at(&d, (size_t)d.point) >= 5) {
        if (sum == most) {
            return false;
        }
        sum++;
    }
    *value = d.negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}
