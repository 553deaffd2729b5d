#include "core/consumer.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

#define BIT(state) (1u << KH_CONSUMER_##state)

/* Where each state may lead. Whatever holds no child may be released; whatever has one may lose
 * it. */
static const unsigned legal[KH_CONSUMER_STATES_N] = {
    [KH_CONSUMER_WAITING] = BIT(STARTING) | BIT(FINISHED) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_STARTING] =
        BIT(PROCESSING) | BIT(ASKING) | BIT(LEAVING) | BIT(PAUSED) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_PROCESSING] =
        BIT(PARTING) | BIT(ASKING) | BIT(LEAVING) | BIT(PAUSED) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_PARTING] =
        BIT(ENDING) | BIT(ASKING) | BIT(LEAVING) | BIT(PAUSED) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_ENDING] = BIT(CLOSING) | BIT(PAUSED) | BIT(FINISHED) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_ASKING] = BIT(LEAVING) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_LEAVING] = BIT(CLOSING) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_CLOSING] = BIT(PAUSED) | BIT(FINISHED) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_PAUSED] = BIT(STARTING) | BIT(FINISHED) | BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_FINISHED] = BIT(RELEASING) | BIT(GONE),
    [KH_CONSUMER_RELEASING] = BIT(GONE),
    [KH_CONSUMER_GONE] = 0,
};

bool kh_consumer_may_become(enum kh_consumer_state from, enum kh_consumer_state to)
{
    return (legal[from] & (1u << to)) != 0;
}

const char *kh_consumer_state_name(enum kh_consumer_state state)
{
    static const char *const names[] = {
#define KH_STATE(upper, lower) #lower,
#include "core/consumer.def"
#undef KH_STATE
    };

    kh_assert(state < KH_CONSUMER_STATES_N);
    return names[state];
}

static void become(struct kh_consumer *consumer, enum kh_consumer_state state)
{
    kh_assert(kh_consumer_may_become(consumer->state, state));
    consumer->state = state;
}

static bool is_lost(const struct kh_consumer *consumer)
{
    return consumer->hold.state == KH_HOLD_LOST || consumer->hold.state == KH_HOLD_RELEASED;
}

static void plan_cleaning(struct kh_consumer *consumer, kh_ms now_ms)
{
    kh_ms after_ms = consumer->ctx->config.clean_after_ms;

    consumer->clean_at_ms = after_ms == KH_NEVER ? KH_NEVER : now_ms + after_ms;
}

struct kh_consumer *kh_consumer_new(struct kh_ctx *ctx, const struct kh_lease *row,
                                    kh_ms sent_at_ms, kh_ms begin_at_ms)
{
    struct kh_consumer *consumer = kh_mem_new(1, sizeof(*consumer));
    const char *key = consumer->hold.lease.key;

    consumer->ctx = ctx;
    consumer->begin_at_ms = begin_at_ms;
    consumer->kill_at_ms = KH_NEVER;
    kh_hold_init(&consumer->hold, ctx, row, sent_at_ms);
    kh_fetch_init(&consumer->fetch, ctx, key);
    kh_dialog_init(&consumer->dialog, ctx, key);
    kh_family_init(&consumer->family, ctx, key);
    kh_ckpt_init(&consumer->ckpt, &row->checkpoint);
    consumer->end_stored = kh_lease_is_finished(row);
    consumer->state = consumer->end_stored ? KH_CONSUMER_FINISHED : KH_CONSUMER_WAITING;
    plan_cleaning(consumer, sent_at_ms);
    return consumer;
}

void kh_consumer_free(struct kh_consumer *consumer)
{
    kh_mem_free(consumer);
}

/* ---- the child's checkpoints ---- */

static void ack(struct kh_consumer *consumer, const char *error, struct kh_cmds *out)
{
    kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_CHILD_ACK,
                                      .key = consumer->hold.lease.key,
                                      .child = consumer->dialog.child,
                                      .error = error});
}

static void on_checkpoint(struct kh_consumer *consumer, const struct kh_event *event, kh_ms now_ms,
                          struct kh_cmds *out)
{
    struct kh_extseq value;
    const char *error = NULL;

