/* consumer: the life of one shard on this worker, from the lease to its loss, its end or its
 * release.
 *
 * Shape   the states of consumer.def; every move is made in become(), against a table of legal
 *         moves (proto/consumer.dot). It owns the hold, the reading, the talk with the child and
 *         the checkpoint rules.
 * Units   *_ms as in base/time.h.
 * Errors  none returned: whatever happens to its child, its reading or its lease concerns this
 *         shard only.
 * Memory  one heap object a shard (kh_consumer_new); commands borrow the key until the worker's
 *         next step.
 * Truth   KCL ShardConsumer, ConsumerStates, ShutdownTask. Chosen differences: a child that fails
 *         is started again behind the stored checkpoint while the lease is kept; a shardEnded
 *         without checkpoint is offered again by a new child; a planned stop gives the lease up.
 */
#ifndef KH_CORE_CONSUMER_H
#define KH_CORE_CONSUMER_H

#include "core/ckpt.h"
#include "core/dialog.h"
#include "core/family.h"
#include "core/fetch.h"
#include "core/hold.h"

enum kh_consumer_state {
#define KH_STATE(upper, lower) KH_CONSUMER_##upper,
#include "core/consumer.def"
#undef KH_STATE
    KH_CONSUMER_STATES_N
};

struct kh_consumer {
    struct kh_ctx *ctx; /* borrowed */
    enum kh_consumer_state state;
    struct kh_hold hold; /* hold.lease.key is the shard id */
    struct kh_fetch fetch;
    struct kh_dialog dialog;
    struct kh_family family;
    struct kh_ckpt ckpt;
    size_t place;       /* among the worker's; the worker's business */
    uint64_t batch;     /* the one the child works on; 0 if none */
    bool acking;        /* the child waits for the answer to a checkpoint line */
    bool stop;          /* a planned stop, or somebody else asks for the lease */
    bool children_made; /* PARTING: every child has a lease */
    bool end_stored;    /* hold.lease.checkpoint is SHARD_END */
    bool end_tried;     /* to store SHARD_END for a child that forgot it */
    bool end_told;      /* that a child forgot it */
    bool wants_sync;    /* shard sync should run; the worker takes it back */
    bool gave_up; /* the child keeps failing: not for us for a while; the worker takes it back */
    bool failed;  /* a child failed, and the worker is to stop */
    unsigned restarts_n;  /* children that failed since the last progress */
    kh_ms begin_at_ms;    /* WAITING: nothing begins before: somebody else may still be at work */
    kh_ms started_at_ms;  /* the newest child */
    kh_ms answered_at_ms; /* it answered last then */
    kh_ms restart_at_ms;  /* PAUSED */
    kh_ms kill_at_ms;  /* somebody waits for the lease: from here on the child is not waited for */
    kh_ms clean_at_ms; /* FINISHED: from when on the lease may be deleted; KH_NEVER: it stays */
};

/* row is what our own take or re-adoption stored, with a write sent at sent_at_ms. Work begins at
 * begin_at_ms. */
struct kh_consumer *kh_consumer_new(struct kh_ctx *ctx, const struct kh_lease *row,
                                    kh_ms sent_at_ms, kh_ms begin_at_ms);
void kh_consumer_free(struct kh_consumer *consumer);

/* Advance by one event of this shard, a STORE answer, or a TICK. The first step is a TICK. */
void kh_consumer_step(struct kh_consumer *consumer, const struct kh_event *event, kh_ms now_ms,
                      struct kh_cmds *out);

/* A planned stop: shutdownRequested, leaseLost, the child's exit, then the release. */
void kh_consumer_stop(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out);

/* The time for a planned stop is over, or there is none: kill the child, then release. */
void kh_consumer_kill(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out);

/* A parent may have finished. */
void kh_consumer_poke(struct kh_consumer *consumer, kh_ms now_ms);

/* All shards of the stream, at a moment when each that needs a lease has one. */
void kh_consumer_listed(struct kh_consumer *consumer, const struct kh_shard *shards, size_t n,
                        kh_ms now_ms, struct kh_cmds *out);

/* Everything there is now was processed, though the shard is open. */
bool kh_consumer_is_caught_up(const struct kh_consumer *consumer);

kh_ms kh_consumer_deadline(const struct kh_consumer *consumer);

const char *kh_consumer_state_name(enum kh_consumer_state state);

/* Whether a consumer may go from one state to the other; proto/consumer.dot is drawn from it. */
bool kh_consumer_may_become(enum kh_consumer_state from, enum kh_consumer_state to);

#endif
