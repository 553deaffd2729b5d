#include <check.h>
#include <string.h>

#include "tests/lib/assigning.h"
#include "tests/lib/suite.h"

static void cpu(const char *worker_id, double value)
{
    assigning_metric(assigning_report(worker_id), "C", value, 100);
}

static void own(const char *owner, double kbps, int n)
{
    for (int i = 0; i < n; i++) {
        assigning_own(owner, kbps);
    }
}

static void run(bool rebalance)
{
    assigning_see(1000);
    assigning_run(kh_assign_utilization, rebalance, NULL, 1000);
}

/* ---- what is free ---- */

START_TEST(a_free_lease_goes_to_whoever_is_furthest_below_the_average)
{
    cpu("a", 60);
    cpu("b", 30);
    cpu("c", 45); /* average 45: rooms -0.25, 0.5, 0 */
    own("", 10, 1);
    run(false);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_to("0"), "b");
    ck_assert(!assigning_wishes.items[0].steal);
}
END_TEST

START_TEST(each_lease_raises_its_receiver_by_its_part_of_an_even_share)
{
    cpu("a", 20);
    cpu("b", 40); /* average 30 */
    own("", 10, 4);
    run(false);
    /* An even share is 20 KB/s: a lease adds 15. a at 20 (0.5) gets the first: 35 (-0.14); then b
     * at 40 is at -0.25, so a gets the second: 50 (-0.4); b the third: 55 (-0.45), a the fourth. */
    ck_assert_str_eq(assigning_to("0"), "a");
    ck_assert_str_eq(assigning_to("1"), "a");
    ck_assert_str_eq(assigning_to("2"), "b");
    ck_assert_str_eq(assigning_to("3"), "a");
}
END_TEST

START_TEST(without_throughput_a_lease_counts_as_one_of_an_even_number)
{
    cpu("a", 20);
    cpu("b", 40);
    own("", -1, 4); /* two each: a lease adds 15, as above */
    run(false);
    ck_assert_str_eq(assigning_to("0"), "a");
    ck_assert_str_eq(assigning_to("1"), "a");
    ck_assert_str_eq(assigning_to("2"), "b");
    ck_assert_str_eq(assigning_to("3"), "a");
}
END_TEST

START_TEST(of_two_metrics_the_nearer_to_its_average_decides)
{
    struct kh_worker_stats *a = assigning_report("a");
    struct kh_worker_stats *b = assigning_report("b");

    assigning_metric(a, "C", 10, 100);
    assigning_metric(a, "NI", 80, 100); /* rooms 1 and -0.25 */
    assigning_metric(b, "C", 30, 100);
    assigning_metric(b, "NI", 40, 100); /* rooms -0.33 and 0.5 */
    own("", 10, 1);
    run(false);
    ck_assert_str_eq(assigning_to("0"), "a");
}
END_TEST

START_TEST(an_idle_worker_counts_as_having_room_for_as_much_again)
{
    cpu("a", 0);  /* 1 */
    cpu("b", 10); /* (20 - 10) / 10 = 1, and more leases */
    cpu("c", 50);
    own("b", 10, 1);
    own("", 10, 1);
    run(false);
    ck_assert_str_eq(assigning_to("1"), "a");
}
END_TEST

START_TEST(who_reports_no_metric_is_measured_by_what_it_reads)
{
    assigning_report("a");
    assigning_report("b");
    own("a", 30, 1);
    own("b", 10, 1);
    own("", 20, 1); /* mean 20, even share 30: a 100, b 33 */
    run(false);
    ck_assert_str_eq(assigning_to("2"), "b");
}
END_TEST

START_TEST(where_nothing_tells_workers_apart_they_share_by_number)
{
    assigning_report("a");
    assigning_report("b");
    assigning_report("c");
    own("", -1, 7);
    run(false);
    ck_assert_uint_eq(assigning_count("a"), 3);
    ck_assert_uint_eq(assigning_count("b"), 2);
    ck_assert_uint_eq(assigning_count("c"), 2);
}
END_TEST

START_TEST(the_configured_maximum_holds)
{
    assigning_ctx.config.leases_max = 2;
    assigning_report("a");
    own("a", -1, 1);
    assigning_own("a", -1)->checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    own("", -1, 3);
    run(false);
    ck_assert_uint_eq(assigning_wishes.n, 1); /* a finished lease is no work */
}
END_TEST

