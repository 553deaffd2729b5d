#include "base/rand.h"

#include <check.h>
#include <signal.h>

#include "tests/lib/suite.h"

static struct kh_rand dice;

static void setup(void)
{
    kh_rand_init(&dice, 42);
}

START_TEST(seeding_follows_splitmix64)
{
    static const uint64_t expected[4] = {
        UINT64_C(0xe220a8397b1dcdaf),
        UINT64_C(0x6e789e6aa1b965f4),
        UINT64_C(0x06c45d188009454f),
        UINT64_C(0xf88bb8a8724c81ec),
    };

    kh_rand_init(&dice, 0);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(dice.s[i], expected[i]);
    }
}
END_TEST

START_TEST(numbers_follow_xoshiro256_star_star)
{
    static const uint64_t expected[10] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };

    dice = (struct kh_rand){{1, 2, 3, 4}};
    for (unsigned i = 0; i < 10; i++) {
        ck_assert_uint_eq(kh_rand_u64(&dice), expected[i]);
    }
}
END_TEST

START_TEST(below_stays_below_and_reaches_everything)
{
    unsigned seen[6] = {0};

    for (unsigned i = 0; i < 6000; i++) {
        seen[kh_rand_below(&dice, 6)]++;
    }
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_uint_gt(seen[i], 850);
        ck_assert_uint_lt(seen[i], 1150);
    }
    ck_assert_uint_eq(kh_rand_below(&dice, 1), 0);
}
END_TEST

START_TEST(below_nothing_is_a_mistake)
{
    (void)kh_rand_below(&dice, 0);
}
END_TEST

START_TEST(between_includes_both_ends)
{
    bool low = false;
    bool high = false;

    for (unsigned i = 0; i < 1000; i++) {
        int64_t x = kh_rand_between(&dice, -3, 3);

        ck_assert_int_ge(x, -3);
        ck_assert_int_le(x, 3);
        low = low || x == -3;
        high = high || x == 3;
    }
    ck_assert(low);
    ck_assert(high);
    ck_assert_int_eq(kh_rand_between(&dice, 5, 5), 5);
}
END_TEST

START_TEST(between_covers_the_whole_range)
{
    bool negative = false;
    bool positive = false;

    for (unsigned i = 0; i < 100; i++) {
        int64_t x = kh_rand_between(&dice, INT64_MIN, INT64_MAX);

        negative = negative || x < 0;
        positive = positive || x > 0;
    }
    ck_assert(negative);
    ck_assert(positive);
}
END_TEST

START_TEST(chance_is_per_thousand)
{
    unsigned hits = 0;

    for (unsigned i = 0; i < 10000; i++) {
        ck_assert(!kh_rand_chance(&dice, 0));
        ck_assert(kh_rand_chance(&dice, 1000));
        hits += kh_rand_chance(&dice, 250);
    }
    ck_assert_uint_gt(hits, 2300);
    ck_assert_uint_lt(hits, 2700);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("rand");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, seeding_follows_splitmix64);
    tcase_add_test(tcase, numbers_follow_xoshiro256_star_star);
    tcase_add_test(tcase, below_stays_below_and_reaches_everything);
    tcase_add_test_raise_signal(tcase, below_nothing_is_a_mistake, SIGABRT);
    tcase_add_test(tcase, between_includes_both_ends);
    tcase_add_test(tcase, between_covers_the_whole_range);
    tcase_add_test(tcase, chance_is_per_thousand);
    return suite_run("rand", tcase);
}
