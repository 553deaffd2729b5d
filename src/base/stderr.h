/* stderr: words for the operator, who may have stopped reading.
 *
 * Shape   one function, through which all of them leave. It waits a little for room, but once that
 *         was in vain it only looks, until there is room again: a log that nobody empties must not
 *         keep the leases from being renewed.
 * Units   bytes.
 * Errors  false: not everything was written, and what is left is lost.
 * Memory  none.
 * Truth   pipe(7), poll(2): a pipe that is ready takes PIPE_BUF bytes without blocking, whether it
 *         blocks or not, so no more is written at once.
 */
#ifndef KH_BASE_STDERR_H
#define KH_BASE_STDERR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* One part after the other; in one write(2) if all of them together are not longer than PIPE_BUF,
 * so that lines of several processes on one stderr stay whole. */
bool kh_stderr_write(const struct kh_str parts[], size_t parts_n);

#endif
