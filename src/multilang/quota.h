/* quota: how often one child may make the log say the same thing.
 *
 * Shape   a few times a minute; what is more is counted, and told with the next one that is said.
 * Units   ms, monotonic.
 * Errors  none.
 * Memory  plain value; all zero is a fresh one.
 * Truth   own design: Java logs every line that is no message, so that a processor that prints
 *         something for each batch fills the log.
 */
#ifndef KH_MULTILANG_QUOTA_H
#define KH_MULTILANG_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define KH_QUOTA_A_MINUTE 5

struct kh_quota {
    kh_ms from_ms; /* when the minute began */
    unsigned said_n;
    uint64_t unsaid_n; /* since the last one that was said */
};

/* May it be said? If so, *unsaid_n is how often it was not, before; they are forgotten. */
bool kh_quota_take(struct kh_quota *quota, kh_ms now_ms, uint64_t *unsaid_n);

#endif
