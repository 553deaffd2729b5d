#include "core/dialog.h"

#include "base/assert.h"

/* How long a child may take to leave after its stdin was closed, and after SIGTERM. */
#define LEAVE_MS_MAX KH_SECONDS(10)
#define TERM_MS_MAX  KH_SECONDS(5)

void kh_dialog_init(struct kh_dialog *dialog, struct kh_ctx *ctx, const char *key)
{
    *dialog = (struct kh_dialog){.ctx = ctx, .key = key, .due_at_ms = KH_NEVER};
}

static kh_ms action_due_ms(const struct kh_dialog *dialog, kh_ms now_ms)
{
    const struct kh_worker_config *config = &dialog->ctx->config;
    kh_ms most_ms = config->answer_ms_max[dialog->action];

    most_ms = most_ms > 0 ? most_ms : config->action_ms_max;
    return most_ms == KH_NEVER ? KH_NEVER : now_ms + most_ms;
}

static void send_line(struct kh_dialog *dialog, struct kh_cmd cmd, kh_ms now_ms,
                      struct kh_cmds *out)
{
    kh_assert(dialog->state == KH_DIALOG_IDLE);
    dialog->state = KH_DIALOG_BUSY;
    dialog->previous = dialog->action;
    dialog->action = cmd.action;
    dialog->due_at_ms = action_due_ms(dialog, now_ms);
    cmd.type = KH_CMD_CHILD_SEND;
    cmd.key = dialog->key;
    cmd.child = dialog->child;
    kh_cmds_push(out, cmd);
}

void kh_dialog_start(struct kh_dialog *dialog, const struct kh_extseq *checkpoint, kh_ms now_ms,
                     struct kh_cmds *out)
{
    kh_assert(dialog->state == KH_DIALOG_NONE);
    dialog->child = ++dialog->ctx->child;
    dialog->had_previous = false;
    dialog->signals_n = 0;
    dialog->state = KH_DIALOG_IDLE;
    kh_cmds_push(out, (struct kh_cmd){
                          .type = KH_CMD_CHILD_START, .key = dialog->key, .child = dialog->child});
    send_line(dialog, (struct kh_cmd){.action = KH_ACTION_INITIALIZE, .skip_to = *checkpoint},
              now_ms, out);
}

void kh_dialog_send(struct kh_dialog *dialog, enum kh_action action, uint64_t batch, kh_ms now_ms,
                    struct kh_cmds *out)
{
    kh_assert(action != KH_ACTION_INITIALIZE);
    kh_assert(batch == 0 || action == KH_ACTION_PROCESS_RECORDS);
    dialog->had_previous = true;
    send_line(dialog, (struct kh_cmd){.action = action, .batch = batch}, now_ms, out);
}

static void signal_child(struct kh_dialog *dialog, kh_ms now_ms, struct kh_cmds *out)
{
    bool kill = dialog->signals_n > 0;

    dialog->state = KH_DIALOG_CLOSING;
    dialog->signals_n++;
    dialog->due_at_ms = kill ? KH_NEVER : now_ms + TERM_MS_MAX;
    kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_CHILD_SIGNAL,
                                      .key = dialog->key,
                                      .child = dialog->child,
                                      .kill = kill});
}

/* What a child has to answer with. */
static bool is_answer_to(const struct kh_dialog *dialog, struct kh_str name, enum kh_action action)
{
    bool ends = action == KH_ACTION_LEASE_LOST || action == KH_ACTION_SHARD_ENDED;

    return kh_str_eq(name, kh_str(ends && dialog->ctx->config.shutdown_with_reason
                                      ? "shutdown"
                                      : kh_action_name(action)));
}

static enum kh_dialog_outcome on_status(struct kh_dialog *dialog, struct kh_str name, kh_ms now_ms,
                                        struct kh_cmds *out)
{
    if (dialog->state == KH_DIALOG_BUSY && is_answer_to(dialog, name, dialog->action)) {
        dialog->state = KH_DIALOG_IDLE;
        dialog->due_at_ms = KH_NEVER;
        return KH_DIALOG_ANSWERED;
    }
    if (dialog->state != KH_DIALOG_BUSY ||
        (dialog->had_previous && is_answer_to(dialog, name, dialog->previous))) {
        kh_cmds_note(out, dialog->key, "dialog.answered_twice");
        return KH_DIALOG_NOTHING;
    }
    kh_cmds_note(out, dialog->key, "dialog.wrong_answer");
    signal_child(dialog, now_ms, out);
    return KH_DIALOG_BROKEN;
}

static enum kh_dialog_outcome on_due(struct kh_dialog *dialog, kh_ms now_ms, struct kh_cmds *out)
{
    enum kh_dialog_outcome outcome = KH_DIALOG_NOTHING;

    if (now_ms < dialog->due_at_ms) {
        return outcome;
    }
    if (dialog->state == KH_DIALOG_BUSY) {
        kh_cmds_note(out, dialog->key, "dialog.timeout");
        outcome = KH_DIALOG_BROKEN;
    } else {
        kh_assert(dialog->state == KH_DIALOG_CLOSING);
        kh_cmds_note(out, dialog->key, "dialog.does_not_leave");
    }
    signal_child(dialog, now_ms, out);
    return outcome;
}

enum kh_dialog_outcome kh_dialog_step(struct kh_dialog *dialog, const struct kh_event *event,
                                      kh_ms now_ms, struct kh_cmds *out)
{
    if (dialog->state == KH_DIALOG_NONE) {
        return KH_DIALOG_NOTHING;
    }
    if (event->type == KH_EVENT_TICK) {
        return on_due(dialog, now_ms, out);
    }
    if (event->child != dialog->child) {
        return KH_DIALOG_NOTHING; /* of a child before this one */
    }
    if (event->type == KH_EVENT_CHILD_EXITED) {
        dialog->state = KH_DIALOG_NONE;
        dialog->due_at_ms = KH_NEVER;
        return KH_DIALOG_EXITED;
    }
    kh_assert(event->type == KH_EVENT_CHILD_STATUS);
    return on_status(dialog, event->action_name, now_ms, out);
}

void kh_dialog_pause(struct kh_dialog *dialog)
{
    if (dialog->state == KH_DIALOG_BUSY) {
        dialog->due_at_ms = KH_NEVER;
    }
}

void kh_dialog_alive(struct kh_dialog *dialog, kh_ms now_ms)
{
    if (dialog->state == KH_DIALOG_BUSY) {
        dialog->due_at_ms = action_due_ms(dialog, now_ms);
    }
}

void kh_dialog_close(struct kh_dialog *dialog, kh_ms now_ms, struct kh_cmds *out)
{
    kh_assert(dialog->state == KH_DIALOG_IDLE);
    dialog->state = KH_DIALOG_CLOSING;
    dialog->due_at_ms = now_ms + LEAVE_MS_MAX;
    kh_cmds_push(out, (struct kh_cmd){
                          .type = KH_CMD_CHILD_CLOSE, .key = dialog->key, .child = dialog->child});
}

void kh_dialog_kill(struct kh_dialog *dialog, struct kh_cmds *out)
{
    if (dialog->state == KH_DIALOG_NONE || dialog->signals_n > 1) {
        return;
    }
    dialog->signals_n = 1; /* so that the next one is SIGKILL */
    signal_child(dialog, 0, out);
}

kh_ms kh_dialog_deadline(const struct kh_dialog *dialog)
{
    return dialog->state == KH_DIALOG_NONE ? KH_NEVER : dialog->due_at_ms;
}
