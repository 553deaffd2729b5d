#include "core/shards.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

/* The reference's worked example: shards 0 to 5; 6 merges 0 and 1; 7 merges 2 and 3; 8 merges 6 and
 * 7; 9 and 10 are the halves of 5. Open are 4, 8, 9, 10. */
#define EXAMPLE_N 11

static struct kh_shard shards[EXAMPLE_N];
static struct kh_table table;
static struct kh_shard_plan plan;

static void name(char *id, unsigned number)
{
    static const char *const names[EXAMPLE_N] = {"s00", "s01", "s02", "s03", "s04", "s05",
                                                 "s06", "s07", "s08", "s09", "s10"};

    strcpy(id, names[number]);
}

static void parents(unsigned child, unsigned a, unsigned b)
{
    shards[child].parents_n = a == b ? 1 : 2;
    name(shards[child].parents[0], a);
    if (a != b) {
        name(shards[child].parents[1], b);
    }
}

static void setup(void)
{
    memset(shards, 0, sizeof(shards));
    for (unsigned i = 0; i < EXAMPLE_N; i++) {
        name(shards[i].id, i);
        strcpy(shards[i].start_seq, i < 6 ? "1" : i < 8 ? "2" : "3");
    }
    parents(6, 0, 1);
    parents(7, 2, 3);
    parents(8, 6, 7);
    parents(9, 5, 5);
    parents(10, 5, 5);
    shards[4].open = shards[8].open = shards[9].open = shards[10].open = true;
    kh_table_init(&table);
    kh_shard_plan_init(&plan);
}

static void teardown(void)
{
    kh_table_fini(&table);
    kh_shard_plan_fini(&plan);
}

static void have_leases(const unsigned *numbers, size_t n)
{
    struct kh_lease leases[EXAMPLE_N] = {0};

    for (size_t i = 0; i < n; i++) {
        name(leases[i].key, numbers[i]);
        leases[i].checkpoint = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON);
    }
    kh_table_update(&table, leases, n, KH_SECONDS(10), 0);
}

static void plan_from(enum kh_position_type initial)
{
    static const unsigned with_lease[] = {4, 5, 7};

    have_leases(with_lease, 3);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, initial, false);
}

START_TEST(from_the_horizon_the_unread_line_starts_at_its_roots)
{
    plan_from(KH_POSITION_TRIM_HORIZON);

    ck_assert(!plan.inconsistent);
    ck_assert_uint_eq(plan.n, 2);
    ck_assert_str_eq(plan.steps[0].lease.key, "s00");
    ck_assert_str_eq(plan.steps[0].lease.checkpoint.seq, "TRIM_HORIZON");
    ck_assert_str_eq(plan.steps[1].lease.key, "s01");
}
END_TEST

START_TEST(from_a_timestamp_the_same_shards_start_there)
{
    plan_from(KH_POSITION_AT_TIMESTAMP);

    ck_assert_uint_eq(plan.n, 2);
    ck_assert_str_eq(plan.steps[0].lease.key, "s00");
    ck_assert_str_eq(plan.steps[0].lease.checkpoint.seq, "AT_TIMESTAMP");
    ck_assert_str_eq(plan.steps[1].lease.key, "s01");
    ck_assert_str_eq(plan.steps[1].lease.checkpoint.seq, "AT_TIMESTAMP");
}
END_TEST

START_TEST(from_the_tip_only_the_other_parent_of_a_merge_is_needed)
{
    plan_from(KH_POSITION_LATEST);

    ck_assert_uint_eq(plan.n, 1);
    ck_assert_str_eq(plan.steps[0].lease.key, "s06");
    ck_assert_str_eq(plan.steps[0].lease.checkpoint.seq, "LATEST");
    ck_assert_uint_eq(plan.steps[0].lease.parents_n, 2);
}
END_TEST

