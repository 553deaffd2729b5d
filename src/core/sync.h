/* sync: shard sync: from a listing of the stream to a lease for every shard that needs one.
 *
 * Shape   IDLE -> LISTING -> CREATING -> IDLE, whenever it is wanted and due. One request at a
 *         time.
 * Units   ms.
 * Errors  none returned: whatever fails is tried again after a pause; leases that exist already are
 *         fine.
 * Memory  owns the plan; borrows the table from the worker for the length of a call.
 * Truth   KCL HierarchicalShardSyncer and PeriodicShardSyncManager. Chosen differences: no random
 *         wait and no leader before the first sync, since every creation is conditional; a hole in
 *         the table is looked into at once, not after three audits.
 */
#ifndef KH_CORE_SYNC_H
#define KH_CORE_SYNC_H

#include "core/ctx.h"
#include "core/shards.h"
#include "core/table.h"

enum kh_sync_state { KH_SYNC_IDLE, KH_SYNC_LISTING, KH_SYNC_CREATING };

struct kh_sync {
    struct kh_ctx *ctx; /* borrowed */
    enum kh_sync_state state;
    bool wanted;
    bool filtered;       /* the listing under way is for an empty table */
    unsigned listings_n; /* filtered ones that did not cover the hash space */
    bool complete;       /* the newest full listing showed nothing to create */
    uint64_t ticket;
    kh_ms next_at_ms;
    kh_ms looked_at_ms;  /* when the look at the table was sent that the worker's table shows */
    unsigned failures_n; /* in a row */
    struct kh_shard_plan plan;
    size_t plan_at; /* the lease being created */
};

void kh_sync_init(struct kh_sync *sync, struct kh_ctx *ctx, kh_ms now_ms);
void kh_sync_fini(struct kh_sync *sync);

/* List the stream if that is wanted and due. */
void kh_sync_tick(struct kh_sync *sync, const struct kh_table *table, kh_ms now_ms,
                  struct kh_cmds *out);

/* The listing came. True if that was all: nothing is being created. */
bool kh_sync_on_shards(struct kh_sync *sync, const struct kh_event *event,
                       const struct kh_table *table, kh_ms now_ms, struct kh_cmds *out);

/* A creation was answered. True if it was the last. */
bool kh_sync_on_create(struct kh_sync *sync, const struct kh_lease_answer *answer, kh_ms now_ms,
                       struct kh_cmds *out);

kh_ms kh_sync_deadline(const struct kh_sync *sync);

#endif
