#include "core/ranges.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

#define HALF      "170141183460469231731687303715884105727"
#define HALF_NEXT "170141183460469231731687303715884105728"
#define LAST      "340282366920938463463374607431768211455"
#define LEASES_N  3

static struct kh_shard shards[2];
static struct kh_lease leases[LEASES_N];
static struct kh_table table;
static struct kh_hole hole;

static void setup(void)
{
    memset(shards, 0, sizeof(shards));
    memset(leases, 0, sizeof(leases));
    kh_table_init(&table);
}

static void teardown(void)
{
    kh_table_fini(&table);
}

static void shard(unsigned number, const char *start, const char *end)
{
    strcpy(shards[number].id, number == 0 ? "a" : "b");
    strcpy(shards[number].range.start, start);
    strcpy(shards[number].range.end, end);
}

START_TEST(ranges_cover_only_without_gap_and_overlap)
{
    shard(0, HALF_NEXT, LAST);
    shard(1, "0", HALF);
    ck_assert(kh_ranges_cover(shards, 2));

    shard(1, "1", HALF);
    ck_assert(!kh_ranges_cover(shards, 2));
    shard(1, "0", HALF_NEXT);
    ck_assert(!kh_ranges_cover(shards, 2));
    shard(1, "0", "5");
    ck_assert(!kh_ranges_cover(shards, 2));
    shard(1, "", "");
    ck_assert(!kh_ranges_cover(shards, 2));
    shard(0, "0", LAST);
    ck_assert(kh_ranges_cover(shards, 1));
    shard(1, "0", LAST);
    ck_assert(!kh_ranges_cover(shards, 2));
    ck_assert(!kh_ranges_cover(shards, 0));
}
END_TEST

static void lease(unsigned number, const char *start, const char *end, const char *at)
{
    static const char *const names[LEASES_N] = {"a", "b", "c"};

    strcpy(leases[number].key, names[number]);
    strcpy(leases[number].range.start, start);
    strcpy(leases[number].range.end, end);
    leases[number].checkpoint = kh_extseq_sentinel(at);
}

static void look(size_t n)
{
    kh_table_update(&table, leases, n, KH_SECONDS(10), 0);
    kh_ranges_find_hole(&hole, &table);
}

START_TEST(a_hole_is_a_range_without_an_unfinished_lease)
{
    lease(0, "0", HALF, KH_SEQ_LATEST);
    lease(1, HALF_NEXT, LAST, KH_SEQ_SHARD_END);
    lease(2, HALF_NEXT, LAST, KH_SEQ_TRIM_HORIZON);
    look(3);
    ck_assert(!hole.found);

    leases[2].checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    look(3);
    ck_assert(hole.found);
    ck_assert_str_eq(hole.before, "a");
    ck_assert_str_eq(hole.after, "");
    ck_assert_str_eq(kh_ranges_hole_key(&hole), "a");
    ck_assert_int_eq(hole.missing_ppm, 500000);
    ck_assert(hole.first == (unsigned __int128)1 << 127);
    ck_assert(hole.last == ~(unsigned __int128)0);
}
END_TEST

START_TEST(parent_and_child_may_overlap)
{
    lease(0, "0", LAST, KH_SEQ_LATEST);
    lease(1, "0", HALF, KH_SEQ_TRIM_HORIZON);
    look(2);
    ck_assert(!hole.found);
}
END_TEST

START_TEST(a_lease_whose_range_is_not_known_does_not_count)
{
    lease(0, "0", LAST, KH_SEQ_LATEST);
    lease(1, "", "", KH_SEQ_LATEST);
    lease(2, "", "", KH_SEQ_SHARD_END);
    look(3);
    ck_assert(!hole.found);
    ck_assert_uint_eq(hole.unknown_n, 1);

    lease(0, "", "", KH_SEQ_LATEST);
    look(3);
    ck_assert(hole.found);
    ck_assert_uint_eq(hole.unknown_n, 2);
    ck_assert_str_eq(kh_ranges_hole_key(&hole), "");
    ck_assert_int_eq(hole.missing_ppm, 1000000);
}
END_TEST