    if (consumer->dialog.state == KH_DIALOG_NONE || event->child != consumer->dialog.child) {
        return;
    }
    kh_assert(!consumer->acking);
    kh_dialog_alive(&consumer->dialog, now_ms);
    if (!kh_hold_is_ours(&consumer->hold, now_ms)) {
        ack(consumer, KH_ERROR_SHUTDOWN, out);
        return;
    }
    if (consumer->state == KH_CONSUMER_STARTING || consumer->state == KH_CONSUMER_LEAVING ||
        consumer->state == KH_CONSUMER_CLOSING || consumer->dialog.state == KH_DIALOG_CLOSING ||
        consumer->hold.checkpoint == KH_CHECKPOINT_WAITING) { /* the end is stored for it */
        ack(consumer, KH_ERROR_INVALID_STATE, out);
        return;
    }
    if (kh_ckpt_judge(&consumer->ckpt, &event->checkpoint, &value, &error) != KH_CKPT_WRITE) {
        ack(consumer, error, out);
        return;
    }
    consumer->acking = true;
    kh_dialog_pause(&consumer->dialog);
    kh_hold_checkpoint(&consumer->hold, &value, now_ms, out);
}

static const char *refusal(enum kh_rc rc)
{
    if (rc == KH_THROTTLED) {
        return KH_ERROR_THROTTLING;
    }
    return rc == KH_NOTFOUND ? KH_ERROR_INVALID_STATE : KH_ERROR_DEPENDENCY;
}

/* Something became known about the checkpoint under way. */
static void look_at_checkpoint(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    enum kh_hold_checkpoint result = consumer->hold.checkpoint;
    const char *error = NULL;

    if (result == KH_CHECKPOINT_NONE || result == KH_CHECKPOINT_WAITING) {
        return;
    }
    consumer->hold.checkpoint = KH_CHECKPOINT_NONE;
    switch (result) {
    case KH_CHECKPOINT_NONE:
    case KH_CHECKPOINT_WAITING:
        break;
    case KH_CHECKPOINT_STORED:
        consumer->ckpt.stored = consumer->hold.checkpoint_value;
        consumer->end_stored = kh_extseq_is(&consumer->ckpt.stored, KH_SEQ_SHARD_END);
        consumer->restarts_n = 0;
        kh_cmds_note(out, consumer->hold.lease.key,
                     consumer->end_stored ? "consumer.shard_end_stored"
                                          : "consumer.checkpoint_stored");
        break;
    case KH_CHECKPOINT_THROTTLED:
    case KH_CHECKPOINT_REFUSED:
        error = refusal(consumer->hold.checkpoint_rc);
        break;
    case KH_CHECKPOINT_LOST:
        error = KH_ERROR_SHUTDOWN;
        break;
    }
    if (consumer->acking) {
        consumer->acking = false;
        kh_dialog_alive(&consumer->dialog, now_ms);
        ack(consumer, error, out);
    }
}

/* ---- moves ---- */

static void drop_batch(struct kh_consumer *consumer, struct kh_cmds *out)
{
    if (consumer->batch != 0) {
        kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_DROP_BATCH,
                                          .key = consumer->hold.lease.key,
                                          .batch = consumer->batch});
        consumer->batch = 0;
    }
}

static void start_child(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    kh_assert(consumer->hold.checkpoint != KH_CHECKPOINT_WAITING);
    kh_assert(!consumer->end_stored);
    kh_assert(consumer->batch == 0);

    become(consumer, KH_CONSUMER_STARTING);
    kh_ckpt_init(&consumer->ckpt, &consumer->hold.lease.checkpoint);
    consumer->started_at_ms = now_ms;
    consumer->answered_at_ms = now_ms;
    consumer->end_tried = false;
    kh_fetch_begin(&consumer->fetch, &consumer->ckpt.stored, now_ms, out);
    kh_dialog_start(&consumer->dialog, &consumer->ckpt.stored, now_ms, out);
}

static void send_action(struct kh_consumer *consumer, enum kh_consumer_state state,
                        enum kh_action action, kh_ms now_ms, struct kh_cmds *out)
{
    become(consumer, state);
    kh_dialog_send(&consumer->dialog, action, 0, now_ms, out);
}

static void close_child(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    become(consumer, KH_CONSUMER_CLOSING);
    kh_dialog_close(&consumer->dialog, now_ms, out);
}

static void begin_release(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    kh_assert(consumer->dialog.state == KH_DIALOG_NONE);
    become(consumer, KH_CONSUMER_RELEASING);
    kh_fetch_stop(&consumer->fetch, out);
    kh_hold_release(&consumer->hold, now_ms, out);
}

