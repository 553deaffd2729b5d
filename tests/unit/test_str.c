#include "base/str.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"

static void assert_is(struct kh_str s, const char *expected)
{
    ck_assert_uint_eq(s.n, strlen(expected));
    ck_assert(kh_str_eq(s, kh_str(expected)));
}

START_TEST(slices_are_made_of_strings_and_bytes)
{
    assert_is(kh_str("abc"), "abc");
    assert_is(kh_str(NULL), "");
    assert_is(KH_STR("abc"), "abc");
    assert_is(kh_str_of("abcdef", 3), "abc");
    assert_is(kh_str_of(NULL, 0), "");
}
END_TEST

START_TEST(equal_means_the_same_bytes)
{
    ck_assert(kh_str_eq(KH_STR("a\0b"), KH_STR("a\0b")));
    ck_assert(!kh_str_eq(KH_STR("a\0b"), KH_STR("a\0c")));
    ck_assert(!kh_str_eq(KH_STR("a"), KH_STR("ab")));
    ck_assert(kh_str_eq(KH_STR(""), kh_str(NULL)));
}
END_TEST

START_TEST(case_is_ignored_for_ascii_letters_only)
{
    ck_assert(kh_str_eq_nocase(KH_STR("TRIM_horizon"), KH_STR("trim_HORIZON")));
    ck_assert(!kh_str_eq_nocase(KH_STR("@[`{"), KH_STR("`{@[")));
    ck_assert(!kh_str_eq_nocase(KH_STR("\xc4"), KH_STR("\xe4")));
    ck_assert(!kh_str_eq_nocase(KH_STR("a"), KH_STR("ab")));
}
END_TEST

START_TEST(order_is_by_unsigned_bytes_then_length)
{
    ck_assert_int_lt(kh_str_cmp(KH_STR("a"), KH_STR("b")), 0);
    ck_assert_int_gt(kh_str_cmp(KH_STR("b"), KH_STR("ab")), 0);
    ck_assert_int_lt(kh_str_cmp(KH_STR("a"), KH_STR("aa")), 0);
    ck_assert_int_gt(kh_str_cmp(KH_STR("aa"), KH_STR("a")), 0);
    ck_assert_int_lt(kh_str_cmp(KH_STR("a"), KH_STR("\xff")), 0);
    ck_assert_int_eq(kh_str_cmp(KH_STR("a"), KH_STR("a")), 0);
    ck_assert_int_eq(kh_str_cmp(kh_str(NULL), KH_STR("")), 0);
}
END_TEST

START_TEST(beginnings_and_ends)
{
    ck_assert(kh_str_starts(KH_STR("sqlite:x"), KH_STR("sqlite:")));
    ck_assert(!kh_str_starts(KH_STR("sql"), KH_STR("sqlite:")));
    ck_assert(kh_str_starts(kh_str(NULL), KH_STR("")));
    ck_assert(kh_str_ends(KH_STR("a.ndjson"), KH_STR(".ndjson")));
    ck_assert(!kh_str_ends(KH_STR("ndjson"), KH_STR(".ndjson")));
    ck_assert(!kh_str_ends(KH_STR("a.json"), KH_STR(".ndjs")));
    ck_assert(kh_str_ends(kh_str(NULL), KH_STR("")));
}
END_TEST

START_TEST(trimming_takes_blanks_off_both_ends)
{
    assert_is(kh_str_trim(KH_STR(" \t\f a b\r\n")), "a b");
    assert_is(kh_str_trim(KH_STR(" \t ")), "");
    assert_is(kh_str_trim(KH_STR("\v")), "\v");
    assert_is(kh_str_trim(kh_str(NULL)), "");
}
END_TEST

START_TEST(find_gives_the_first_place_or_the_length)
{
    ck_assert_uint_eq(kh_str_find(KH_STR("a=b=c"), '='), 1);
    ck_assert_uint_eq(kh_str_find(KH_STR("abc"), '='), 3);
    ck_assert_uint_eq(kh_str_find(kh_str(NULL), '='), 0);
}
END_TEST

START_TEST(cut_splits_at_the_first_place)
{
    struct kh_str head;
    struct kh_str tail;

    ck_assert(kh_str_cut(KH_STR("a=b=c"), '=', &head, &tail));
    assert_is(head, "a");
    assert_is(tail, "b=c");
    ck_assert(kh_str_cut(KH_STR("a="), '=', &head, &tail));
    assert_is(head, "a");
    assert_is(tail, "");
    ck_assert(!kh_str_cut(KH_STR("abc"), '=', &head, &tail));
    assert_is(head, "abc");
    assert_is(tail, "");
}
END_TEST

