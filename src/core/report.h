/* report: how busy this worker is, told to the leader of the fleet.
 *
 * Shape   samples come in about once a second; every report_ms their average goes out with the ones
 *         before it. One request at a time.
 * Units   percent; a report carries wall seconds.
 * Errors  none returned: a report that was not stored is sent again, sooner than the next is due.
 * Memory  plain value.
 * Truth   KCL 3.5 WorkerMetricStatsReporter and WorkerMetricsSelector. Chosen differences: a clean
 *         stop takes the report away, so that nothing is given to who has gone; a worker that
 *         wants nothing from the leader reports a metric that fails, which every leader respects.
 */
#ifndef KH_CORE_REPORT_H
#define KH_CORE_REPORT_H

#include "core/ctx.h"
#include "core/event.h"

struct kh_report {
    struct kh_ctx *ctx; /* borrowed */
    bool on;
    bool refuses; /* no lease is wanted from a leader */
    bool removing;
    bool stored; /* there may be an item of ours */
    enum kh_coord_place place;
    uint64_t op; /* under way; 0: none */
    kh_ms at_ms; /* when the next one is due */
    kh_ms retry_at_ms;
    unsigned failures_n;
    double sum; /* of the samples since the last report */
    unsigned samples_n;
    bool measured;           /* a sample has ever come */
    int64_t reported_wall_s; /* what our newest report says */
    unsigned values_n;
    double values[KH_METRIC_VALUES_N]; /* oldest first */
};

void kh_report_init(struct kh_report *report, struct kh_ctx *ctx, bool refuses);

/* Whether to report, and where. */
void kh_report_want(struct kh_report *report, bool on, enum kh_coord_place place, kh_ms now_ms);

/* Advance by a TICK, a UTILIZATION, or the COORD answer to report->op. wall_ms is what the clock
 * says now. */
void kh_report_step(struct kh_report *report, const struct kh_event *event, int64_t wall_ms,
                    kh_ms now_ms, struct kh_cmds *out);

bool kh_report_is_gone(const struct kh_report *report);

kh_ms kh_report_deadline(const struct kh_report *report);

#endif
