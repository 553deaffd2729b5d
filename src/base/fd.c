#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"

static struct rlimit limit_before;
static bool limit_raised;

void kh_fd_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0) {
        /* Linux lets go of the number whatever close says, so there is nothing to try again. Only
         * a number that was not open is ours to answer for: it may be somebody else's by now. */
        int rc = close(*fd);

        kh_assert(rc == 0 || errno != EBADF);
        *fd = -1;
    }
    errno = saved;
}

int kh_fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

enum kh_rc kh_fd_nonblock(int fd, struct kh_err *err)
{
    int flags;

    kh_assert(fd >= 0);
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return kh_fail_errno(err, errno, "make descriptor %d non-blocking", fd);
    }
    return KH_OK;
}

void kh_fd_limit_raise(void)
{
    struct rlimit limit;
    int failed = getrlimit(RLIMIT_NOFILE, &limit_before);

    kh_assert(failed == 0);
    limit = limit_before;
    limit.rlim_cur = limit.rlim_max < KH_FD_LIMIT_MAX ? limit.rlim_max : KH_FD_LIMIT_MAX;
    if (limit.rlim_cur > limit_before.rlim_cur) {
        limit_raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
    }
}

void kh_fd_limit_restore(void)
{
    if (limit_raised) {
        (void)setrlimit(RLIMIT_NOFILE, &limit_before); /* lowering is never refused */
    }
}
