/* shards: which shards still need a lease, from a listing of the stream and what the table holds.
 *
 * Shape   pure functions: kh_shards_plan() lists the leases to create, kh_shards_cover() says
 *         whether ranges cover the whole hash space, kh_shards_has_hole() whether the table's
 *         unfinished leases do.
 * Units   hash keys as in core/lease.h.
 * Errors  a plan refuses a listing that cannot be right yet (a child whose parent is still open).
 * Memory  kh_shard_plan owns its array of leases.
 * Truth   KCL HierarchicalShardSyncer and PeriodicShardSyncManager (worked example in
 *         tests/unit/test_shards.c). Chosen difference: with an empty table the same rules apply
 *         when the service ignored the shard filter, so that a stream that was split before the
 *         first start is still read from its beginning.
 */
#ifndef KH_CORE_SHARDS_H
#define KH_CORE_SHARDS_H

#include <stddef.h>

#include "core/ctx.h"
#include "core/table.h"

struct kh_shard_plan {
    struct kh_lease *leases; /* owned; in the order in which they are to be created */
    size_t n;
    size_t capacity;
    bool inconsistent; /* the listing shows a child of an open shard: list again later */
};

void kh_shard_plan_init(struct kh_shard_plan *plan);
void kh_shard_plan_fini(struct kh_shard_plan *plan);

/* The sentinel new leases start at. */
const char *kh_shards_initial_sentinel(enum kh_position_type initial);

/* Every listed shard gets a lease (the listing was filtered to the initial position and covers the
 * hash space). */
void kh_shards_plan_all(struct kh_shard_plan *plan, const struct kh_shard *shards, size_t n,
                        enum kh_position_type initial);

/* Open shards, and closed ones without children, that have no lease; or those of their ancestors
 * that have to be read first. */
void kh_shards_plan_missing(struct kh_shard_plan *plan, const struct kh_shard *shards, size_t n,
                            const struct kh_table *table, enum kh_position_type initial,
                            bool ignore_unexpected_children);

/* The shards' ranges tile the hash space exactly. */
bool kh_shards_cover(const struct kh_shard *shards, size_t n);

/* Some part of the hash space has no unfinished lease, or a lease's range is not known. */
bool kh_shards_has_hole(const struct kh_table *table);

#endif
