/* leases_reset: all checkpoints are forgotten.
 *
 * Shape   only when no owner is alive. Each lease is first taken from its dead owner on the
 *         condition that it is as it was seen, then deleted, so that the next start makes leases as
 *         for a new application; or, with a position, kept and set to it. In both cases no stream's
 *         mark is left.
 * Units   none.
 * Errors  an exit status, after one sentence on standard error. A second run goes on where a failed
 *         one ended.
 * Memory  none kept.
 * Truth   own design.
 */
#ifndef KH_CLI_LEASES_RESET_H
#define KH_CLI_LEASES_RESET_H

#include "cli/session.h"

/* to: "TRIM_HORIZON" or "LATEST"; NULL: delete. */
int kh_leases_reset(struct kh_session *session, const char *to, bool dry_run);

#endif