/* No child, and the lease is ours: what next? A checkpoint that is still under way is waited for,
 * so that the next child, or the next owner, begins where the table says. */
static void without_child(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    if (consumer->hold.checkpoint == KH_CHECKPOINT_WAITING) {
        return;
    }
    /* The row may be at SHARD_END without our doing: somebody has edited it. */
    consumer->end_stored |= kh_lease_is_finished(&consumer->hold.lease);
    if (consumer->stop) {
        begin_release(consumer, now_ms, out);
    } else if (consumer->end_stored) {
        become(consumer, KH_CONSUMER_FINISHED);
        plan_cleaning(consumer, now_ms);
        kh_cmds_note(out, consumer->hold.lease.key, "consumer.finished");
    } else if (now_ms >= consumer->restart_at_ms) {
        start_child(consumer, now_ms, out);
    }
}

/* Whether this is enough: it will not get better by trying once more. A forgotten checkpoint at the
 * end is no failure of the child. */
static bool gives_up(const struct kh_consumer *consumer, bool asked)
{
    const struct kh_worker_config *config = &consumer->ctx->config;

    return (config->on_failure == KH_FAILURE_RELEASE && !asked) ||
           (config->restarts_max > 0 && consumer->restarts_n >= config->restarts_max);
}

/* The next child begins after a pause, unless that has been tried often enough. A child that
 * answered for a while counts as progress, one that only lived does not. */
static void plan_restart(struct kh_consumer *consumer, bool asked, kh_ms now_ms,
                         struct kh_cmds *out)
{
    const struct kh_worker_config *config = &consumer->ctx->config;

    if (consumer->answered_at_ms - consumer->started_at_ms > config->restart_max_ms) {
        consumer->restarts_n = 0;
    }
    consumer->restart_at_ms =
        now_ms +
        kh_ctx_jitter(consumer->ctx, kh_backoff(config->restart_min_ms, consumer->restarts_n,
                                                config->restart_max_ms));
    consumer->restarts_n++;
    if (consumer->state != KH_CONSUMER_PAUSED) {
        become(consumer, KH_CONSUMER_PAUSED);
    }
    if (gives_up(consumer, asked)) {
        consumer->stop = true; /* advance() releases the lease */
        consumer->gave_up = true;
        kh_cmds_note_value(out, consumer->hold.lease.key, "consumer.given_up", config->retry_ms);
        return;
    }
    kh_cmds_note_value(out, consumer->hold.lease.key,
                       asked ? "consumer.child_offered_again" : "consumer.child_failed",
                       consumer->restart_at_ms - now_ms);
}

/* The child has left, as asked or not. */
static void on_exit(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    bool asked = consumer->state == KH_CONSUMER_CLOSING;

    consumer->acking = false;
    drop_batch(consumer, out);
    kh_fetch_stop(&consumer->fetch, out);
    kh_family_stop(&consumer->family);
    if (!asked && !consumer->stop && consumer->ctx->config.on_failure == KH_FAILURE_EXIT) {
        consumer->failed = true;
        kh_cmds_note(out, consumer->hold.lease.key, "consumer.child_ends_the_worker");
    }
    if (is_lost(consumer) || consumer->stop || consumer->end_stored) {
        return; /* advance() goes on */
    }
    plan_restart(consumer, asked, now_ms, out);
}

/* The child answered shardEnded. Whether it forgot its checkpoint is said once: it will forget it
 * again. */
static void after_shard_ended(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    const struct kh_extseq end = kh_extseq_sentinel(KH_SEQ_SHARD_END);

    if (consumer->hold.checkpoint == KH_CHECKPOINT_WAITING) {
        return;
    }
    if (!consumer->end_stored && consumer->ctx->config.end_for_child && !consumer->end_tried) {
        consumer->end_tried = true;
        kh_hold_checkpoint(&consumer->hold, &end, now_ms, out);
        return;
    }
    if (!consumer->end_stored && !consumer->end_told) {
        consumer->end_told = true;
        kh_cmds_note(out, consumer->hold.lease.key, "consumer.shard_end_without_checkpoint");
    }
    close_child(consumer, now_ms, out);
}

