/* ranges: what the hash ranges of shards or leases add up to.
 *
 * Shape   pure functions: kh_ranges_cover() says whether shards tile the hash space,
 *         kh_ranges_find_hole() where no unfinished lease covers it.
 * Units   hash keys as in core/lease.h; missing_ppm is millionths of the hash space.
 * Errors  none: a range that is not known, or is none, does not count.
 * Memory  a hole is a plain value with copied keys.
 * Truth   KCL PeriodicShardSyncManager.checkForHoleInHashKeyRanges. Chosen difference: the part of
 *         the hash space that is missing is added up, so that the log line says how bad it is.
 */
#ifndef KH_CORE_RANGES_H
#define KH_CORE_RANGES_H

#include <stddef.h>

#include "core/table.h"

/* The first part of the hash space without an unfinished lease. */
struct kh_hole {
    bool found;
    char before[KH_LEASE_KEY_MAX + 1]; /* the lease it follows; "" if it begins at 0 */
    char after[KH_LEASE_KEY_MAX + 1];  /* the lease that follows it; "" if it goes to the end */
    unsigned __int128 first;
    unsigned __int128 last;
    int64_t missing_ppm; /* of all holes together; at least 1 */
    size_t unknown_n;    /* unfinished leases that were left out: their range is not known */
};

/* The shards' ranges tile the hash space exactly. */
bool kh_ranges_cover(const struct kh_shard *shards, size_t n);

/* Overlaps are fine: a parent and its children. */
void kh_ranges_find_hole(struct kh_hole *hole, const struct kh_table *table);

/* The same border ranges. */
bool kh_ranges_same_hole(const struct kh_hole *a, const struct kh_hole *b);

/* A lease next to it, for a log line; "" if there is none. */
const char *kh_ranges_hole_key(const struct kh_hole *hole);

#endif
