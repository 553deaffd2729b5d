#include "io/entropy.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

START_TEST(a_uuid_is_a_random_one_in_lower_case)
{
    char text[KH_UUID_TEXT_BYTES];

    kh_entropy_uuid(text);
    ck_assert_uint_eq(strlen(text), 36);
    ck_assert_uint_eq(strspn(text, "0123456789abcdef-"), 36);
    ck_assert_int_eq(text[8], '-');
    ck_assert_int_eq(text[13], '-');
    ck_assert_int_eq(text[14], '4');
    ck_assert_int_eq(text[18], '-');
    ck_assert_ptr_nonnull(strchr("89ab", text[19]));
    ck_assert_int_eq(text[23], '-');
}
END_TEST

START_TEST(nothing_comes_twice)
{
    char a[KH_UUID_TEXT_BYTES];
    char b[KH_UUID_TEXT_BYTES];

    kh_entropy_uuid(a);
    kh_entropy_uuid(b);
    ck_assert_str_ne(a, b);
    ck_assert_uint_ne(kh_entropy_seed(), kh_entropy_seed());
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("entropy");

    tcase_add_test(tcase, a_uuid_is_a_random_one_in_lower_case);
    tcase_add_test(tcase, nothing_comes_twice);
    return suite_run("entropy", tcase);
}