START_TEST(copy_terminates_or_refuses)
{
    char dst[4] = "zzz";

    ck_assert(kh_str_copy(dst, sizeof(dst), KH_STR("abc")));
    ck_assert_str_eq(dst, "abc");
    ck_assert(!kh_str_copy(dst, sizeof(dst), KH_STR("abcd")));
    ck_assert_str_eq(dst, "");
    ck_assert(kh_str_copy(dst, sizeof(dst), kh_str(NULL)));
    ck_assert_str_eq(dst, "");
}
END_TEST

START_TEST(u64_reads_digits_and_nothing_else)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1a", "18446744073709551616", "99999999999999999999"};
    uint64_t value = 5;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!kh_str_u64(kh_str(bad[i]), &value), "%s was taken", bad[i]);
    }
    ck_assert_uint_eq(value, 5);
    ck_assert(kh_str_u64(KH_STR("0"), &value));
    ck_assert_uint_eq(value, 0);
    ck_assert(kh_str_u64(KH_STR("007"), &value));
    ck_assert_uint_eq(value, 7);
    ck_assert(kh_str_u64(KH_STR("18446744073709551615"), &value));
    ck_assert_uint_eq(value, UINT64_MAX);
}
END_TEST

START_TEST(i64_reads_one_sign)
{
    static const char *const bad[] = {
        "", "-", "--1", "+1", "1-", "9223372036854775808", "-9223372036854775809"};
    int64_t value = 5;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!kh_str_i64(kh_str(bad[i]), &value), "%s was taken", bad[i]);
    }
    ck_assert_int_eq(value, 5);
    ck_assert(kh_str_i64(KH_STR("-0"), &value));
    ck_assert_int_eq(value, 0);
    ck_assert(kh_str_i64(KH_STR("-12"), &value));
    ck_assert_int_eq(value, -12);
    ck_assert(kh_str_i64(KH_STR("9223372036854775807"), &value));
    ck_assert_int_eq(value, INT64_MAX);
    ck_assert(kh_str_i64(KH_STR("-9223372036854775808"), &value));
    ck_assert_int_eq(value, INT64_MIN);
}
END_TEST

START_TEST(distance_counts_edits)
{
    ck_assert_uint_eq(kh_str_distance(KH_STR("streamName"), KH_STR("streamName")), 0);
    ck_assert_uint_eq(kh_str_distance(KH_STR("streamName"), KH_STR("steramName")), 1);
    ck_assert_uint_eq(kh_str_distance(KH_STR("streamName"), KH_STR("streamname")), 1);
    ck_assert_uint_eq(kh_str_distance(KH_STR("streamName"), KH_STR("streamNam")), 1);
    ck_assert_uint_eq(kh_str_distance(KH_STR("kitten"), KH_STR("sitting")), 3);
    ck_assert_uint_eq(kh_str_distance(KH_STR(""), KH_STR("abc")), 3);
    ck_assert_uint_eq(kh_str_distance(kh_str(NULL), kh_str(NULL)), 0);
}
END_TEST

START_TEST(distance_gives_up_on_long_names)
{
    char name[66];

    memset(name, 'a', sizeof(name));
    ck_assert_uint_eq(kh_str_distance(kh_str_of(name, 64), kh_str_of(name, 64)), 0);
    ck_assert_uint_eq(kh_str_distance(kh_str_of(name, 65), kh_str_of(name, 3)), 65);
    ck_assert_uint_eq(kh_str_distance(kh_str_of(name, 3), kh_str_of(name, 66)), 66);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("str");

    tcase_add_test(tcase, slices_are_made_of_strings_and_bytes);
    tcase_add_test(tcase, equal_means_the_same_bytes);
    tcase_add_test(tcase, case_is_ignored_for_ascii_letters_only);
    tcase_add_test(tcase, order_is_by_unsigned_bytes_then_length);
    tcase_add_test(tcase, beginnings_and_ends);
    tcase_add_test(tcase, trimming_takes_blanks_off_both_ends);
    tcase_add_test(tcase, find_gives_the_first_place_or_the_length);
    tcase_add_test(tcase, cut_splits_at_the_first_place);
    tcase_add_test(tcase, copy_terminates_or_refuses);
    tcase_add_test(tcase, u64_reads_digits_and_nothing_else);
    tcase_add_test(tcase, i64_reads_one_sign);
    tcase_add_test(tcase, distance_counts_edits);
    tcase_add_test(tcase, distance_gives_up_on_long_names);
    return suite_run("str", tcase);
}
