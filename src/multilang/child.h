/* child: one record processor process: its start, the lines to and from it, its stderr, its end.
 *
 * Shape   started with stdin, stdout and stderr on pipes, in a process group of its own. Lines go
 *         out in order and never block; lines come in one by one through on_line. on_exit comes
 *         exactly once, after the process was reaped and what was left in its stdout was handed
 *         over (also when a grandchild keeps the pipe open).
 * Units   bytes.
 * Errors  kh_child_start: NOTFOUND or DENIED (program missing, not executable), RETRY (no process,
 *         no descriptor). A write to a child that closed its stdin is dropped, and its exit counts.
 * Memory  lines out are taken; lines in are borrowed by on_line. kh_child_free kills the group if
 *         it is still there and calls nothing any more.
 * Truth   MultiLangShardRecordProcessor, MessageReader, DrainChildSTDERRTask. Chosen differences:
 *         own process group, which ends with the child, and with us (warden.h); PDEATHSIG; stdout
 *         is read at all times; a child that closes it or its stdin and lives on is killed, unless
 *         it was told to leave; stderr is passed on once, line by line. From the first start on,
 *         this process ignores SIGPIPE.
 */
#ifndef KH_MULTILANG_CHILD_H
#define KH_MULTILANG_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

struct kh_child;

struct kh_child_config {
    struct kh_loop *loop; /* borrowed */
    /* Borrowed until return. argv[0] is looked up along PATH if it has no slash. */
    char *const *argv;
    /* Borrowed until return; may be NULL. "NAME=value" in addition to our own, or in place of
     * it. */
    char *const *environment;
    const char *stderr_prefix; /* copied; put before each stderr line, "" = none */
    size_t line_bytes_max; /* a longer stdout line is dropped, and counted as one too long line */
    /* Without line end; empty lines are not handed over. Lines end at \n, \r or \r\n; the last one
     * may lack it. */
    void (*on_line)(void *arg, struct kh_str line);
    void (*on_exit)(void *arg, int wait_status);
    void *arg;
};

enum kh_rc kh_child_start(struct kh_child **child, const struct kh_child_config *config,
                          struct kh_err *err) KH_MUST_USE;
void kh_child_free(struct kh_child *child);

/* Queue bytes for its stdin (a whole line with its line end). */
void kh_child_send(struct kh_child *child, struct kh_buf *line);
size_t kh_child_unsent_bytes(const struct kh_child *child);

/* Stop and go on handing over lines: what came in meanwhile waits in the pipe, and no more than one
 * read of it here. May be called from inside on_line. on_exit waits until lines are handed over
 * again. */
void kh_child_hold_lines(struct kh_child *child, bool hold);

/* Close its stdin once everything queued is written. */
void kh_child_close_stdin(struct kh_child *child);

/* Signal its process group. */
void kh_child_signal(struct kh_child *child, int signo);

long kh_child_pid(const struct kh_child *child);

#endif
