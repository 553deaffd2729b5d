#include "core/seqno.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_extseq at(const char *text, int64_t sub)
{
    struct kh_extseq pos;

    ck_assert(kh_extseq_set(&pos, kh_str(text), sub));
    return pos;
}

static int compare(const char *a, int64_t a_sub, const char *b, int64_t b_sub)
{
    const struct kh_extseq left = at(a, a_sub);
    const struct kh_extseq right = at(b, b_sub);
    const int order = kh_extseq_cmp(&left, &right);

    return (order > 0) - (order < 0);
}

START_TEST(sentinels_and_digits_are_taken_as_they_stand)
{
    static const char *const texts[] = {"TRIM_HORIZON",
                                        "LATEST",
                                        "AT_TIMESTAMP",
                                        "SHARD_END",
                                        "0",
                                        "007",
                                        "49590338271490256608559692538361571095921575989136588898"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct kh_extseq pos = at(texts[i], 5);

        ck_assert_str_eq(pos.seq, texts[i]);
        ck_assert_int_eq(pos.sub, 5);
        ck_assert(!kh_extseq_is_none(&pos));
        ck_assert(kh_extseq_is_digits(&pos) == (i >= 4));
    }
}
END_TEST

START_TEST(anything_else_is_refused_and_leaves_none)
{
    static const char *const texts[] = {"",      " 1",         "1 ",          "-1",    "+1",
                                        "1.0",   "0x10",       "shard_end",   "SHARD", "LATEST ",
                                        "12a34", "SHARD_END1", "TRIM HORIZON"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct kh_extseq pos = at("42", 1);

        ck_assert_msg(!kh_extseq_set(&pos, kh_str(texts[i]), 7), "took \"%s\"", texts[i]);
        ck_assert(kh_extseq_is_none(&pos));
        ck_assert_int_eq(pos.sub, 0);
    }
}
END_TEST

START_TEST(a_number_has_at_most_129_digits)
{
    char digits[130];
    struct kh_extseq pos;

    memset(digits, '9', sizeof(digits));
    ck_assert(kh_extseq_set(&pos, kh_str_of(digits, 129), 0));
    ck_assert_uint_eq(strlen(pos.seq), 129);
    ck_assert(!kh_extseq_set(&pos, kh_str_of(digits, 130), 0));
}
END_TEST

START_TEST(a_nul_inside_is_no_digit)
{
    struct kh_extseq pos;

    ck_assert(!kh_extseq_set(&pos, kh_str_of("1\0002", 3), 0));
}
END_TEST

START_TEST(the_order_is_at_timestamp_trim_horizon_latest_digits_shard_end)
{
    static const char *const ascending[] = {"AT_TIMESTAMP",
                                            "TRIM_HORIZON",
                                            "LATEST",
                                            "0",
                                            "9",
                                            "10",
                                            "340282366920938463463374607431768211456",
                                            "SHARD_END"};
    const int n = sizeof(ascending) / sizeof(ascending[0]);

    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            const int want = (i > j) - (i < j);

            ck_assert_msg(compare(ascending[i], 0, ascending[j], 0) == want, "%s against %s",
                          ascending[i], ascending[j]);
        }
    }
}
END_TEST

START_TEST(ties_are_broken_by_the_sub_sequence_number)
{
    ck_assert_int_eq(compare("17", 1, "17", 2), -1);
    ck_assert_int_eq(compare("17", 2, "17", 1), 1);
    ck_assert_int_eq(compare("17", 9, "18", 0), -1);
    ck_assert_int_eq(compare("LATEST", 0, "LATEST", 1), -1);
    ck_assert_int_eq(compare("17", INT64_MIN, "17", INT64_MAX), -1);
}
END_TEST

START_TEST(two_shard_ends_are_always_equal)
{
    ck_assert_int_eq(compare("SHARD_END", 3, "SHARD_END", 8), 0);
}
END_TEST

START_TEST(leading_zeros_do_not_count_in_order_but_in_sameness)
{
    const struct kh_extseq a = at("0017", 2);
    const struct kh_extseq b = at("17", 2);

    ck_assert_int_eq(kh_extseq_cmp(&a, &b), 0);
    ck_assert(!kh_extseq_same(&a, &b));
    ck_assert(kh_extseq_same(&b, &b));
    ck_assert_int_eq(compare("000", 0, "0", 0), 0);
    ck_assert_int_eq(compare("0099", 0, "100", 0), -1);
}
END_TEST

START_TEST(sameness_counts_the_sub_sequence_number)
{
    const struct kh_extseq a = at("17", 1);
    const struct kh_extseq b = at("17", 2);

    ck_assert(!kh_extseq_same(&a, &b));
}
END_TEST

START_TEST(numbers_of_129_digits_are_compared_to_the_last_digit)
{
    char low[130];
    char high[130];

    memset(low, '8', sizeof(low) - 1);
    low[129] = '\0';
    memcpy(high, low, sizeof(high));
    high[128] = '9';
    ck_assert_int_eq(compare(low, 0, high, 0), -1);
    ck_assert_int_lt(kh_seqno_cmp(kh_str(low), kh_str(high)), 0);
    ck_assert_int_gt(kh_seqno_cmp(kh_str(high), kh_str(low)), 0);
}
END_TEST

START_TEST(a_sentinel_is_told_by_its_name_alone)
{
    const struct kh_extseq pos = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON);

    ck_assert_str_eq(pos.seq, "TRIM_HORIZON");
    ck_assert_int_eq(pos.sub, 0);
    ck_assert(kh_extseq_is(&pos, KH_SEQ_TRIM_HORIZON));
    ck_assert(!kh_extseq_is(&pos, KH_SEQ_LATEST));
    ck_assert(!kh_extseq_is_digits(&pos));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("seqno");

    tcase_add_test(tcase, sentinels_and_digits_are_taken_as_they_stand);
    tcase_add_test(tcase, anything_else_is_refused_and_leaves_none);
    tcase_add_test(tcase, a_number_has_at_most_129_digits);
    tcase_add_test(tcase, a_nul_inside_is_no_digit);
    tcase_add_test(tcase, the_order_is_at_timestamp_trim_horizon_latest_digits_shard_end);
    tcase_add_test(tcase, ties_are_broken_by_the_sub_sequence_number);
    tcase_add_test(tcase, two_shard_ends_are_always_equal);
    tcase_add_test(tcase, leading_zeros_do_not_count_in_order_but_in_sameness);
    tcase_add_test(tcase, sameness_counts_the_sub_sequence_number);
    tcase_add_test(tcase, numbers_of_129_digits_are_compared_to_the_last_digit);
    tcase_add_test(tcase, a_sentinel_is_told_by_its_name_alone);
    return suite_run("seqno", tcase);
}
