/* One child against real processes: mostly /bin/sh, which is what a reader of this file knows
 * best. */
#include "multilang/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "multilang/warden.h"
#include "tests/lib/nth.h"
#include "tests/lib/suite.h"

#define LINE_BYTES_MAX ((size_t)32 << 20)
#define PATIENCE_MS    KH_SECONDS(30)

/* What one child was seen to do. */
struct seen {
    struct kh_child *child;
    char text[4096]; /* its lines, '|' behind each, as many as fit */
    size_t text_n;
    size_t lines;
    size_t longest;
    char last[256];
    int exits;
    int wait_status;
    size_t lines_at_exit;
    bool hold_each;  /* hold after each line */
    bool free_first; /* free the child inside its first line */
};

static struct kh_loop *loop;
static struct kh_watch *tick;
static kh_ms give_up_at_ms;
static bool (*wanted)(void);
static struct seen a, b;

static void on_tick(void *arg)
{
    (void)arg;
    if (wanted() || kh_loop_now_ms(loop) > give_up_at_ms) {
        kh_loop_stop(loop);
        return;
    }
    kh_watch_at(tick, kh_loop_now_ms(loop) + 2);
}

static bool reached(bool (*what)(void))
{
    wanted = what;
    kh_watch_at(tick, kh_loop_now_ms(loop));
    give_up_at_ms = kh_loop_now_ms(loop) + PATIENCE_MS;
    kh_loop_run(loop);
    return what();
}

static void on_line(void *arg, struct kh_str line)
{
    struct seen *seen = arg;

    ck_assert_int_eq(seen->exits, 0);
    ck_assert_uint_gt(line.n, 0);
    seen->lines++;
    seen->longest = line.n > seen->longest ? line.n : seen->longest;
    if (seen->text_n + line.n + 2 < sizeof(seen->text)) {
        memcpy(seen->text + seen->text_n, line.p, line.n);
        seen->text_n += line.n;
        seen->text[seen->text_n++] = '|';
    }
    if (!kh_str_copy(seen->last, sizeof(seen->last), line)) {
        seen->last[0] = '\0';
    }
    if (seen->hold_each) {
        kh_child_hold_lines(seen->child, true);
    }
    if (seen->free_first) {
        kh_child_free(seen->child);
        seen->child = NULL;
    }
}

static void on_exit_seen(void *arg, int wait_status)
{
    struct seen *seen = arg;

    seen->exits++;
    seen->wait_status = wait_status;
    seen->lines_at_exit = seen->lines;
}

static enum kh_rc start_with(struct seen *seen, struct kh_child_config config, struct kh_err *err)
{
    config.loop = loop;
    config.stderr_prefix = config.stderr_prefix != NULL ? config.stderr_prefix : "";
    config.line_bytes_max = config.line_bytes_max > 0 ? config.line_bytes_max : LINE_BYTES_MAX;
    config.on_line = on_line;
    config.on_exit = on_exit_seen;
    config.arg = seen;
    return kh_child_start(&seen->child, &config, err);
}

static enum kh_rc start_program(struct seen *seen, const char *program, struct kh_err *err)
{
    char *argv[] = {strdup(program), NULL};
    enum kh_rc rc = start_with(seen, (struct kh_child_config){.argv = argv}, err);

    free(argv[0]);
    return rc;
}

static void start_script_with(struct seen *seen, const char *script, struct kh_child_config config)
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char *argv[] = {shell, option, strdup(script), NULL};
    struct kh_err err;

    config.argv = argv;
    ck_assert_int_eq(start_with(seen, config, &err), KH_OK);
    free(argv[2]);
}

static void start_script(struct seen *seen, const char *script)
{
    start_script_with(seen, script, (struct kh_child_config){0});
}

static void send_text(struct seen *seen, const char *text)
{
    struct kh_buf line;

    kh_buf_init(&line, LINE_BYTES_MAX);
    ck_assert_int_eq(kh_buf_append_str(&line, kh_str(text)), KH_OK);
    kh_child_send(seen->child, &line);
    ck_assert_uint_eq(line.n, 0);
    kh_buf_fini(&line);
}

