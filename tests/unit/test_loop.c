#include "io/loop.h"

#include <check.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"
#include "tests/lib/loop_run.h"
#include "tests/lib/suite.h"

#define PATIENCE_MS KH_SECONDS(20)

static struct kh_loop *loop;
static struct kh_watch *watches[4];
static char order[16];
static size_t order_n;
static char letter_a = 'a';
static char letter_b = 'b';

static void begin(void)
{
    ck_assert_int_eq(kh_loop_new(&loop, NULL), KH_OK);
    order_n = 0;
}

static void end(void)
{
    for (size_t i = 0; i < sizeof(watches) / sizeof(watches[0]); i++) {
        kh_watch_free(watches[i]);
        watches[i] = NULL;
    }
    kh_loop_free(loop);
}

static void note(char what)
{
    order[order_n++] = what;
    order[order_n] = '\0';
}

static void note_due(void *arg)
{
    note(*(const char *)arg);
}

static void stop_due(void *arg)
{
    (void)arg;
    note('.');
    kh_loop_stop(loop);
}

START_TEST(timers_fire_in_the_order_of_their_instants_and_once)
{
    kh_ms now_ms = kh_loop_now_ms(loop);

    watches[0] = kh_loop_timer(loop, note_due, &letter_b);
    watches[1] = kh_loop_timer(loop, note_due, &letter_a);
    watches[2] = kh_loop_timer(loop, stop_due, NULL);
    kh_watch_at(watches[2], now_ms + 60);
    kh_watch_at(watches[0], now_ms + 30);
    kh_watch_at(watches[1], now_ms + 10);
    loop_run(loop, PATIENCE_MS);

    ck_assert_str_eq(order, "ab.");
    ck_assert_int_ge(kh_loop_now_ms(loop), now_ms + 60);
}
END_TEST

START_TEST(a_timer_can_be_moved_and_switched_off)
{
    kh_ms now_ms = kh_loop_now_ms(loop);

    watches[0] = kh_loop_timer(loop, note_due, &letter_a);
    watches[1] = kh_loop_timer(loop, note_due, &letter_b);
    watches[2] = kh_loop_timer(loop, stop_due, NULL);
    kh_watch_at(watches[0], now_ms + 5);
    kh_watch_at(watches[1], now_ms + 5);
    kh_watch_at(watches[0], now_ms + 20);
    kh_watch_at(watches[1], KH_NEVER);
    kh_watch_at(watches[2], now_ms + 40);
    loop_run(loop, PATIENCE_MS);

    ck_assert_str_eq(order, "a.");
}
END_TEST

static void again_at_once(void *arg)
{
    (void)arg;
    note('x');
    if (order_n < 4) {
        kh_watch_at(watches[0], 0);
    }
}

/* Otherwise a timer that arms itself in the past would starve everything else. */
START_TEST(a_timer_armed_in_the_past_lets_others_go_first)
{
    watches[0] = kh_loop_timer(loop, again_at_once, NULL);
    watches[1] = kh_loop_timer(loop, stop_due, NULL);
    kh_watch_at(watches[0], 0);
    kh_watch_at(watches[1], kh_loop_now_ms(loop));
    loop_run(loop, PATIENCE_MS);

    ck_assert_str_eq(order, "x.");
}
END_TEST

static void free_both(void *arg)
{
    (void)arg;
    note('f');
    kh_watch_free(watches[0]);
    kh_watch_free(watches[1]);
    watches[0] = NULL;
    watches[1] = NULL;
}

START_TEST(a_callback_may_free_its_own_watch_and_one_that_is_due_as_well)
{
    watches[0] = kh_loop_timer(loop, free_both, NULL);
    watches[1] = kh_loop_timer(loop, free_both, NULL);
    watches[2] = kh_loop_timer(loop, stop_due, NULL);
    kh_watch_at(watches[0], 1);
    kh_watch_at(watches[1], 1);
    kh_watch_at(watches[2], kh_loop_now_ms(loop) + 20);
    loop_run(loop, PATIENCE_MS);

    ck_assert_str_eq(order, "f.");
}
END_TEST

