/* table_clean: deletes from the lease table what is no lease, so that workers of 2.x can use it.
 *
 * Shape   only when the fleet's state is 2X or absent and nobody reports or holds the lock. Each
 *         item goes on the condition that it is as it was seen; Migration3.0 goes last.
 * Units   ms.
 * Errors  an exit status, after one sentence on standard error. It may be run again.
 * Memory  none kept.
 * Truth   leaving them is what KCL 3.5.1's own roll-back does, and one of them ends every worker of
 *         2.x: its DynamoDBLeaseSerializer takes each item for a lease.
 */
#ifndef KH_CLI_TABLE_CLEAN_H
#define KH_CLI_TABLE_CLEAN_H

#include "cli/survey.h"

/* watch_ms: how long a lock is watched; -1: longer than the pause between two heartbeats. */
int kh_table_clean(struct kh_session *session, const struct kh_survey *survey, bool dry_run,
                   kh_ms watch_ms);

#endif
