#include "base/sort.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

START_TEST(pointers_are_put_in_order)
{
    const void *items[] = {"c", "a", "d", "b"};

    kh_sort(items, 4, by_text);
    ck_assert_str_eq(items[0], "a");
    ck_assert_str_eq(items[1], "b");
    ck_assert_str_eq(items[2], "c");
    ck_assert_str_eq(items[3], "d");
}
END_TEST

START_TEST(none_and_one_are_in_order)
{
    const void *one[] = {"a"};

    kh_sort(NULL, 0, by_text);
    kh_sort(one, 1, by_text);
    ck_assert_str_eq(one[0], "a");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("sort");

    tcase_add_test(tcase, pointers_are_put_in_order);
    tcase_add_test(tcase, none_and_one_are_in_order);
    return suite_run("sort", tcase);
}