/* The child is idle and the lease is gone, or to be given up: say good-bye. */
static void part_with_child(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    if (consumer->state == KH_CONSUMER_LEAVING || consumer->state == KH_CONSUMER_ENDING) {
        close_child(consumer, now_ms, out);
    } else if (is_lost(consumer) || consumer->state == KH_CONSUMER_ASKING ||
               consumer->ctx->config.shutdown_with_reason) { /* it knows no shutdownRequested */
        send_action(consumer, KH_CONSUMER_LEAVING, KH_ACTION_LEASE_LOST, now_ms, out);
    } else {
        send_action(consumer, KH_CONSUMER_ASKING, KH_ACTION_SHUTDOWN_REQUESTED, now_ms, out);
    }
}

static void on_family(struct kh_consumer *consumer, enum kh_family_outcome outcome, kh_ms now_ms,
                      struct kh_cmds *out)
{
    if (outcome == KH_FAMILY_WANTS_SYNC) {
        consumer->wants_sync = true;
    }
    if (outcome != KH_FAMILY_DONE || is_lost(consumer) || consumer->stop) {
        return;
    }
    if (consumer->state == KH_CONSUMER_WAITING) {
        without_child(consumer, now_ms, out);
    } else if (consumer->state == KH_CONSUMER_PARTING) {
        consumer->children_made = true; /* advance() offers the end when the child is idle */
    } else if (consumer->state == KH_CONSUMER_FINISHED) {
        become(consumer, KH_CONSUMER_GONE); /* its lease was deleted */
    }
}

static void offer_end(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    if (consumer->children_made) {
        consumer->ckpt.at_shard_end = true;
        send_action(consumer, KH_CONSUMER_ENDING, KH_ACTION_SHARD_ENDED, now_ms, out);
    }
}

/* All records of the shard were processed. The children get their leases before SHARD_END can be
 * stored: a lease at SHARD_END whose children have none would end the stream for them. */
static void begin_parting(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_hold *hold = &consumer->hold;

    become(consumer, KH_CONSUMER_PARTING);
    consumer->children_made = false;
    hold->children_n = consumer->fetch.children_n;
    for (unsigned i = 0; i < hold->children_n; i++) {
        memcpy(hold->children[i], consumer->fetch.children[i].id, sizeof(hold->children[i]));
    }
    on_family(consumer,
              kh_family_make_children(&consumer->family, consumer->fetch.children,
                                      consumer->fetch.children_n, out),
              now_ms, out);
}

static void feed_child(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_fetch_batch batch;

    if (kh_fetch_pop(&consumer->fetch, &batch, now_ms, out)) {
        kh_ckpt_delivered(&consumer->ckpt, &batch.last);
        kh_hold_delivered(&consumer->hold, batch.data_bytes);
        consumer->batch = batch.batch;
        kh_dialog_send(&consumer->dialog, KH_ACTION_PROCESS_RECORDS, batch.batch, now_ms, out);
    } else if (consumer->fetch.state == KH_FETCH_ENDED) {
        begin_parting(consumer, now_ms, out);
        offer_end(consumer, now_ms, out); /* without children it is made already */
    }
}

/* The child is idle and the lease is ours to keep. */
static void with_idle_child(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    switch (consumer->state) {
    case KH_CONSUMER_STARTING:
        become(consumer, KH_CONSUMER_PROCESSING);
        feed_child(consumer, now_ms, out);
        break;
    case KH_CONSUMER_PROCESSING:
        feed_child(consumer, now_ms, out);
        break;
    case KH_CONSUMER_ENDING:
        after_shard_ended(consumer, now_ms, out);
        break;
    case KH_CONSUMER_PARTING:
        offer_end(consumer, now_ms, out);
        break;
    case KH_CONSUMER_WAITING:
    case KH_CONSUMER_ASKING:
    case KH_CONSUMER_LEAVING:
    case KH_CONSUMER_CLOSING:
    case KH_CONSUMER_PAUSED:
    case KH_CONSUMER_FINISHED:
    case KH_CONSUMER_RELEASING:
    case KH_CONSUMER_GONE:
    case KH_CONSUMER_STATES_N:
        kh_assert(false);
    }
}

/* When WAITING and FINISHED ask the family: after the parents, or whether the lease may be
 * deleted. */
static kh_ms ask_at_ms(const struct kh_consumer *consumer)
{
    if (consumer->family.state != KH_FAMILY_IDLE) {
        return KH_NEVER;
    }
    if (consumer->state == KH_CONSUMER_WAITING) {
        return consumer->begin_at_ms;
    }
    /* Whether it may be deleted is what the row says now: somebody may have edited it. */
    if (consumer->state == KH_CONSUMER_FINISHED && kh_lease_is_finished(&consumer->hold.lease)) {
        return consumer->clean_at_ms;
    }
    return KH_NEVER;
}

