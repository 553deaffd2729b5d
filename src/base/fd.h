/* fd: owning a file descriptor.
 *
 * Shape   an owned descriptor is an int that is -1 while there is none.
 * Units   none.
 * Errors  kh_fd_nonblock says why the kernel refused; closing never fails for us.
 * Memory  none.
 * Truth   POSIX; descriptors are O_CLOEXEC from birth.
 */
#ifndef KH_BASE_FD_H
#define KH_BASE_FD_H

#include "base/err.h"

/* Close if open, and set to -1. Keeps errno. */
void kh_fd_close(int *fd);

/* Give the descriptor away: returns it and leaves -1 behind. */
int kh_fd_take(int *fd);

enum kh_rc kh_fd_nonblock(int fd, struct kh_err *err) KH_MUST_USE;

#endif