static void send_bytes(struct seen *seen, size_t n)
{
    struct kh_buf line;

    kh_buf_init(&line, LINE_BYTES_MAX);
    ck_assert_int_eq(kh_buf_reserve(&line, n), KH_OK);
    memset(line.p, 'x', n - 1);
    line.p[n - 1] = '\n';
    kh_buf_added(&line, n);
    kh_child_send(seen->child, &line);
    kh_buf_fini(&line);
}

static bool a_exited(void)
{
    return a.exits > 0;
}

static bool both_exited(void)
{
    return a.exits > 0 && b.exits > 0;
}

static bool a_spoke(void)
{
    return a.lines > 0;
}

static bool b_spoke(void)
{
    return b.lines > 0;
}

static bool nobody_is_left(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static void set_up(void)
{
    struct kh_err err;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    ck_assert_int_eq(kh_loop_new(&loop, &err), KH_OK);
    tick = kh_loop_timer(loop, on_tick, NULL);
}

static void tear_down(void)
{
    kh_child_free(a.child);
    kh_child_free(b.child);
    ck_assert(reached(nobody_is_left));
    kh_watch_free(tick);
    kh_loop_free(loop);
}

/* A file of our own that can be run, or not. */
static const char *write_program(const char *text, mode_t mode)
{
    static char path[] = "/tmp/test_child.XXXXXX";
    int fd;

    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
    return path;
}

/* Starting */

START_TEST(a_program_that_is_missing_along_path_is_not_found_at_once)
{
    struct kh_err err;
    unsigned fds = nth_open_fds();

    ck_assert_int_eq(start_program(&a, "no-such-processor.py", &err), KH_NOTFOUND);
    ck_assert_str_eq(err.text, "start no-such-processor.py: no such program along PATH; name it "
                               "with its path, or add its folder to PATH");
    ck_assert_uint_eq(nth_open_fds(), fds);
    ck_assert(nobody_is_left());
}
END_TEST

START_TEST(a_path_that_is_missing_is_not_found_at_once)
{
    struct kh_err err;

    ck_assert_int_eq(start_program(&a, "./no/such.py", &err), KH_NOTFOUND);
    ck_assert_str_eq(err.text, "start ./no/such.py: no such file, seen from the folder kcl-host "
                               "was started in");
    ck_assert_int_eq(start_program(&a, "/etc/passwd/x", &err), KH_NOTFOUND);
    ck_assert(nobody_is_left());
}
END_TEST

START_TEST(a_missing_interpreter_is_told_apart_from_a_missing_program)
{
    const char *path = write_program("#!/no/such/python\n", 0755);
    struct kh_err err;

    ck_assert_int_eq(start_program(&a, path, &err), KH_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(err.text, "the interpreter that its first line names"));
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_program_that_may_not_be_executed_is_denied_at_once)
{
    const char *path = write_program("#!/bin/sh\n", 0644);
    struct kh_err err;

    ck_assert_int_eq(start_program(&a, path, &err), KH_DENIED);
    ck_assert_ptr_nonnull(strstr(err.text, "chmod +x"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(nobody_is_left());
}
END_TEST

START_TEST(a_text_without_an_interpreter_line_is_run_by_the_shell)
{
    const char *path = write_program("echo by sh\n", 0755);
    struct kh_err err;

    ck_assert_int_eq(start_program(&a, path, &err), KH_OK);
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "by sh|");
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_child_has_exactly_three_descriptors)
{
    int stray = open("/dev/null", O_RDONLY); /* one that we inherited without close-on-exec */

    start_script(&a, "ls /proc/$$/fd; :");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "0|1|2|");
    ck_assert_int_eq(close(stray), 0);
}
END_TEST

/* Makes close_range(2) fail from here on, as before Linux 5.11. */
static void forbid_close_range(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof(steps) / sizeof(steps[0]), .filter = steps};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

START_TEST(a_child_has_exactly_three_descriptors_on_an_older_kernel)
{
    int stray = open("/dev/null", O_RDONLY);

    forbid_close_range();
    start_script(&a, "ls /proc/$$/fd; :");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "0|1|2|");
    ck_assert_int_eq(close(stray), 0);
}
END_TEST

