#include <check.h>
#include <string.h>

#include "tests/lib/assigning.h"
#include "tests/lib/suite.h"

static struct kh_assignment assignment;

static void setup(void)
{
    assigning_setup();
    memset(&assignment, 0, sizeof(assignment));
}

static void teardown(void)
{
    kh_assignment_fini(&assignment);
    assigning_teardown();
}

static void run(const char *setting, kh_ms now_ms)
{
    kh_assignment_fini(&assignment);
    ck_assert_int_eq(kh_assignment_init(&assignment, setting, NULL), KH_OK);
    assigning_run(assignment.taking, false, &assignment.pin, now_ms);
}

static void refused(const char *setting, const char *text)
{
    struct kh_err err;

    ck_assert_int_eq(kh_assignment_init(&assignment, setting, &err), KH_INVALID);
    ck_assert_str_eq(err.text, text);
}

START_TEST(it_takes_what_matches_and_is_free)
{
    strcpy(assigning_own("", -1)->key, "shardId-1");
    strcpy(assigning_own("", -1)->key, "shardId-2");
    strcpy(assigning_own("", -1)->key, "shardId-31");
    assigning_see(1000);
    run("pinned:shardId-[13]$", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_to("shardId-1"), "me");
    ck_assert(!assigning_wishes.items[0].steal);
}
END_TEST

START_TEST(it_does_not_take_again_what_was_just_given_up)
{
    assigning_own("", -1);
    assigning_see(1000);
    assigning_row("0")->shunned_until_ms = 5000;
    run("pinned:.", 4999);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    run("pinned:.", 5000);
    ck_assert_uint_eq(assigning_wishes.n, 1);
}
END_TEST

START_TEST(it_steals_nothing_but_takes_what_has_run_out)
{
    assigning_own("a", -1);
    assigning_own("me", -1); /* to be re-adopted first */
    assigning_see(1000);
    run("pinned:.", 11000);
    ck_assert_uint_eq(assigning_wishes.n, 0);
    run("pinned:.", 11001);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_to("0"), "me");
}
END_TEST

START_TEST(it_leaves_alone_what_it_works_on)
{
    assigning_own("", -1);
    assigning_own("", -1);
    assigning_hold("0");
    assigning_see(1000);
    assigning_row("1")->taking = true;
    run("pinned:.", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(the_configured_maximum_holds)
{
    assigning_ctx.config.leases_max = 2;
    for (int i = 0; i < 4; i++) {
        assigning_own("", -1);
    }
    assigning_hold("3");
    assigning_see(1000);
    run("pinned:.", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_to("0"), "me");
}
END_TEST

START_TEST(a_share_takes_what_begins_in_it)
{
    /* A third of the hash space is 113427455640312821154458202477256070485.33 */
    static const char *const starts[] = {
        "0",
        "113427455640312821154458202477256070485",
        "113427455640312821154458202477256070486",
        "226854911280625642308916404954512140970",
        "226854911280625642308916404954512140971",
        "340282366920938463463374607431768211455",
        "", /* not known */
    };

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        strcpy(assigning_own("", -1)->range.start, starts[i]);
    }
    assigning_see(1000);

    run("pinned:1/3", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 3);
    ck_assert_str_eq(assigning_to("0"), "me");
    ck_assert_str_eq(assigning_to("1"), "me");
    ck_assert_str_eq(assigning_to("6"), "me");
    run("pinned:2/3", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 2);
    ck_assert_str_eq(assigning_to("2"), "me");
    ck_assert_str_eq(assigning_to("3"), "me");
    run("pinned:3/3", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 2);
    ck_assert_str_eq(assigning_to("4"), "me");
    ck_assert_str_eq(assigning_to("5"), "me");
    run("pinned:1/1", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 7);
    run("pinned:4294967295/4294967295", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 1);
    ck_assert_str_eq(assigning_to("5"), "me");
}
END_TEST

START_TEST(none_wishes_for_nothing)
{
    assigning_own("", -1);
    assigning_see(1000);
    run("none", 1000);
    ck_assert_uint_eq(assigning_wishes.n, 0);
}
END_TEST

START_TEST(a_setting_names_a_policy)
{
    ck_assert_int_eq(kh_assignment_init(&assignment, "", NULL), KH_OK);
    ck_assert(assignment.taking == kh_assign_balanced);
    ck_assert(assignment.leading == kh_assign_utilization);
    ck_assert_int_eq(kh_assignment_init(&assignment, "balanced", NULL), KH_OK);
    ck_assert(assignment.taking == kh_assign_balanced);
    ck_assert(assignment.leading == kh_assign_counted);
    ck_assert_int_eq(kh_assignment_init(&assignment, "utilization", NULL), KH_OK);
    ck_assert(assignment.taking == kh_assign_balanced);
    ck_assert(assignment.leading == kh_assign_utilization);
    ck_assert_int_eq(kh_assignment_init(&assignment, "none", NULL), KH_OK);
    ck_assert(assignment.taking == kh_assign_none);
    ck_assert(assignment.leading == NULL);
    ck_assert_int_eq(kh_assignment_init(&assignment, "pinned:1/2", NULL), KH_OK);
    ck_assert(assignment.taking == kh_assign_pinned);
    ck_assert(assignment.leading == NULL);
}
END_TEST

START_TEST(what_names_none_is_refused_in_one_sentence)
{
    refused("pinned", "\"pinned\" is no assignment: write balanced, utilization, pinned:PATTERN or "
                      "none");
    refused("pinned:", "\"pinned:\" names nothing: add a regular expression for shard ids, or a "
                       "share such as 1/3");
    refused("pinned:0/3", "\"0/3\" is no share: write 1/3, 2/3 or 3/3 for one third");
    refused("pinned:4/3", "\"4/3\" is no share: write 1/3, 2/3 or 3/3 for one third");
    refused("pinned:1/4294967296",
            "\"1/4294967296\" is no share: write 1/3, 2/3 or 3/3 for one third");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("assign_pinned");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, it_takes_what_matches_and_is_free);
    tcase_add_test(tcase, it_does_not_take_again_what_was_just_given_up);
    tcase_add_test(tcase, it_steals_nothing_but_takes_what_has_run_out);
    tcase_add_test(tcase, it_leaves_alone_what_it_works_on);
    tcase_add_test(tcase, the_configured_maximum_holds);
    tcase_add_test(tcase, a_share_takes_what_begins_in_it);
    tcase_add_test(tcase, none_wishes_for_nothing);
    tcase_add_test(tcase, a_setting_names_a_policy);
    tcase_add_test(tcase, what_names_none_is_refused_in_one_sentence);
    return suite_run("assign_pinned", tcase);
}
