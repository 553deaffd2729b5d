#include "core/fleet_view.h"

#include <check.h>
#include <string.h>

#include "tests/lib/assigning.h"
#include "tests/lib/suite.h"

/* What the view showed the policy that stands in for all here. */
static size_t workers_n;
static double kbps;
static double target_kbps;

static void look(const struct kh_table *table, const struct kh_assign_workers *workers,
                 const struct kh_assign_self *self, struct kh_wishes *wishes)
{
    struct kh_fleet_view view;

    kh_fleet_view_init(&view, table, workers, self, wishes);
    workers_n = view.workers_n;
    kbps = view.workers_n > 0 ? view.workers[0].kbps : -1;
    target_kbps = view.target_kbps;
    for (size_t i = 0; i < view.free_n && view.workers_n > 0; i++) {
        (void)kh_fleet_view_move(&view, (struct kh_view_lease *)view.free[i], &view.workers[0]);
    }
    kh_fleet_view_fini(&view);
}

static void run(kh_ms seen_at_ms)
{
    assigning_run(look, false, NULL, seen_at_ms);
}

/* ---- whom leases may be given to ---- */

START_TEST(a_report_counts_for_two_periods)
{
    assigning_report("a")->reported_wall_s = ASSIGNING_WALL_S - 60;
    assigning_report("b")->reported_wall_s = ASSIGNING_WALL_S - 61;
    run(0);
    ck_assert_uint_eq(workers_n, 1);
}
END_TEST

START_TEST(a_worker_whose_metric_failed_last_is_left_out)
{
    struct kh_worker_stats *stats = assigning_report("a");

    assigning_metric(stats, "C", 50, 100);
    stats->metrics[0].values[1] = -1;
    stats->metrics[0].values_n = 2;
    stats = assigning_report("b");
    assigning_metric(stats, "C", -1, 100); /* failed once, well again */
    stats->metrics[0].values[1] = 50;
    stats->metrics[0].values_n = 2;
    run(0);
    ck_assert_uint_eq(workers_n, 1);
}
END_TEST

START_TEST(a_metric_without_a_limit_makes_a_report_unusable)
{
    assigning_metric(assigning_report("a"), "C", 50, 0);
    assigning_metric(assigning_report("b"), "C", 50, 100);
    assigning_report("c"); /* no metric at all is fine */
    run(0);
    ck_assert_uint_eq(workers_n, 2);
}
END_TEST

START_TEST(of_two_reports_of_one_worker_the_newer_counts)
{
    assigning_metric(assigning_report("a"), "C", -1, 100);
    assigning_report("a")->reported_wall_s = ASSIGNING_WALL_S - 5;
    run(0);
    ck_assert_uint_eq(workers_n, 0); /* the newer one has failed */
    assigning_report("b");
    assigning_report("b");
    run(0);
    ck_assert_uint_eq(workers_n, 1);
}
END_TEST

START_TEST(samples_are_averaged_with_the_newest_counting_most)
{
    struct kh_metric metric = {.values_n = 4, .values = {10, -1, 20, 40}};

    ck_assert_double_eq(kh_fleet_view_average(&metric, 0.5), 27.5); /* 10, 15, 27.5 */
    metric.values_n = 2;
    ck_assert_double_eq(kh_fleet_view_average(&metric, 0.5), 10);
    metric.values_n = 0;
    ck_assert_double_eq(kh_fleet_view_average(&metric, 0.5), 0);
}
END_TEST

/* ---- loads ---- */

START_TEST(a_lease_without_throughput_counts_as_the_mean_of_the_others)
{
    assigning_report("a");
    assigning_report("b");
    assigning_own("a", 10);
    assigning_own("b", 20);
    assigning_own("a", -1);
    assigning_own("", -1);
    assigning_see(0);
    run(0);
    ck_assert_double_eq(kbps, 10 + 15);
    ck_assert_double_eq(target_kbps, 15 * 4 / 2.0);
}
END_TEST

START_TEST(without_any_throughput_all_count_nothing)
{
    assigning_report("a");
    assigning_own("a", -1);
    assigning_see(0);
    run(0);
    ck_assert_double_eq(kbps, 0);
    ck_assert_double_eq(target_kbps, 0);
}
END_TEST

START_TEST(loads_are_booked_on_whoever_works_on_the_lease)
{
    struct kh_lease *lease = assigning_own("b", 8);

    assigning_report("a");
    strcpy(lease->checkpoint_owner, "a");
    assigning_see(0);
    lease->counter++; /* still renewed, and asked for far too long ago */
    assigning_see(41000);
    run(41000);
    ck_assert_double_eq(kbps, 8);
}
END_TEST

/* ---- what there is to give away ---- */

