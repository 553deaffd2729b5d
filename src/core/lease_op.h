/* lease_op: a request to a lease store as plain data, and its one answer.
 *
 * Shape   the core makes requests, a store answers each exactly once; kh_lease_op_apply says on one
 *         row what every store must do, and is what the memory store and the simulator run.
 * Units   none.
 * Errors  enum kh_lease_outcome; UNKNOWN is an answer of its own: the write may have happened, or
 *         may yet happen.
 * Memory  plain values; in an answer, lists and rows are borrowed until the receiver returns.
 * Truth   KCL 3.x DynamoDBLeaseRefresher, writes W1 to W9 (create, renew, take, hand off, assign,
 *         evict, update, meta update, delete) are all one of CREATE, UPDATE, DELETE below.
 */
#ifndef KH_CORE_LEASE_OP_H
#define KH_CORE_LEASE_OP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/lease.h"

enum kh_lease_verb {
    KH_LEASE_LIST, /* all leases; may be a little old (eventual consistency) */
    KH_LEASE_GET,  /* one lease, as it is now (consistent); DONE with found == false when absent */
    KH_LEASE_CREATE, /* if no row has this key; CONFLICT otherwise */
    KH_LEASE_UPDATE, /* if the row exists and is as expected; CONFLICT otherwise */
    KH_LEASE_DELETE  /* whatever it holds; DONE also when absent */
};

/* Attributes, as bits. */
enum kh_lease_field {
    KH_LEASE_COUNTER = 1 << 0,
    KH_LEASE_OWNER = 1 << 1,
    KH_LEASE_CHECKPOINT_OWNER = 1 << 2,
    KH_LEASE_SWITCHES = 1 << 3,
    KH_LEASE_CHECKPOINT = 1 << 4, /* checkpoint and checkpointSubSequenceNumber */
    KH_LEASE_PENDING = 1 << 5,    /* pendingCheckpoint, its sub-sequence number and its state */
    KH_LEASE_CHILDREN = 1 << 6,
    KH_LEASE_HASH_RANGE = 1 << 7, /* both ends */
    KH_LEASE_THROUGHPUT = 1 << 8,
    KH_LEASE_HANDOFF_OWNER = 1 << 9
};

#define KH_LEASE_FIELDS_ALL ((1u << 10) - 1)

struct kh_lease_op {
    uint64_t id; /* given back in the answer */
    enum kh_lease_verb verb;
    char key[KH_LEASE_KEY_MAX + 1]; /* all but LIST */

    /* UPDATE: what the row must be. expect_is: the field equals the value below (COUNTER, OWNER,
     * CHECKPOINT_OWNER only). expect_absent: the attribute is not there (OWNER, CHECKPOINT_OWNER
     * only). */
    unsigned expect_is;
    unsigned expect_absent;
    uint64_t expect_counter;
    char expect_owner[KH_WORKER_ID_MAX + 1];
    char expect_checkpoint_owner[KH_WORKER_ID_MAX + 1];

    /* UPDATE: set takes values from lease; add_one is for COUNTER and SWITCHES; remove for OWNER,
     * CHECKPOINT_OWNER and PENDING. No field is in two of them. All other attributes stay as they
     * are, known to us or not. */
    unsigned set;
    unsigned add_one;
    unsigned remove;

    struct kh_lease lease; /* CREATE: the whole row. UPDATE: the values for set */
};

enum kh_lease_outcome {
    KH_LEASE_DONE,     /* applied (or read) */
    KH_LEASE_CONFLICT, /* certainly not applied: the row is not as expected; found and lease say
                        * what it is */
    KH_LEASE_FAILED,   /* certainly not applied; rc says why */
    KH_LEASE_UNKNOWN   /* an error or no answer: the write may have happened, or may still happen */
};

struct kh_lease_answer {
    uint64_t id;
    enum kh_lease_verb verb;
    enum kh_lease_outcome outcome;
    enum kh_rc rc; /* FAILED, UNKNOWN: THROTTLED, DENIED, NOTFOUND (no table), INVALID, RETRY */
    bool found;    /* GET, CONFLICT: there is a row */
    struct kh_lease
        lease; /* CREATE, UPDATE done: the row as now stored. GET, CONFLICT: the row found */
    const struct kh_lease *leases; /* LIST: borrowed, in no particular order */
    size_t leases_n;
    size_t
        malformed_n; /* LIST: rows that are not leases we can read; each was logged by the store */
};

/* Make op, an UPDATE, expect the owners that lease shows. */
void kh_lease_op_expect_owners(struct kh_lease_op *op, const struct kh_lease *lease);

/* W4: its owner, who lives and knows what this means, shall finish and pass the lease on; nobody
 * else can come in between. The counter stays: it is the owner's. */
void kh_lease_op_hand_over(struct kh_lease_op *op, const struct kh_lease *lease, const char *to);

/* W5: it is another's from now on; whoever had it notices with its next write. */
void kh_lease_op_assign(struct kh_lease_op *op, const struct kh_lease *lease, const char *to);

/* What ownerSwitchesSinceCheckpoint counts; the usual end of a hand-off is none. */
bool kh_lease_is_switch(const struct kh_lease *lease, const char *to);

/* A request some store can carry out: the right fields in the right lists, and a value behind each
 * one that is set. Anything else is our own mistake, which kh_store_submit asserts. */
bool kh_lease_op_is_sound(const struct kh_lease_op *op);

/* What the op does to a row (*exists tells whether there is one): returns DONE or CONFLICT and
 * changes *row and *exists only when DONE. Not for LIST and GET (asserted). */
enum kh_lease_outcome kh_lease_op_apply(const struct kh_lease_op *op, bool *exists,
                                        struct kh_lease *row);

/* Whether a row shows what an UPDATE has written: the same key, every field that was set, nothing
 * of what was removed. A server that answers with another row is not to be believed. */
bool kh_lease_op_shows(const struct kh_lease_op *op, const struct kh_lease *row);

/* The same, and the answer for it; GET as well. All of *answer is set. */
void kh_lease_op_answer(const struct kh_lease_op *op, bool *exists, struct kh_lease *row,
                        struct kh_lease_answer *answer);

#endif
