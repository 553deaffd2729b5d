/* scale_fleet: many workers over many leases in virtual time, kept as cheap as it can be.
 *
 * Shape   fleet_run_until() takes events out of a heap and hands them to the real core of the
 *         worker they are for; what the cores ask for is answered by the simplest model there is:
 *         one table, changed at once and told a little later, children that answer at once, and a
 *         stream whose reads never bring anything. There are no faults: those are tests/sim/run's.
 * Units   virtual ms. Read units are counted in halves, as DynamoDB bills eventual reads.
 * Errors  none returned; what the model cannot be asked stops at kh_assert.
 * Memory  struct fleet owns everything. A LIST shows the table itself, not a copy of it.
 * Truth   DynamoDB: a write is 1 unit for each KB begun of its item, also when its condition fails;
 *         a consistent read 1 unit for each 4 KB begun, an eventual one half of it, a scan or query
 *         counted over all it looks at, in pages of 1 MB.
 */
#ifndef SIM_SCALE_FLEET_H
#define SIM_SCALE_FLEET_H

#include "base/rand.h"
#include "core/worker.h"

#define FLEET_ITEM_BYTES 500 /* of a lease in the table, attribute names and all */

/* What was asked of the table since the beginning. */
struct fleet_bill {
    uint64_t scans;      /* looks at the table */
    uint64_t scan_pages; /* requests they took */
    uint64_t gets;
    uint64_t creates;
    uint64_t updates;
    uint64_t conflicts; /* creates and updates that were refused */
    uint64_t other;     /* not about leases */
    uint64_t read_halves;
    uint64_t write_units;
};

struct fleet_worker {
    char id[KH_WORKER_ID_MAX + 1];
    struct kh_worker *core; /* owned; NULL: not started, dead, or stopped */
    struct kh_cmds cmds;    /* owned */
    uint32_t life;          /* events for an earlier life are not for this one */
    kh_ms tick_at_ms;       /* KH_NEVER if none is set */
    uint32_t owns_n;        /* leases whose leaseOwner it is */
    bool leaving;           /* asked to stop */
};

/* What is known of a lease beside its row. */
struct fleet_lease {
    uint32_t place;      /* in rows, + 1; 0: not created */
    uint32_t owner;      /* leaseOwner, + 1; 0: nobody */
    uint32_t worked_by;  /* checkpointOwner, or else leaseOwner, + 1 */
    uint32_t touched_by; /* who wrote last, + 1 */
    kh_ms touched_at_ms;
};

struct fleet_ev;

struct fleet {
    kh_ms now_ms;
    struct kh_rand rand;
    kh_ms failover_ms;
    struct fleet_worker *workers; /* owned; room for workers_max */
    uint32_t workers_n;
    uint32_t workers_max;
    uint32_t leases_n;
    struct kh_shard *shards; /* owned: what LIST_SHARDS shows */
    struct kh_lease *rows;   /* owned: the table, in the order of creation */
    uint32_t rows_n;
    struct fleet_lease *leases; /* owned; by shard */
    uint32_t unowned_n;         /* rows without leaseOwner */
    uint32_t handed_over_n;     /* rows with checkpointOwner */
    struct fleet_ev *heap;      /* owned */
    size_t heap_n;
    size_t heap_capacity;
    uint64_t pushed;
    uint64_t steps;
    struct fleet_bill bill;
    uint64_t owner_changes;  /* another worker works on a lease that had one */
    kh_ms latest_renewal_ms; /* the longest pause between two writes of one owner */
    kh_ms longest_rest_ms;   /* the longest from a hand-over to the new owner's first write */
};

void fleet_init(struct fleet *fleet, uint32_t workers_max, uint32_t leases_n, uint64_t seed);
void fleet_fini(struct fleet *fleet);

/* One more worker, delay_ms from now. */
void fleet_start(struct fleet *fleet, kh_ms delay_ms);
void fleet_kill(struct fleet *fleet, uint32_t worker);
void fleet_stop(struct fleet *fleet, uint32_t worker); /* gracefully */

void fleet_run_for(struct fleet *fleet, kh_ms ms);
typedef bool fleet_predicate(const struct fleet *fleet);
/* False if it did not come true within bound_ms. */
bool fleet_run_until(struct fleet *fleet, fleet_predicate *predicate, kh_ms bound_ms);

uint32_t fleet_alive_n(const struct fleet *fleet); /* and not leaving */

/* Every lease has a living owner, and nobody has two more, or more than its share. */
bool fleet_is_balanced(const struct fleet *fleet);
/* How many leases are being processed: their worker holds them, and their child runs. */
uint32_t fleet_processed_n(const struct fleet *fleet);

#endif
