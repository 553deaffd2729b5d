/* table: the sub-commands that show a fleet's tables and change which KCL they are for.
 *
 * Shape   one function for all of them. migrate and rollback write the item Migration3.0 and
 *         nothing else but, last, delete the index; clean deletes what is no lease. Each write has
 *         a condition, and all may be run again.
 * Units   none.
 * Errors  an exit status, after one sentence on standard error.
 * Memory  borrows both.
 * Truth   KCL 3.5.1 KclMigrationTool.py (rollforward, rollback) and the states that KCL 3.5.1's
 *         MigrationStateMachine knows. Chosen differences: migrate also begins a migration that no
 *         Java worker has begun; it works where the fleet's state lies, in either layout; clean has
 *         no counterpart.
 */
#ifndef KH_CLI_TABLE_H
#define KH_CLI_TABLE_H

#include "cli/options.h"
#include "cli/session.h"

int kh_table_run(struct kh_session *session, const struct kh_options *options);

#endif