START_TEST(a_child_does_not_see_that_we_raised_the_limit_of_descriptors)
{
    struct rlimit limit = {.rlim_cur = 200, .rlim_max = 1000};

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    kh_fd_limit_raise();
    start_script(&a, "ulimit -Sn; ulimit -Hn");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "200|1000|");
}
END_TEST

START_TEST(a_child_leads_a_process_group_of_its_own)
{
    char want[64];

    start_script(&a, "read -r pid comm state ppid group rest < /proc/$$/stat; echo $pid $group");
    ck_assert_int_gt(
        snprintf(want, sizeof(want), "%ld %ld|", kh_child_pid(a.child), kh_child_pid(a.child)), 0);
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, want);
}
END_TEST

static void handler(int signo)
{
    (void)signo;
}

START_TEST(a_child_gets_signals_as_a_shell_would_give_them)
{
    struct sigaction caught = {.sa_handler = handler};
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    sigset_t some;
    unsigned long ignores = 0;

    ck_assert_int_eq(sigaction(SIGUSR2, &caught, NULL), 0);
    ck_assert_int_eq(sigaction(SIGPIPE, &ignored, NULL), 0);
    ck_assert_int_eq(sigemptyset(&some), 0);
    ck_assert_int_eq(sigaddset(&some, SIGUSR1), 0);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &some, NULL), 0);

    start_script(&a, "exec sed -n 's/Sig\\(Blk\\|Ign\\):.//p' /proc/self/status");
    ck_assert(reached(a_exited));
    ck_assert_uint_eq(a.lines, 2);
    ck_assert_int_eq(strncmp(a.text, "0000000000000000|", 17), 0);
    ignores = strtoul(a.text + 17, NULL, 16);
    ck_assert_uint_eq(ignores & (1UL << (SIGPIPE - 1)), 0);
}
END_TEST

START_TEST(additions_replace_variables_of_the_same_name_only)
{
    char first[] = "KH_TEST_ONE=new";
    char second[] = "KH_TEST=short";
    char *additions[] = {first, second, NULL};

    ck_assert_int_eq(setenv("KH_TEST_ONE", "old", 1), 0);
    ck_assert_int_eq(setenv("KH_TEST_TWO", "kept", 1), 0);
    start_script_with(&a, "echo $KH_TEST_ONE $KH_TEST $KH_TEST_TWO; env | grep -c ^KH_TEST_ONE=",
                      (struct kh_child_config){.environment = additions});
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "new short kept|1|");
}
END_TEST

/* A host that is killed cannot close anything in order. */
START_TEST(children_die_with_the_host)
{
    int pipe_fds[2];
    pid_t host;
    pid_t child = 0;
    int status;

    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans come to us */
    ck_assert_int_eq(pipe(pipe_fds), 0);
    host = fork();
    if (host == 0) {
        start_script(&b, "trap '' TERM HUP; exec sleep 1000");
        child = (pid_t)kh_child_pid(b.child);
        ck_assert_int_eq(write(pipe_fds[1], &child, sizeof(child)), sizeof(child));
        (void)pause();
    }
    ck_assert_int_eq(read(pipe_fds[0], &child, sizeof(child)), sizeof(child));
    ck_assert_int_eq(kill(host, SIGKILL), 0);
    ck_assert_int_eq(waitpid(host, &status, 0), host);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    ck_assert_int_eq(close(pipe_fds[0]), 0);
    ck_assert_int_eq(close(pipe_fds[1]), 0);
}
END_TEST

