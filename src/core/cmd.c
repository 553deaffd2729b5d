#include "core/cmd.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

void kh_cmds_init(struct kh_cmds *cmds)
{
    *cmds = (struct kh_cmds){0};
}

void kh_cmds_fini(struct kh_cmds *cmds)
{
    for (size_t i = 0; i < cmds->ops_capacity; i++) {
        kh_mem_free(cmds->ops[i]);
    }
    for (size_t i = 0; i < cmds->coords_capacity; i++) {
        kh_mem_free(cmds->coords[i]);
    }
    kh_mem_free(cmds->ops);
    kh_mem_free(cmds->coords);
    kh_mem_free(cmds->items);
    *cmds = (struct kh_cmds){0};
}

void kh_cmds_reset(struct kh_cmds *cmds)
{
    cmds->n = 0;
    cmds->ops_n = 0;
    cmds->coords_n = 0;
}

void kh_cmds_push(struct kh_cmds *cmds, struct kh_cmd cmd)
{
    if (cmds->n == cmds->capacity) {
        cmds->capacity = kh_mem_grown(cmds->capacity, cmds->n + 1);
        cmds->items = kh_mem_resize(cmds->items, cmds->capacity, sizeof(*cmds->items));
    }
    if (cmd.key == NULL) {
        cmd.key = "";
    }
    cmds->items[cmds->n++] = cmd;
}

/* Requests are large and pointed to from commands, so each has a place of its own that stays when
 * the array of places grows. */
static struct kh_lease_op *next_op(struct kh_cmds *cmds)
{
    if (cmds->ops_n == cmds->ops_capacity) {
        size_t capacity = kh_mem_grown(cmds->ops_capacity, cmds->ops_n + 1);

        cmds->ops = kh_mem_resize(cmds->ops, capacity, sizeof(struct kh_lease_op *));
        for (size_t i = cmds->ops_capacity; i < capacity; i++) {
            cmds->ops[i] = NULL;
        }
        cmds->ops_capacity = capacity;
    }
    if (cmds->ops[cmds->ops_n] == NULL) {
        cmds->ops[cmds->ops_n] = kh_mem_new(1, sizeof(struct kh_lease_op));
    }
    return cmds->ops[cmds->ops_n++];
}

struct kh_lease_op *kh_cmds_push_op(struct kh_cmds *cmds, enum kh_lease_verb verb, const char *key)
{
    struct kh_lease_op *op = next_op(cmds);
    bool fits;

    *op = (struct kh_lease_op){.verb = verb};
    fits = kh_str_copy(op->key, sizeof(op->key), kh_str(key));
    kh_assert(fits);
    kh_cmds_push(cmds, (struct kh_cmd){.type = KH_CMD_STORE, .key = op->key, .op = op});
    return op;
}

struct kh_coord_op *kh_cmds_push_coord(struct kh_cmds *cmds, enum kh_coord_verb verb)
{
    struct kh_coord_op *op;

    if (cmds->coords_n == cmds->coords_capacity) {
        size_t capacity = kh_mem_grown(cmds->coords_capacity, cmds->coords_n + 1);

        cmds->coords = kh_mem_resize(cmds->coords, capacity, sizeof(struct kh_coord_op *));
        for (size_t i = cmds->coords_capacity; i < capacity; i++) {
            cmds->coords[i] = kh_mem_new(1, sizeof(struct kh_coord_op));
        }
        cmds->coords_capacity = capacity;
    }
    op = cmds->coords[cmds->coords_n++];
    *op = (struct kh_coord_op){.verb = verb};
    kh_cmds_push(cmds, (struct kh_cmd){.type = KH_CMD_COORD, .coord = op});
    return op;
}

void kh_cmds_note(struct kh_cmds *cmds, const char *key, const char *note)
{
    kh_cmds_push(cmds, (struct kh_cmd){.type = KH_CMD_NOTE, .key = key, .note = note});
}

void kh_cmds_note_value(struct kh_cmds *cmds, const char *key, const char *note, int64_t value)
{
    kh_cmds_push(cmds,
                 (struct kh_cmd){.type = KH_CMD_NOTE, .key = key, .note = note, .value = value});
}

const char *kh_action_name(enum kh_action action)
{
    switch (action) {
    case KH_ACTION_INITIALIZE:
        return "initialize";
    case KH_ACTION_PROCESS_RECORDS:
        return "processRecords";
    case KH_ACTION_LEASE_LOST:
        return "leaseLost";
    case KH_ACTION_SHARD_ENDED:
        return "shardEnded";
    case KH_ACTION_SHUTDOWN_REQUESTED:
        return "shutdownRequested";
    }
    kh_assert(false);
    return "";
}

const char *kh_cmd_type_name(enum kh_cmd_type type)
{
    static const char *const names[] = {
        [KH_CMD_NOTE] = "note",
        [KH_CMD_STORE] = "store",
        [KH_CMD_COORD] = "coord",
        [KH_CMD_LIST_SHARDS] = "list_shards",
        [KH_CMD_OPEN] = "open",
        [KH_CMD_FETCH] = "fetch",
        [KH_CMD_CLOSE] = "close",
        [KH_CMD_DROP_BATCH] = "drop_batch",
        [KH_CMD_CHILD_START] = "child_start",
        [KH_CMD_CHILD_SEND] = "child_send",
        [KH_CMD_CHILD_ACK] = "child_ack",
        [KH_CMD_CHILD_CLOSE] = "child_close",
        [KH_CMD_CHILD_SIGNAL] = "child_signal",
        [KH_CMD_STOPPED] = "stopped",
    };

    kh_assert((size_t)type < sizeof(names) / sizeof(names[0]));
    return names[type];
}
