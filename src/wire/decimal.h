/* decimal: JSON numbers as integers, exactly.
 *
 * Shape   one function over a number's text.
 * Units   the caller's: the shift says which.
 * Errors  false: it does not fit.
 * Memory  none.
 * Truth   RFC 8259 numbers in all forms. There is no floating point in it, and no locale.
 */
#ifndef KH_WIRE_DECIMAL_H
#define KH_WIRE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum kh_decimal_rounding {
    KH_DECIMAL_NEAREST, /* halves away from zero */
    KH_DECIMAL_TOWARDS_ZERO
};

/* token, as kh_scan_number takes it, times 10^shift. */
bool kh_decimal_scaled(struct kh_str token, int shift, enum kh_decimal_rounding rounding,
                       int64_t *value) KH_MUST_USE;

#endif
