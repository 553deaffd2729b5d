#include "core/shuffle.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_table table;

static void setup(void)
{
    kh_table_init(&table);
}

static void teardown(void)
{
    kh_table_fini(&table);
}

/* Worked out by Java itself. */
START_TEST(the_leader_is_the_one_that_java_works_out)
{
    static const struct {
        size_t n;
        size_t first;
    } vectors[] = {
        {1, 0},    {2, 0},    {3, 2},    {4, 3},      {5, 4},   {6, 2},   {7, 2},
        {8, 2},    {9, 3},    {10, 8},   {11, 6},     {12, 9},  {13, 12}, {14, 4},
        {15, 10},  {16, 11},  {20, 14},  {32, 19},    {50, 47}, {64, 46}, {100, 95},
        {128, 89}, {200, 70}, {256, 41}, {1000, 748},
    };

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        ck_assert_msg(kh_shuffle_first(vectors[i].n) == vectors[i].first, "n = %zu gives %zu",
                      vectors[i].n, kh_shuffle_first(vectors[i].n));
    }
}
END_TEST

START_TEST(an_owner_counts_once_however_much_it_owns)
{
    const char *ids[] = {"c", "a", "b", "a", "c", "c"};

    ck_assert_str_eq(kh_shuffle_leader(ids, 6), "c"); /* n = 3: the last of a, b, c */
}
END_TEST

START_TEST(ids_are_ordered_by_utf16_units)
{
    ck_assert_int_lt(kh_shuffle_order("a", "b"), 0);
    ck_assert_int_lt(kh_shuffle_order("a", "aa"), 0);
    ck_assert_int_gt(kh_shuffle_order("b", "aa"), 0);
    ck_assert_int_eq(kh_shuffle_order("a", "a"), 0);
    ck_assert_int_lt(kh_shuffle_order("z", "\xc3\xa9"), 0); /* é */
    /* U+1F600 is D83D DE00, below U+FF5E and above U+D7FF. */
    ck_assert_int_lt(kh_shuffle_order("w\xf0\x9f\x98\x80", "w\xef\xbd\x9e"), 0);
    ck_assert_int_gt(kh_shuffle_order("w\xef\xbd\x9e", "w\xf0\x9f\x98\x80"), 0);
    ck_assert_int_gt(kh_shuffle_order("w\xf0\x9f\x98\x80", "w\xed\x9f\xbf"), 0);
    ck_assert_int_lt(kh_shuffle_order("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81"), 0);
    ck_assert_int_lt(kh_shuffle_order("\xee\x80\x80", "\xef\x80\x80"), 0);
}
END_TEST

START_TEST(with_nothing_owned_everybody_leads)
{
    struct kh_lease lease = {.key = "s"};

    ck_assert(kh_shuffle_leads(&table, "me"));
    kh_table_update(&table, &lease, 1, 10000, 0);
    ck_assert(kh_shuffle_leads(&table, "me"));
}
END_TEST

START_TEST(one_of_the_owners_leads)
{
    struct kh_lease leases[] = {
        {.key = "1", .owner = "b"}, {.key = "2", .owner = "a"}, {.key = "3"}};

    kh_table_update(&table, leases, 3, 10000, 0);
    ck_assert(kh_shuffle_leads(&table, "a")); /* n = 2: the first */
    ck_assert(!kh_shuffle_leads(&table, "b"));
    ck_assert(!kh_shuffle_leads(&table, "owner of nothing"));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("shuffle");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_leader_is_the_one_that_java_works_out);
    tcase_add_test(tcase, an_owner_counts_once_however_much_it_owns);
    tcase_add_test(tcase, ids_are_ordered_by_utf16_units);
    tcase_add_test(tcase, with_nothing_owned_everybody_leads);
    tcase_add_test(tcase, one_of_the_owners_leads);
    return suite_run("shuffle", tcase);
}
