/* family: a shard's relatives: are its parents finished, and do its children have their leases.
 *
 * Shape   one question at a time, each a short sequence of store requests: IDLE -> ASKING -> PAUSED
 *         -> ASKING … until the outcome is there. kh_family_step() takes the STORE answers to
 *         family->op and TICKs.
 * Units   ms.
 * Errors  none returned: a request that failed is made again after a pause; what cannot be known
 *         blocks.
 * Memory  allocates nothing; borrows the lease and the children from the consumer.
 * Truth   KCL BlockOnParentShardTask, ShutdownTask, LeaseCleanupManager. Chosen differences:
 *         - parents are read consistently (a parent that a stale read does not show would not
 *           block);
 *         - a merge whose other parent has no lease waits for shard sync to make one, unless the
 *           child has its lease already, or that parent is past retention (in Java neither ends);
 *         - whether a shard is past retention is not asked shard by shard: two complete listings
 *           without it, minutes apart, say so. A stream that cannot be listed, because it was
 *           deleted, says nothing: those leases stay;
 *         - a finished lease goes after those of its parents also if its shard is past retention,
 *           and one whose shard is still listed stays until its children are known: without it
 *           shard sync would take the shard for one that nobody has read.
 */
#ifndef KH_CORE_FAMILY_H
#define KH_CORE_FAMILY_H

#include "core/cmd.h"
#include "core/ctx.h"
#include "core/event.h"

enum kh_family_state { KH_FAMILY_IDLE, KH_FAMILY_ASKING, KH_FAMILY_PAUSED };

enum kh_family_task {
    KH_FAMILY_PARENTS,  /* wait until every parent is finished or has no lease */
    KH_FAMILY_CHILDREN, /* make sure that every child has a lease */
    KH_FAMILY_CLEAN     /* delete our finished lease once nobody needs it any more */
};

enum kh_family_outcome {
    KH_FAMILY_NOT_YET,
    KH_FAMILY_DONE,
    KH_FAMILY_WANTS_SYNC /* not yet, and shard sync should run: a relative has no lease, or nobody
                          * knows who the children are */
};

struct kh_family {
    struct kh_ctx *ctx; /* borrowed */
    const char *key;    /* borrowed from the consumer */
    enum kh_family_state state;
    enum kh_family_task task;
    const struct kh_shard *children; /* borrowed; CHILDREN */
    unsigned children_n;             /* CLEAN: of the lease, when the asking began */
    const struct kh_lease *lease;    /* borrowed; PARENTS, CLEAN */
    unsigned child_i;                /* the child in question */
    unsigned parent_i;               /* the parent in question; parents_n: create the child */
    bool asks_child;       /* CHILDREN: the other parent has no lease; has the child one? */
    bool other_told;       /* CHILDREN: there was a note about that parent */
    bool other_gone;       /* CHILDREN: that parent is past retention */
    bool gone;             /* our shard is */
    kh_ms absent_since_ms; /* the first of the newest listings, all without our shard */
    uint64_t op;           /* ASKING */
    bool poked;            /* ASKING: the answer may be old news */
    kh_ms again_at_ms;     /* PAUSED */
    unsigned failures_n;
};

void kh_family_init(struct kh_family *family, struct kh_ctx *ctx, const char *key);

enum kh_family_outcome kh_family_ask_parents(struct kh_family *family, const struct kh_lease *lease,
                                             struct kh_cmds *out);
enum kh_family_outcome kh_family_make_children(struct kh_family *family,
                                               const struct kh_shard *children, unsigned children_n,
                                               struct kh_cmds *out);

/* Our lease is at SHARD_END: it may go once every child has a checkpoint of its own and no parent
 * has a lease. Without a lease a parent does not block, so one that goes too early would let a
 * child begin before its time. What was edited meanwhile, and is no longer finished, is let be. */
enum kh_family_outcome kh_family_clean(struct kh_family *family, const struct kh_lease *lease,
                                       kh_ms now_ms, struct kh_cmds *out);

/* All shards of the stream, at a moment when each that needs a lease has one. For the ends of
 * shards only: CHILDREN and CLEAN. */
void kh_family_listed(struct kh_family *family, const struct kh_shard *shards, size_t n,
                      kh_ms now_ms, struct kh_cmds *out);

enum kh_family_outcome kh_family_step(struct kh_family *family, const struct kh_event *event,
                                      kh_ms now_ms, struct kh_cmds *out);

/* A relative may have moved on: ask again at once. */
void kh_family_poke(struct kh_family *family, kh_ms now_ms);

void kh_family_stop(struct kh_family *family);

kh_ms kh_family_deadline(const struct kh_family *family);

#endif
