#include "core/hold.h"

#include <string.h>

#include "base/assert.h"

/* The table's clocks are not ours: Java renews at a third of the failover time less 25 ms. */
#define RENEW_EARLY_MS 25
#define RETRY_MS_MIN   50
#define RETRY_MS_MAX   1000

/* A request sent twice on its way meets its own first copy; one tick after the other that is no
 * accident. */
#define OWN_FOUND_MAX 3

#define THROUGHPUT_KBPS_MAX 1e9 /* a thousand times what one shard can give */

/* How often a throttled checkpoint is written before the child is told. */
#define CHECKPOINT_TRIES_MAX 4

static kh_ms renew_ms(const struct kh_hold *hold)
{
    return kh_ms_max(hold->ctx->config.failover_ms / 3 - RENEW_EARLY_MS, 1);
}

static bool is_final(const struct kh_hold *hold)
{
    return hold->state == KH_HOLD_LOST || hold->state == KH_HOLD_RELEASED;
}

static bool is_me(const struct kh_hold *hold, const char *worker_id)
{
    return strcmp(worker_id, hold->ctx->config.worker_id) == 0;
}

bool kh_hold_is_asked_for(const struct kh_hold *hold)
{
    return hold->lease.checkpoint_owner[0] != '\0' && is_me(hold, hold->lease.checkpoint_owner) &&
           !is_me(hold, hold->lease.owner);
}

void kh_hold_init(struct kh_hold *hold, struct kh_ctx *ctx, const struct kh_lease *row,
                  kh_ms sent_at_ms)
{
    kh_assert(strcmp(row->owner, ctx->config.worker_id) == 0);
    kh_assert(ctx->config.failover_ms > 0);

    *hold = (struct kh_hold){
        .ctx = ctx,
        .lease = *row,
        .state = KH_HOLD_HELD,
        .sent_at_ms = sent_at_ms,
        .expires_at_ms = sent_at_ms + ctx->config.failover_ms,
        .measured_at_ms = sent_at_ms,
    };
    /* Leases that are taken together are not renewed together for ever. */
    hold->renew_at_ms = sent_at_ms + kh_ctx_jitter(ctx, renew_ms(hold));
}

static void lose(struct kh_hold *hold, const char *note, struct kh_cmds *out)
{
    kh_assert(!is_final(hold));
    hold->state = KH_HOLD_LOST;
    if (hold->checkpoint == KH_CHECKPOINT_WAITING) {
        hold->checkpoint = KH_CHECKPOINT_LOST;
    }
    kh_cmds_note(out, hold->lease.key, note);
}

/* Java's measure: the average over one interval between renewals, then half of it and half of what
 * was stored before. An idle lease decays towards 0. */
static void put_throughput(struct kh_hold *hold, struct kh_lease_op *op, kh_ms now_ms)
{
    const kh_ms span_ms = now_ms - hold->measured_at_ms;
    double kbps;

    if (span_ms < renew_ms(hold) || (hold->delivered_bytes == 0 && !hold->lease.has_throughput)) {
        return;
    }
    kbps = (double)hold->delivered_bytes / 1024 * 1000 / (double)span_ms;
    if (hold->lease.has_throughput) {
        kbps = (kbps + hold->lease.throughput_kbps) / 2;
    }
    kbps = kbps < THROUGHPUT_KBPS_MAX ? kbps : THROUGHPUT_KBPS_MAX;
    hold->delivered_bytes = 0;
    hold->measured_at_ms = now_ms;
    op->set |= KH_LEASE_THROUGHPUT;
    op->lease.has_throughput = true;
    op->lease.throughput_kbps = (double)(uint64_t)(kbps * 1000000 + 0.5) / 1000000;
}

void kh_hold_delivered(struct kh_hold *hold, uint64_t data_bytes)
{
    hold->delivered_bytes += data_bytes;
}

static struct kh_lease_op *begin_write(struct kh_hold *hold, enum kh_hold_write write,
                                       struct kh_cmds *out)
{
    struct kh_lease_op *op = kh_cmds_push_op(out, KH_LEASE_UPDATE, hold->lease.key);

    kh_assert(hold->state == KH_HOLD_HELD);
    hold->state = KH_HOLD_WRITING;
    hold->write = write;
    hold->op = ++hold->ctx->op;
    op->id = hold->op;
    /* A hand-off is begun without touching the counter: this is how the owner notices. And a row
     * that somebody deleted and made anew may come to the same counter by chance. */
    kh_lease_op_expect_owners(op, &hold->lease);
    op->expect_is |= KH_LEASE_COUNTER;
    op->expect_counter = hold->lease.counter;
    op->set = KH_LEASE_COUNTER;
    op->lease.counter = hold->lease.counter + 1;
    return op;
}

