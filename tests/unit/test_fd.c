#include "base/fd.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/lib/nth.h"
#include "tests/lib/suite.h"

static int fds[2];
static struct kh_err err;

static void setup(void)
{
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
}

static void teardown(void)
{
    kh_fd_close(&fds[0]);
    kh_fd_close(&fds[1]);
}

START_TEST(closing_leaves_minus_one_and_errno)
{
    unsigned before = nth_open_fds();

    errno = ENOENT;
    kh_fd_close(&fds[0]);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(fds[0], -1);
    ck_assert_uint_eq(nth_open_fds(), before - 1);
    kh_fd_close(&fds[0]);
    ck_assert_uint_eq(nth_open_fds(), before - 1);
}
END_TEST

START_TEST(closing_what_is_not_open_is_a_mistake)
{
    int copy = fds[0];

    kh_fd_close(&fds[0]);
    kh_fd_close(&copy);
}
END_TEST

START_TEST(taking_leaves_minus_one)
{
    int fd = fds[1];
    int taken = kh_fd_take(&fds[1]);

    ck_assert_int_eq(taken, fd);
    ck_assert_int_eq(fds[1], -1);
    kh_fd_close(&taken);
}
END_TEST

START_TEST(a_non_blocking_descriptor_says_again)
{
    char byte;

    ck_assert_int_eq(kh_fd_nonblock(fds[0], &err), KH_OK);
    ck_assert_int_eq(read(fds[0], &byte, 1), -1);
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(a_refusal_of_the_kernel_is_passed_on)
{
    unsigned n;

    for (n = 1;; n++) {
        enum kh_rc rc;

        nth_fail(n, ENOMEM);
        rc = kh_fd_nonblock(fds[0], &err);
        if (!nth_stop()) {
            ck_assert_int_eq(rc, KH_OK);
            break;
        }
        ck_assert_int_eq(rc, KH_RETRY);
        ck_assert_ptr_nonnull(strstr(err.text, "non-blocking: Cannot allocate memory"));
    }
    ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(the_limit_is_raised_as_far_as_it_goes_and_back)
{
    struct rlimit limit = {.rlim_cur = 200, .rlim_max = 1000};

    kh_fd_limit_restore(); /* nothing was raised */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    kh_fd_limit_raise();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, 1000);
    kh_fd_limit_restore();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, 200);
    ck_assert_uint_eq(limit.rlim_max, 1000);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("fd");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, closing_leaves_minus_one_and_errno);
    tcase_add_test_raise_signal(tcase, closing_what_is_not_open_is_a_mistake, SIGABRT);
    tcase_add_test(tcase, taking_leaves_minus_one);
    tcase_add_test(tcase, a_non_blocking_descriptor_says_again);
    tcase_add_test(tcase, a_refusal_of_the_kernel_is_passed_on);
    tcase_add_test(tcase, the_limit_is_raised_as_far_as_it_goes_and_back);
    return suite_run("fd", tcase);
}