/* Every system call of a start fails once: each time an error, nothing left behind. */
/* The same for what a child has started, when somebody watches. */
START_TEST(what_children_have_started_dies_with_the_host_too)
{
    int pipe_fds[2];
    pid_t host;
    pid_t wrapper = 0;
    int status;

    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans come to us */
    ck_assert_int_eq(pipe(pipe_fds), 0);
    host = fork();
    if (host == 0) {
        kh_warden_start();
        start_script(&a, "exit 0"); /* one that is gone by then */
        ck_assert(reached(a_exited));
        start_script(&b, "(trap '' TERM HUP; exec sleep 1000) & wait");
        wrapper = (pid_t)kh_child_pid(b.child);
        ck_assert_int_eq(write(pipe_fds[1], &wrapper, sizeof(wrapper)), sizeof(wrapper));
        (void)pause();
    }
    ck_assert_int_eq(read(pipe_fds[0], &wrapper, sizeof(wrapper)), sizeof(wrapper));
    ck_assert_int_eq(kill(host, SIGKILL), 0);
    while (waitpid(-1, &status, 0) > 0) { /* host, wrapper, sleep, warden: none stays */
    }
    ck_assert_int_eq(errno, ECHILD);
    ck_assert_int_ne(kill(-wrapper, 0), 0);
    ck_assert_int_eq(close(pipe_fds[0]), 0);
    ck_assert_int_eq(close(pipe_fds[1]), 0);
}
END_TEST

START_TEST(a_warden_leaves_when_it_is_told_to_and_nobody_needs_one)
{
    unsigned fds = nth_open_fds();

    kh_warden_begins(getpid()); /* without one: nothing */
    kh_warden_start();
    kh_warden_start();
    ck_assert_uint_eq(nth_open_fds(), fds + 1);
    kh_warden_stop();
    kh_warden_stop();
    ck_assert_uint_eq(nth_open_fds(), fds);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(a_start_that_fails_anywhere_leaves_nothing)
{
    unsigned fds = nth_open_fds();
    unsigned n = 1;
    bool failed = true;

    for (; failed; n++) {
        struct kh_err err;
        enum kh_rc rc;

        ck_assert_uint_lt(n, 100);
        nth_fail(n, EMFILE);
        rc = start_program(&a, "true", &err);
        failed = nth_stop();
        if (rc != KH_OK) {
            ck_assert_int_eq(rc, KH_RETRY);
            ck_assert_uint_eq(nth_open_fds(), fds);
            ck_assert(nobody_is_left());
        } else if (failed) {
            kh_child_free(a.child); /* a failure that is coped with */
            a.child = NULL;
            ck_assert(reached(nobody_is_left));
        }
    }
    ck_assert_uint_gt(n, 5);
    ck_assert(reached(a_exited));
}
END_TEST

/* Lines in */

START_TEST(lines_end_at_newline_return_or_both_and_the_last_needs_none)
{
    start_script(&a, "printf 'one\\ntwo\\r\\nthree\\rfour\\n\\n\\r\\n\\rlast'");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "one|two|three|four|last|");
    ck_assert_uint_eq(a.lines_at_exit, 5);
}
END_TEST

START_TEST(nul_bytes_are_bytes_like_others)
{
    start_script(&a, "printf 'a\\000b\\n'");
    ck_assert(reached(a_exited));
    ck_assert_uint_eq(a.text_n, 4);
    ck_assert_mem_eq(a.text, "a\0b|", 4);
}
END_TEST

START_TEST(garbage_on_stdout_is_survived)
{
    start_script(&a, "head -c 3000000 /dev/urandom; echo; echo end");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.last, "end");
    ck_assert_int_eq(a.wait_status, 0);
}
END_TEST

START_TEST(a_line_of_twenty_megabytes_comes_whole)
{
    start_script(&a, "head -c 20000000 /dev/zero | tr '\\000' x; echo; echo after");
    ck_assert(reached(a_exited));
    ck_assert_uint_eq(a.lines, 2);
    ck_assert_uint_eq(a.longest, 20000000);
    ck_assert_str_eq(a.last, "after");
}
END_TEST

static size_t too_long_events;

static void count_too_long(void *arg, enum kh_log_level level, const char *event,
                           const struct kh_field *fields)
{
    (void)arg;
    (void)fields;
    ck_assert_int_eq(level, KH_LOG_WARN);
    ck_assert_str_eq(event, "child.line_too_long");
    too_long_events++;
}

START_TEST(a_line_over_the_limit_is_dropped_with_one_event)
{
    kh_log_set_sink(count_too_long, NULL);
    start_script_with(&a,
                      "echo before; head -c 5000000 /dev/zero | tr '\\000' x; echo; echo after;"
                      "echo 0123456789",
                      (struct kh_child_config){.line_bytes_max = 9});
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "before|after|");
    ck_assert_uint_le(too_long_events, 2); /* the second line may share an event */
    ck_assert_uint_ge(too_long_events, 1);
    kh_log_set_sink(NULL, NULL);
}
END_TEST

