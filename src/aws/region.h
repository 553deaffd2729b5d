/* region: which AWS region to talk to.
 *
 * Shape   one lookup, and the check of what a region may look like.
 * Units   none.
 * Errors  KH_INVALID: no region anywhere, or one that cannot be one; the text says where it came
 *         from and what to set.
 * Memory  the caller's.
 * Truth   AWS SDK for Java 2: regionName, -Daws.region (io/java_property.h), AWS_REGION, the
 *         profile; AWS_DEFAULT_REGION is read as well, as botocore does. Instance metadata comes
 *         later.
 */
#ifndef KH_AWS_REGION_H
#define KH_AWS_REGION_H

#include "base/err.h"
#include "base/str.h"

#define KH_REGION_MAX 31

/* configured: regionName, or "". */
enum kh_rc kh_region_find(const char *configured, char region[KH_REGION_MAX + 1],
                          struct kh_err *err) KH_MUST_USE;

/* "us-east-1": lower-case letters, digits and inner hyphens. */
bool kh_region_is_valid(struct kh_str region);

#endif