START_TEST(whoever_reads_more_than_a_host_may_gets_nothing)
{
    assigning_ctx.config.host_kbps_max = 20;
    cpu("a", 10);
    cpu("b", 50);
    own("a", 25, 1);
    own("", 10, 4); /* b: 10, 20, 30, and that is above */
    run(false);
    ck_assert_uint_eq(assigning_count("a"), 0);
    ck_assert_uint_eq(assigning_count("b"), 3);
}
END_TEST

START_TEST(without_reports_nobody_gets_anything)
{
    own("", -1, 2);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

/* ---- evening out ---- */

START_TEST(leases_move_only_when_it_is_time)
{
    cpu("a", 80);
    cpu("b", 20);
    own("a", 10, 8);
    run(false);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(most_of_an_excess_moves_at_once)
{
    cpu("a", 80);
    cpu("b", 20); /* average 50: a is 37.5 % above; of 80 KB/s, 60 % of that is 18 */
    own("a", 10, 8);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 1); /* 18 - 10 = 8, and not 10 more */
    ck_assert_uint_eq(assigning_count("b"), 1);
    ck_assert(assigning_wishes.items[0].steal);

    assigning_ctx.config.dampening_percent = 100; /* 30: two fit, the third would take all of it */
    assigning_run(kh_assign_utilization, true, NULL, 1000);
    ck_assert_uint_eq(assigning_count("b"), 2);
}
END_TEST

START_TEST(near_the_average_is_even)
{
    cpu("a", 55);
    cpu("b", 45); /* exactly 10 % */
    own("a", 2, 40);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    assigning_ctx.config.rebalance_percent = 9;
    run(true); /* 80 * (5/55) * 0.6 = 4.4; each adds 2.5 */
    ck_assert_uint_eq(assigning_count("b"), 2);
}
END_TEST

START_TEST(without_overshoot_a_lease_larger_than_the_excess_stays)
{
    assigning_ctx.config.overshoot = false;
    cpu("a", 60);
    cpu("b", 40); /* 20 * (10/60) * 0.6 = 2 */
    own("a", 10, 2);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(with_overshoot_the_smallest_lease_goes)
{
    cpu("a", 90);
    cpu("b", 10); /* 33 * (40/90) * 0.6 = 8.8 */
    own("a", 10, 1);
    own("a", 9, 1);
    own("a", 14, 1);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_to("1"), "b");
}
END_TEST

START_TEST(with_nobody_far_above_the_most_loaded_gives_to_one_far_below)
{
    cpu("a", 50);
    cpu("b", 51);
    cpu("c", 52);
    cpu("d", 35);                                /* average 47: from 42.3 to 51.7; c is above */
    assigning_ctx.config.rebalance_percent = 12; /* to 41.36 and 52.64: none is above, d below */
    own("a", 1, 10);
    own("b", 1, 10);
    own("c", 1, 10);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 1); /* 10 * (5/52) * 0.6 = 0.58: the overshoot */
    ck_assert_str_eq(assigning_wishes.items[0].row->lease.owner, "c");
    ck_assert_str_eq(assigning_wishes.items[0].to, "d");
}
END_TEST

START_TEST(above_its_own_limit_a_worker_gives_however_even_the_fleet_is)
{
    struct kh_worker_stats *stats = assigning_report("a");

    assigning_metric(stats, "C", 52, 100);
    cpu("b", 48);
    own("a", 1, 64); /* 64 * (2/52) * 0.6 = 1.5 */
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    stats->metrics[0].limit = 50;
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_wishes.items[0].to, "b");
}
END_TEST

