/* leases: the sub-commands that show leases and move them.
 *
 * Shape   one function for all of them. A living owner is never robbed: it is asked to hand over if
 *         it can be, else the command is refused. Whether an owner lives shows by its counter,
 *         which is watched for failoverTimeMillis. Every write has a condition.
 * Units   none.
 * Errors  an exit status, after one sentence on standard error.
 * Memory  borrows both.
 * Truth   own design; the writes are KCL's W4 (hand off), W5 (assign) and W6 (evict), see
 *         proto/lease-table.md.
 */
#ifndef KH_CLI_LEASES_H
#define KH_CLI_LEASES_H

#include "cli/options.h"
#include "cli/session.h"

int kh_leases_run(struct kh_session *session, const struct kh_options *options);

#endif
