/* hold: one lease that this worker owns: every write on it, one at a time, and noticing when it is
 * gone.
 *
 * Shape   HELD <-> WRITING, then LOST or RELEASED, which are final. kh_hold_step() moves it; what a
 *         caller asked for (a checkpoint, the release) is read from the struct afterwards.
 * Units   *_at_ms is an instant, *_ms a span, both monotonic; lease.counter is leaseCounter.
 * Errors  none returned: a failed write comes in as an event, a bug stops at kh_assert.
 * Memory  allocates nothing; commands borrow the key until the next step.
 * Truth   KCL 3.x DynamoDBLeaseRenewer, DynamoDBLeaseRefresher.renewLease and DynamoDBCheckpointer;
 *         a hand-off (leaseOwner is the next owner, checkpointOwner ours) is noticed as there.
 *         Chosen differences: expiry counts from when a write was sent, not from its answer, so
 *         that this worker always gives up before another one may begin; every write expects the
 *         owners as well as the counter; an unknown checkpoint is written again until it is known;
 *         our own write is recognised for checkpoints too; such finds at every renewal, without an
 *         unknown answer, mean that a second process uses our worker id.
 */
#ifndef KH_CORE_HOLD_H
#define KH_CORE_HOLD_H

#include "core/cmd.h"
#include "core/ctx.h"

enum kh_hold_state { KH_HOLD_HELD, KH_HOLD_WRITING, KH_HOLD_LOST, KH_HOLD_RELEASED };

enum kh_hold_write { KH_WRITE_RENEW, KH_WRITE_CHECKPOINT, KH_WRITE_RELEASE };

/* What became of the checkpoint that was asked for. */
enum kh_hold_checkpoint {
    KH_CHECKPOINT_NONE,      /* none asked for */
    KH_CHECKPOINT_WAITING,   /* not known yet */
    KH_CHECKPOINT_STORED,    /* lease.checkpoint is it */
    KH_CHECKPOINT_THROTTLED, /* certainly not stored, tried several times (checkpoint_rc) */
    KH_CHECKPOINT_REFUSED,   /* certainly not stored: no rights, no table (checkpoint_rc) */
    KH_CHECKPOINT_LOST /* the lease is not ours any more; whether it was stored does not matter */
};

struct kh_hold {
    struct kh_ctx *ctx; /* borrowed */
    struct kh_lease
        lease; /* the row as last known to be stored; the next write expects its counter */
    enum kh_hold_state state;
    enum kh_hold_write write; /* what is under way, in WRITING */
    uint64_t op;              /* its request number */
    kh_ms sent_at_ms;         /* when the newest write that may count was sent */
    kh_ms renew_at_ms;        /* when the next renewal is due */
    kh_ms expires_at_ms;      /* from here on this worker must not act as the owner */
    unsigned failures_n;      /* writes in a row without a DONE */
    bool unknown;             /* one of them may have been applied */
    unsigned
        own_found_n; /* renewals in a row that met a write of ours though nothing was unknown */
    bool after_own;  /* the write under way follows such a find */
    enum kh_hold_checkpoint checkpoint;
    enum kh_rc checkpoint_rc;
    struct kh_extseq checkpoint_value;
    unsigned checkpoint_tries_n;
    unsigned children_n; /* childShardIds, to be stored with every checkpoint from now on */
    char children[KH_CHILDREN_MAX][KH_SHARD_ID_MAX + 1];
    kh_ms checkpoint_at_ms;   /* when to write it (again) */
    bool release;             /* asked for */
    uint64_t delivered_bytes; /* since measured_at_ms */
    kh_ms measured_at_ms;
};

/* row is what our take or re-adoption stored; sent_at_ms is when that write was sent. */
void kh_hold_init(struct kh_hold *hold, struct kh_ctx *ctx, const struct kh_lease *row,
                  kh_ms sent_at_ms);

/* Advance by a TICK, or by the STORE answer to hold->op. */
void kh_hold_step(struct kh_hold *hold, const struct kh_event *event, kh_ms now_ms,
                  struct kh_cmds *out);

/* Ask for a checkpoint to be stored. None may be waiting (asserted). */
void kh_hold_checkpoint(struct kh_hold *hold, const struct kh_extseq *value, kh_ms now_ms,
                        struct kh_cmds *out);

/* Ask for the lease to be given up: owner removed, or in a hand-off passed on; counter bumped. Only
 * once nothing of ours works on the shard. */
void kh_hold_release(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out);

/* A look at the table shows the lease with somebody else, or asked for by somebody else: make sure
 * at once. */
void kh_hold_doubt(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out);

/* Record data went to the child: how much in a second is stored with the lease (throughputKBps),
 * for whoever shares the leases out. */
void kh_hold_delivered(struct kh_hold *hold, uint64_t data_bytes);

/* Somebody else is named as the next owner: finish with the shard, then release. */
bool kh_hold_is_asked_for(const struct kh_hold *hold);

bool kh_hold_is_ours(const struct kh_hold *hold, kh_ms now_ms);

/* When the next TICK is wanted; KH_NEVER once final. */
kh_ms kh_hold_deadline(const struct kh_hold *hold);

#endif
