/* sync: shard sync: from a listing of the stream to a lease for every shard that needs one.
 *
 * Shape   IDLE -> LISTING -> (CHECKING ->) WRITING -> IDLE, whenever it is wanted and due. One
 *         request at a time. kh_sync_audit() looks for holes after each look at the table.
 * Units   ms.
 * Errors  none returned: whatever fails is tried again after a pause; leases that exist already are
 *         fine.
 * Memory  owns the plan; borrows the table from the worker for the length of a call.
 * Truth   KCL HierarchicalShardSyncer and PeriodicShardSyncManager. Chosen differences: no random
 *         wait and no leader before the first sync, since every creation is conditional; workers
 *         that fill a large table at the same time share the work by the dice; a hole in
 *         the table is looked into by the leader at once, by others after three audits, and ever
 *         more rarely if that finds nothing to do.
 */
#ifndef KH_CORE_SYNC_H
#define KH_CORE_SYNC_H

#include "core/ctx.h"
#include "core/ranges.h"
#include "core/shards.h"
#include "core/table.h"

enum kh_sync_state {
    KH_SYNC_IDLE,
    KH_SYNC_LISTING,
    KH_SYNC_CHECKING, /* whether the parent of the lease to be made is still there */
    KH_SYNC_WRITING
};

struct kh_sync {
    struct kh_ctx *ctx; /* borrowed */
    enum kh_sync_state state;
    bool leads; /* a hole is for this worker to see to; others do so only if it stays */
    bool wanted;
    bool filtered;       /* the listing under way is for an empty table */
    unsigned listings_n; /* filtered ones that did not cover the hash space */
    bool complete; /* the newest full sync found nothing to do, and every lease in our table */
    uint64_t ticket;
    kh_ms next_at_ms;
    kh_ms audit_at_ms;   /* the latest next_at_ms if something is new */
    kh_ms looked_at_ms;  /* when the look at the table was sent that the worker's table shows */
    bool in_doubt;       /* a row of it could not be read: a hole may be that of this row */
    unsigned failures_n; /* in a row */
    unsigned idle_n;     /* syncs in a row that found nothing to do */
    uint64_t shape;      /* of the table that hole was found in */
    struct kh_hole hole; /* at the newest look */
    kh_ms hole_since_ms;
    bool hole_told;     /* there was a note about it */
    bool hole_to_close; /* there was one about it or one before it, and none that all is well */
    struct kh_shard_plan plan;
    size_t plan_at;  /* the step being made */
    size_t made_n;   /* of its steps, those that changed the table */
    size_t met_n;    /* of its creations, those whose lease was there, unknown to our table */
    bool shuffled;   /* its steps are in an order of our own */
    unsigned lost_n; /* shuffled: creations in a row that others had made already */
};

void kh_sync_init(struct kh_sync *sync, struct kh_ctx *ctx, kh_ms now_ms);
void kh_sync_fini(struct kh_sync *sync);

/* The table was looked at: is the whole hash space seen to? */
void kh_sync_audit(struct kh_sync *sync, const struct kh_table *table, kh_ms now_ms,
                   struct kh_cmds *out);

/* Somebody has found out that something is missing. */
void kh_sync_want(struct kh_sync *sync);

/* List the stream if that is wanted and due. */
void kh_sync_tick(struct kh_sync *sync, const struct kh_table *table, kh_ms now_ms,
                  struct kh_cmds *out);

/* The listing came. True if that was all: nothing is to be written. */
bool kh_sync_on_shards(struct kh_sync *sync, const struct kh_event *event,
                       const struct kh_table *table, kh_ms now_ms, struct kh_cmds *out);

/* The request of a step was answered. True if it was the last. */
bool kh_sync_on_answer(struct kh_sync *sync, const struct kh_lease_answer *answer, kh_ms now_ms,
                       struct kh_cmds *out);

kh_ms kh_sync_deadline(const struct kh_sync *sync);

#endif