START_TEST(with_no_lease_at_all_every_line_starts_where_it_should)
{
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_TRIM_HORIZON, false);
    ck_assert_uint_eq(plan.n, 6);
    ck_assert_str_eq(plan.steps[0].lease.key, "s00");
    ck_assert_str_eq(plan.steps[5].lease.key, "s05");

    plan.n = 0;
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 4);
    ck_assert_str_eq(plan.steps[0].lease.key, "s04");
    ck_assert_str_eq(plan.steps[1].lease.key, "s08");
    ck_assert_str_eq(plan.steps[2].lease.key, "s09");
    ck_assert_str_eq(plan.steps[3].lease.key, "s10");
}
END_TEST

START_TEST(nothing_is_missing_when_every_open_shard_descends_from_a_lease)
{
    static const unsigned with_lease[] = {0, 1, 2, 3, 4, 5};

    have_leases(with_lease, 6);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 0);
}
END_TEST

START_TEST(a_child_of_an_open_shard_makes_the_listing_unusable)
{
    shards[7].open = true;
    plan_from(KH_POSITION_TRIM_HORIZON);
    ck_assert(plan.inconsistent);
    ck_assert_uint_eq(plan.n, 0);

    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_TRIM_HORIZON, true);
    ck_assert(!plan.inconsistent);
    ck_assert_uint_eq(plan.n, 0); /* s08 is left out, and with it whatever it would have needed */
}
END_TEST

START_TEST(a_first_sync_of_an_archive_that_was_cut_short_is_completed)
{
    static const unsigned with_lease[] = {0};

    for (unsigned i = 0; i < 3; i++) {
        shards[i].open = false;
    }
    have_leases(with_lease, 1);
    kh_shards_plan_missing(&plan, shards, 3, &table, KH_POSITION_TRIM_HORIZON, false);
    ck_assert_uint_eq(plan.n, 2);
    ck_assert_str_eq(plan.steps[0].lease.key, "s01");
    ck_assert_str_eq(plan.steps[1].lease.key, "s02");

    plan.n = 0; /* from the tip on there is nothing in closed shards */
    kh_shards_plan_missing(&plan, shards, 3, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 0);
}
END_TEST

static void finish(unsigned number)
{
    struct kh_lease *lease = &kh_table_find(&table, shards[number].id)->lease;

    lease->checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
}

START_TEST(a_child_that_got_no_lease_when_its_parent_ended_gets_one_now)
{
    static const unsigned with_lease[] = {4, 5, 8, 9};

    have_leases(with_lease, 4);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 0);

    finish(5);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 1);
    ck_assert_int_eq(plan.steps[0].type, KH_SHARD_CREATE_IF);
    ck_assert_str_eq(plan.steps[0].parent, "s05");
    ck_assert_str_eq(plan.steps[0].lease.key, "s10");
    ck_assert_str_eq(plan.steps[0].lease.checkpoint.seq, "TRIM_HORIZON");
}
END_TEST

START_TEST(a_child_of_a_merge_waits_for_the_end_of_both_parents)
{
    static const unsigned with_lease[] = {4, 6, 7, 9, 10};

    have_leases(with_lease, 5);
    finish(6);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_TRIM_HORIZON, false);
    ck_assert_uint_eq(plan.n, 0);

    finish(7);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_TRIM_HORIZON, false);
    ck_assert_uint_eq(plan.n, 1);
    ck_assert_str_eq(plan.steps[0].lease.key, "s08");
}
END_TEST

START_TEST(a_parent_that_kinesis_has_forgotten_still_counts)
{
    static const unsigned with_lease[] = {5};

    have_leases(with_lease, 1); /* s05 is not in the listing, which begins at s09 */
    kh_shards_plan_missing(&plan, shards + 9, 2, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 0);

    finish(5);
    kh_shards_plan_missing(&plan, shards + 9, 2, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 2);
    ck_assert_str_eq(plan.steps[1].lease.key, "s10");
    ck_assert_str_eq(plan.steps[1].lease.checkpoint.seq, "TRIM_HORIZON");
}
END_TEST

/* 0 is read once more, though what came of it is long begun: its end hangs on the lease of 1. */
START_TEST(the_other_parent_is_needed_even_if_all_that_is_open_has_a_lease)
{
    static const unsigned with_lease[] = {0, 4, 5, 7, 8};

    have_leases(with_lease, 5);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 1);
    ck_assert_str_eq(plan.steps[0].lease.key, "s01");
    ck_assert_int_eq(plan.steps[0].type, KH_SHARD_CREATE);
}
END_TEST