static bool a_gave_a_thousand(void)
{
    return a.lines >= 1000;
}

START_TEST(a_flood_of_one_child_does_not_silence_another)
{
    start_script(&a, "exec yes");
    start_script(&b, "read -r line; echo got $line");
    ck_assert(reached(a_gave_a_thousand));
    send_text(&b, "it\n");
    ck_assert(reached(b_spoke));
    ck_assert_str_eq(b.text, "got it|");
    ck_assert_int_eq(a.exits, 0);
}
END_TEST

static size_t held_lines;

static bool held_long_enough(void)
{
    static int turns;

    ck_assert_uint_eq(a.lines, held_lines);
    return ++turns > 50;
}

static bool a_is_past_the_hold(void)
{
    return a.lines > held_lines;
}

START_TEST(held_lines_come_one_by_one_and_the_exit_last)
{
    a.hold_each = true;
    start_script(&a, "printf 'one\\ntwo\\nthree'; exit 5");
    ck_assert(reached(a_spoke));
    held_lines = 1;
    ck_assert(reached(held_long_enough)); /* it has left meanwhile */
    ck_assert_str_eq(a.text, "one|");
    ck_assert_int_eq(a.exits, 0);
    kh_child_hold_lines(a.child, false);
    ck_assert_str_eq(a.text, "one|"); /* not from inside the call */
    ck_assert(reached(a_is_past_the_hold));
    ck_assert_str_eq(a.text, "one|two|");
    held_lines = 2;
    kh_child_hold_lines(a.child, false);
    ck_assert(reached(a_is_past_the_hold));
    ck_assert_str_eq(a.text, "one|two|three|");
    ck_assert_int_eq(a.exits, 0);
    kh_child_hold_lines(a.child, false);
    ck_assert(reached(a_exited));
    ck_assert_int_eq(a.exits, 1);
    ck_assert_int_eq(WEXITSTATUS(a.wait_status), 5);
}
END_TEST

START_TEST(a_child_whose_lines_are_held_is_stopped_by_its_pipe)
{
    a.hold_each = true;
    start_script(&a, "yes | head -c 1000000; echo wrote everything >&2");
    ck_assert(reached(a_spoke));
    held_lines = 1;
    ck_assert(reached(held_long_enough));
    ck_assert_int_eq(kill((pid_t)kh_child_pid(a.child), 0), 0);
    ck_assert_int_eq(a.exits, 0);
    a.hold_each = false;
    kh_child_hold_lines(a.child, false);
    ck_assert(reached(a_exited));
    ck_assert_uint_eq(a.lines, 500000);
}
END_TEST

/* Lines out */

START_TEST(everything_queued_is_written_before_stdin_is_closed)
{
    start_script(&a, "exec cat");
    send_bytes(&a, 5000000);
    send_text(&a, "and more\n");
    ck_assert_uint_gt(kh_child_unsent_bytes(a.child), 0);
    kh_child_close_stdin(a.child);
    ck_assert(reached(a_exited));
    ck_assert_uint_eq(a.longest, 4999999);
    ck_assert_str_eq(a.last, "and more");
    ck_assert_uint_eq(kh_child_unsent_bytes(a.child), 0);
    ck_assert_int_eq(a.wait_status, 0);
}
END_TEST

START_TEST(a_child_that_never_reads_blocks_nobody)
{
    start_script(&a, "exec sleep 1000");
    start_script(&b, "exec cat");
    send_bytes(&a, 8000000);
    ck_assert_uint_gt(kh_child_unsent_bytes(a.child), 7000000);
    send_text(&b, "hello\n");
    ck_assert(reached(b_spoke));
    ck_assert_str_eq(b.text, "hello|");
    ck_assert_uint_gt(kh_child_unsent_bytes(a.child), 7000000);
}
END_TEST

