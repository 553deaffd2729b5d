#include "core/leader.h"

#include <string.h>

#include "base/assert.h"

#define LOOK_MS KH_SECONDS(2) /* Java: 30 s */
/* What another one may ask for. */
#define DURATION_MS_MAX KH_MINUTES(60)
#define RETRY_MS        500
#define RETRY_MS_MAX    KH_SECONDS(10)

void kh_leader_init(struct kh_leader *leader, struct kh_ctx *ctx)
{
    *leader = (struct kh_leader){.ctx = ctx, .at_ms = KH_NEVER};
}

/* A random UUID of version 4. */
static void make_version(struct kh_leader *leader, char version[KH_LOCK_VERSION_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    static const char form[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";

    for (size_t i = 0; i < sizeof(form); i++) {
        if (form[i] == 'x') {
            version[i] = digits[kh_rand_below(&leader->ctx->rand, 16)];
        } else if (form[i] == 'v') {
            version[i] = digits[8 + kh_rand_below(&leader->ctx->rand, 4)];
        } else {
            version[i] = form[i];
        }
    }
}

/* ---- what is known ---- */

static bool is_in_time(const struct kh_leader *leader, kh_ms now_ms)
{
    return leader->held && now_ms - leader->beat_at_ms <= KH_LOCK_DURATION_MS;
}

bool kh_leader_leads(const struct kh_leader *leader, kh_ms now_ms)
{
    return is_in_time(leader, now_ms) && leader->wanted && leader->place == leader->held_place;
}

bool kh_leader_is_gone(const struct kh_leader *leader)
{
    return leader->state == KH_LEADER_IDLE && !leader->held && !leader->wanted && !leader->doubt;
}

static void tell(struct kh_leader *leader, kh_ms now_ms, struct kh_cmds *out)
{
    bool leads = kh_leader_leads(leader, now_ms);

    if (leads != leader->told) {
        leader->told = leads;
        kh_cmds_note(out, "",
                     leads            ? "fleet.leads"
                     : leader->wanted ? "fleet.leader_lost"
                                      : "fleet.leader_left");
    }
}

static void hold(struct kh_leader *leader, const struct kh_leader_try *write)
{
    leader->held = true;
    leader->beat_at_ms = write->sent_at_ms;
    memcpy(leader->version, write->version, sizeof(leader->version));
    leader->at_ms = write->sent_at_ms + KH_LOCK_HEARTBEAT_MS;
}

/* Our newest write. */
static struct kh_leader_try *newest(struct kh_leader *leader)
{
    kh_assert(leader->tried_n > 0);
    return &leader->tried[(leader->tried_n - 1) % KH_LEADER_TRIED_N];
}

/* The write of this very process that the item shows; a process before us with our id is somebody
 * else. */
static const struct kh_leader_try *own_write(const struct kh_leader *leader,
                                             const struct kh_lock *lock)
{
    if (strcmp(lock->owner, leader->ctx->config.worker_id) != 0) {
        return NULL;
    }
    for (unsigned i = 0; i < KH_LEADER_TRIED_N && i < leader->tried_n; i++) {
        if (strcmp(leader->tried[i].version, lock->version) == 0) {
            return &leader->tried[i];
        }
    }
    return NULL;
}

/* ---- requests ---- */

static struct kh_coord_op *send(struct kh_leader *leader, enum kh_leader_state state,
                                enum kh_coord_verb verb, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_coord_op *op = kh_cmds_push_coord(out, verb);

    kh_assert(leader->state == KH_LEADER_IDLE);
    op->id = ++leader->ctx->op;
    op->kind = KH_COORD_LOCK;
    op->place = leader->held_place;
    leader->op = op->id;
    leader->state = state;
    leader->sent_at_ms = now_ms;
    return op;
}

static void read_lock(struct kh_leader *leader, kh_ms now_ms, struct kh_cmds *out)
{
    leader->doubt = false;
    if (!leader->held) {
        leader->held_place = leader->place;
    }
    (void)send(leader, KH_LEADER_READING, KH_COORD_GET, now_ms, out);
}

/* The item with a version that was never there before. */
static void fill_item(struct kh_leader *leader, struct kh_coord_op *op, kh_ms now_ms)
{
    struct kh_lock *lock = &op->item.lock;
    struct kh_leader_try *write;

    leader->tried_n++;
    write = newest(leader);
    make_version(leader, write->version);
    write->sent_at_ms = now_ms;
    op->item.kind = KH_COORD_LOCK;
    memcpy(lock->owner, leader->ctx->config.worker_id, sizeof(lock->owner));
    memcpy(lock->version, write->version, sizeof(lock->version));
    lock->duration_ms = KH_LOCK_DURATION_MS;
}

static void take(struct kh_leader *leader, unsigned expect_bits, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_coord_op *op = send(leader, KH_LEADER_TAKING, KH_COORD_PUT, now_ms, out);

    op->expect_bits = expect_bits;
    op->expect.kind = KH_COORD_LOCK;
    op->expect.lock = leader->seen;
    fill_item(leader, op, now_ms);
}

static void expect_ours(const struct kh_leader *leader, struct kh_coord_op *op)
{
    op->expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER;
    op->expect.kind = KH_COORD_LOCK;
    memcpy(op->expect.lock.version, leader->version, sizeof(op->expect.lock.version));
    memcpy(op->expect.lock.owner, leader->ctx->config.worker_id, sizeof(op->expect.lock.owner));
}

static void beat(struct kh_leader *leader, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_coord_op *op = send(leader, KH_LEADER_BEATING, KH_COORD_UPDATE, now_ms, out);

    expect_ours(leader, op);
    fill_item(leader, op, now_ms);
}

static void release(struct kh_leader *leader, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_coord_op *op = send(leader, KH_LEADER_RELEASING, KH_COORD_DELETE, now_ms, out);

    expect_ours(leader, op);
}

static void next(struct kh_leader *leader, kh_ms now_ms, struct kh_cmds *out)
{
    bool misplaced = leader->held && (!leader->wanted || leader->place != leader->held_place);

    if (leader->state != KH_LEADER_IDLE || (!misplaced && now_ms < leader->at_ms)) {
        return;
    }
    if (leader->doubt || (leader->wanted && !leader->held)) {
        read_lock(leader, now_ms, out);
    } else if (misplaced) {
        release(leader, now_ms, out);
    } else if (leader->held) {
        beat(leader, now_ms, out);
    } else {
        leader->at_ms = KH_NEVER;
    }
}

/* ---- answers ---- */

static void retry_later(struct kh_leader *leader, kh_ms now_ms)
{
    leader->at_ms =
        now_ms + kh_ctx_jitter(leader->ctx, kh_backoff(RETRY_MS, leader->failures_n, RETRY_MS_MAX));
    leader->failures_n++;
}

static void look_again(struct kh_leader *leader, kh_ms now_ms)
{
    kh_ms runs_out_ms = leader->seen_at_ms + leader->seen.duration_ms + 1;

    leader->at_ms = now_ms + kh_ctx_jitter(leader->ctx, LOOK_MS);
    if (runs_out_ms > now_ms) {
        leader->at_ms = kh_ms_min(leader->at_ms, runs_out_ms);
    }
}

/* Somebody else's counts until it was not renewed for as long as it says itself, between an answer
 * that showed it and a request that found it unchanged. */
static void judge_foreign(struct kh_leader *leader, const struct kh_lock *lock, kh_ms now_ms,
                          struct kh_cmds *out)
{
    bool same = strcmp(leader->seen.version, lock->version) == 0 &&
                strcmp(leader->seen.owner, lock->owner) == 0;

    if (!same) {
        leader->seen_at_ms = now_ms;
    }
    leader->seen = *lock;
    leader->seen.duration_ms = kh_ms_min(lock->duration_ms, DURATION_MS_MAX);
    if (!leader->wanted) {
        return;
    }
    if (lock->released) {
        take(leader, KH_EXPECT_RELEASED, now_ms, out);
    } else if (same && leader->sent_at_ms - leader->seen_at_ms > leader->seen.duration_ms) {
        take(leader, KH_EXPECT_LOCK_VERSION, now_ms, out);
    } else {
        look_again(leader, now_ms);
    }
}

static void on_read(struct kh_leader *leader, const struct kh_coord_answer *answer, kh_ms now_ms,
                    struct kh_cmds *out)
{
    const struct kh_lock *lock = &answer->item.lock;
    const struct kh_leader_try *write =
        answer->found && !lock->released ? own_write(leader, lock) : NULL;

    leader->failures_n = 0;
    if (write != NULL) {
        hold(leader, write);
        return;
    }
    leader->held = false;
    if (leader->wanted && leader->place != leader->held_place) {
        leader->at_ms = now_ms; /* it is wanted elsewhere by now */
    } else if (answer->found) {
        judge_foreign(leader, lock, now_ms, out);
    } else if (leader->wanted) {
        take(leader, KH_EXPECT_ABSENT, now_ms, out);
    }
}

static void on_written(struct kh_leader *leader, enum kh_leader_state was,
                       const struct kh_coord_answer *answer, kh_ms now_ms, struct kh_cmds *out)
{
    switch (answer->outcome) {
    case KH_LEASE_DONE:
        leader->failures_n = 0;
        hold(leader, newest(leader));
        break;
    case KH_LEASE_CONFLICT:
        /* Somebody else was first; or an earlier write of ours has landed after all. */
        leader->held = false;
        leader->doubt = true;
        leader->at_ms =
            was == KH_LEADER_BEATING ? now_ms : now_ms + kh_ctx_jitter(leader->ctx, LOOK_MS);
        break;
    case KH_LEASE_FAILED:
        kh_cmds_note(out, "", "fleet.lock_not_written");
        retry_later(leader, now_ms);
        break;
    case KH_LEASE_UNKNOWN:
        leader->doubt = true;
        retry_later(leader, now_ms);
        break;
    }
}

static void on_answer(struct kh_leader *leader, const struct kh_coord_answer *answer, kh_ms now_ms,
                      struct kh_cmds *out)
{
    enum kh_leader_state was = leader->state;

    leader->state = KH_LEADER_IDLE;
    switch (was) {
    case KH_LEADER_IDLE:
        kh_assert(false);
        break;
    case KH_LEADER_READING:
        if (answer->outcome == KH_LEASE_DONE) {
            on_read(leader, answer, now_ms, out);
        } else {
            leader->doubt = leader->wanted; /* otherwise what is left runs out by itself */
            retry_later(leader, now_ms);
        }
        break;
    case KH_LEADER_TAKING:
    case KH_LEADER_BEATING:
        on_written(leader, was, answer, now_ms, out);
        break;
    case KH_LEADER_RELEASING:
        /* Whatever became of it: what is left runs out by itself. */
        leader->held = false;
        leader->at_ms = now_ms;
        break;
    }
}

void kh_leader_step(struct kh_leader *leader, const struct kh_event *event, kh_ms now_ms,
                    struct kh_cmds *out)
{
    if (event->type == KH_EVENT_COORD && leader->state != KH_LEADER_IDLE &&
        event->coord->id == leader->op) {
        on_answer(leader, event->coord, now_ms, out);
    }
    next(leader, now_ms, out);
    tell(leader, now_ms, out);
}

void kh_leader_want(struct kh_leader *leader, bool wanted, enum kh_coord_place place, kh_ms now_ms)
{
    if (leader->wanted == wanted && leader->place == place) {
        return;
    }
    leader->wanted = wanted;
    leader->place = place;
    leader->at_ms = now_ms;
}

kh_ms kh_leader_deadline(const struct kh_leader *leader)
{
    kh_ms at_ms = leader->state == KH_LEADER_IDLE ? leader->at_ms : KH_NEVER;

    if (leader->told) {
        at_ms = kh_ms_min(at_ms, leader->beat_at_ms + KH_LOCK_DURATION_MS + 1);
    }
    return at_ms;
}
