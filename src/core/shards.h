/* shards: which shards still need a lease, from a listing of the stream and what the table holds.
 *
 * Shape   pure functions that make a plan: a list of steps, one store request each.
 * Units   hash keys as in core/lease.h.
 * Errors  a plan refuses a listing that cannot be right yet (a child whose parent is still open).
 * Memory  kh_shard_plan owns its array of steps.
 * Truth   KCL HierarchicalShardSyncer; tests/unit/test_shards_java.c compares with its rules on
 *         thousands of streams. Chosen differences:
 *         - with an empty table the same rules apply when the service ignored the shard filter, so
 *           that a stream that was split before the first start is still read from its beginning;
 *         - a closed shard without children is read too, unless only what is new is wanted: a
 *           folder of files may consist of such;
 *         - a shard without a lease whose parents are finished gets one, at TRIM_HORIZON. In Java
 *           it counts as a descendant that its parents' end will see to, and stays a hole for ever;
 *         - the other parent of a merge is needed as soon as one of them is being read, not only
 *           while an open shard below them has no lease: whoever reads it waits for its lease;
 *         - a parent's lease counts although the parent is past retention. In Java its child then
 *           is nobody's, and begins at the initial position: with LATEST that loses records.
 */
#ifndef KH_CORE_SHARDS_H
#define KH_CORE_SHARDS_H

#include <stddef.h>

#include "core/ctx.h"
#include "core/table.h"

enum kh_shard_step_type {
    KH_SHARD_CREATE,    /* lease */
    KH_SHARD_CREATE_IF, /* lease, if that of its parent `parent` is still there and finished: only
                         * then the lease was not deleted after all was read */
    KH_SHARD_FILL_RANGE /* of the lease: its key and range */
};

struct kh_shard_step {
    enum kh_shard_step_type type;
    struct kh_lease lease;
    char parent[KH_SHARD_ID_MAX + 1];
};

struct kh_shard_plan {
    struct kh_shard_step *steps; /* owned; in the order in which they are to be made */
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
 * that have to be read first. Then the children of finished shards, and at last the ranges that
 * leases of KCL before 2.3 lack. */
void kh_shards_plan_missing(struct kh_shard_plan *plan, const struct kh_shard *shards, size_t n,
                            const struct kh_table *table, enum kh_position_type initial,
                            bool ignore_unexpected_children);

#endif