START_TEST(a_child_that_closed_its_stdin_may_go_on_talking)
{
    start_script(&a, "exec 0<&-; echo closed; sleep 0.2; echo still here");
    ck_assert(reached(a_spoke));
    send_bytes(&a, 200000);
    ck_assert_uint_eq(kh_child_unsent_bytes(a.child), 0);
    send_text(&a, "more\n");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "closed|still here|");
}
END_TEST

/* The end */

START_TEST(all_lines_come_before_the_exit)
{
    start_script(&a, "seq 1 20000; exit 7");
    ck_assert(reached(a_exited));
    ck_assert_uint_eq(a.lines_at_exit, 20000);
    ck_assert_str_eq(a.last, "20000");
    ck_assert(WIFEXITED(a.wait_status));
    ck_assert_int_eq(WEXITSTATUS(a.wait_status), 7);
}
END_TEST

START_TEST(an_exit_by_signal_is_told_as_such)
{
    start_script(&a, "echo going; kill -9 $$");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "going|");
    ck_assert(WIFSIGNALED(a.wait_status));
    ck_assert_int_eq(WTERMSIG(a.wait_status), SIGKILL);
}
END_TEST

START_TEST(a_signal_reaches_the_whole_group)
{
    start_script(&a, "sleep 1000 & echo up; wait; echo not reached");
    ck_assert(reached(a_spoke));
    kh_child_signal(a.child, SIGTERM);
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "up|");
    ck_assert_int_eq(WTERMSIG(a.wait_status), SIGTERM);
}
END_TEST

START_TEST(a_grandchild_that_keeps_the_pipes_is_not_waited_for)
{
    kh_ms began_at_ms = kh_loop_now_ms(loop);
    pid_t grandchild;
    int status;

    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    start_script(&a, "setsid sleep 1000 & echo $!; sleep 0.2; printf last; exit 3");
    ck_assert(reached(a_exited));
    ck_assert_int_lt(kh_loop_now_ms(loop) - began_at_ms, 10000);
    ck_assert_str_eq(a.last, "last");
    ck_assert_int_eq(WEXITSTATUS(a.wait_status), 3);
    grandchild = (pid_t)strtol(a.text, NULL, 10);
    ck_assert_int_eq(kill(grandchild, SIGKILL), 0); /* in a group of its own, so not ours to end */
    (void)waitpid(grandchild, &status, 0);
}
END_TEST

static bool orphan_is_gone(void)
{
    return kill((pid_t)strtol(a.text, NULL, 10), 0) != 0;
}

START_TEST(what_a_child_leaves_in_its_group_ends_with_it)
{
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    start_script(&a, "sleep 1000 & echo $!");
    ck_assert(reached(a_exited));
    ck_assert(reached(orphan_is_gone));
}
END_TEST

START_TEST(a_child_that_closed_its_stdout_is_ended)
{
    start_script(&a, "echo bye; exec 1>&-; exec sleep 1000");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "bye|");
    ck_assert_int_eq(WTERMSIG(a.wait_status), SIGKILL);
}
END_TEST

START_TEST(a_child_that_closed_its_stdin_is_ended_also_when_nothing_is_written)
{
    start_script(&a, "exec 0<&-; echo closed; exec sleep 1000");
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "closed|");
    ck_assert_int_eq(WTERMSIG(a.wait_status), SIGKILL);
}
END_TEST

START_TEST(a_child_that_closed_its_stdin_and_was_told_to_leave_may_take_its_time)
{
    start_script(&a, "read -r line; exec 0<&-; sleep 2.5; echo done");
    kh_child_close_stdin(a.child);
    ck_assert(reached(a_exited));
    ck_assert_str_eq(a.text, "done|");
    ck_assert(WIFEXITED(a.wait_status));
}
END_TEST

START_TEST(a_child_freed_inside_its_line_calls_nothing_more)
{
    pid_t pid;

    a.free_first = true;
    start_script(&a, "echo one; echo two; exec sleep 1000");
    pid = (pid_t)kh_child_pid(a.child);
    ck_assert(reached(a_spoke));
    ck_assert(reached(nobody_is_left));
    ck_assert_int_ne(kill(pid, 0), 0);
    ck_assert_str_eq(a.text, "one|");
    ck_assert_int_eq(a.exits, 0);
}
END_TEST

