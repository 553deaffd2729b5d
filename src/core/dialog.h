/* dialog: the talk with one child: one action at a time, the answer to it, and the child's end.
 *
 * Shape   NONE -> IDLE <-> BUSY -> CLOSING -> NONE. kh_dialog_step() takes the child's events and
 *         TICKs; what came of them is its return value.
 * Units   ms.
 * Errors  none returned: a wrong answer, a time-out, a death are outcomes that concern this child
 *         only.
 * Memory  allocates nothing; commands borrow the key until the next step.
 * Truth   KCL MultiLangProtocol and MultiLangShardRecordProcessor. Chosen differences: a second
 *         answer to the action before is dropped instead of being taken for the next one; a
 *         time-out ends only this child; a child that does not leave after its stdin was closed
 *         gets SIGTERM, then SIGKILL.
 */
#ifndef KH_CORE_DIALOG_H
#define KH_CORE_DIALOG_H

#include "core/cmd.h"
#include "core/ctx.h"
#include "core/event.h"

enum kh_dialog_state {
    KH_DIALOG_NONE,   /* no child */
    KH_DIALOG_IDLE,   /* every action was answered */
    KH_DIALOG_BUSY,   /* action was sent and is not answered yet */
    KH_DIALOG_CLOSING /* its stdin is closed (or it was signalled): only its exit counts now */
};

enum kh_dialog_outcome {
    KH_DIALOG_NOTHING,
    KH_DIALOG_ANSWERED, /* to dialog->action */
    KH_DIALOG_BROKEN,   /* wrong answer or time-out: the child is being ended */
    KH_DIALOG_EXITED    /* no child any more */
};

struct kh_dialog {
    struct kh_ctx *ctx; /* borrowed */
    const char *key;    /* borrowed from the consumer */
    enum kh_dialog_state state;
    uint32_t child;          /* its number */
    enum kh_action action;   /* BUSY: the one not answered; else the last one */
    enum kh_action previous; /* the one before */
    bool had_previous;
    unsigned signals_n; /* CLOSING: 0 none, 1 SIGTERM, 2 SIGKILL */
    kh_ms due_at_ms;    /* BUSY: the answer. CLOSING: the next signal */
};

void kh_dialog_init(struct kh_dialog *dialog, struct kh_ctx *ctx, const char *key);

/* Start a child and send initialize. Only in NONE. */
void kh_dialog_start(struct kh_dialog *dialog, const struct kh_extseq *checkpoint, kh_ms now_ms,
                     struct kh_cmds *out);

/* Send an action; batch for PROCESS_RECORDS. Only in IDLE. */
void kh_dialog_send(struct kh_dialog *dialog, enum kh_action action, uint64_t batch, kh_ms now_ms,
                    struct kh_cmds *out);

enum kh_dialog_outcome kh_dialog_step(struct kh_dialog *dialog, const struct kh_event *event,
                                      kh_ms now_ms, struct kh_cmds *out);

/* The child waits for us (a checkpoint is being written): its time limit does not run. */
void kh_dialog_pause(struct kh_dialog *dialog);

/* It has its answer: the time limit for the action starts anew. */
void kh_dialog_alive(struct kh_dialog *dialog, kh_ms now_ms);

/* Close its stdin; it has a while to leave. */
void kh_dialog_close(struct kh_dialog *dialog, kh_ms now_ms, struct kh_cmds *out);

/* End it at once with SIGKILL. In NONE nothing happens. */
void kh_dialog_kill(struct kh_dialog *dialog, struct kh_cmds *out);

kh_ms kh_dialog_deadline(const struct kh_dialog *dialog);

#endif
