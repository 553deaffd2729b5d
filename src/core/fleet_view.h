/* fleet_view: who carries how much, for a policy that decides for all workers at once.
 *
 * Shape   made from the table and the workers' reports; each move is booked in it and becomes a
 *         wish, so that the next one is decided with the loads as they will be.
 * Units   kbps is KiB per second.
 * Errors  none.
 * Memory  owns its arrays; borrows rows, names and the list of wishes.
 * Truth   KCL 3.x LeaseAssignmentManager steps 3 to 7 and 10. Chosen differences: what is being
 *         handed over counts as its next owner's, and is not chosen again; finished leases do not
 *         count against the maximum, and are not moved while their owner is alive; our own that
 *         nobody renews are left to us, who re-adopt them.
 */
#ifndef KH_CORE_FLEET_VIEW_H
#define KH_CORE_FLEET_VIEW_H

#include "core/assign.h"

struct kh_view_metric {
    const char *name;
    double value; /* its average, then with what this run adds */
    double limit;
    double fleet; /* average of all workers that have it */
};

struct kh_view_worker {
    const struct kh_worker_stats *stats; /* borrowed */
    unsigned metrics_n;
    struct kh_view_metric metrics[KH_METRICS_N];
    size_t leases_n;
    size_t working_n; /* of them, those that are not finished */
    double kbps;
    double room; /* how much more it can take: the largest is served first */
};

struct kh_view_lease {
    struct kh_table_row *row; /* borrowed */
    double kbps;
    struct kh_view_worker
        *worker; /* who works on it; NULL: nobody, or one without a fresh report */
    bool free;   /* nobody renews it */
    bool fixed;  /* not to be moved in this run */
};

struct kh_fleet_view {
    const struct kh_assign_self *self; /* borrowed */
    struct kh_wishes *wishes;          /* borrowed */
    struct kh_view_worker *workers;    /* owned: those that may be given leases */
    size_t workers_n;
    struct kh_view_lease *leases; /* owned */
    size_t leases_n;
    const void **free; /* owned: struct kh_view_lease to be given away, in order of urgency */
    size_t free_n;
    struct kh_map by_id;
    double target_kbps; /* an even share */
};

void kh_fleet_view_init(struct kh_fleet_view *view, const struct kh_table *table,
                        const struct kh_assign_workers *workers, const struct kh_assign_self *self,
                        struct kh_wishes *wishes);
void kh_fleet_view_fini(struct kh_fleet_view *view);

/* Below both maxima of the settings. */
bool kh_fleet_view_has_room(const struct kh_fleet_view *view, const struct kh_view_worker *worker);

/* Book the lease on worker and wish for it. False, and nothing happens, if it works on it already;
 * unless nobody renews it and a hand-off is pending: its new owner would wait for ever. */
bool kh_fleet_view_move(struct kh_fleet_view *view, struct kh_view_lease *lease,
                        struct kh_view_worker *worker);

/* An exponential average of the samples that did not fail; 0 without any. */
double kh_fleet_view_average(const struct kh_metric *metric, double alpha);

/* Even out by number what is owned already. */
void kh_assign_even_out(struct kh_fleet_view *view);

/* A hand-off of the row is under way, and the one who works on it still has time. */
bool kh_fleet_view_is_blocked(const struct kh_table_row *row, const struct kh_worker_config *config,
                              kh_ms now_ms);

#endif
