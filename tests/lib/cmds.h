/* cmds: looking through what one step of the core asked for.
 *
 * Shape   plain searches over struct kh_cmds.
 * Units   none.
 * Errors  none: what is not there is NULL, false or 0.
 * Memory  borrows the commands.
 * Truth   core/cmd.h.
 */
#ifndef KH_TESTS_LIB_CMDS_H
#define KH_TESTS_LIB_CMDS_H

#include "core/cmd.h"

const struct kh_cmd *cmds_find(const struct kh_cmds *cmds, enum kh_cmd_type type);
size_t cmds_count(const struct kh_cmds *cmds, enum kh_cmd_type type);
bool cmds_noted(const struct kh_cmds *cmds, const char *note);

/* The request of the first STORE command, or NULL. */
const struct kh_lease_op *cmds_op(const struct kh_cmds *cmds);

/* The action of the CHILD_SEND command, "" if there is none. */
const char *cmds_action(const struct kh_cmds *cmds);

#endif
