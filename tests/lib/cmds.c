#include "tests/lib/cmds.h"

#include <string.h>

const struct kh_cmd *cmds_find(const struct kh_cmds *cmds, enum kh_cmd_type type)
{
    for (size_t i = 0; i < cmds->n; i++) {
        if (cmds->items[i].type == type) {
            return &cmds->items[i];
        }
    }
    return NULL;
}

size_t cmds_count(const struct kh_cmds *cmds, enum kh_cmd_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < cmds->n; i++) {
        n += cmds->items[i].type == type;
    }
    return n;
}

bool cmds_noted(const struct kh_cmds *cmds, const char *note)
{
    for (size_t i = 0; i < cmds->n; i++) {
        if (cmds->items[i].type == KH_CMD_NOTE && strcmp(cmds->items[i].note, note) == 0) {
            return true;
        }
    }
    return false;
}

const struct kh_lease_op *cmds_op(const struct kh_cmds *cmds)
{
    const struct kh_cmd *cmd = cmds_find(cmds, KH_CMD_STORE);

    return cmd == NULL ? NULL : cmd->op;
}

const char *cmds_action(const struct kh_cmds *cmds)
{
    const struct kh_cmd *cmd = cmds_find(cmds, KH_CMD_CHILD_SEND);

    return cmd == NULL ? "" : kh_action_name(cmd->action);
}
