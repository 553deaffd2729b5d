#include "core/report.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

/* Reports are wanted from 1 s on, every 30 s. */
static struct kh_ctx ctx;
static struct kh_report report;
static struct kh_cmds cmds;

static void begin(bool refuses)
{
    kh_report_init(&report, &ctx, refuses);
    kh_report_want(&report, true, KH_COORD_LEASE_TABLE, 1000);
}

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_cmds_init(&cmds);
    begin(false);
}

static void teardown(void)
{
    kh_cmds_fini(&cmds);
}

static const struct kh_coord_op *step(const struct kh_event *event, kh_ms now_ms)
{
    const struct kh_cmd *cmd;

    kh_cmds_reset(&cmds);
    kh_report_step(&report, event, 1700000000000 + now_ms, now_ms, &cmds);
    cmd = cmds_find(&cmds, KH_CMD_COORD);
    return cmd == NULL ? NULL : cmd->coord;
}

static const struct kh_coord_op *tick(kh_ms now_ms)
{
    return step(&(struct kh_event){.type = KH_EVENT_TICK}, now_ms);
}

static void sample(double percent, kh_ms now_ms)
{
    ck_assert_ptr_null(
        step(&(struct kh_event){.type = KH_EVENT_UTILIZATION, .percent = percent}, now_ms));
}

static const struct kh_coord_op *answer(const struct kh_coord_op *op, enum kh_lease_outcome outcome,
                                        kh_ms now_ms)
{
    struct kh_coord_answer coord = {
        .id = op->id, .verb = op->verb, .kind = op->kind, .outcome = outcome};

    return step(&(struct kh_event){.type = KH_EVENT_COORD, .coord = &coord}, now_ms);
}

/* The report that is due at now_ms, stored. */
static struct kh_worker_stats stats_at(kh_ms now_ms)
{
    const struct kh_coord_op *op = tick(now_ms);
    struct kh_worker_stats stats;

    ck_assert_ptr_nonnull(op);
    stats = op->item.stats;
    ck_assert_ptr_null(answer(op, KH_LEASE_DONE, now_ms));
    return stats;
}

START_TEST(the_first_report_goes_out_after_two_seconds_even_without_any_sample)
{
    const struct kh_coord_op *op;

    ck_assert_int_eq(kh_report_deadline(&report), 3000);
    ck_assert_ptr_null(tick(2999));
    op = tick(3000);
    ck_assert_int_eq(op->verb, KH_COORD_UPDATE);
    ck_assert_int_eq(op->kind, KH_COORD_STATS);
    ck_assert_str_eq(op->key, "me");
    ck_assert_uint_eq(op->expect_bits, 0);
    ck_assert_str_eq(op->item.stats.worker_id, "me");
    ck_assert_int_eq(op->item.stats.reported_wall_s, 1700000003);
    ck_assert(op->item.stats.has_support);
    ck_assert_int_eq(op->item.stats.support, 1);
    ck_assert_int_eq(op->item.stats.support_wall_s, 1700000003);
    ck_assert_uint_eq(op->item.stats.metrics_n, 0);
    ck_assert(kh_coord_op_is_sound(op));
}
END_TEST

START_TEST(samples_are_averaged_over_a_period)
{
    struct kh_worker_stats stats;

    sample(10, 1500);
    sample(20, 2500);
    stats = stats_at(3000);
    ck_assert_uint_eq(stats.metrics_n, 1);
    ck_assert_str_eq(stats.metrics[0].name, "C");
    ck_assert(stats.metrics[0].has_limit);
    ck_assert_double_eq(stats.metrics[0].limit, 100);
    ck_assert_uint_eq(stats.metrics[0].values_n, 1);
    ck_assert_double_eq(stats.metrics[0].values[0], 15);
    sample(1, 4000);
    sample(1, 5000);
    sample(2, 6000);
    ck_assert_int_eq(kh_report_deadline(&report), 33000);
    stats = stats_at(33000);
    ck_assert_uint_eq(stats.metrics[0].values_n, 2);
    ck_assert_double_eq(stats.metrics[0].values[1], 1.333333);
}
END_TEST

START_TEST(a_period_without_a_sample_has_failed)
{
    struct kh_worker_stats stats;

    sample(10, 1500);
    (void)stats_at(3000);
    sample(-1, 4000);
    stats = stats_at(33000);
    ck_assert_double_eq(stats.metrics[0].values[1], -1);
}
END_TEST

START_TEST(a_sample_that_failed_does_not_spoil_the_others)
{
    sample(-1, 1500);
    sample(40, 2000);
    ck_assert_double_eq(stats_at(3000).metrics[0].values[0], 40);
}
END_TEST

