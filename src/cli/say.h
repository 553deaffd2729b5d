/* say: what a sub-command tells whoever called it.
 *
 * Shape   results go to standard output, everything else as one sentence to standard error.
 * Units   none.
 * Errors  none.
 * Memory  borrows everything.
 * Truth   own design.
 */
#ifndef KH_CLI_SAY_H
#define KH_CLI_SAY_H

#include "base/buf.h"
#include "base/err.h"

#define KH_SAY_JSON_BYTES_MAX ((size_t)256 << 20)

/* "kcl-host: what, why"; gives the exit status. CONFLICT is KH_EXIT_TEMPFAIL: as things stand. */
int kh_say_failure(const struct kh_err *err);

/* What goes on, while it takes a while. */
void kh_say_meanwhile(const char *fmt, ...) KH_PRINTF(1, 2);

/* One JSON document and a line end; frees it. */
void kh_say_json(struct kh_buf *json);

/* What was printed is out: KH_EXIT_OK, or what is to be said if not. */
int kh_say_done(void);

#endif
