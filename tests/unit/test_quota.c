#include "multilang/quota.h"

#include <check.h>

#include "tests/lib/suite.h"

START_TEST(five_a_minute_are_said_and_the_rest_is_counted)
{
    struct kh_quota quota = {0};
    uint64_t unsaid_n = 99;

    for (int i = 0; i < 5; i++) {
        ck_assert(kh_quota_take(&quota, 1000 + i, &unsaid_n));
        ck_assert_uint_eq(unsaid_n, 0);
    }
    ck_assert(!kh_quota_take(&quota, 1010, &unsaid_n));
    ck_assert(!kh_quota_take(&quota, 60999, &unsaid_n));
    ck_assert(kh_quota_take(&quota, 61000, &unsaid_n));
    ck_assert_uint_eq(unsaid_n, 2);
    ck_assert(kh_quota_take(&quota, 61001, &unsaid_n));
    ck_assert_uint_eq(unsaid_n, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("quota");

    tcase_add_test(tcase, five_a_minute_are_said_and_the_rest_is_counted);
    return suite_run("quota", tcase);
}