START_TEST(nobodys_leases_come_first_then_the_longest_silent)
{
    struct kh_lease *younger = assigning_own("dead", -1);

    assigning_report("a");
    assigning_own("dead", -1);
    assigning_own("", -1);
    assigning_see(0);
    younger->counter++;
    assigning_see(5000);
    run(15001);
    ck_assert_uint_eq(assigning_wishes.n, 3);
    ck_assert_str_eq(assigning_wishes.items[0].row->lease.key, "2");
    ck_assert_str_eq(assigning_wishes.items[1].row->lease.key, "1");
    ck_assert_str_eq(assigning_wishes.items[2].row->lease.key, "0");
}
END_TEST

START_TEST(a_lease_is_free_when_it_was_silent_for_longer_than_the_failover_time)
{
    assigning_report("a");
    assigning_own("dead", -1);
    assigning_see(1000);
    run(11000);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    run(11001);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert(!assigning_wishes.items[0].steal);
}
END_TEST

/* A Java worker looks for what is assigned to it every 10 s, and renews it after that. */
START_TEST(a_lease_that_was_just_assigned_is_given_time_to_be_found)
{
    struct kh_lease *lease = assigning_own("", -1);

    assigning_report("a");
    assigning_see(1000);
    strcpy(lease->owner, "java");
    lease->counter++;
    assigning_see(2000);
    run(22000);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    run(22001);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    lease->counter++; /* renewed: from then on the usual time counts */
    assigning_see(14000);
    run(24000);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    run(24001);
    ck_assert_uint_eq(assigning_wishes.n, 1);
}
END_TEST

START_TEST(a_hand_off_is_waited_for_until_its_time_is_up)
{
    struct kh_lease *lease = assigning_own("b", -1);

    strcpy(lease->checkpoint_owner, "a");
    assigning_see(1000);
    lease->counter++;
    assigning_see(41000); /* renewed: its owner lives */
    ck_assert(kh_fleet_view_is_blocked(assigning_row("0"), &assigning_ctx.config, 40999));
    ck_assert(!kh_fleet_view_is_blocked(assigning_row("0"), &assigning_ctx.config, 41001));
    lease->counter++;
    strcpy(lease->owner, "c"); /* another one was asked for: the time begins anew */
    assigning_see(41001);
    ck_assert(kh_fleet_view_is_blocked(assigning_row("0"), &assigning_ctx.config, 41001));
    ck_assert(!kh_fleet_view_is_blocked(assigning_row("0"), &assigning_ctx.config, 51002));
}
END_TEST

START_TEST(a_dead_workers_hand_off_goes_even_to_itself)
{
    assigning_report("a");
    strcpy(assigning_own("b", -1)->checkpoint_owner, "a");
    assigning_see(1000);
    run(11001);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_to("0"), "a");
}
END_TEST

START_TEST(whoever_has_a_silent_lease_and_reports_may_keep_it)
{
    assigning_report("a");
    assigning_own("a", -1);
    assigning_see(1000);
    run(11001);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(our_own_leases_are_not_given_away_while_we_can_have_them_back)
{
    assigning_report("a");
    assigning_own("me", -1);
    assigning_own("dead", -1); /* worked on here, whatever the table says */
    assigning_hold("1");
    assigning_see(1000);
    run(11001);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("fleet_view");

    tcase_add_checked_fixture(tcase, assigning_setup, assigning_teardown);
    tcase_add_test(tcase, a_report_counts_for_two_periods);
    tcase_add_test(tcase, a_worker_whose_metric_failed_last_is_left_out);
    tcase_add_test(tcase, a_metric_without_a_limit_makes_a_report_unusable);
    tcase_add_test(tcase, of_two_reports_of_one_worker_the_newer_counts);
    tcase_add_test(tcase, samples_are_averaged_with_the_newest_counting_most);
    tcase_add_test(tcase, a_lease_without_throughput_counts_as_the_mean_of_the_others);
    tcase_add_test(tcase, without_any_throughput_all_count_nothing);
    tcase_add_test(tcase, loads_are_booked_on_whoever_works_on_the_lease);
    tcase_add_test(tcase, nobodys_leases_come_first_then_the_longest_silent);
    tcase_add_test(tcase, a_lease_is_free_when_it_was_silent_for_longer_than_the_failover_time);
    tcase_add_test(tcase, a_lease_that_was_just_assigned_is_given_time_to_be_found);
    tcase_add_test(tcase, a_hand_off_is_waited_for_until_its_time_is_up);
    tcase_add_test(tcase, a_dead_workers_hand_off_goes_even_to_itself);
    tcase_add_test(tcase, whoever_has_a_silent_lease_and_reports_may_keep_it);
    tcase_add_test(tcase, our_own_leases_are_not_given_away_while_we_can_have_them_back);
    return suite_run("fleet_view", tcase);
}