static void ask_family(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    const struct kh_lease *lease = &consumer->hold.lease;
    enum kh_family_outcome outcome = consumer->state == KH_CONSUMER_WAITING
                                         ? kh_family_ask_parents(&consumer->family, lease, out)
                                         : kh_family_clean(&consumer->family, lease, now_ms, out);

    on_family(consumer, outcome, now_ms, out);
}

/* WAITING and FINISHED have no child. */
static void rest(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    if (consumer->stop && consumer->state == KH_CONSUMER_WAITING &&
        now_ms < consumer->begin_at_ms) {
        /* Stolen, and the robbed one may still be at work. Released it would be free for all at
         * once; so it is left to run out. */
        become(consumer, KH_CONSUMER_GONE);
    } else if (consumer->stop) {
        kh_family_stop(&consumer->family);
        begin_release(consumer, now_ms, out);
    } else if (now_ms >= ask_at_ms(consumer)) {
        ask_family(consumer, now_ms, out);
    }
}

/* The lease is gone: nothing is read any more, and the child goes when it has answered. */
static void on_loss(struct kh_consumer *consumer, struct kh_cmds *out)
{
    kh_fetch_stop(&consumer->fetch, out);
    kh_family_stop(&consumer->family);
    if (consumer->dialog.state == KH_DIALOG_NONE) {
        become(consumer, KH_CONSUMER_GONE);
    }
}

/* Whatever happened has been booked; make the move that is now due. */
static void advance(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    look_at_checkpoint(consumer, now_ms, out);
    if (consumer->state == KH_CONSUMER_GONE) {
        return;
    }
    if (is_lost(consumer)) {
        on_loss(consumer, out);
    } else if (consumer->state == KH_CONSUMER_WAITING || consumer->state == KH_CONSUMER_FINISHED) {
        rest(consumer, now_ms, out);
    } else if (consumer->dialog.state == KH_DIALOG_NONE &&
               consumer->state != KH_CONSUMER_RELEASING) {
        without_child(consumer, now_ms, out);
    }
    if (consumer->dialog.state != KH_DIALOG_IDLE || consumer->acking) {
        return;
    }
    if (is_lost(consumer) || consumer->stop) {
        part_with_child(consumer, now_ms, out);
    } else {
        with_idle_child(consumer, now_ms, out);
    }
}

static void on_dialog(struct kh_consumer *consumer, enum kh_dialog_outcome outcome, kh_ms now_ms,
                      struct kh_cmds *out)
{
    switch (outcome) {
    case KH_DIALOG_NOTHING:
    case KH_DIALOG_BROKEN: /* its exit follows */
        break;
    case KH_DIALOG_ANSWERED:
        consumer->answered_at_ms = now_ms;
        drop_batch(consumer, out);
        break;
    case KH_DIALOG_EXITED:
        on_exit(consumer, now_ms, out);
        break;
    }
}

static void on_tick(struct kh_consumer *consumer, const struct kh_event *event, kh_ms now_ms,
                    struct kh_cmds *out)
{
    kh_hold_step(&consumer->hold, event, now_ms, out);
    on_dialog(consumer, kh_dialog_step(&consumer->dialog, event, now_ms, out), now_ms, out);
    if (!is_lost(consumer)) {
        kh_fetch_step(&consumer->fetch, event, now_ms, out);
        on_family(consumer, kh_family_step(&consumer->family, event, now_ms, out), now_ms, out);
    }
}

/* Its exit is handed over only once the checkpoint it waits for is answered. */
static void kill_child(struct kh_consumer *consumer, struct kh_cmds *out)
{
    if (consumer->acking) {
        consumer->acking = false;
        ack(consumer, KH_ERROR_SHUTDOWN, out);
    }
    kh_dialog_kill(&consumer->dialog, out);
}

static void stop_reading(struct kh_consumer *consumer, struct kh_cmds *out)
{
    consumer->stop = true;
    kh_fetch_stop(&consumer->fetch, out);
    kh_family_stop(&consumer->family);
}

/* Somebody else is to have the shard: this is a planned stop of this one consumer, and what stops
 * in time also releases in time. */
