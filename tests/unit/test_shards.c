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
    ck_assert_str_eq(plan.leases[0].key, "s00");
    ck_assert_str_eq(plan.leases[0].checkpoint.seq, "TRIM_HORIZON");
    ck_assert_str_eq(plan.leases[1].key, "s01");
}
END_TEST

START_TEST(from_a_timestamp_the_same_shards_start_there)
{
    plan_from(KH_POSITION_AT_TIMESTAMP);

    ck_assert_uint_eq(plan.n, 2);
    ck_assert_str_eq(plan.leases[0].key, "s00");
    ck_assert_str_eq(plan.leases[0].checkpoint.seq, "AT_TIMESTAMP");
    ck_assert_str_eq(plan.leases[1].key, "s01");
    ck_assert_str_eq(plan.leases[1].checkpoint.seq, "AT_TIMESTAMP");
}
END_TEST

START_TEST(from_the_tip_only_the_other_parent_of_a_merge_is_needed)
{
    plan_from(KH_POSITION_LATEST);

    ck_assert_uint_eq(plan.n, 1);
    ck_assert_str_eq(plan.leases[0].key, "s06");
    ck_assert_str_eq(plan.leases[0].checkpoint.seq, "LATEST");
    ck_assert_uint_eq(plan.leases[0].parents_n, 2);
}
END_TEST

START_TEST(with_no_lease_at_all_every_line_starts_where_it_should)
{
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_TRIM_HORIZON, false);
    ck_assert_uint_eq(plan.n, 6);
    ck_assert_str_eq(plan.leases[0].key, "s00");
    ck_assert_str_eq(plan.leases[5].key, "s05");

    plan.n = 0;
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 4);
    ck_assert_str_eq(plan.leases[0].key, "s04");
    ck_assert_str_eq(plan.leases[1].key, "s08");
    ck_assert_str_eq(plan.leases[2].key, "s09");
    ck_assert_str_eq(plan.leases[3].key, "s10");
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
    ck_assert_uint_eq(plan.n, 2);
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
    ck_assert_str_eq(plan.leases[0].key, "s01");
    ck_assert_str_eq(plan.leases[1].key, "s02");

    plan.n = 0; /* from the tip on there is nothing in closed shards */
    kh_shards_plan_missing(&plan, shards, 3, &table, KH_POSITION_LATEST, false);
    ck_assert_uint_eq(plan.n, 0);
}
END_TEST

START_TEST(parents_that_go_in_a_circle_end_the_planning)
{
    parents(0, 6, 6);
    kh_shards_plan_missing(&plan, shards, EXAMPLE_N, &table, KH_POSITION_TRIM_HORIZON, false);
    for (size_t i = 0; i < plan.n; i++) {
        ck_assert_str_ne(plan.leases[i].key, "s06");
    }
}
END_TEST

START_TEST(a_filtered_listing_becomes_one_lease_a_shard_in_order_of_age)
{
    strcpy(shards[0].start_seq, "49");
    kh_shards_plan_all(&plan, shards, 3, KH_POSITION_LATEST);
    ck_assert_uint_eq(plan.n, 3);
    ck_assert_str_eq(plan.leases[0].key, "s01");
    ck_assert_str_eq(plan.leases[1].key, "s02");
    ck_assert_str_eq(plan.leases[2].key, "s00");
    ck_assert_str_eq(plan.leases[2].checkpoint.seq, "LATEST");
}
END_TEST

#define HALF      "170141183460469231731687303715884105727"
#define HALF_NEXT "170141183460469231731687303715884105728"
#define LAST      "340282366920938463463374607431768211455"

static void range(unsigned number, const char *start, const char *end)
{
    strcpy(shards[number].range.start, start);
    strcpy(shards[number].range.end, end);
}

START_TEST(ranges_cover_only_without_gap_and_overlap)
{
    range(0, HALF_NEXT, LAST);
    range(1, "0", HALF);
    ck_assert(kh_shards_cover(shards, 2));

    range(1, "1", HALF);
    ck_assert(!kh_shards_cover(shards, 2));
    range(1, "0", HALF_NEXT);
    ck_assert(!kh_shards_cover(shards, 2));
    range(1, "0", "5");
    ck_assert(!kh_shards_cover(shards, 2));
    range(1, "", "");
    ck_assert(!kh_shards_cover(shards, 2));
    range(0, "0", LAST);
    ck_assert(kh_shards_cover(shards, 1));
    ck_assert(!kh_shards_cover(shards, 0));
}
END_TEST

static struct kh_lease lease(const char *key, const char *start, const char *end, const char *at)
{
    struct kh_lease made = {.checkpoint = kh_extseq_sentinel(at)};

    strcpy(made.key, key);
    strcpy(made.range.start, start);
    strcpy(made.range.end, end);
    return made;
}

START_TEST(a_hole_is_a_range_without_an_unfinished_lease)
{
    struct kh_lease leases[3] = {lease("a", "0", HALF, KH_SEQ_LATEST),
                                 lease("b", HALF_NEXT, LAST, KH_SEQ_SHARD_END),
                                 lease("c", HALF_NEXT, LAST, KH_SEQ_TRIM_HORIZON)};

    kh_table_update(&table, leases, 3, KH_SECONDS(10), 0);
    ck_assert(!kh_shards_has_hole(&table));

    leases[2].checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    kh_table_update(&table, leases, 3, KH_SECONDS(10), 0);
    ck_assert(kh_shards_has_hole(&table));
}
END_TEST

START_TEST(parent_and_child_may_overlap_but_an_unknown_range_is_a_hole)
{
    struct kh_lease leases[2] = {lease("a", "0", LAST, KH_SEQ_LATEST),
                                 lease("b", "0", HALF, KH_SEQ_TRIM_HORIZON)};

    kh_table_update(&table, leases, 2, KH_SECONDS(10), 0);
    ck_assert(!kh_shards_has_hole(&table));

    strcpy(leases[1].range.start, "");
    kh_table_update(&table, leases, 2, KH_SECONDS(10), 0);
    ck_assert(kh_shards_has_hole(&table));
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
    tcase_add_test(tcase, parents_that_go_in_a_circle_end_the_planning);
    tcase_add_test(tcase, a_filtered_listing_becomes_one_lease_a_shard_in_order_of_age);
    tcase_add_test(tcase, ranges_cover_only_without_gap_and_overlap);
    tcase_add_test(tcase, a_hole_is_a_range_without_an_unfinished_lease);
    tcase_add_test(tcase, parent_and_child_may_overlap_but_an_unknown_range_is_a_hole);
    return suite_run("shards", tcase);
}
