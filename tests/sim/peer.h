/* peer: another member of the fleet, of the Java kind: KCL 2.x, or 3.x (peer3.c).
 *
 * Shape   timers as in Java: renew what is held, dispatch to the record processors, take (2.x).
 *         Each lease has a renewer's half (held, or not) and a consumer's half (the life of one
 *         tenure). Writes of one lease wait for each other, as on Java's lock.
 * Units   virtual milliseconds; its clock does not drift.
 * Errors  only a renewal recognises its own earlier write; whatever else meets an error is tried
 *         again, or given up, as Java does it.
 * Memory  plain values.
 * Truth   leases.md 2, 3, 4, 6 and 8: KCL 2.x DynamoDBLeaseTaker, DynamoDBLeaseRenewer,
 *         ShutdownTask, LeaseCleanupManager. Java's weaknesses are modelled, for us to live with:
 *         expiry counts from the answer; a lease may be taken and never renewed; a take leaves
 *         checkpointOwner alone; a hand-off that was asked for is not noticed; a stop releases
 *         nothing. Two simplifications: what Java reads one by one it reads here at once and as it
 *         is now, except for the look at the whole table; the shard sync makes leases only for an
 *         empty table.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "base/time.h"
#include "queue.h"
#include "table.h"

#define SIM_PEER_FAILOVER_MS KH_SECONDS(10)

enum sim_peer_timer {
    SIM_PEER_TAKE,
    SIM_PEER_RENEW,
    SIM_PEER_DISPATCH,
    SIM_PEER_CLEAN,
    SIM_PEER_WORKED, /* the record processor of shard is done with its batch */
    SIM_PEER_STOP,
    /* 3.x */
    SIM_PEER_VERSION,
    SIM_PEER_DISCOVER,
    SIM_PEER_REPORT,
    SIM_PEER_ASSIGN,
    SIM_PEER_BEAT,
    SIM_PEER_MONITOR
};

/* What a request is for, told again with its answer. */
enum sim_peer_purpose {
    SIM_PEER_FOR_LOOK,
    SIM_PEER_FOR_REREAD,
    SIM_PEER_FOR_TAKE,
    SIM_PEER_FOR_RENEWAL,
    SIM_PEER_FOR_RECOVERY,
    SIM_PEER_FOR_CHECKPOINT,
    SIM_PEER_FOR_CHILD,
    SIM_PEER_FOR_META,
    SIM_PEER_FOR_NOTHING, /* whatever comes of it */
    /* 3.x */
    SIM_PEER_FOR_KEYS,
    SIM_PEER_FOR_LOOKED,
    SIM_PEER_FOR_LOCK,
    SIM_PEER_FOR_LOCK_READ,
    SIM_PEER_FOR_LEASES,
    SIM_PEER_FOR_STATS,
    SIM_PEER_FOR_GIVING
};

enum sim_peer_state {
    SIM_PEER_NONE, /* no consumer */
    SIM_PEER_WAITING,
    SIM_PEER_INITIALIZING,
    SIM_PEER_PROCESSING,
    SIM_PEER_ENDING,
    SIM_PEER_COMPLETE /* finished; the lease stays held */
};

struct sim_peer_lease {
    /* the taker's: as last seen in the table, or written by a take */
    bool seen;
    struct kh_lease view;
    kh_ms viewed_at_ms; /* when its counter was last seen to change; INT64_MIN: never owned */
    /* the renewer's */
    bool held;
    uint64_t token;       /* of this tenure */
    struct kh_lease copy; /* in memory */
    kh_ms changed_at_ms;  /* when a write was last answered: expiry counts from here */
    bool busy;            /* a write is on its way, and has the lock */
    uint64_t op;          /* its number: answers to others are of an earlier tenure */
    bool renewal_waits;   /* for the lock */
    bool checkpoint_waits;
    struct kh_extseq wanted; /* the checkpoint that waits */
    /* the consumer's */
    enum sim_peer_state state;
    uint64_t consumer_token;
    bool working; /* its task has not come back */
    size_t first;
    size_t next;
    bool children_known; /* ENDING: written to the row */
    kh_ms again_at_ms;   /* WAITING: not before */
    /* 3.x */
    bool handing;           /* it was asked for */
    bool passed_on;         /* its processor has come to an end, and that was written */
    bool asked_child;       /* its processor was told to come to an end */
    kh_ms hand_by_ms;       /* it goes at the latest then; KH_NEVER: that was tried */
    kh_ms blocked_until_ms; /* as leader: a hand-off was begun */
};

