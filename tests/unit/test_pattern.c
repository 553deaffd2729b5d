#include "base/pattern.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

START_TEST(it_is_found_anywhere_unless_it_is_anchored)
{
    struct kh_pattern pattern;
    struct kh_err err;

    ck_assert_int_eq(kh_pattern_init(&pattern, "00[0-3]|7$", &err), KH_OK);
    ck_assert(kh_pattern_matches(&pattern, "shardId-002"));
    ck_assert(kh_pattern_matches(&pattern, "shardId-117"));
    ck_assert(!kh_pattern_matches(&pattern, "shardId-071"));
    kh_pattern_fini(&pattern);
}
END_TEST

START_TEST(what_is_no_expression_is_refused_with_the_reason)
{
    struct kh_pattern pattern;
    struct kh_err err;

    ck_assert_int_eq(kh_pattern_init(&pattern, "shard(", &err), KH_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "\"shard(\" is no regular expression: "));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("pattern");

    tcase_add_test(tcase, it_is_found_anywhere_unless_it_is_anchored);
    tcase_add_test(tcase, what_is_no_expression_is_refused_with_the_reason);
    return suite_run("pattern", tcase);
}
