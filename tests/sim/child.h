/* child: the model record processor.
 *
 * Shape   starting -> idle <-> busy with one action -> closed -> gone. While busy it may ask for
 *         checkpoints, one at a time, and waits for each answer. What it writes goes into a pipe
 *         that the host reads when it can.
 * Units   virtual milliseconds; records by their index in the shard.
 * Errors  its misbehaviour is drawn from struct sim_faults.
 * Memory  plain values.
 * Truth   The Python, Ruby and Node KCLs of proto/multilang.md, and what their users do to them.
 */
#ifndef SIM_CHILD_H
#define SIM_CHILD_H

#include "base/time.h"
#include "core/cmd.h"
#include "core/event.h"
#include "queue.h"

#define SIM_LINES_MAX 8

struct sim;

enum sim_child_move {
    SIM_MOVE_WORK,   /* the work of the action is done: ask for a checkpoint, or answer */
    SIM_MOVE_ANSWER, /* write the status line */
    SIM_MOVE_CHAT,   /* ask for a checkpoint out of turn */
    SIM_MOVE_LEAVE   /* exit */
};

/* A checkpoint a child asks for. */
struct sim_ask {
    struct kh_child_checkpoint line; /* line.seq points to seq */
    char seq[KH_SEQNO_DIGITS_MAX + 1];
    struct kh_extseq meaning; /* what has to be stored */
    bool must_fail;           /* outside of the allowed range */
    bool below;               /* the table held more already when the host read it */
};

struct sim_line {
    bool is_ask;
    const char *response_for;
    struct sim_ask ask;
};

struct sim_child {
    bool used;  /* started, its exit not yet handed to the core */
    bool alive; /* the process runs */
    bool initialised;
    bool busy; /* an action was sent and not answered */
    bool owes; /* the same, as the core can know it: its status has not been handed over */
    bool stdin_closed;
    bool awaiting_ack; /* the host has handed over an ask and reads no further */
    bool killed;       /* it was sent SIGKILL */
    bool stubborn;     /* leaves only when killed */
    uint32_t number;
    uint32_t life;
    int exit_status;
    enum kh_action action;
    struct kh_extseq init; /* the checkpoint it was initialised with */
    bool started;          /* it has got records */
    size_t run_first;      /* the first record it was given */
    size_t first;          /* of the batch it was given last */
    size_t next;           /* index after the newest record it was given */
    unsigned asks_left;
    bool dies;              /* after the work, before the answer */
    bool waits;             /* it has asked and got no answer yet */
    bool in_turn;           /* that ask belongs to the action */
    struct sim_ask pending; /* the ask that the host has handed over last */
    struct sim_line lines[SIM_LINES_MAX];
    unsigned lines_n;
};

/* Commands of the host. */
void sim_child_start(struct sim *sim, uint32_t worker, uint32_t shard, uint32_t number);
void sim_child_send(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_cmd *cmd);
void sim_child_ack(struct sim *sim, uint32_t worker, uint32_t shard, const char *error);
void sim_child_close(struct sim *sim, uint32_t worker, uint32_t shard);
void sim_child_signal(struct sim *sim, uint32_t worker, uint32_t shard, bool kill);

/* The child's own move. */
void sim_child_move(struct sim *sim, const struct sim_ev *ev);

/* The host reads the pipe: true if an event for the core was taken out of it. */
bool sim_child_read(struct sim *sim, uint32_t worker, uint32_t shard, struct kh_event *event);

#endif