START_TEST(the_ten_newest_averages_are_kept)
{
    struct kh_worker_stats stats;

    for (int i = 0; i < 12; i++) {
        sample(i, 2000 + 30000 * i);
        stats = stats_at(3000 + 30000 * i);
    }
    ck_assert_uint_eq(stats.metrics[0].values_n, 10);
    ck_assert_double_eq(stats.metrics[0].values[0], 2);
    ck_assert_double_eq(stats.metrics[0].values[9], 11);
}
END_TEST

START_TEST(fewer_are_kept_if_so_configured)
{
    ctx.config.report_values = 1;
    begin(false);
    sample(1, 2000);
    (void)stats_at(3000);
    sample(2, 4000);
    ck_assert_double_eq(stats_at(33000).metrics[0].values[0], 2);
}
END_TEST

START_TEST(metrics_can_be_switched_off)
{
    ctx.config.report_metrics = false;
    begin(false);
    sample(10, 1500);
    ck_assert_uint_eq(stats_at(3000).metrics_n, 0);
}
END_TEST

START_TEST(who_wants_nothing_from_a_leader_reports_a_metric_that_fails)
{
    struct kh_worker_stats stats;

    begin(true);
    sample(10, 1500);
    stats = stats_at(3000);
    ck_assert_uint_eq(stats.metrics_n, 1);
    ck_assert_uint_eq(stats.metrics[0].values_n, 1);
    ck_assert_double_eq(stats.metrics[0].values[0], -1);
    ck_assert(stats.metrics[0].has_limit);
}
END_TEST

START_TEST(a_report_that_was_not_stored_is_told_and_sent_again_soon)
{
    const struct kh_coord_op *op = tick(3000);

    ck_assert_ptr_null(answer(op, KH_LEASE_UNKNOWN, 3100));
    ck_assert(cmds_noted(&cmds, "fleet.not_reported"));
    ck_assert_int_le(kh_report_deadline(&report), 4100);
    op = tick(4100);
    ck_assert_int_eq(op->item.stats.reported_wall_s, 1700000004);
    ck_assert_ptr_null(answer(op, KH_LEASE_DONE, 4200));
    ck_assert_int_eq(kh_report_deadline(&report), 33000);
}
END_TEST

START_TEST(what_is_not_wanted_any_more_is_taken_away)
{
    const struct kh_coord_op *op;

    (void)stats_at(3000);
    kh_report_want(&report, false, KH_COORD_LEASE_TABLE, 4000);
    ck_assert_int_eq(kh_report_deadline(&report), 4000);
    op = tick(4000);
    ck_assert_int_eq(op->verb, KH_COORD_DELETE);
    ck_assert_str_eq(op->key, "me");
    ck_assert_uint_eq(op->expect_bits, KH_EXPECT_REPORTED);
    ck_assert_int_eq(op->expect.stats.reported_wall_s, 1700000003);
    ck_assert(!kh_report_is_gone(&report));
    ck_assert_ptr_null(answer(op, KH_LEASE_CONFLICT, 4010));
    ck_assert(kh_report_is_gone(&report));
    ck_assert_int_eq(kh_report_deadline(&report), KH_NEVER);
}
END_TEST

START_TEST(a_report_under_way_is_waited_for_before_it_is_taken_away)
{
    const struct kh_coord_op *op = tick(3000);

    kh_report_want(&report, false, KH_COORD_LEASE_TABLE, 3010);
    ck_assert_ptr_null(tick(3010));
    op = answer(op, KH_LEASE_DONE, 3020);
    ck_assert_int_eq(op->verb, KH_COORD_DELETE);
}
END_TEST

START_TEST(who_never_reported_has_nothing_to_take_away)
{
    kh_report_want(&report, false, KH_COORD_LEASE_TABLE, 1500);
    ck_assert_ptr_null(tick(5000));
    ck_assert(kh_report_is_gone(&report));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("report");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_first_report_goes_out_after_two_seconds_even_without_any_sample);
    tcase_add_test(tcase, samples_are_averaged_over_a_period);
    tcase_add_test(tcase, a_period_without_a_sample_has_failed);
    tcase_add_test(tcase, a_sample_that_failed_does_not_spoil_the_others);
    tcase_add_test(tcase, the_ten_newest_averages_are_kept);
    tcase_add_test(tcase, fewer_are_kept_if_so_configured);
    tcase_add_test(tcase, metrics_can_be_switched_off);
    tcase_add_test(tcase, who_wants_nothing_from_a_leader_reports_a_metric_that_fails);
    tcase_add_test(tcase, a_report_that_was_not_stored_is_told_and_sent_again_soon);
    tcase_add_test(tcase, what_is_not_wanted_any_more_is_taken_away);
    tcase_add_test(tcase, a_report_under_way_is_waited_for_before_it_is_taken_away);
    tcase_add_test(tcase, who_never_reported_has_nothing_to_take_away);
    return suite_run("report", tcase);
}
