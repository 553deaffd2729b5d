/* fd: owning a file descriptor, and how many there may be.
 *
 * Shape   an owned descriptor is an int that is -1 while there is none.
 * Units   limits in descriptors.
 * Errors  kh_fd_nonblock says why the kernel refused; closing never fails for us.
 * Memory  remembers the limit that this process was born with.
 * Truth   POSIX; descriptors are O_CLOEXEC from birth.
 */
#ifndef KH_BASE_FD_H
#define KH_BASE_FD_H

#include <stdbool.h>

#include "base/err.h"

/* Three for each child and some sockets: enough for every shard one machine can process. Not all
 * that the kernel would give, because there are programs that keep a table of that size. */
#define KH_FD_LIMIT_MAX 65536

/* Close if open, and set to -1. Keeps errno. */
void kh_fd_close(int *fd);

/* Give the descriptor away: returns it and leaves -1 behind. */
int kh_fd_take(int *fd);

enum kh_rc kh_fd_nonblock(int fd, struct kh_err *err) KH_MUST_USE;

/* Up to KH_FD_LIMIT_MAX descriptors, if the hard limit permits, in place of the usual 1024. */
void kh_fd_limit_raise(void);

/* Back to what it was before: a child may still use select(2), which ends at 1024. May be called
 * between fork and exec. */
void kh_fd_limit_restore(void);

#endif
