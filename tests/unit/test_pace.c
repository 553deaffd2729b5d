#include "core/pace.h"

#include <check.h>

#include "tests/lib/suite.h"

/* Ten leases, failover 10 s: at most 500 ms between two renewals. */
static struct kh_pace pace;

static void setup(void)
{
    kh_pace_init(&pace);
    kh_pace_share(&pace, 10, KH_SECONDS(10));
}

static void teardown(void)
{
}

START_TEST(without_throttling_there_is_no_gap)
{
    kh_pace_sent(&pace, 1000);
    ck_assert_int_le(pace.next_at_ms, 1000);
    kh_pace_stored(&pace);
    ck_assert_int_eq(pace.gap_ms, 0);
}
END_TEST

START_TEST(each_throttled_renewal_doubles_the_gap_up_to_its_limit)
{
    kh_pace_throttled(&pace, 1000);
    ck_assert_int_eq(pace.gap_ms, 5);
    ck_assert_int_eq(pace.next_at_ms, 1005);
    kh_pace_throttled(&pace, 1200);
    ck_assert_int_eq(pace.gap_ms, 10);
    for (kh_ms now_ms = 1400; now_ms < 5000; now_ms += 200) {
        kh_pace_throttled(&pace, now_ms);
    }
    ck_assert_int_eq(pace.gap_ms, 500);
}
END_TEST

START_TEST(what_was_under_way_together_counts_once)
{
    kh_pace_throttled(&pace, 1000);
    kh_pace_throttled(&pace, 1050);
    kh_pace_throttled(&pace, 1199);
    ck_assert_int_eq(pace.gap_ms, 5);
}
END_TEST

START_TEST(renewals_that_are_stored_close_the_gap_again)
{
    unsigned n = 0;

    kh_pace_throttled(&pace, 1000);
    kh_pace_throttled(&pace, 2000);
    kh_pace_throttled(&pace, 3000);
    ck_assert_int_eq(pace.gap_ms, 20);
    while (pace.gap_ms > 0) {
        kh_pace_stored(&pace);
        n++;
    }
    ck_assert_uint_eq(n, 12);
}
END_TEST

START_TEST(more_leases_make_the_widest_gap_smaller)
{
    for (kh_ms now_ms = 1000; now_ms < 5000; now_ms += 200) {
        kh_pace_throttled(&pace, now_ms);
    }
    kh_pace_share(&pace, 100, KH_SECONDS(10));
    ck_assert_int_eq(pace.gap_ms, 50);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("pace");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_throttling_there_is_no_gap);
    tcase_add_test(tcase, each_throttled_renewal_doubles_the_gap_up_to_its_limit);
    tcase_add_test(tcase, what_was_under_way_together_counts_once);
    tcase_add_test(tcase, renewals_that_are_stored_close_the_gap_again);
    tcase_add_test(tcase, more_leases_make_the_widest_gap_smaller);
    return suite_run("pace", tcase);
}
