/* store: the lease table, wherever it lives.
 *
 * Shape   open, ensure, claim, submit, close. Requests are core/lease_op.h data; each is
 *         answered exactly once, through the callback given to open, never from inside
 *         kh_store_submit.
 * Units   time-outs in ms.
 * Errors  open and ensure: INVALID (a path, a name), DENIED (rights), NOTFOUND, RETRY (not
 *         reachable), each with a sentence that names the table or file. Answers: enum
 *         kh_lease_outcome. A store never retries a conditional write by itself: what it does not
 *         know is UNKNOWN.
 * Memory  requests are copied; answers are borrowed by the callback.
 * Truth   KCL 3.x DynamoDBLeaseRefresher and proto/lease-table.md; tests/store/ holds every store
 *         to one suite.
 */
#ifndef KH_STORE_STORE_H
#define KH_STORE_STORE_H

#include "base/err.h"
#include "core/coord.h"
#include "core/lease_op.h"
#include "io/loop.h"

struct kh_store;
struct kh_aws_client;

/* Called for every answer. */
typedef void kh_store_answered(void *arg, const struct kh_lease_answer *answer);
typedef void kh_store_coord_answered(void *arg, const struct kh_coord_answer *answer);
/* Called once after kh_store_ensure or kh_store_claim: KH_OK, or why the table cannot be used. */
typedef void kh_store_ensured(void *arg, const struct kh_err *err);

struct kh_store_config {
    const char *where;              /* value of leaseStore: "dynamodb", "sqlite:PATH", "memory" */
    const char *table;              /* lease table name */
    const char *state_table;        /* coordinatorStateTableName; NULL: none is looked for */
    const char *stats_table;        /* workerMetricsTableName; the same */
    struct kh_aws_client *dynamodb; /* borrowed; for "dynamodb" */
    struct kh_loop *loop;           /* borrowed */
    kh_store_answered *answered;
    kh_store_coord_answered *coord_answered; /* NULL: nobody asks */
    void *arg;
    /* A write without an answer is UNKNOWN after this long: well below the failover time, so that a
     * renewal can be tried again before the lease runs out. */
    kh_ms write_ms_max;
    bool create_if_missing;      /* false: a missing table is KH_NOTFOUND */
    bool deletion_protection;    /* leaseTableDeletionProtectionEnabled, on creation only */
    bool point_in_time_recovery; /* leaseTablePitrEnabled */
};

/* Whose leases these are (wire/stream_mark.h). */
struct kh_store_claim {
    const char *mark; /* this stream's */
    bool adopt;       /* leases of another stream get this mark */
};

/* One row of a table of drivers; a new store is a new file and a new row in store.c. */
struct kh_store_driver {
    const char *scheme; /* "dynamodb", "sqlite", "memory" */
    enum kh_rc (*open)(struct kh_store **store, const struct kh_store_config *config,
                       struct kh_str rest, struct kh_err *err); /* rest: what follows "scheme:" */
    void (*ensure)(struct kh_store *store, kh_store_ensured *ensured, void *arg);
    /* NULL: rows have no marks. store->mark is set. */
    void (*claim)(struct kh_store *store, bool adopt, kh_store_ensured *claimed, void *arg);
    void (*submit)(struct kh_store *store, const struct kh_lease_op *op);
    void (*submit_coord)(struct kh_store *store, const struct kh_coord_op *op);
    void (*close)(struct kh_store *store);
};

enum kh_rc kh_store_open(struct kh_store **store, const struct kh_store_config *config,
                         struct kh_err *err) KH_MUST_USE;

/* Create the table if it is missing and wait until it can be used; an existing one is left as it
 * is. Writes nothing when it fails. Again only after it failed. */
void kh_store_ensure(struct kh_store *store, kh_store_ensured *ensured, void *arg);

/* After kh_store_ensure: see that no lease is another stream's. CONFLICT, with nothing written,
 * names both streams. From then on leases that are created or get an owner are marked, unless they
 * are already, and a lease with another mark counts as malformed. False: this kind of store keeps
 * no marks, so nothing is done and nothing will be called. SQLite and memory are such. Again only
 * after it failed. */
bool kh_store_claim(struct kh_store *store, const struct kh_store_claim *claim,
                    kh_store_ensured *claimed, void *arg);

void kh_store_submit(struct kh_store *store, const struct kh_lease_op *op);

/* The same for what the fleet stores beside its leases: answered through coord_answered, which has
 * to be there. One machine needs no fleet: SQLite answers LAYOUT with nothing at all, and
 * everything else with FAILED and KH_INVALID. Tables of KCL 3.0 to 3.4 exist in DynamoDB alone;
 * without one its requests fail with KH_NOTFOUND. */
void kh_store_submit_coord(struct kh_store *store, const struct kh_coord_op *op);

/* No callback comes after it. What was submitted may or may not happen. */
void kh_store_close(struct kh_store *store);

#endif