static int ends[2];

static void on_ready(void *arg, int fd, unsigned ready)
{
    struct kh_watch **watch = arg;
    char byte;

    if ((ready & KH_WANT_WRITE) != 0) {
        note('w');
        ck_assert_int_eq(write(fd, "1", 1), 1);
        kh_watch_want(*watch, KH_WANT_NONE);
    }
    if ((ready & KH_WANT_READ) != 0) {
        note('r');
        ck_assert_int_eq(read(fd, &byte, 1), 1);
        kh_loop_stop(loop);
    }
}

START_TEST(descriptors_are_reported_as_wanted)
{
    ck_assert_int_eq(pipe(ends), 0);
    watches[0] = kh_loop_fd(loop, ends[0], KH_WANT_READ, on_ready, &watches[0]);
    watches[1] = kh_loop_fd(loop, ends[1], KH_WANT_WRITE, on_ready, &watches[1]);
    loop_run(loop, PATIENCE_MS);
    ck_assert_str_eq(order, "wr");

    kh_watch_want(watches[1], KH_WANT_WRITE);
    loop_run(loop, PATIENCE_MS);
    ck_assert_str_eq(order, "wrwr");
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

static void on_usr1(void *arg, int signo)
{
    (void)arg;
    ck_assert_int_eq(signo, SIGUSR1);
    note('u');
    kh_loop_stop(loop);
}

START_TEST(a_signal_is_seen_on_the_loop)
{
    watches[0] = kh_loop_signal(loop, SIGUSR1, on_usr1, NULL);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_uint_eq(order_n, 0);
    loop_run(loop, PATIENCE_MS);
    ck_assert_str_eq(order, "u");
}
END_TEST

static char exit_0[] = "exit 0";
static char exit_7[] = "exit 7";

static pid_t start(char *script)
{
    char shell[] = "sh";
    char option[] = "-c";
    char *const argv[] = {shell, option, script, NULL};
    pid_t pid = 0;

    ck_assert_int_eq(posix_spawnp(&pid, "sh", NULL, NULL, argv, NULL), 0);
    return pid;
}

static void on_ended(void *arg, pid_t pid, int status)
{
    ck_assert_int_eq(pid, *(const pid_t *)arg);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    note('c');
    kh_loop_stop(loop);
}

START_TEST(a_child_is_reported_once_with_its_status)
{
    pid_t pid = start(exit_7);

    watches[0] = kh_loop_child(loop, pid, on_ended, &pid);
    loop_run(loop, PATIENCE_MS);
    ck_assert_str_eq(order, "c");
}
END_TEST

static void stop_when_reaped(void *arg)
{
    if (kill(*(const pid_t *)arg, 0) != 0) {
        kh_loop_stop(loop);
    } else {
        kh_watch_at(watches[0], kh_loop_now_ms(loop) + 1);
    }
}

/* As PID 1 we get children that are not ours. */
START_TEST(a_child_that_nobody_watches_does_not_stay_a_zombie)
{
    pid_t pid = start(exit_0);

    watches[0] = kh_loop_timer(loop, stop_when_reaped, &pid);
    kh_watch_at(watches[0], 0);
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(stopping_before_running_is_not_lost)
{
    kh_loop_stop(loop);
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(order_n, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("loop");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, timers_fire_in_the_order_of_their_instants_and_once);
    tcase_add_test(tcase, a_timer_can_be_moved_and_switched_off);
    tcase_add_test(tcase, a_timer_armed_in_the_past_lets_others_go_first);
    tcase_add_test(tcase, a_callback_may_free_its_own_watch_and_one_that_is_due_as_well);
    tcase_add_test(tcase, descriptors_are_reported_as_wanted);
    tcase_add_test(tcase, a_signal_is_seen_on_the_loop);
    tcase_add_test(tcase, a_child_is_reported_once_with_its_status);
    tcase_add_test(tcase, a_child_that_nobody_watches_does_not_stay_a_zombie);
    tcase_add_test(tcase, stopping_before_running_is_not_lost);
    return suite_run("loop", tcase);
}