static void send_renewal(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_lease_op *op = begin_write(hold, KH_WRITE_RENEW, out);

    put_throughput(hold, op, now_ms);
    hold->sent_at_ms = now_ms;
}

static void send_checkpoint(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_lease_op *op = begin_write(hold, KH_WRITE_CHECKPOINT, out);

    op->set |= KH_LEASE_CHECKPOINT | KH_LEASE_SWITCHES;
    op->remove = KH_LEASE_PENDING;
    op->lease.checkpoint = hold->checkpoint_value;
    op->lease.owner_switches = 0;
    if (hold->children_n > 0) {
        op->set |= KH_LEASE_CHILDREN;
        op->lease.children_n = hold->children_n;
        memcpy(op->lease.children, hold->children, sizeof(op->lease.children));
    }
    put_throughput(hold, op, now_ms);
    hold->sent_at_ms = now_ms;
    hold->checkpoint_tries_n++;
}

static void send_release(struct kh_hold *hold, struct kh_cmds *out)
{
    struct kh_lease_op *op = begin_write(hold, KH_WRITE_RELEASE, out);

    /* In a hand-off the next owner is named already: we only stop being the one who works. */
    op->remove = kh_hold_is_asked_for(hold) ? KH_LEASE_CHECKPOINT_OWNER : KH_LEASE_OWNER;
}

/* At most one write of a lease is under way, so that they cannot defeat each other's condition. A
 * checkpoint goes first: it moves the counter, which is all that a renewal does. */
static void send_next(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out)
{
    if (hold->state != KH_HOLD_HELD) {
        return;
    }
    if (hold->checkpoint == KH_CHECKPOINT_WAITING && now_ms >= hold->checkpoint_at_ms) {
        send_checkpoint(hold, now_ms, out);
    } else if (now_ms >= hold->renew_at_ms) {
        if (hold->release) {
            send_release(hold, out);
        } else if (now_ms >= hold->ctx->pace.next_at_ms) {
            send_renewal(hold, now_ms, out);
            kh_pace_sent(&hold->ctx->pace, now_ms);
        }
    }
}

static kh_ms retry_ms(struct kh_hold *hold)
{
    kh_ms first_ms = kh_ms_max(hold->ctx->config.failover_ms / 40, RETRY_MS_MIN);
    kh_ms most_ms = kh_ms_min(RETRY_MS_MAX, kh_ms_max(hold->ctx->config.failover_ms / 6, first_ms));

    return kh_ctx_jitter(hold->ctx, kh_backoff(first_ms, hold->failures_n, most_ms));
}

/* The row as it is now stored. */
static void learn(struct kh_hold *hold, const struct kh_lease *row, struct kh_cmds *out)
{
    bool asked_before = kh_hold_is_asked_for(hold);

    hold->lease = *row;
    if (kh_hold_is_asked_for(hold) && !asked_before) {
        kh_cmds_note(out, hold->lease.key, "hold.asked_for");
    }
}

static void on_done(struct kh_hold *hold, const struct kh_lease *row, struct kh_cmds *out)
{
    hold->failures_n = 0;
    hold->unknown = false;
    if (!hold->after_own) {
        hold->own_found_n = 0;
    }
    hold->after_own = false;
    learn(hold, row, out);
    if (hold->write == KH_WRITE_RELEASE) {
        hold->state = KH_HOLD_RELEASED;
        kh_cmds_note(out, hold->lease.key, "hold.released");
        return;
    }
    hold->state = KH_HOLD_HELD;
    hold->expires_at_ms = hold->sent_at_ms + hold->ctx->config.failover_ms;
    hold->renew_at_ms = hold->release ? hold->renew_at_ms : hold->sent_at_ms + renew_ms(hold);
    if (hold->write == KH_WRITE_CHECKPOINT) {
        kh_assert(kh_extseq_same(&row->checkpoint, &hold->checkpoint_value));
        hold->checkpoint = KH_CHECKPOINT_STORED;
    }
}

static bool has_our_name(const struct kh_hold *hold, const struct kh_lease_answer *answer)
{
    return answer->found && is_me(hold, answer->lease.owner);
}