START_TEST(many_children_leave_no_zombie_and_no_descriptor)
{
    unsigned fds = nth_open_fds();

    for (int i = 0; i < 50; i++) {
        memset(&a, 0, sizeof(a));
        start_script(&a, "echo up");
        ck_assert(reached(a_exited));
        kh_child_free(a.child);
        a.child = NULL;
    }
    ck_assert(nobody_is_left());
    ck_assert_uint_eq(nth_open_fds(), fds);
}
END_TEST

START_TEST(an_idle_child_costs_little_memory)
{
    enum { CHILDREN_N = 50, BYTES_EACH_MAX = 4096 };
    static struct seen many[CHILDREN_N];
    size_t before = mallinfo2().uordblks;

    for (int i = 0; i < CHILDREN_N; i++) {
        start_script(&many[i], "echo up >&2; exec cat");
    }
    start_script(&a, "echo up; exec cat");
    ck_assert(reached(a_spoke));
    ck_assert_uint_lt((mallinfo2().uordblks - before) / CHILDREN_N, BYTES_EACH_MAX);
    for (int i = 0; i < CHILDREN_N; i++) {
        kh_child_free(many[i].child);
    }
}
END_TEST

/* stderr: ours is a file while the children run */

static int stderr_before;
static FILE *stderr_file;

static void divert_stderr(void)
{
    stderr_file = tmpfile();
    ck_assert_ptr_nonnull(stderr_file);
    stderr_before = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(fileno(stderr_file), STDERR_FILENO), STDERR_FILENO);
}

