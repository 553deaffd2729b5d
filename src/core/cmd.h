/* cmd: what the core wants done, as plain data.
 *
 * Shape   one tagged record; kh_cmds is the list one step appends to. Every command that asks for
 *         an answer gets exactly one event back, carrying the same ticket or child number; see each
 *         type.
 * Units   *_ms as in base/time.h.
 * Errors  none.
 * Memory  a command holds values; `key` and `note` are borrowed until the next step of the same
 *         worker. kh_cmds owns its array, which is kept and reused from step to step.
 * Truth   own design. The children's messages are named as in the MultiLang protocol.
 */
#ifndef KH_CORE_CMD_H
#define KH_CORE_CMD_H

#include <stddef.h>

#include "base/time.h"
#include "core/coord.h"
#include "core/lease_op.h"

enum kh_cmd_type {
    KH_CMD_NOTE,        /* for log, counters, transcript: note, and key or "" . No answer */
    KH_CMD_STORE,       /* *op -> KH_EVENT_STORE */
    KH_CMD_COORD,       /* *coord -> KH_EVENT_COORD */
    KH_CMD_LIST_SHARDS, /* filter, wall_ms, ticket -> KH_EVENT_SHARDS */
    KH_CMD_OPEN,  /* begin reading shard `key` at position, dropping records up to skip_to; ticket
                   * -> KH_EVENT_OPENED. A shard that is open is closed first */
    KH_CMD_FETCH, /* the next batch of the open shard `key`, at most limit records; ticket
                   * -> KH_EVENT_FETCHED */
    KH_CMD_CLOSE, /* stop reading shard `key`; a pending OPEN or FETCH is cancelled: no answer comes
                   * any more. No answer */
    KH_CMD_DROP_BATCH, /* batch is done with. Every batch handed to the core comes back so, once. No
                        * answer */
    KH_CMD_CHILD_START,  /* start child number `child` for shard `key` -> in the end
                          * KH_EVENT_CHILD_EXITED */
    KH_CMD_CHILD_SEND,   /* one action line; action, position for INITIALIZE, batch for
                          * PROCESS_RECORDS. The child's lines come as KH_EVENT_CHILD_STATUS and
                          * _CHECKPOINT */
    KH_CMD_CHILD_ACK,    /* answer the checkpoint line that came last; error is NULL or the name for
                          * the child */
    KH_CMD_CHILD_CLOSE,  /* close its stdin once everything is written. No answer; the child should
                          * leave */
    KH_CMD_CHILD_SIGNAL, /* signal its process group: kill ? SIGKILL : SIGTERM. No answer */
    KH_CMD_STOPPED /* the last command of a worker; why says how it ended. If the grace time ran
                    * out, children and batches may be left: they are the host's to end */
};

enum kh_action {
    KH_ACTION_INITIALIZE,
    KH_ACTION_PROCESS_RECORDS,
    KH_ACTION_LEASE_LOST,
    KH_ACTION_SHARD_ENDED,
    KH_ACTION_SHUTDOWN_REQUESTED
};
enum { KH_ACTIONS_N = KH_ACTION_SHUTDOWN_REQUESTED + 1 };

enum kh_shard_filter {
    KH_SHARDS_ALL,
    KH_SHARDS_AT_TRIM_HORIZON,
    KH_SHARDS_AT_LATEST,
    KH_SHARDS_AT_TIMESTAMP
};

enum kh_stop_reason {
    KH_STOP_ASKED, /* KH_EVENT_STOP or _STOP_NOW */
    KH_STOP_DONE,  /* exit_when_done: every shard is closed and finished */
    KH_STOP_FAILED /* KH_FAILURE_EXIT: a child failed */
};

struct kh_cmd {
    enum kh_cmd_type type;
    const char *key;                 /* shard id; borrowed */
    const char *note;                /* NOTE; a literal */
    uint64_t ticket;                 /* LIST_SHARDS, OPEN, FETCH */
    const struct kh_lease_op *op;    /* STORE; borrowed until the next step */
    const struct kh_coord_op *coord; /* COORD; borrowed until the next step */
    struct kh_position position;     /* OPEN */
    struct kh_extseq
        skip_to;           /* OPEN: records at or before it are not delivered; none = deliver all.
                            * CHILD_SEND INITIALIZE: the stored checkpoint */
    uint32_t limit;        /* FETCH */
    uint64_t batch;        /* DROP_BATCH, CHILD_SEND PROCESS_RECORDS */
    uint32_t child;        /* CHILD_*: its number, never used twice by one worker, never 0 */
    enum kh_action action; /* CHILD_SEND */
    const char *error;     /* CHILD_ACK; a literal or NULL */
    bool kill;             /* CHILD_SIGNAL */
    enum kh_shard_filter filter; /* LIST_SHARDS */
    int64_t wall_ms;             /* LIST_SHARDS AT_TIMESTAMP */
    int64_t value;               /* NOTE: a number worth printing with it; 0 if none */
    enum kh_stop_reason why;     /* STOPPED */
};

struct kh_cmds {
    struct kh_cmd *items; /* owned */
    size_t n;
    size_t capacity;
    struct kh_lease_op *
        *ops; /* owned, as are the ops: the STORE commands' requests, reused from step to step */
    size_t ops_n;
    size_t ops_capacity;
    struct kh_coord_op **coords; /* owned, as are those it points to: the same for COORD */
    size_t coords_n;
    size_t coords_capacity;
};

void kh_cmds_init(struct kh_cmds *cmds);
void kh_cmds_fini(struct kh_cmds *cmds);

/* Forget the commands of the last step. Called by whoever calls step, before it. */
void kh_cmds_reset(struct kh_cmds *cmds);

void kh_cmds_push(struct kh_cmds *cmds, struct kh_cmd cmd);

/* Append a STORE command and return its request, all zero but for the key, to be filled in. */
struct kh_lease_op *kh_cmds_push_op(struct kh_cmds *cmds, enum kh_lease_verb verb, const char *key);

/* The same for a COORD command, all zero but for the verb. */
struct kh_coord_op *kh_cmds_push_coord(struct kh_cmds *cmds, enum kh_coord_verb verb);

void kh_cmds_note(struct kh_cmds *cmds, const char *key, const char *note);
void kh_cmds_note_value(struct kh_cmds *cmds, const char *key, const char *note, int64_t value);

const char *kh_action_name(enum kh_action action); /* as on the wire: "processRecords", … */
const char *kh_cmd_type_name(enum kh_cmd_type type);

#endif
