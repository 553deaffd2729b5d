#include <check.h>
#include <string.h>

#include "tests/lib/assigning.h"
#include "tests/lib/suite.h"

static void own(const char *owner, int n)
{
    for (int i = 0; i < n; i++) {
        assigning_own(owner, -1);
    }
}

static void run(bool rebalance)
{
    assigning_see(1000);
    assigning_run(kh_assign_counted, rebalance, NULL, 1000);
}

START_TEST(free_leases_go_to_whoever_has_least)
{
    assigning_report("a");
    assigning_report("b");
    assigning_report("c");
    own("a", 3);
    own("b", 1);
    own("", 4);
    run(false);
    ck_assert_uint_eq(assigning_wishes.n, 4);
    ck_assert_uint_eq(assigning_count("a"), 0);
    ck_assert_uint_eq(assigning_count("b"), 2); /* 3, 3, 2 */
    ck_assert_uint_eq(assigning_count("c"), 2);
    ck_assert(!assigning_wishes.items[0].steal);
}
END_TEST

START_TEST(nobody_gets_more_than_the_maximum)
{
    assigning_ctx.config.leases_max = 2;
    assigning_report("a");
    assigning_report("b");
    own("", 5);
    run(false);
    ck_assert_uint_eq(assigning_count("a"), 2);
    ck_assert_uint_eq(assigning_count("b"), 2);
    ck_assert_uint_eq(assigning_wishes.n, 4);
}
END_TEST

START_TEST(leases_are_evened_out_only_when_it_is_time)
{
    assigning_report("a");
    assigning_report("b");
    own("a", 6);
    run(false);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 3);
    ck_assert_uint_eq(assigning_count("b"), 3);
    ck_assert(assigning_wishes.items[0].steal);
}
END_TEST

START_TEST(a_newcomer_gets_its_share_where_nobody_is_above_the_rounded_one)
{
    const char *ids[] = {"a", "b", "c", "d"};

    for (int i = 0; i < 4; i++) {
        assigning_report(ids[i]);
        own(ids[i], 3);
    }
    assigning_report("e");
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 2); /* 12 over 5: 3, 3, 2, 2, 2 */
    ck_assert_uint_eq(assigning_count("e"), 2);
}
END_TEST

START_TEST(a_difference_of_one_is_even)
{
    assigning_report("a");
    assigning_report("b");
    own("a", 3);
    own("b", 2);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(whoever_does_not_report_is_given_nothing_and_robbed_of_nothing)
{
    assigning_report("a");
    own("silent", 6);
    own("a", 1);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(without_reports_nobody_gets_anything)
{
    own("", 2);
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(what_is_being_handed_over_counts_as_its_next_owners_and_stays)
{
    assigning_report("a");
    assigning_report("b");
    own("a", 3);
    own("b", 1);
    strcpy(assigning_own("b", -1)->checkpoint_owner, "a");
    run(true);
    ck_assert_uint_eq(assigning_wishes.n, 0); /* 3 and 2 */
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("assign_counted");

    tcase_add_checked_fixture(tcase, assigning_setup, assigning_teardown);
    tcase_add_test(tcase, free_leases_go_to_whoever_has_least);
    tcase_add_test(tcase, nobody_gets_more_than_the_maximum);
    tcase_add_test(tcase, leases_are_evened_out_only_when_it_is_time);
    tcase_add_test(tcase, a_newcomer_gets_its_share_where_nobody_is_above_the_rounded_one);
    tcase_add_test(tcase, a_difference_of_one_is_even);
    tcase_add_test(tcase, whoever_does_not_report_is_given_nothing_and_robbed_of_nothing);
    tcase_add_test(tcase, without_reports_nobody_gets_anything);
    tcase_add_test(tcase, what_is_being_handed_over_counts_as_its_next_owners_and_stays);
    return suite_run("assign_counted", tcase);
}
