#include "base/stderr.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/suite.h"

static int reader; /* of the pipe that stderr is */
static int before;

static void setup(void)
{
    int fds[2];

    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    reader = fds[0];
    before = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(fds[1]), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(before), 0);
    ck_assert_int_eq(close(reader), 0);
}

/* Nobody reads: until not one byte more would go in. Its writers block again afterwards. */
static void fill(void)
{
    char bytes[4096] = {0};
    int flags = fcntl(STDERR_FILENO, F_GETFL);

    ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(STDERR_FILENO, bytes, sizeof(bytes)) > 0) {
    }
    ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETFL, flags), 0);
}

static bool say(struct kh_str text)
{
    return kh_stderr_write(&text, 1);
}

static long long now_ms(void)
{
    struct timespec now;

    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

START_TEST(parts_leave_one_after_the_other)
{
    const struct kh_str parts[] = {KH_STR("shard-1: "), KH_STR(""), KH_STR("hello\n")};
    char room[100];

    ck_assert(kh_stderr_write(parts, 3));
    ck_assert_int_eq(read(reader, room, sizeof(room)), 15);
    ck_assert_mem_eq(room, "shard-1: hello\n", 15);
    ck_assert(kh_stderr_write(parts, 0));
}
END_TEST

START_TEST(more_than_a_pipe_takes_at_once_leaves_whole)
{
    static char sent[10000];
    char room[sizeof(sent) + 1];
    const struct kh_str parts[] = {kh_str_of(sent, 4095), kh_str_of(sent + 4095, 5905)};

    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)(i % 251);
    }
    ck_assert(kh_stderr_write(parts, 2));
    ck_assert_int_eq(read(reader, room, sizeof(room)), 10000);
    ck_assert_mem_eq(room, sent, sizeof(sent));
}
END_TEST

/* The operator's log shipper has stopped. The leases must go on being renewed. */
START_TEST(a_stderr_that_nobody_reads_costs_patience_once)
{
    long long began_ms = now_ms();
    char room[8192];

    fill();
    for (int i = 0; i < 1000; i++) {
        ck_assert(!say(KH_STR("info a b=1\n")));
    }
    ck_assert_int_lt(now_ms() - began_ms, 2000);

    ck_assert_int_gt(read(reader, room, sizeof(room)), 0);
    ck_assert(say(KH_STR("info a b=1\n"))); /* and everything is as before */
}
END_TEST

START_TEST(a_stderr_that_is_closed_is_no_stderr)
{
    ck_assert_int_eq(close(STDERR_FILENO), 0);
    ck_assert(!say(KH_STR("x\n")));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("stderr");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, parts_leave_one_after_the_other);
    tcase_add_test(tcase, more_than_a_pipe_takes_at_once_leaves_whole);
    tcase_add_test(tcase, a_stderr_that_nobody_reads_costs_patience_once);
    tcase_add_test(tcase, a_stderr_that_is_closed_is_no_stderr);
    return suite_run("stderr", tcase);
}