START_TEST(leases_of_old_workers_get_their_ranges)
{
    static const unsigned with_lease[] = {4, 8, 9, 10};

    strcpy(shards[4].range.start, "7");
    strcpy(shards[4].range.end, "9");
    strcpy(shards[9].range.start, "20");
    strcpy(shards[9].range.end, "29");
    have_leases(with_lease, 4);
    kh_table_find(&table, "s09")->lease.range = shards[9].range; /* has one */
    finish(8);                                                   /* needs none any more */
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 1); /* that of s10 is in no listing */
    ck_assert_int_eq(plan.steps[0].type, KH_SHARD_FILL_RANGE);
    ck_assert_str_eq(plan.steps[0].lease.key, "s04");
    ck_assert_str_eq(plan.steps[0].lease.range.start, "7");
    ck_assert_str_eq(plan.steps[0].lease.range.end, "9");
}
END_TEST

START_TEST(a_child_of_an_open_shard_gets_no_lease_from_a_listing_that_is_used_all_the_same)
{
    static const unsigned with_lease[] = {4, 5};

    shards[6].open = shards[7].open = true;
    have_leases(with_lease, 2);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, true);
    ck_assert_uint_eq(plan.n, 2);
    ck_assert_str_eq(plan.steps[0].lease.key, "s06");
    ck_assert_str_eq(plan.steps[1].lease.key, "s07");
}
END_TEST

START_TEST(parents_that_go_in_a_circle_end_the_planning)
{
    parents(0, 6, 6);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_TRIM_HORIZON, false);
    for (size_t i = 0; i < plan.n; i++) {
        ck_assert_str_ne(plan.steps[i].lease.key, "s06");
    }
}
END_TEST

START_TEST(a_filtered_listing_becomes_one_lease_a_shard_in_order_of_age)
{
    strcpy(shards[0].start_seq, "49");
    kh_shards_plan_all(&plan, shards, 3, KH_POSITION_LATEST);
    ck_assert_uint_eq(plan.n, 3);
    ck_assert_str_eq(plan.steps[0].lease.key, "s01");
    ck_assert_str_eq(plan.steps[1].lease.key, "s02");
    ck_assert_str_eq(plan.steps[2].lease.key, "s00");
    ck_assert_str_eq(plan.steps[2].lease.checkpoint.seq, "LATEST");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("shards");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, from_the_horizon_the_unread_line_starts_at_its_roots);
    tcase_add_test(tcase, from_a_timestamp_the_same_shards_start_there);
    tcase_add_test(tcase, from_the_tip_only_the_other_parent_of_a_merge_is_needed);
    tcase_add_test(tcase, with_no_lease_at_all_every_line_starts_where_it_should);
    tcase_add_test(tcase, nothing_is_missing_when_every_open_shard_descends_from_a_lease);
    tcase_add_test(tcase, a_child_of_an_open_shard_makes_the_listing_unusable);
    tcase_add_test(tcase, a_first_sync_of_an_archive_that_was_cut_short_is_completed);
    tcase_add_test(tcase, a_child_that_got_no_lease_when_its_parent_ended_gets_one_now);
    tcase_add_test(tcase, a_child_of_a_merge_waits_for_the_end_of_both_parents);
    tcase_add_test(tcase, a_parent_that_kinesis_has_forgotten_still_counts);
    tcase_add_test(tcase, the_other_parent_is_needed_even_if_all_that_is_open_has_a_lease);
    tcase_add_test(tcase, leases_of_old_workers_get_their_ranges);
    tcase_add_test(tcase,
                   a_child_of_an_open_shard_gets_no_lease_from_a_listing_that_is_used_all_the_same);
    tcase_add_test(tcase, parents_that_go_in_a_circle_end_the_planning);
    tcase_add_test(tcase, a_filtered_listing_becomes_one_lease_a_shard_in_order_of_age);
    return suite_run("shards", tcase);
}
