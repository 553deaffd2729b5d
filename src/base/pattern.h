/* pattern: an extended regular expression that names are held against.
 *
 * Shape   init compiles, matches asks.
 * Units   none.
 * Errors  INVALID with the reason for text that is no regular expression.
 * Memory  init allocates, fini frees.
 * Truth   POSIX regcomp; found anywhere in the name unless it is anchored.
 */
#ifndef KH_BASE_PATTERN_H
#define KH_BASE_PATTERN_H

#include <regex.h>
#include <stdbool.h>

#include "base/err.h"

struct kh_pattern {
    regex_t regex; /* owned */
};

/* On failure there is nothing to fini. */
enum kh_rc kh_pattern_init(struct kh_pattern *pattern, const char *text,
                           struct kh_err *err) KH_MUST_USE;
void kh_pattern_fini(struct kh_pattern *pattern);

bool kh_pattern_matches(const struct kh_pattern *pattern, const char *name);

#endif
