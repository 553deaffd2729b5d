/* taking: leases on their way: to this worker, or by it as the leader to others.
 *
 * Shape   decide() after each look at the table: take, steal, ask for, or give away what the policy
 *         wishes; readopt() what the table says is ours. Each is one conditional write, whose
 *         answer comes back by its kind of struct kh_pending_entry.
 * Units   ms.
 * Errors  none returned: what was not written shows in the next look.
 * Memory  owns the wishes and what the setting `assignment` chose; borrows all else from the worker
 *         for its whole life.
 * Truth   KCL DynamoDBLeaseTaker, LeaseAssignmentManager step 10, DynamoDBLeaseDiscoverer; writes
 *         W3 to W5 of DynamoDBLeaseRefresher. Chosen differences: a living kcl-host is asked for
 *         its lease in the layout of 2.x, too; the leader acts as soon as something is free, evens
 *         out when a worker joins, and takes its own part without a second write.
 */
#ifndef KH_CORE_TAKING_H
#define KH_CORE_TAKING_H

#include "core/assign.h"
#include "core/fleet.h"
#include "core/pending.h"

struct kh_taking {
    struct kh_ctx *ctx; /* borrowed, as the next four */
    struct kh_table *table;
    const struct kh_map *held; /* keys of the leases worked on here */
    struct kh_pending *pending;
    struct kh_fleet *fleet;
    struct kh_assignment assignment;
    struct kh_wishes wishes;
    kh_ms seen_at_ms;      /* when the newest look at the table was sent */
    bool leads;            /* as of the newest decide */
    kh_ms rebalance_at_ms; /* leads: when to even out */
    kh_ms rebalanced_at_ms;
    size_t workers_n; /* that had reported by then */
    size_t coming_i;  /* which row to look at next, of those that are on their way to us */
    bool look_soon;   /* what we know of the table has turned out to be old */
};

/* The setting is sound (asserted). */
void kh_taking_init(struct kh_taking *taking, struct kh_ctx *ctx);
void kh_taking_fini(struct kh_taking *taking);

void kh_taking_readopt(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out);
void kh_taking_decide(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out);

/* The index says that these might be ours: ask for each as it is now. */
void kh_taking_look_into(struct kh_taking *taking, const struct kh_coord_key *keys, size_t n,
                         kh_ms now_ms, struct kh_cmds *out);

/* Leases that were asked for are on their way to us: ask for a few of them as they are now, others
 * next time. False if there are none. */
bool kh_taking_look_at_coming(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out);

/* TAKE was answered. True if the lease is ours from now on. */
bool kh_taking_on_take(struct kh_taking *taking, const struct kh_pending_entry *entry,
                       const struct kh_lease_answer *answer, kh_ms now_ms, struct kh_cmds *out);
/* ASK or GIVE was answered. */
void kh_taking_on_asked(struct kh_taking *taking, const struct kh_pending_entry *entry,
                        const struct kh_lease_answer *answer, kh_ms now_ms, struct kh_cmds *out);
/* LOOK was answered. */
void kh_taking_on_looked(struct kh_taking *taking, const struct kh_pending_entry *entry,
                         const struct kh_lease_answer *answer, kh_ms now_ms, struct kh_cmds *out);

/* We stop: what was asked for may stay where it is. */
void kh_taking_stop(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out);

#endif
