/* leader: the lock of a fleet of KCL 3.x: one worker holds it, and leads.
 *
 * Shape   IDLE -> READING, then TAKING, or BEATING every 30 s while it is held; RELEASING when it
 *         is wanted no more. One request at a time; held says what is known, leads what follows.
 * Units   ms; the duration others wait for is in the item.
 * Errors  none returned: an unknown answer is looked into by reading, everything else is tried
 *         again.
 * Memory  plain value; commands borrow nothing.
 * Truth   amazon-dynamodb-lock-client 1.4.0 as KCL 3.x DynamoDBLockBasedLeaderDecider uses it.
 *         Chosen differences: the lock counts from when its last heartbeat was sent, so that this
 *         worker always stops leading before another one may begin; a write of ours whose answer
 *         was lost is recognised; it is looked at more often, and at the moment it runs out.
 */
#ifndef KH_CORE_LEADER_H
#define KH_CORE_LEADER_H

#include "core/ctx.h"
#include "core/event.h"

#define KH_LEADER_TRIED_N 4

enum kh_leader_state {
    KH_LEADER_IDLE,
    KH_LEADER_READING,
    KH_LEADER_TAKING,
    KH_LEADER_BEATING,
    KH_LEADER_RELEASING
};

struct kh_leader_try {
    char version[KH_LOCK_VERSION_MAX + 1];
    kh_ms sent_at_ms;
};

struct kh_leader {
    struct kh_ctx *ctx; /* borrowed */
    enum kh_leader_state state;
    uint64_t op; /* under way, unless IDLE */
    bool wanted;
    enum kh_coord_place place;      /* where it is wanted */
    enum kh_coord_place held_place; /* where it is held, or being taken */
    bool held;
    bool doubt;       /* read before the next write: what the last one did is not known */
    bool told;        /* that we lead */
    kh_ms at_ms;      /* when to do the next thing */
    kh_ms sent_at_ms; /* of the request under way */
    kh_ms beat_at_ms; /* when the write was sent that made it ours, or kept it so */
    char version[KH_LOCK_VERSION_MAX + 1];         /* held: what the item holds */
    struct kh_leader_try tried[KH_LEADER_TRIED_N]; /* our newest writes, whatever became of them */
    unsigned tried_n;
    struct kh_lock seen; /* somebody else's, and since when it did not change */
    kh_ms seen_at_ms;
    unsigned failures_n;
};

void kh_leader_init(struct kh_leader *leader, struct kh_ctx *ctx);

/* Whether to hold the lock, and where. It is given up where it is not wanted any more. */
void kh_leader_want(struct kh_leader *leader, bool wanted, enum kh_coord_place place, kh_ms now_ms);

/* Advance by a TICK, or by the COORD answer to leader->op. */
void kh_leader_step(struct kh_leader *leader, const struct kh_event *event, kh_ms now_ms,
                    struct kh_cmds *out);

/* Nobody else can lead at this moment. */
bool kh_leader_leads(const struct kh_leader *leader, kh_ms now_ms);

/* Nothing is held and nothing under way. */
bool kh_leader_is_gone(const struct kh_leader *leader);

kh_ms kh_leader_deadline(const struct kh_leader *leader);

#endif