START_TEST(nobody_is_filled_beyond_the_average)
{
    cpu("a", 90);
    cpu("b", 49);
    cpu("c", 50);     /* average 63 */
    own("a", 100, 1); /* share 33.3: it would add 189 */
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(nobody_is_filled_beyond_its_own_limit)
{
    cpu("a", 90);
    assigning_metric(assigning_report("b"), "C", 30, 31);
    own("a", 10, 10); /* share 50: a lease adds 12 */
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(a_busy_worker_that_reads_nothing_gives_one_lease)
{
    cpu("a", 90);
    cpu("b", 10);
    own("a", 0, 4);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_uint_eq(assigning_count("b"), 1);
}
END_TEST

START_TEST(the_metric_that_asks_for_most_decides)
{
    struct kh_worker_stats *a = assigning_report("a");
    struct kh_worker_stats *b = assigning_report("b");
    struct kh_worker_stats *c = assigning_report("c");

    assigning_metric(a, "C", 60, 100); /* a is to give 80 * 10/60 * 0.6 = 8 */
    assigning_metric(a, "NI", 50, 100);
    assigning_metric(b, "C", 45, 100);
    assigning_metric(b, "NI", 90, 100); /* b is to give 80 * 40/90 * 0.6 = 21.3 */
    assigning_metric(c, "C", 45, 100);
    assigning_metric(c, "NI", 10, 100);
    own("a", 4, 20);
    own("b", 4, 20); /* each adds 3.75: the second would bring c's C to 52.5 */
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_wishes.items[0].row->lease.owner, "b");
    ck_assert_str_eq(assigning_wishes.items[0].to, "c");
}
END_TEST

START_TEST(a_lone_reader_shares_with_a_newcomer)
{
    assigning_report("a");
    assigning_report("b");
    own("a", 10, 4); /* a 200, b 0; half of a's, 60 % of that: 12 */
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_uint_eq(assigning_count("b"), 1);
}
END_TEST

START_TEST(an_idle_fleet_without_metrics_is_evened_out_by_number)
{
    assigning_report("a");
    assigning_report("b");
    own("a", -1, 4);
    run(true);
    ck_assert_uint_eq(assigning_count("b"), 2);
}
END_TEST

START_TEST(finished_leases_and_pending_hand_offs_do_not_move)
{
    cpu("a", 90);
    cpu("b", 10);
    assigning_own("a", 0)->checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    strcpy(assigning_own("c", 0)->checkpoint_owner, "a");
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("assign_utilization");

    tcase_add_checked_fixture(tcase, assigning_setup, assigning_teardown);
    tcase_add_test(tcase, a_free_lease_goes_to_whoever_is_furthest_below_the_average);
    tcase_add_test(tcase, each_lease_raises_its_receiver_by_its_part_of_an_even_share);
    tcase_add_test(tcase, without_throughput_a_lease_counts_as_one_of_an_even_number);
    tcase_add_test(tcase, of_two_metrics_the_nearer_to_its_average_decides);
    tcase_add_test(tcase, an_idle_worker_counts_as_having_room_for_as_much_again);
    tcase_add_test(tcase, who_reports_no_metric_is_measured_by_what_it_reads);
    tcase_add_test(tcase, where_nothing_tells_workers_apart_they_share_by_number);
    tcase_add_test(tcase, the_configured_maximum_holds);
    tcase_add_test(tcase, whoever_reads_more_than_a_host_may_gets_nothing);
    tcase_add_test(tcase, without_reports_nobody_gets_anything);
    tcase_add_test(tcase, leases_move_only_when_it_is_time);
    tcase_add_test(tcase, most_of_an_excess_moves_at_once);
    tcase_add_test(tcase, near_the_average_is_even);
    tcase_add_test(tcase, without_overshoot_a_lease_larger_than_the_excess_stays);
    tcase_add_test(tcase, with_overshoot_the_smallest_lease_goes);
    tcase_add_test(tcase, with_nobody_far_above_the_most_loaded_gives_to_one_far_below);
    tcase_add_test(tcase, above_its_own_limit_a_worker_gives_however_even_the_fleet_is);
    tcase_add_test(tcase, nobody_is_filled_beyond_the_average);
    tcase_add_test(tcase, nobody_is_filled_beyond_its_own_limit);
    tcase_add_test(tcase, a_busy_worker_that_reads_nothing_gives_one_lease);
    tcase_add_test(tcase, the_metric_that_asks_for_most_decides);
    tcase_add_test(tcase, a_lone_reader_shares_with_a_newcomer);
    tcase_add_test(tcase, an_idle_fleet_without_metrics_is_evened_out_by_number);
    tcase_add_test(tcase, finished_leases_and_pending_hand_offs_do_not_move);
    return suite_run("assign_utilization", tcase);
}