static void look_at_hand_off(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    if (!is_lost(consumer) && !consumer->stop && kh_hold_is_asked_for(&consumer->hold)) {
        stop_reading(consumer, out);
        consumer->kill_at_ms = now_ms + consumer->ctx->config.hand_over_ms;
    }
    if (now_ms >= consumer->kill_at_ms) {
        consumer->kill_at_ms = KH_NEVER;
        kh_cmds_note(out, consumer->hold.lease.key, "consumer.hand_over_overdue");
        kill_child(consumer, out);
    }
}

/* Expiry outranks whatever woke us: a worker that was frozen must not act on what waited for it. */
static void look_at_clock(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    if (now_ms >= consumer->hold.expires_at_ms) {
        kh_hold_step(&consumer->hold, &(struct kh_event){.type = KH_EVENT_TICK}, now_ms, out);
    }
}

void kh_consumer_step(struct kh_consumer *consumer, const struct kh_event *event, kh_ms now_ms,
                      struct kh_cmds *out)
{
    look_at_clock(consumer, now_ms, out);
    switch (event->type) {
    case KH_EVENT_TICK:
        on_tick(consumer, event, now_ms, out);
        break;
    case KH_EVENT_STORE:
        kh_hold_step(&consumer->hold, event, now_ms, out);
        on_family(consumer, kh_family_step(&consumer->family, event, now_ms, out), now_ms, out);
        break;
    case KH_EVENT_OPENED:
    case KH_EVENT_FETCHED:
        kh_fetch_step(&consumer->fetch, event, now_ms, out);
        break;
    case KH_EVENT_CHILD_STATUS:
    case KH_EVENT_CHILD_EXITED:
        on_dialog(consumer, kh_dialog_step(&consumer->dialog, event, now_ms, out), now_ms, out);
        break;
    case KH_EVENT_CHILD_CHECKPOINT:
        on_checkpoint(consumer, event, now_ms, out);
        break;
    case KH_EVENT_COORD:
    case KH_EVENT_UTILIZATION:
    case KH_EVENT_SHARDS:
    case KH_EVENT_STOP:
    case KH_EVENT_STOP_NOW:
        kh_assert(false); /* the worker's own */
    }
    look_at_hand_off(consumer, now_ms, out);
    advance(consumer, now_ms, out);
}

void kh_consumer_stop(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    if (consumer->stop || consumer->state == KH_CONSUMER_GONE) {
        return;
    }
    look_at_clock(consumer, now_ms, out);
    stop_reading(consumer, out);
    advance(consumer, now_ms, out);
}

void kh_consumer_kill(struct kh_consumer *consumer, kh_ms now_ms, struct kh_cmds *out)
{
    kill_child(consumer, out); /* first, so that it is not asked anything any more */
    kh_consumer_stop(consumer, now_ms, out);
}

void kh_consumer_poke(struct kh_consumer *consumer, kh_ms now_ms)
{
    if (consumer->state == KH_CONSUMER_WAITING) {
        kh_family_poke(&consumer->family, now_ms);
    }
}

void kh_consumer_listed(struct kh_consumer *consumer, const struct kh_shard *shards, size_t n,
                        kh_ms now_ms, struct kh_cmds *out)
{
    bool ends = consumer->state == KH_CONSUMER_PARTING || consumer->state == KH_CONSUMER_FINISHED;

    if (ends && !consumer->stop && kh_hold_is_ours(&consumer->hold, now_ms)) {
        kh_family_listed(&consumer->family, shards, n, now_ms, out);
    }
}

bool kh_consumer_is_caught_up(const struct kh_consumer *consumer)
{
    return consumer->state == KH_CONSUMER_PROCESSING && consumer->dialog.state == KH_DIALOG_IDLE &&
           consumer->fetch.state != KH_FETCH_ENDED && consumer->fetch.caught_up &&
           consumer->fetch.queue_n == 0;
}

kh_ms kh_consumer_deadline(const struct kh_consumer *consumer)
{
    kh_ms at_ms = kh_hold_deadline(&consumer->hold);

    at_ms = kh_ms_min(at_ms, kh_fetch_deadline(&consumer->fetch));
    at_ms = kh_ms_min(at_ms, kh_dialog_deadline(&consumer->dialog));
    at_ms = kh_ms_min(at_ms, kh_family_deadline(&consumer->family));
    at_ms = kh_ms_min(at_ms, ask_at_ms(consumer));
    at_ms = kh_ms_min(at_ms, consumer->kill_at_ms);
    if (consumer->state == KH_CONSUMER_PAUSED) {
        at_ms = kh_ms_min(at_ms, consumer->restart_at_ms);
    }
    return at_ms;
}