/* One round of the taker. */
struct sim_peer_round {
    bool runs;
    kh_ms began_at_ms;
    struct {
        uint32_t shard;
        bool steal;
        bool taken;
    } wishes[SIM_SHARDS_MAX];
    size_t n;
    size_t at;
    bool rereads; /* going over the wishes to steal, before the writes */
    unsigned tries_n;
};

struct sim_peer3 {
    bool led; /* the fleet works as 3.x, as of the last look */
    bool has_lock;
    char version[KH_LOCK_VERSION_MAX + 1]; /* of the lock as last known to be ours */
    char tried[KH_LOCK_VERSION_MAX + 1];
    uint64_t uuid;
    kh_ms beat_at_ms;
    kh_ms refused_at_ms;
    struct kh_lock seen;
    kh_ms seen_at_ms;
    unsigned run_n;
};

struct sim_peer {
    bool is_v3;
    struct sim_peer3 v3;
    struct sim_peer_lease leases[SIM_SHARDS_MAX];
    struct sim_peer_round round;
    uint64_t op_n;
    uint64_t token; /* last one given out */
    bool stopping;
    kh_ms cleaned_at_ms;
};

void sim_peer_start(struct sim *sim, uint32_t worker, bool is_v3);
void sim_peer_timer(struct sim *sim, uint32_t worker, const struct sim_ev *ev);
void sim_peer_answer(struct sim *sim, uint32_t worker, const struct sim_request *request);
bool sim_peer_acts_as_owner(const struct sim *sim, uint32_t worker, uint32_t shard);

/* Between the files of the peer. */
void sim_peer_set_timer(struct sim *sim, uint32_t worker, enum sim_peer_timer timer,
                        kh_ms delay_ms);
void sim_peer_submit(struct sim *sim, uint32_t worker, struct kh_lease_op *op, uint32_t shard,
                     enum sim_peer_purpose purpose);
void sim_peer_hold(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_lease *lease,
                   kh_ms changed_at_ms);
bool sim_peer_is_expired(const struct sim *sim, const struct sim_peer_lease *lease);

uint64_t sim_peer_number(struct sim *sim, uint32_t worker, uint32_t shard,
                         enum sim_peer_purpose purpose);
enum sim_peer_purpose sim_peer_purpose_of(uint64_t id);

/* peer3.c */
void sim_peer3_start(struct sim *sim, uint32_t worker);
void sim_peer3_timer(struct sim *sim, uint32_t worker, enum sim_peer_timer timer);
void sim_peer3_answer(struct sim *sim, uint32_t worker, const struct sim_coord_call *call);
bool sim_peer3_takes(const struct sim *sim, uint32_t worker);
void sim_peer3_looked(struct sim *sim, uint32_t worker, uint32_t shard,
                      const struct kh_lease_answer *answer);
void sim_peer3_listed(struct sim *sim, uint32_t worker, const struct kh_lease_answer *answer);
void sim_peer3_asked(struct sim *sim, struct sim_peer_lease *lease);
void sim_peer3_pass_on(struct sim *sim, uint32_t worker, uint32_t shard);

/* peer_take.c */
void sim_peer_see_all(struct sim *sim, uint32_t worker, const struct kh_lease_answer *answer);
void sim_peer_look(struct sim *sim, uint32_t worker);
void sim_peer_looked(struct sim *sim, uint32_t worker, const struct kh_lease_answer *answer);
void sim_peer_reread(struct sim *sim, uint32_t worker, uint32_t shard,
                     const struct kh_lease_answer *answer);
void sim_peer_took(struct sim *sim, uint32_t worker, uint32_t shard,
                   const struct kh_lease_answer *answer);

#endif
