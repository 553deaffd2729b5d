/* spawn: a new process with three pipes and nothing else of ours.
 *
 * Shape   fork, a few system calls in the child, exec; a fourth pipe, closed by exec itself,
 *         carries the errno of whatever failed before, so that a missing program is known when
 *         kh_spawn returns.
 * Units   none.
 * Errors  NOTFOUND, DENIED: the program; RETRY: no process, no descriptor, no memory; INVALID: what
 *         cannot be run.
 * Memory  on success the descriptors (close-on-exec, non-blocking) and the process are the
 *         caller's; on failure nothing is left, no descriptor and no zombie.
 * Truth   java.lang.ProcessBuilder as MultiLangShardRecordProcessor uses it, with execvp's rules:
 *         PATH, and /bin/sh for a text without "#!". Chosen differences: a process group of its
 *         own, SIGKILL when we die.
 */
#ifndef KH_MULTILANG_SPAWN_H
#define KH_MULTILANG_SPAWN_H

#include <sys/types.h>

#include "base/err.h"

struct kh_spawned {
    pid_t pid; /* also its process group */
    int to_fd;
    int from_fd;
    int stderr_fd;
};

/* argv and additions as in struct kh_child_config. */
enum kh_rc kh_spawn(struct kh_spawned *spawned, char *const argv[], char *const additions[],
                    struct kh_err *err) KH_MUST_USE;

#endif