START_TEST(the_smallest_hole_between_two_leases_is_found)
{
    lease(0, HALF_NEXT, LAST, KH_SEQ_LATEST);
    lease(1, "0", "170141183460469231731687303715884105726", KH_SEQ_LATEST);
    look(2);
    ck_assert(hole.found);
    ck_assert_str_eq(hole.before, "b");
    ck_assert_str_eq(hole.after, "a");
    ck_assert_int_eq(hole.missing_ppm, 1);
    ck_assert(hole.first == hole.last);
}
END_TEST

START_TEST(a_hole_at_the_beginning_is_named_by_what_follows_it)
{
    lease(0, "1", LAST, KH_SEQ_LATEST);
    look(1);
    ck_assert_str_eq(hole.before, "");
    ck_assert_str_eq(kh_ranges_hole_key(&hole), "a");
}
END_TEST

START_TEST(a_lease_inside_another_hides_nothing)
{
    lease(0, "0", "99", KH_SEQ_LATEST);
    lease(1, "5", "10", KH_SEQ_LATEST);
    lease(2, "101", LAST, KH_SEQ_LATEST);
    look(3);
    ck_assert_str_eq(hole.before, "a");
    ck_assert_str_eq(hole.after, "c");
    ck_assert(hole.first == 100);
    ck_assert(hole.last == 100);
}
END_TEST

START_TEST(a_hole_is_the_same_while_its_borders_are)
{
    struct kh_hole before;

    lease(0, "0", HALF, KH_SEQ_LATEST);
    look(1);
    before = hole;
    look(1);
    ck_assert(kh_ranges_same_hole(&before, &hole));
    lease(0, "0", "9", KH_SEQ_LATEST);
    look(1);
    ck_assert(!kh_ranges_same_hole(&before, &hole));
}
END_TEST

/* 999 pieces in no order, one of them missing. */
START_TEST(a_large_table_in_no_order_is_swept_in_order)
{
    static struct kh_lease many[999];
    const unsigned __int128 width = ~(unsigned __int128)0 / 999;

    for (unsigned i = 0; i < 999; i++) {
        unsigned piece = i * 500 % 999;

        many[i] =
            (struct kh_lease){.key = {'s', (char)('0' + piece / 100), (char)('0' + piece / 10 % 10),
                                      (char)('0' + piece % 10)},
                              .checkpoint = kh_extseq_sentinel(KH_SEQ_LATEST)};
        kh_hash_key_format(width * piece, many[i].range.start);
        kh_hash_key_format(piece == 998 ? ~(unsigned __int128)0 : width * (piece + 1) - 1,
                           many[i].range.end);
    }
    kh_table_update(&table, many, 999, KH_SECONDS(10), 0);
    kh_ranges_find_hole(&hole, &table);
    ck_assert(!hole.found);

    many[600].checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END); /* piece 300 */
    kh_table_update(&table, many, 999, KH_SECONDS(10), 0);
    kh_ranges_find_hole(&hole, &table);
    ck_assert_str_eq(hole.before, "s299");
    ck_assert_str_eq(hole.after, "s301");
    ck_assert_int_eq(hole.missing_ppm, 1001);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("ranges");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, ranges_cover_only_without_gap_and_overlap);
    tcase_add_test(tcase, a_hole_is_a_range_without_an_unfinished_lease);
    tcase_add_test(tcase, parent_and_child_may_overlap);
    tcase_add_test(tcase, a_lease_whose_range_is_not_known_does_not_count);
    tcase_add_test(tcase, the_smallest_hole_between_two_leases_is_found);
    tcase_add_test(tcase, a_hole_at_the_beginning_is_named_by_what_follows_it);
    tcase_add_test(tcase, a_lease_inside_another_hides_nothing);
    tcase_add_test(tcase, a_hole_is_the_same_while_its_borders_are);
    tcase_add_test(tcase, a_large_table_in_no_order_is_swept_in_order);
    return suite_run("ranges", tcase);
}