static bool has_same_owners(const struct kh_hold *hold, const struct kh_lease *row)
{
    return strcmp(row->owner, hold->lease.owner) == 0 &&
           strcmp(row->checkpoint_owner, hold->lease.checkpoint_owner) == 0;
}

static void send_again(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out)
{
    hold->renew_at_ms = now_ms;
    send_next(hold, now_ms, out);
}

/* An own write has left the owners and the checkpoint as we know them, or is the checkpoint that
 * was being written. */
static bool is_own_write(const struct kh_hold *hold, const struct kh_lease_answer *answer)
{
    const struct kh_lease *row = &answer->lease;

    return answer->found && has_same_owners(hold, row) && row->counter == hold->lease.counter + 1 &&
           (kh_extseq_same(&row->checkpoint, &hold->lease.checkpoint) ||
            (hold->checkpoint == KH_CHECKPOINT_WAITING &&
             kh_extseq_same(&row->checkpoint, &hold->checkpoint_value)));
}

/* The row after our release, which left either nobody or the next owner of a hand-off. */
static bool is_own_release(const struct kh_hold *hold, const struct kh_lease_answer *answer)
{
    const struct kh_lease *row = &answer->lease;
    const char *left = hold->lease.checkpoint_owner[0] == '\0' ? "" : hold->lease.owner;

    return hold->write == KH_WRITE_RELEASE && answer->found &&
           row->counter == hold->lease.counter + 1 && row->checkpoint_owner[0] == '\0' &&
           strcmp(row->owner, left) == 0;
}

/* Every write but two moves the counter: the one that asks for the lease, and the one that takes
 * this back. With any other counter the same names may be those of a worker of 2.x, which takes a
 * lease and leaves checkpointOwner as it was. */
static bool is_hand_off(const struct kh_hold *hold, const struct kh_lease_answer *answer)
{
    const struct kh_lease *row = &answer->lease;

    return answer->found && row->counter == hold->lease.counter && !has_same_owners(hold, row) &&
           is_me(hold, row->checkpoint_owner[0] != '\0' ? row->checkpoint_owner : row->owner) &&
           strcmp(row->owner, row->checkpoint_owner) != 0;
}

/* The row is not as expected: either somebody else has it now, or an earlier write of ours, whose
 * answer was lost or which was sent twice on the way, had landed. */
static void on_conflict(struct kh_hold *hold, const struct kh_lease_answer *answer, kh_ms now_ms,
                        struct kh_cmds *out)
{
    if (is_own_release(hold, answer)) {
        hold->state = KH_HOLD_RELEASED;
        kh_cmds_note(out, hold->lease.key, "hold.own_release_found");
        return;
    }
    if (is_hand_off(hold, answer)) {
        hold->state = KH_HOLD_HELD;
        learn(hold, &answer->lease, out);
        send_again(hold, now_ms, out);
        return;
    }
    if (!is_own_write(hold, answer)) {
        lose(hold,
             !answer->found               ? "hold.row_gone"
             : has_our_name(hold, answer) ? "hold.twin"
                                          : "hold.taken",
             out);
        return;
    }
    if (!hold->unknown && ++hold->own_found_n >= OWN_FOUND_MAX) {
        lose(hold, "hold.twin", out);
        return;
    }
    hold->after_own = true;
    hold->unknown = false;
    hold->state = KH_HOLD_HELD;
    hold->lease.counter = answer->lease.counter;
    hold->lease.checkpoint = answer->lease.checkpoint;
    kh_cmds_note(out, hold->lease.key, "hold.own_write_found");
    if (hold->checkpoint == KH_CHECKPOINT_WAITING &&
        kh_extseq_same(&answer->lease.checkpoint, &hold->checkpoint_value)) {
        hold->checkpoint = KH_CHECKPOINT_STORED;
    }
    /* It was sent before the write that sent_at_ms remembers, so it buys no time: write again at
     * once. */
    send_again(hold, now_ms, out);
}

static void retry_later(struct kh_hold *hold, kh_ms now_ms)
{
    kh_ms at_ms = now_ms + retry_ms(hold);

    hold->state = KH_HOLD_HELD; /* still ours until expires_at_ms */
    hold->failures_n++;
    if (hold->write == KH_WRITE_CHECKPOINT) {
        hold->checkpoint_at_ms = at_ms;
    } else {
        hold->renew_at_ms = at_ms;
    }
}