/* What came, terminated; the caller's. */
static char *restore_stderr(size_t *n)
{
    off_t size = lseek(fileno(stderr_file), 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);

    ck_assert_int_eq(dup2(stderr_before, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(stderr_before), 0);
    ck_assert_int_eq(pread(fileno(stderr_file), text, (size_t)size, 0), size);
    ck_assert_int_eq(fclose(stderr_file), 0);
    *n = (size_t)size;
    return text;
}

START_TEST(stderr_is_passed_on_byte_by_byte_with_its_last_line_ended)
{
    size_t n;
    char *text;

    divert_stderr();
    start_script(&a, "printf 'one\\r\\n\\n\\342\\202 two\\nthree' >&2");
    ck_assert(reached(a_exited));
    kh_child_free(a.child);
    a.child = NULL;
    text = restore_stderr(&n);
    ck_assert_str_eq(text, "one\r\n\n\342\202 two\nthree\n");
    free(text);
}
END_TEST

START_TEST(each_stderr_line_gets_its_prefix_once)
{
    size_t n;
    char *text;

    divert_stderr();
    start_script_with(&a, "printf 'one\\ntw' >&2; sleep 0.1; echo o >&2",
                      (struct kh_child_config){.stderr_prefix = "shard-1: "});
    ck_assert(reached(a_exited));
    text = restore_stderr(&n);
    ck_assert_str_eq(text, "shard-1: one\nshard-1: two\n");
    free(text);
}
END_TEST

START_TEST(stderr_lines_of_two_children_never_mix)
{
    const char *script = "i=0; while [ $i -lt 2000 ]; do printf 12345 >&2; echo 67890 >&2;"
                         "i=$((i+1)); done";
    size_t n;
    char *text;

    divert_stderr();
    start_script_with(&a, script, (struct kh_child_config){.stderr_prefix = "a "});
    start_script_with(&b, script, (struct kh_child_config){.stderr_prefix = "b "});
    ck_assert(reached(both_exited));
    text = restore_stderr(&n);
    ck_assert_uint_eq(n, 2 * 2000 * 13);
    for (size_t i = 0; i < n; i += 13) {
        ck_assert(text[i] == 'a' || text[i] == 'b');
        ck_assert_mem_eq(text + i + 1, " 1234567890\n", 12);
    }
    free(text);
}
END_TEST

START_TEST(a_very_long_stderr_line_comes_whole)
{
    size_t n;
    char *text;

    divert_stderr();
    start_script_with(&a, "head -c 1000000 /dev/zero | tr '\\000' x >&2; echo y >&2; echo z >&2",
                      (struct kh_child_config){.stderr_prefix = "a "});
    ck_assert(reached(a_exited));
    text = restore_stderr(&n);
    ck_assert_uint_eq(n, 2 + 1000000 + 2 + 4);
    ck_assert_mem_eq(text, "a xx", 4);
    ck_assert_str_eq(text + 1000000, "xxy\na z\n");
    free(text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("child");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_program_that_is_missing_along_path_is_not_found_at_once);
    tcase_add_test(tcase, a_path_that_is_missing_is_not_found_at_once);
    tcase_add_test(tcase, a_missing_interpreter_is_told_apart_from_a_missing_program);
    tcase_add_test(tcase, a_program_that_may_not_be_executed_is_denied_at_once);
    tcase_add_test(tcase, a_text_without_an_interpreter_line_is_run_by_the_shell);
    tcase_add_test(tcase, a_child_has_exactly_three_descriptors);
    tcase_add_test(tcase, a_child_has_exactly_three_descriptors_on_an_older_kernel);
    tcase_add_test(tcase, a_child_does_not_see_that_we_raised_the_limit_of_descriptors);
    tcase_add_test(tcase, a_child_leads_a_process_group_of_its_own);
    tcase_add_test(tcase, a_child_gets_signals_as_a_shell_would_give_them);
    tcase_add_test(tcase, additions_replace_variables_of_the_same_name_only);
    tcase_add_test(tcase, children_die_with_the_host);
    tcase_add_test(tcase, what_children_have_started_dies_with_the_host_too);
    tcase_add_test(tcase, a_warden_leaves_when_it_is_told_to_and_nobody_needs_one);
    tcase_add_test(tcase, a_start_that_fails_anywhere_leaves_nothing);
    tcase_add_test(tcase, lines_end_at_newline_return_or_both_and_the_last_needs_none);
    tcase_add_test(tcase, nul_bytes_are_bytes_like_others);
    tcase_add_test(tcase, garbage_on_stdout_is_survived);
    tcase_add_test(tcase, a_line_of_twenty_megabytes_comes_whole);
    tcase_add_test(tcase, a_line_over_the_limit_is_dropped_with_one_event);
    tcase_add_test(tcase, a_flood_of_one_child_does_not_silence_another);
    tcase_add_test(tcase, held_lines_come_one_by_one_and_the_exit_last);
    tcase_add_test(tcase, a_child_whose_lines_are_held_is_stopped_by_its_pipe);
    tcase_add_test(tcase, everything_queued_is_written_before_stdin_is_closed);
    tcase_add_test(tcase, a_child_that_never_reads_blocks_nobody);
    tcase_add_test(tcase, a_child_that_closed_its_stdin_may_go_on_talking);
    tcase_add_test(tcase, all_lines_come_before_the_exit);
    tcase_add_test(tcase, an_exit_by_signal_is_told_as_such);
    tcase_add_test(tcase, a_signal_reaches_the_whole_group);
    tcase_add_test(tcase, a_grandchild_that_keeps_the_pipes_is_not_waited_for);
    tcase_add_test(tcase, what_a_child_leaves_in_its_group_ends_with_it);
    tcase_add_test(tcase, a_child_that_closed_its_stdout_is_ended);
    tcase_add_test(tcase, a_child_that_closed_its_stdin_is_ended_also_when_nothing_is_written);
    tcase_add_test(tcase, a_child_that_closed_its_stdin_and_was_told_to_leave_may_take_its_time);
    tcase_add_test(tcase, a_child_freed_inside_its_line_calls_nothing_more);
    tcase_add_test(tcase, many_children_leave_no_zombie_and_no_descriptor);
    tcase_add_test(tcase, an_idle_child_costs_little_memory);
    tcase_add_test(tcase, stderr_is_passed_on_byte_by_byte_with_its_last_line_ended);
    tcase_add_test(tcase, each_stderr_line_gets_its_prefix_once);
    tcase_add_test(tcase, stderr_lines_of_two_children_never_mix);
    tcase_add_test(tcase, a_very_long_stderr_line_comes_whole);
    return suite_run("child", tcase);
}
