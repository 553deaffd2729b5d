/* table: the model lease store.
 *
 * Shape   one row a shard, changed only by kh_lease_op_apply, at a moment between a request's
 *         sending and its answer. Faults (struct sim_faults) decide whether the request arrives,
 *         arrives late or twice, and what its sender is told.
 * Units   virtual milliseconds.
 * Errors  what the sender sees is enum kh_lease_outcome; breaking a rule of the table ends the run
 *         (check.h).
 * Memory  a request travels as one owned object through the queue.
 * Truth   DynamoDB: conditional writes are atomic for one item, Scan is eventually consistent per
 *         item, a client that timed out knows nothing, an SDK that re-sends may meet its own
 * write.
 */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include "base/time.h"
#include "coord.h"
#include "core/lease_op.h"

#define SIM_WORKERS_MAX 6
#define SIM_SHARDS_MAX  128
#define SIM_OLD_MAX     4 /* earlier versions of a row that a stale LIST may still show */
#define SIM_OLD_SLOTS   (SIM_OLD_MAX + 1) /* one to be filled before it counts */
#define SIM_OWNERS_MAX  8                 /* earlier owners that the index may still show */

struct sim;

struct sim_row {
    bool exists;
    bool finished;   /* it is at SHARD_END */
    bool ended_once; /* was at SHARD_END */
    bool malformed;  /* it lacks leaseCounter */
    bool edited;     /* somebody has put a hand to it */
    struct kh_lease lease;
    kh_ms since_ms;     /* when it became what it is */
    kh_ms taken_at_ms;  /* when it last got another owner */
    kh_ms stolen_at_ms; /* by a Java peer for itself, from a living owner; long ago if never */
    kh_ms given_at_ms;  /* the same, for another */
    kh_ms beat_at_ms[SIM_WORKERS_MAX]; /* when each worker, in this life, last moved the counter */
    struct {
        kh_ms since_ms;
        bool exists;
        struct kh_lease lease;
    } old[SIM_OLD_SLOTS]; /* a ring */
    unsigned old_n;
    unsigned old_at; /* the newest */
    struct {
        kh_ms since_ms;
        char owner[KH_WORKER_ID_MAX + 1]; /* leaseOwner; "" if none */
    } owners[SIM_OWNERS_MAX];             /* newest first */
    unsigned owners_n;
};

struct sim_table {
    struct sim_row rows[SIM_SHARDS_MAX];
    kh_ms set_changed_at_ms; /* when a row last came or went */
    uint64_t moves;          /* how often a lease has got another owner */
    bool has_lost_rows;      /* by hand: what leads up to them is read again from the beginning */
};

/* What becomes of a request. */
enum sim_fate {
    SIM_FATE_PLAIN,
    SIM_FATE_LOST_ANSWER, /* applied, the sender hears UNKNOWN */
    SIM_FATE_LATE,        /* the sender has heard UNKNOWN; applied all the same, later */
    SIM_FATE_TWICE        /* applied, applied again; the second result is the answer */
};

/* A Java peer's write moves a lease whose owner is alive, and does not wait until he has
 * stopped. */
enum sim_steal {
    SIM_STEAL_NONE,
    SIM_STEAL_FOR_ITSELF,
    SIM_STEAL_FOR_ANOTHER /* a 3.x leader, or an old owner whose time for handing over is up */
};

struct sim_request {
    uint32_t worker;
    uint32_t life;
    struct kh_lease_op op;
    enum sim_steal steal;
    enum sim_fate fate;
    kh_ms answer_at_ms;
    struct kh_lease_answer answer;
    struct kh_lease *leases; /* owned; LIST */
    size_t leases_capacity;
    struct sim_request *next_free;
    struct sim_coord_call *coord; /* owned; NULL: op and answer are about leases */
};

void sim_table_fini(struct sim *sim);
void sim_table_submit(struct sim *sim, uint32_t worker, const struct kh_lease_op *op);

/* Somebody edits the table by hand: the row becomes *lease, or goes (NULL). */
void sim_table_edit(struct sim *sim, uint32_t shard, const struct kh_lease *lease);

/* Any request, on its way; takes it. */
struct sim_request *sim_request_new(struct sim *sim, uint32_t worker);
void sim_request_send(struct sim *sim, struct sim_request *request);

/* Who was leaseOwner then; "" if nobody, or there was no row. */
const char *sim_table_owner_at(const struct sim_row *row, kh_ms at_ms);

/* The request reaches the store; takes it. */
void sim_table_apply(struct sim *sim, struct sim_request *request);

void sim_request_free(struct sim *sim, struct sim_request *request);

#endif
