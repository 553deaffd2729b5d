#include "tests/lib/nth.h"

#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
    bool counting;
    bool failed;
    unsigned left;
    int errnum;
} plan;

static bool fails(void)
{
    if (!plan.counting || plan.left == 0) {
        return false;
    }
    plan.left--;
    plan.failed = plan.left == 0;
    return plan.failed;
}

void nth_fail(unsigned n, int errnum)
{
    plan.counting = true;
    plan.failed = false;
    plan.left = n;
    plan.errnum = errnum;
}

bool nth_stop(void)
{
    plan.counting = false;
    return plan.failed;
}

unsigned nth_open_fds(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (dir == NULL) {
        abort();
    }
    while (readdir(dir) != NULL) {
        n++;
    }
    (void)closedir(dir);
    return n - 3; /* ".", ".." and dir's own */
}

/* The table. What answers -1 and errno is an NTH, what returns the error is an NTH_RETURNS.
 * KH_NTH (files.am) names the same calls. */
#define NTH(type, name, params, args) \
    type __real_##name params;        \
    type __wrap_##name params;        \
    type __wrap_##name params         \
    {                                 \
        if (fails()) {                \
            errno = plan.errnum;      \
            return -1;                \
        }                             \
        return __real_##name args;    \
    }

#define NTH_RETURNS(name, params, args) \
    int __real_##name params;           \
    int __wrap_##name params;           \
    int __wrap_##name params            \
    {                                   \
        if (fails()) {                  \
            return plan.errnum;         \
        }                               \
        return __real_##name args;      \
    }

/* The third argument of these two may be absent; the kernel ignores it then. */
NTH(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
NTH(int, fcntl, (int fd, int command, long arg), (fd, command, arg))
NTH(int, pipe2, (int fds[2], int flags), (fds, flags))
NTH(ssize_t, read, (int fd, void *bytes, size_t n), (fd, bytes, n))
NTH(ssize_t, write, (int fd, const void *bytes, size_t n), (fd, bytes, n))
NTH(pid_t, fork, (void), ())
NTH_RETURNS(posix_spawn_file_actions_init, (posix_spawn_file_actions_t * actions), (actions))
NTH_RETURNS(posix_spawn_file_actions_adddup2,
            (posix_spawn_file_actions_t * actions, int fd, int new_fd), (actions, fd, new_fd))
NTH_RETURNS(posix_spawnattr_init, (posix_spawnattr_t * attributes), (attributes))
NTH_RETURNS(posix_spawnp,
            (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions,
             const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]),
            (pid, file, actions, attributes, argv, envp))
