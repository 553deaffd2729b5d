#include "multilang/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"

/* Why fork and not posix_spawn: PR_SET_PDEATHSIG has to be asked for by the child itself. Why not
 * vfork: the child would run libev's signal handlers on our memory. Between fork and exec only
 * async-signal-safe calls are made (glibc's execvpe allocates nothing), because libcurl and SQLite
 * may have threads of their own. */

enum { READ_END, WRITE_END };

struct pipes {
    int in[2];
    int out[2];
    int err[2];
    int report[2]; /* from the child up to exec: struct report, or end of file when exec worked */
};

struct report {
    int errnum;
    bool exec; /* it was exec that failed, not one of the preparations */
};

static bool name_is_in(const char *entry, char *const additions[])
{
    struct kh_str name = kh_str_of(entry, kh_str_find(kh_str(entry), '='));

    for (size_t i = 0; additions[i] != NULL; i++) {
        if (kh_str_eq(name, kh_str_of(additions[i], kh_str_find(kh_str(additions[i]), '=')))) {
            return true;
        }
    }
    return false;
}

static size_t count(char *const list[])
{
    size_t n = 0;

    while (list[n] != NULL) {
        n++;
    }
    return n;
}

/* Our environment with the additions in place of entries of the same name; the array is the
 * caller's. */
static char **merge_environment(char *const additions[])
{
    static char *const none[] = {NULL};
    char *const *more = additions != NULL ? additions : none;
    char **merged = kh_mem_new(count(environ) + count(more) + 1, sizeof(*merged));
    size_t n = 0;

    for (size_t i = 0; environ[i] != NULL; i++) {
        if (!name_is_in(environ[i], more)) {
            merged[n++] = environ[i];
        }
    }
    for (size_t i = 0; more[i] != NULL; i++) {
        merged[n++] = more[i];
    }
    return merged;
}

/* Signals as a shell would give them: nothing blocked, SIGPIPE deadly. Handlers of ours are reset
 * before the mask is, or a signal that comes before exec would run one of them, in the wrong
 * process. */
static bool reset_signals(void)
{
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int signo = 1; signo < NSIG; signo++) {
        struct sigaction now;

        /* Refused for the few that glibc keeps to itself. */
        if (sigaction(signo, NULL, &now) == 0 && (signo == SIGPIPE || now.sa_handler != SIG_IGN)) {
            (void)sigaction(signo, &by_default, NULL);
        }
    }
    return sigemptyset(&none) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* All of ours are close-on-exec from birth, but not libcurl's sockets, nor what we ourselves
 * inherited. Before Linux 5.11, and where a container's filter does not know the call, one by
 * one. */
static void keep_three_descriptors(void)
{
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        return;
    }
    for (int fd = STDERR_FILENO + 1; fd < KH_FD_LIMIT_MAX; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

static bool prepare(const struct pipes *pipes, pid_t host)
{
    /* Our death by whatever cause ends the child: nobody may go on working under a lease that
     * nobody renews. It is the end of the thread that forked which counts: we have one thread that
     * forks, and it lives as long as we do. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return false;
    }
    if (getppid() != host) {
        _exit(127); /* it died before we asked */
    }
    if (setpgid(0, 0) != 0) {
        return false;
    }
    if (dup2(pipes->in[READ_END], STDIN_FILENO) < 0 ||
        dup2(pipes->out[WRITE_END], STDOUT_FILENO) < 0 ||
        dup2(pipes->err[WRITE_END], STDERR_FILENO) < 0) {
        return false;
    }
    keep_three_descriptors();
    kh_fd_limit_restore();
    return reset_signals();
}

static void run_child(const struct pipes *pipes, pid_t host, char *const argv[],
                      char *const environment[]) __attribute__((noreturn));

static void run_child(const struct pipes *pipes, pid_t host, char *const argv[],
                      char *const environment[])
{
    struct report report = {0};

    if (prepare(pipes, host)) {
        (void)execvpe(argv[0], argv, environment);
        report.exec = true;
    }
    report.errnum = errno;
    if (write(pipes->report[WRITE_END], &report, sizeof(report)) != (ssize_t)sizeof(report)) {
        _exit(126); /* cannot be told; the exit status is what is left */
    }
    _exit(127);
}

static enum kh_rc exec_failed(int errnum, const char *program, struct kh_err *err)
{
    bool has_slash = strchr(program, '/') != NULL;

