#include "core/report.h"

#include <string.h>

#include "base/assert.h"

#define FIRST_MS      KH_SECONDS(2)
#define RETRY_MS      KH_SECONDS(1)
#define FAILED        (-1.0)
#define CPU           "C"
#define LIMIT_PERCENT 100
#define PARTS         1e6 /* six decimals are stored */
#define UNDERSTANDS   1   /* sup: one table for everything */

void kh_report_init(struct kh_report *report, struct kh_ctx *ctx, bool refuses)
{
    kh_assert(ctx->config.report_values >= 1);
    kh_assert(ctx->config.report_values <= KH_METRIC_VALUES_N);
    *report = (struct kh_report){
        .ctx = ctx, .refuses = refuses, .at_ms = KH_NEVER, .retry_at_ms = KH_NEVER};
}

/* Off: what was reported is taken away. After a roll-back a 2.x worker stumbles over it. */
void kh_report_want(struct kh_report *report, bool on, enum kh_coord_place place, kh_ms now_ms)
{
    if (report->on == on) {
        report->place = on ? place : report->place;
        return;
    }
    report->on = on;
    report->removing = !on && report->stored;
    report->retry_at_ms = KH_NEVER;
    report->at_ms = report->removing ? now_ms : KH_NEVER;
    if (on) {
        report->place = place;
        report->at_ms = now_ms + FIRST_MS;
    }
}

bool kh_report_is_gone(const struct kh_report *report)
{
    return !report->on && !report->removing && report->op == 0;
}

static void add_sample(struct kh_report *report, double percent)
{
    if (percent < 0) {
        return; /* it failed; if all do, so has the period */
    }
    report->measured = true;
    report->sum += percent;
    report->samples_n++;
}

/* The average since the last one joins the values; the oldest goes when there are too many. */
static void end_period(struct kh_report *report)
{
    double value = FAILED;

    if (report->samples_n > 0) {
        value = (double)(int64_t)(report->sum / report->samples_n * PARTS + 0.5) / PARTS;
    }
    report->sum = 0;
    report->samples_n = 0;
    if (report->values_n == report->ctx->config.report_values) {
        memmove(report->values, report->values + 1,
                (report->values_n - 1) * sizeof(report->values[0]));
        report->values_n--;
    }
    report->values[report->values_n++] = value;
}

static void fill_metric(const struct kh_report *report, struct kh_metric *metric)
{
    memcpy(metric->name, CPU, sizeof(CPU));
    metric->has_limit = true;
    metric->limit = LIMIT_PERCENT;
    if (report->refuses) {
        metric->values_n = 1;
        metric->values[0] = FAILED;
        return;
    }
    metric->values_n = report->values_n;
    memcpy(metric->values, report->values, sizeof(metric->values));
}

static struct kh_coord_op *send(struct kh_report *report, enum kh_coord_verb verb,
                                struct kh_cmds *out)
{
    struct kh_coord_op *op = kh_cmds_push_coord(out, verb);

    op->id = ++report->ctx->op;
    op->kind = KH_COORD_STATS;
    op->place = report->place;
    memcpy(op->key, report->ctx->config.worker_id, sizeof(op->key));
    report->op = op->id;
    return op;
}

static void send_report(struct kh_report *report, int64_t wall_ms, struct kh_cmds *out)
{
    struct kh_coord_op *op = send(report, KH_COORD_UPDATE, out);
    struct kh_worker_stats *stats = &op->item.stats;
    const bool measures = report->ctx->config.report_metrics && report->measured;

    op->item.kind = KH_COORD_STATS;
    memcpy(stats->worker_id, report->ctx->config.worker_id, sizeof(stats->worker_id));
    stats->reported_wall_s = wall_ms / 1000;
    stats->has_support = true;
    stats->support = UNDERSTANDS;
    stats->support_wall_s = stats->reported_wall_s;
    if (report->refuses || measures) {
        stats->metrics_n = 1;
        fill_metric(report, &stats->metrics[0]);
    }
    report->stored = true; /* perhaps; so it is to be taken away */
    report->reported_wall_s = stats->reported_wall_s;
    report->retry_at_ms = KH_NEVER;
}

/* Only what we wrote last: a process after us may have our id. */
static void send_removal(struct kh_report *report, struct kh_cmds *out)
{
    struct kh_coord_op *op = send(report, KH_COORD_DELETE, out);

    op->expect_bits = KH_EXPECT_REPORTED;
    op->expect.kind = KH_COORD_STATS;
    op->expect.stats.reported_wall_s = report->reported_wall_s;
    report->at_ms = KH_NEVER;
}

static void on_answer(struct kh_report *report, const struct kh_coord_answer *answer, kh_ms now_ms,
                      struct kh_cmds *out)
{
    report->op = 0;
    if (answer->verb == KH_COORD_DELETE) {
        report->removing = false; /* or it grows old */
        report->stored = false;
        return;
    }
    if (answer->outcome == KH_LEASE_DONE) {
        report->failures_n = 0;
        return;
    }
    kh_cmds_note(out, "", "fleet.not_reported");
    report->retry_at_ms =
        now_ms + kh_ctx_jitter(report->ctx, kh_backoff(RETRY_MS, report->failures_n,
                                                       report->ctx->config.report_ms));
    report->failures_n++;
}

static void next(struct kh_report *report, int64_t wall_ms, kh_ms now_ms, struct kh_cmds *out)
{
    if (report->op != 0) {
        return;
    }
    if (report->removing) {
        send_removal(report, out);
    } else if (report->on && now_ms >= report->at_ms) {
        end_period(report);
        report->at_ms = now_ms + report->ctx->config.report_ms;
        send_report(report, wall_ms, out);
    } else if (report->on && now_ms >= report->retry_at_ms) {
        send_report(report, wall_ms, out);
    }
}

void kh_report_step(struct kh_report *report, const struct kh_event *event, int64_t wall_ms,
                    kh_ms now_ms, struct kh_cmds *out)
{
    if (event->type == KH_EVENT_UTILIZATION) {
        add_sample(report, event->percent);
    } else if (event->type == KH_EVENT_COORD && report->op != 0 && event->coord->id == report->op) {
        on_answer(report, event->coord, now_ms, out);
    }
    next(report, wall_ms, now_ms, out);
}

kh_ms kh_report_deadline(const struct kh_report *report)
{
    if (report->op != 0) {
        return KH_NEVER;
    }
    return report->on || report->removing ? kh_ms_min(report->at_ms, report->retry_at_ms)
                                          : KH_NEVER;
}
