/* fleet: what this worker does beside its leases: which generation the fleet works as, who leads
 * it, how busy everybody is, and which leases the index says are ours.
 *
 * Shape   one per worker, around version, leader and report; it decides nothing about leases. The
 *         worker asks for mode, leads and workers, and looks into what was found after each step.
 * Units   *_ms monotonic, *_wall_* wall clock.
 * Errors  none returned.
 * Memory  owns the list of reports and of found keys.
 * Truth   KCL 3.x Scheduler, LeaseAssignmentManager (loading, stale reports) and
 *         DynamoDBLeaseDiscoverer. Chosen difference: reports are listed when they are needed, not
 *         only every leaseAssignmentIntervalMillis.
 */
#ifndef KH_CORE_FLEET_H
#define KH_CORE_FLEET_H

#include "core/assign.h"
#include "core/leader.h"
#include "core/report.h"
#include "core/version.h"

enum kh_fleet_mode {
    KH_FLEET_UNKNOWN, /* nothing may be taken yet */
    KH_FLEET_TAKES,   /* everybody takes for itself */
    KH_FLEET_IS_LED   /* the leader assigns */
};

/* The worker's view, for the length of a call. */
struct kh_fleet_sight {
    const struct kh_table *table;
    const struct kh_map *held; /* keys this worker works on */
};

struct kh_fleet {
    struct kh_ctx *ctx; /* borrowed */
    struct kh_version version;
    struct kh_leader leader;
    struct kh_report report;
    bool may_lead;
    bool leads; /* by lock, as of the newest step */
    bool stopping;
    bool told_no_place; /* that nobody can report, so that nobody is led */
    int64_t wall_ms;    /* at wall_at_ms */
    kh_ms wall_at_ms;

    /* the reports of all workers */
    struct kh_worker_stats *stats; /* owned: [0..stats_n) the newest whole listing */
    size_t stats_n;
    struct kh_worker_stats *coming; /* owned: the listing under way */
    size_t coming_n;
    bool coming_legacy; /* the part of the listing under way is the legacy table's */
    size_t legacy_n;    /* the first so many of stats are from the legacy table */
    size_t coming_legacy_n;
    uint64_t stats_op; /* under way; 0: none */
    kh_ms stats_sent_at_ms;
    kh_ms stats_at_ms;   /* when stats was asked for; KH_NEVER: never */
    bool stats_wanted;   /* there is something to assign */
    bool stats_came;     /* in this step */
    kh_ms stats_next_ms; /* not before */
    kh_ms upgrade_at_ms; /* when to look whether all are ready for 3.x */

    /* reports of workers that are long gone */
    size_t stale_at; /* next of stats to look at */
    uint64_t stale_op;

    /* what the index says */
    uint64_t owned_op;
    kh_ms owned_at_ms;
    struct kh_coord_key *found; /* owned: in this step: keys that might be ours and are not held */
    size_t found_n;
    size_t found_capacity;
};

/* may_lead: this worker's assignment has something to decide for others. */
void kh_fleet_init(struct kh_fleet *fleet, struct kh_ctx *ctx, bool may_lead, kh_ms now_ms);
void kh_fleet_fini(struct kh_fleet *fleet);

/* Advance by a TICK, a COORD (of anybody's) or a UTILIZATION. */
void kh_fleet_step(struct kh_fleet *fleet, const struct kh_event *event,
                   const struct kh_fleet_sight *sight, kh_ms now_ms, struct kh_cmds *out);

/* Give up the lead and take the report away. */
void kh_fleet_stop(struct kh_fleet *fleet, kh_ms now_ms);
bool kh_fleet_is_gone(const struct kh_fleet *fleet);

enum kh_fleet_mode kh_fleet_mode(const struct kh_fleet *fleet);

/* By lock, or by what all workers work out alike; that is not exclusive where nobody owns a
 * lease. */
bool kh_fleet_leads(const struct kh_fleet *fleet, const struct kh_table *table, kh_ms now_ms);

/* The reports, if they are fresh enough to decide by; if not they are asked for, and stats_came
 * tells when to ask again. */
bool kh_fleet_workers(struct kh_fleet *fleet, struct kh_assign_workers *workers, kh_ms now_ms);

kh_ms kh_fleet_deadline(const struct kh_fleet *fleet);

#endif
