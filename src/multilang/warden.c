#include "multilang/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

struct news {
    pid_t group;
    bool ended;
};

static int news_fd = -1; /* the host's end */
static pid_t warden_pid;

/* ---- the warden ---- */

struct groups {
    pid_t *ids; /* owned */
    size_t n;
    size_t capacity;
};

static void hear(struct groups *groups, const struct news *news)
{
    size_t i = 0;

    while (i < groups->n && groups->ids[i] != news->group) {
        i++;
    }
    if (news->ended && i < groups->n) {
        groups->ids[i] = groups->ids[--groups->n];
    } else if (!news->ended && i == groups->n) {
        if (groups->n == groups->capacity) {
            groups->capacity = kh_mem_grown(groups->capacity, groups->n + 1);
            groups->ids = kh_mem_resize(groups->ids, groups->capacity, sizeof(*groups->ids));
        }
        groups->ids[groups->n++] = news->group;
    }
}

/* Whatever is sent to the host's group or terminal is not for it; and it keeps nothing open that
 * somebody waits to see closed. */
static int withdraw(int fd)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)setsid();
    (void)prctl(PR_SET_NAME, "kcl-host-warden");
    if (fd != 0) {
        (void)dup2(fd, 0);
    }
    if (close_range(1, ~0U, 0) != 0) {
        for (int other = 1; other < KH_FD_LIMIT_MAX; other++) {
            (void)close(other);
        }
    }
    return 0;
}

static void watch(int fd) __attribute__((noreturn));

static void watch(int fd)
{
    struct groups groups = {0};
    struct news news;
    ssize_t n;

    fd = withdraw(fd);
    do {
        n = read(fd, &news, sizeof(news)); /* written whole or not at all: far below PIPE_BUF */
        if (n == (ssize_t)sizeof(news)) {
            hear(&groups, &news);
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    for (size_t i = 0; i < groups.n; i++) {
        (void)kill(-groups.ids[i], SIGKILL);
    }
    kh_mem_free(groups.ids);
    (void)close(fd);
    _exit(0);
}

/* ---- the host ---- */

static bool start(int fds[2])
{
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return false;
    }
    warden_pid = fork();
    if (warden_pid == 0) {
        watch(fds[0]);
    }
    return warden_pid > 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0;
}

void kh_warden_start(void)
{
    int fds[2] = {-1, -1};

    if (news_fd >= 0) {
        return;
    }
    if (start(fds)) {
        news_fd = kh_fd_take(&fds[1]);
    } else {
        kh_log(KH_LOG_WARN, "child.no_warden", kh_f("why", strerror(errno)));
    }
    kh_fd_close(&fds[0]);
    kh_fd_close(&fds[1]);
}

void kh_warden_stop(void)
{
    if (news_fd < 0) {
        return;
    }
    kh_fd_close(&news_fd);
    while (waitpid(warden_pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static void tell(struct news news)
{
    kh_assert(news.group > 0);
    if (news_fd >= 0 && write(news_fd, &news, sizeof(news)) < 0 && errno == EPIPE) {
        kh_log(KH_LOG_WARN, "child.no_warden", kh_f("why", "somebody ended it"));
        kh_fd_close(&news_fd);
    }
}

void kh_warden_begins(pid_t group)
{
    tell((struct news){.group = group});
}

void kh_warden_ended(pid_t group)
{
    tell((struct news){.group = group, .ended = true});
}