static void on_failed(struct kh_hold *hold, enum kh_rc rc, kh_ms now_ms, struct kh_cmds *out)
{
    if (rc == KH_THROTTLED) {
        kh_pace_throttled(&hold->ctx->pace, now_ms);
    }
    retry_later(hold, now_ms);
    kh_cmds_note(out, hold->lease.key, "hold.write_failed");
    if (hold->write != KH_WRITE_CHECKPOINT || hold->unknown) {
        return; /* while an earlier try may have landed, the child cannot be told that it is not
                 * stored */
    }
    if (rc == KH_THROTTLED || rc == KH_RETRY) {
        if (hold->checkpoint_tries_n >= CHECKPOINT_TRIES_MAX) {
            hold->checkpoint = KH_CHECKPOINT_THROTTLED;
            hold->checkpoint_rc = rc;
        }
        return;
    }
    hold->checkpoint = KH_CHECKPOINT_REFUSED;
    hold->checkpoint_rc = rc;
}

static void on_answer(struct kh_hold *hold, const struct kh_lease_answer *answer, kh_ms now_ms,
                      struct kh_cmds *out)
{
    switch (answer->outcome) {
    case KH_LEASE_DONE:
        kh_pace_stored(&hold->ctx->pace);
        on_done(hold, &answer->lease, out);
        send_next(hold, now_ms, out);
        break;
    case KH_LEASE_CONFLICT:
        on_conflict(hold, answer, now_ms, out);
        break;
    case KH_LEASE_FAILED:
        on_failed(hold, answer->rc, now_ms, out);
        break;
    case KH_LEASE_UNKNOWN:
        hold->unknown = true;
        retry_later(hold, now_ms);
        kh_cmds_note(out, hold->lease.key, "hold.write_unknown");
        break;
    }
}

void kh_hold_step(struct kh_hold *hold, const struct kh_event *event, kh_ms now_ms,
                  struct kh_cmds *out)
{
    if (is_final(hold)) {
        return; /* a late answer to a write sent while it was ours */
    }
    /* Expiry outranks what arrives with it, so the order of delivery cannot matter. */
    if (now_ms >= hold->expires_at_ms) {
        lose(hold, "hold.expired", out);
        return;
    }
    if (event->type == KH_EVENT_TICK) {
        send_next(hold, now_ms, out);
        return;
    }
    kh_assert(event->type == KH_EVENT_STORE);
    if (hold->state == KH_HOLD_WRITING && event->answer->id == hold->op) {
        on_answer(hold, event->answer, now_ms, out);
    }
}

void kh_hold_checkpoint(struct kh_hold *hold, const struct kh_extseq *value, kh_ms now_ms,
                        struct kh_cmds *out)
{
    kh_assert(hold->checkpoint != KH_CHECKPOINT_WAITING);
    kh_assert(kh_hold_is_ours(hold, now_ms));
    kh_assert(!hold->release);

    hold->checkpoint = KH_CHECKPOINT_WAITING;
    hold->checkpoint_value = *value;
    hold->checkpoint_tries_n = 0;
    hold->checkpoint_at_ms = now_ms;
    send_next(hold, now_ms, out);
}

void kh_hold_release(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out)
{
    kh_assert(hold->checkpoint != KH_CHECKPOINT_WAITING);
    if (hold->release || is_final(hold)) {
        return;
    }
    hold->release = true;
    hold->renew_at_ms = now_ms;
    send_next(hold, now_ms, out);
}

void kh_hold_doubt(struct kh_hold *hold, kh_ms now_ms, struct kh_cmds *out)
{
    if (kh_hold_is_ours(hold, now_ms)) {
        hold->renew_at_ms = kh_ms_min(hold->renew_at_ms, now_ms);
        send_next(hold, now_ms, out);
    }
}

bool kh_hold_is_ours(const struct kh_hold *hold, kh_ms now_ms)
{
    return !is_final(hold) && now_ms < hold->expires_at_ms;
}

kh_ms kh_hold_deadline(const struct kh_hold *hold)
{
    kh_ms at_ms = hold->expires_at_ms;

    if (is_final(hold)) {
        return KH_NEVER;
    }
    if (hold->state == KH_HOLD_HELD) {
        at_ms = kh_ms_min(at_ms, hold->release
                                     ? hold->renew_at_ms
                                     : kh_ms_max(hold->renew_at_ms, hold->ctx->pace.next_at_ms));
        if (hold->checkpoint == KH_CHECKPOINT_WAITING) {
            at_ms = kh_ms_min(at_ms, hold->checkpoint_at_ms);
        }
    }
    return at_ms;
}
