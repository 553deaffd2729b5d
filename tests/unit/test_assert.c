#include "base/assert.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/suite.h"

/* 42 tells that the hook ran; abort() would give SIGABRT. */
static void leave(void)
{
    _exit(42);
}

static void fail_again(void)
{
    kh_assert(1 + 1 == 3);
}

START_TEST(a_true_fact_changes_nothing)
{
    kh_assert(1 + 1 == 2);
}
END_TEST

START_TEST(a_false_fact_aborts)
{
    kh_assert(1 + 1 == 3);
}
END_TEST

START_TEST(the_hook_runs_before_the_end)
{
    kh_assert_set_hook(leave);
    kh_assert(1 + 1 == 3);
}
END_TEST

START_TEST(a_hook_that_fails_is_not_called_again)
{
    kh_assert_set_hook(fail_again);
    kh_assert(1 + 1 == 3);
}
END_TEST

START_TEST(a_hook_can_be_taken_away)
{
    kh_assert_set_hook(leave);
    kh_assert_set_hook(NULL);
    kh_assert(1 + 1 == 3);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("assert");

    tcase_add_test(tcase, a_true_fact_changes_nothing);
    tcase_add_test_raise_signal(tcase, a_false_fact_aborts, SIGABRT);
    tcase_add_exit_test(tcase, the_hook_runs_before_the_end, 42);
    tcase_add_test_raise_signal(tcase, a_hook_that_fails_is_not_called_again, SIGABRT);
    tcase_add_test_raise_signal(tcase, a_hook_can_be_taken_away, SIGABRT);
    return suite_run("assert", tcase);
}
