/* value: the text of one setting as what it stands for.
 *
 * Shape   pure functions, one a type; blanks around a value do not count.
 * Units   instants in milliseconds since 1970.
 * Errors  false: the text does not say such a thing. What would have been right is the caller's to
 *         say.
 * Memory  slices point into the text.
 * Truth   commons-beanutils as MultiLangDaemonConfiguration uses it, java.time.Duration.parse,
 *         StreamIdentifier.validateArn.
 *         Chosen differences: what Java silently reads as 0 or false is refused; an instant may be
 *         ISO 8601.
 */
#ifndef KH_CONFIG_VALUE_H
#define KH_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Decimal digits with an optional sign; leading zeros do not count. */
bool kh_value_number(struct kh_str text, int64_t *number) KH_MUST_USE;

/* true yes y on 1, false no n off 0, in any case. */
bool kh_value_bool(struct kh_str text, bool *value) KH_MUST_USE;

/* One of choices (NULL-terminated), in any case. */
bool kh_value_choice(struct kh_str text, const char *const *choices, unsigned *choice) KH_MUST_USE;

/* A decimal number with an optional sign, fraction and exponent: 0.2, .5, 1e4. */
bool kh_value_decimal(struct kh_str text, double *number) KH_MUST_USE;

#define KH_VALUE_SPAN_MS_MAX INT64_C(315360000000) /* ten years */

/* As java.time.Duration reads it, but nothing below 0: P2D, PT15M, PT1.5S, in any case; parts of a
 * millisecond do not count. */
bool kh_value_duration(struct kh_str text, int64_t *ms) KH_MUST_USE;

/* From here on a number cannot be seconds since 1970 (that would be the year 5138), so it is
 * milliseconds. */
#define KH_VALUE_MILLIS_FROM INT64_C(100000000000)

/* Whole seconds since 1970, or ISO 8601 with a time zone: 2024-02-29T12:00:00Z,
 * 2024-02-29T12:00:00.5+01:00. */
bool kh_value_instant(struct kh_str text, int64_t *wall_ms) KH_MUST_USE;

/* http or https and a host; rest is all of it without '/' at the end. has_scheme false: there is no
 * "://". */
bool kh_value_url(struct kh_str text, struct kh_str *url, bool *has_scheme) KH_MUST_USE;

struct kh_value_arn {
    struct kh_str region;
    struct kh_str name; /* of the stream */
    struct kh_str arn;  /* of the stream: without what may follow its name */
};

/* arn:aws…:kinesis:REGION:12 DIGITS:stream/NAME, or the ARN of what belongs to a stream. */
bool kh_value_arn(struct kh_str text, struct kh_value_arn *arn) KH_MUST_USE;

/* Put a copy of text in the place of *owned, which may be NULL and is freed. */
void kh_value_set_text(char **owned, struct kh_str text);

#endif
