/* drivers: the lease stores there are, and what they have in common.
 *
 * Shape   store.c keeps the table of them; each driver's file defines its own row and includes
 *         this. All of it runs on the loop's thread.
 * Units   none.
 * Errors  none.
 * Memory  struct kh_store is the head of every driver's own struct; kh_store_init and kh_store_fini
 *         belong to the driver's open and close.
 * Truth   own design.
 */
#ifndef KH_STORE_DRIVERS_H
#define KH_STORE_DRIVERS_H

#include "base/buf.h"
#include "base/time.h"
#include "store/store.h"

extern const struct kh_store_driver kh_store_dynamodb; /* dynamodb.c */
extern const struct kh_store_driver kh_store_memory;   /* memory.c */
extern const struct kh_store_driver kh_store_sqlite;   /* sqlite.c, when built with SQLite */

/* Over it LIST fails with KH_TOOBIG: a table of shards does not grow so far. */
#define KH_STORE_LEASES_MAX 100000
/* The same for LIST_STATS. Java workers without a workerId leave an item behind at each start. */
#define KH_STORE_STATS_MAX 20000

struct kh_store {
    const struct kh_store_driver *driver;
    struct kh_loop *loop; /* borrowed */
    char *table;          /* owned */
    char *mark;           /* owned; NULL until kh_store_claim */
    kh_store_answered *answered;
    kh_store_coord_answered *coord_answered;
    void *arg;                     /* borrowed */
    struct kh_buf malformed;       /* what was logged for the LIST before */
    struct kh_buf stats_malformed; /* for the LIST_STATS before */
    kh_ms failure_logged_at_ms;    /* when store.failed was logged last */
    uint64_t failures_unlogged;    /* since then */
};

void kh_store_init(struct kh_store *store, const struct kh_store_driver *driver,
                   const struct kh_store_config *config);
void kh_store_fini(struct kh_store *store);

/* Hand one answer over. err says why it is FAILED or UNKNOWN; that is logged, at most once in ten
 * seconds. The store may be closed when this returns. */
void kh_store_answer(struct kh_store *store, const struct kh_lease_answer *answer,
                     const struct kh_err *err);

void kh_store_answer_coord(struct kh_store *store, const struct kh_coord_answer *answer,
                           const struct kh_err *err);

/* The answer to an op that was carried out, or would have been; the outcome says which. item: what
 * is there, or NULL. */
struct kh_coord_answer kh_store_coord_answer_to(const struct kh_coord_op *op,
                                                enum kh_lease_outcome outcome,
                                                const struct kh_coord_item *item);

/* The rows one LIST could not use, and why: a sentence each. More than fits is counted, not
 * told. */
#define KH_STORE_MALFORMED_BYTES_MAX 4096
void kh_store_malformed_add(struct kh_buf *malformed, const struct kh_err *why);

/* Log them, unless they are the same as in the LIST before; of leases, or of stats. */
void kh_store_malformed_log(struct kh_store *store, const struct kh_buf *malformed);
void kh_store_stats_malformed_log(struct kh_store *store, const struct kh_buf *malformed);

/* A list of leases that grows up to KH_STORE_LEASES_MAX. */
struct kh_leases {
    struct kh_lease *items; /* owned */
    size_t n;
    size_t capacity;
};

void kh_leases_fini(struct kh_leases *leases);

/* Room for one more, to be filled in; NULL when there are too many. */
struct kh_lease *kh_leases_add(struct kh_leases *leases);

/* The same for what LIST_STATS and OWNED find. */
struct kh_stats_list {
    struct kh_worker_stats *items; /* owned */
    size_t n;
    size_t capacity;
};

void kh_stats_list_fini(struct kh_stats_list *list);
struct kh_worker_stats *kh_stats_list_add(struct kh_stats_list *list);

struct kh_coord_keys {
    struct kh_coord_key *items; /* owned */
    size_t n;
    size_t capacity;
};

void kh_coord_keys_fini(struct kh_coord_keys *keys);
struct kh_coord_key *kh_coord_keys_add(struct kh_coord_keys *keys);

#endif