    if (errnum == ENOENT && has_slash && access(program, F_OK) == 0) {
        return kh_fail(err, KH_NOTFOUND,
                       "start %s: the interpreter that its first line names does not exist",
                       program);
    }
    if (errnum == ENOENT && !has_slash) {
        return kh_fail(err, KH_NOTFOUND,
                       "start %s: no such program along PATH; name it with its path, or add its "
                       "folder to PATH",
                       program);
    }
    if (errnum == ENOENT || errnum == ENOTDIR) {
        return kh_fail(err, KH_NOTFOUND,
                       "start %s: no such file, seen from the folder kcl-host was started in",
                       program);
    }
    if (errnum == EACCES) {
        return kh_fail(err, KH_DENIED, "start %s: it may not be executed; see its mode (chmod +x)",
                       program);
    }
    if (errnum == ETXTBSY) {
        return kh_fail(err, KH_RETRY, "start %s: the file is being written", program);
    }
    return kh_fail_errno(err, errnum, "start %s", program);
}

/* Wait until the child has become argv[0], or has said why not. */
static enum kh_rc await_exec(int report_fd, pid_t pid, const char *program, struct kh_err *err)
{
    struct report report;
    ssize_t n;

    do {
        n = read(report_fd, &report, sizeof(report));
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        return KH_OK;
    }
    /* It leaves now, or is made to; libev, which reaps all others, must not meet it. */
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (n != (ssize_t)sizeof(report)) {
        return kh_fail(err, KH_RETRY, "start %s: it ended before it began", program);
    }
    if (!report.exec) {
        return kh_fail_errno(err, report.errnum, "prepare a process for %s", program);
    }
    return exec_failed(report.errnum, program, err);
}

static enum kh_rc open_pipe(int fds[2], const char *program, struct kh_err *err)
{
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return kh_fail_errno(err, errno, "make the pipes for %s", program);
    }
    /* main() opened 0 to 2, so that dup2 never meets its own source. */
    kh_assert(fds[READ_END] > STDERR_FILENO);
    kh_assert(fds[WRITE_END] > STDERR_FILENO);
    return KH_OK;
}

static enum kh_rc open_pipes(struct pipes *pipes, const char *program, struct kh_err *err)
{
    enum kh_rc rc = open_pipe(pipes->in, program, err);

    if (rc == KH_OK) {
        rc = open_pipe(pipes->out, program, err);
    }
    if (rc == KH_OK) {
        rc = open_pipe(pipes->err, program, err);
    }
    if (rc == KH_OK) {
        rc = open_pipe(pipes->report, program, err);
    }
    /* Ours alone: the two ends of a pipe have their modes apart. */
    if (rc == KH_OK) {
        rc = kh_fd_nonblock(pipes->in[WRITE_END], err);
    }
    if (rc == KH_OK) {
        rc = kh_fd_nonblock(pipes->out[READ_END], err);
    }
    if (rc == KH_OK) {
        rc = kh_fd_nonblock(pipes->err[READ_END], err);
    }
    return rc;
}

static void close_pipe(int fds[2])
{
    kh_fd_close(&fds[READ_END]);
    kh_fd_close(&fds[WRITE_END]);
}

enum kh_rc kh_spawn(struct kh_spawned *spawned, char *const argv[], char *const additions[],
                    struct kh_err *err)
{
    struct pipes pipes = {.in = {-1, -1}, .out = {-1, -1}, .err = {-1, -1}, .report = {-1, -1}};
    char **environment = NULL;
    const pid_t host = getpid();
    sigset_t all;
    sigset_t before;
    enum kh_rc rc;
    pid_t pid;
    int fork_errno;

    kh_assert(argv[0] != NULL);
    rc = open_pipes(&pipes, argv[0], err);
    if (rc != KH_OK) {
        goto out;
    }
    environment = merge_environment(additions);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        run_child(&pipes, host, argv, environment);
    }
    fork_errno = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        rc = kh_fail_errno(err, fork_errno, "make a process for %s", argv[0]);
        goto out;
    }
    kh_fd_close(&pipes.report[WRITE_END]);
    rc = await_exec(pipes.report[READ_END], pid, argv[0], err);
    if (rc != KH_OK) {
        goto out;
    }
    spawned->pid = pid;
    spawned->to_fd = kh_fd_take(&pipes.in[WRITE_END]);
    spawned->from_fd = kh_fd_take(&pipes.out[READ_END]);
    spawned->stderr_fd = kh_fd_take(&pipes.err[READ_END]);

out:
    kh_mem_free(environment);
    close_pipe(pipes.in);
    close_pipe(pipes.out);
    close_pipe(pipes.err);
    close_pipe(pipes.report);
    return rc;
}
