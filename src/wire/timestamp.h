/* timestamp: instants as AWS writes them.
 *
 * Shape   text in, milliseconds out, and back.
 * Units   ms since 1970, rounded to the nearest.
 * Errors  false: not such a text, or out of range.
 * Memory  none.
 * Truth   AWS JSON 1.1 (seconds as a JSON number, in plain, fractional or exponent form) and the
 *         ISO 8601 that AWS CLI v2 prints: "2026-11-23T05:18:39.123000+01:00".
 */
#ifndef KH_WIRE_TIMESTAMP_H
#define KH_WIRE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* token: a number as kh_scan_number takes it. */
bool kh_timestamp_seconds(struct kh_str token, int64_t *ms) KH_MUST_USE;

/* Years 1 to 9999; the fraction may be missing, 'Z' or an offset may not. */
bool kh_timestamp_iso8601(struct kh_str text, int64_t *ms) KH_MUST_USE;

#define KH_TIMESTAMP_SECONDS_MAX INT64_C(253402300799) /* the last second of 9999 */
#define KH_TIMESTAMP_TEXT_BYTES  21

/* "2026-11-23T05:18:39Z", the fraction dropped; ms is neither before 1970 nor after 9999. */
void kh_timestamp_format(int64_t ms, char text[KH_TIMESTAMP_TEXT_BYTES]);

#endif
