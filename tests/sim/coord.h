/* coord: the model of what a fleet of KCL 3.x stores beside its leases: coordinator items and
 * worker metrics in either of their two places, and the index over lease owners.
 *
 * Shape   items change only by kh_coord_op_apply; the index follows the lease table some time
 *         behind, and has to be made and filled before it can be asked.
 * Units   virtual milliseconds.
 * Errors  as table.h: a request is lost, late, doubled or refused by the same dice.
 * Memory  items are owned here; a request owns what its answer lists.
 * Truth   DynamoDB: a GSI is eventually consistent, and a query on one that is being filled fails.
 */
#ifndef SIM_COORD_H
#define SIM_COORD_H

#include "base/time.h"
#include "core/coord.h"

struct sim;
struct sim_request;

struct sim_coord_row {
    enum kh_coord_kind kind;
    char key[KH_WORKER_ID_MAX + 1]; /* STATS: the worker */
    bool exists;
    struct kh_coord_item item;
    kh_ms since_ms;
    bool existed; /* before that */
    struct kh_coord_item old;
};

struct sim_coord_place {
    struct sim_coord_row *rows; /* owned */
    size_t n;
    size_t capacity;
};

struct sim_coord {
    struct sim_coord_place places[2]; /* enum kh_coord_place */
    bool legacy_state;                /* these tables exist */
    bool legacy_stats;
    bool has_index;
    kh_ms index_active_at_ms;
};

/* A request on its way, and its answer on the way back. */
struct sim_coord_call {
    struct kh_coord_op op;
    struct kh_coord_answer answer;
    struct kh_worker_stats *stats; /* owned */
    struct kh_coord_key *keys;     /* owned */
};

void sim_coord_fini(struct sim *sim);
void sim_coord_submit(struct sim *sim, uint32_t worker, const struct kh_coord_op *op);

/* The request reaches the store: fills in its answer. */
void sim_coord_apply(struct sim *sim, const struct sim_request *request);

/* What is there now; NULL if nothing. */
const struct kh_coord_item *sim_coord_find(const struct sim *sim, enum kh_coord_place place,
                                           enum kh_coord_kind kind, const char *key);

/* Something is put there by hand: an operator's tool, or the scenario's past. */
void sim_coord_set(struct sim *sim, enum kh_coord_place place, const struct kh_coord_item *item);
void sim_coord_make_index(struct sim *sim, kh_ms filling_ms);

/* Items in the lease table that no 2.x worker can read. */
bool sim_coord_has_foreign_items(const struct sim *sim);

#endif
