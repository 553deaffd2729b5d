#include "core/family.h"

#include <string.h>

#include "base/assert.h"

#define RETRY_MS_MIN 200
#define RETRY_MS_MAX KH_SECONDS(10)
#define CLEAN_MS     KH_MINUTES(1) /* KCL looks at finished leases once a minute */
#define LISTING_MS   KH_MINUTES(5) /* between two listings that only a finished lease wants */
/* Listings without our shard must be that far apart. */
#define ABSENT_MS (LISTING_MS / 2)

void kh_family_init(struct kh_family *family, struct kh_ctx *ctx, const char *key)
{
    *family = (struct kh_family){
        .ctx = ctx, .key = key, .again_at_ms = KH_NEVER, .absent_since_ms = KH_NEVER};
}

static void send_get(struct kh_family *family, const char *lease_key, struct kh_cmds *out)
{
    struct kh_lease_op *op = kh_cmds_push_op(out, KH_LEASE_GET, lease_key);

    family->op = ++family->ctx->op;
    op->id = family->op;
    family->state = KH_FAMILY_ASKING;
    family->poked = false;
}

static void send_create(struct kh_family *family, const struct kh_shard *child, struct kh_cmds *out)
{
    struct kh_lease_op *op = kh_cmds_push_op(out, KH_LEASE_CREATE, child->id);

    family->op = ++family->ctx->op;
    op->id = family->op;
    kh_lease_for_shard(&op->lease, child, KH_SEQ_TRIM_HORIZON);
    family->state = KH_FAMILY_ASKING;
}

static void send_delete(struct kh_family *family, struct kh_cmds *out)
{
    struct kh_lease_op *op = kh_cmds_push_op(out, KH_LEASE_DELETE, family->key);

    family->op = ++family->ctx->op;
    op->id = family->op;
    family->state = KH_FAMILY_ASKING;
}

/* Whoever owns our lease: the names of its children are no secret. */
static void send_names(struct kh_family *family, const struct kh_lease *names, struct kh_cmds *out)
{
    struct kh_lease_op *op = kh_cmds_push_op(out, KH_LEASE_UPDATE, family->key);

    family->op = ++family->ctx->op;
    op->id = family->op;
    op->set = KH_LEASE_CHILDREN;
    op->lease.children_n = names->children_n;
    memcpy(op->lease.children, names->children, sizeof(op->lease.children));
    family->state = KH_FAMILY_ASKING;
}

static enum kh_family_outcome done(struct kh_family *family)
{
    family->state = KH_FAMILY_IDLE;
    return KH_FAMILY_DONE;
}

static enum kh_family_outcome next_parent(struct kh_family *family, struct kh_cmds *out)
{
    if (family->parent_i == family->lease->parents_n) {
        return done(family);
    }
    send_get(family, family->lease->parents[family->parent_i], out);
    return KH_FAMILY_NOT_YET;
}

static enum kh_family_outcome next_child(struct kh_family *family, struct kh_cmds *out)
{
    const struct kh_shard *child;

    if (family->child_i == family->children_n) {
        return done(family);
    }
    child = &family->children[family->child_i];
    while (family->parent_i < child->parents_n &&
           strcmp(child->parents[family->parent_i], family->key) == 0) {
        family->parent_i++;
    }
    if (family->parent_i < child->parents_n) {
        send_get(family, child->parents[family->parent_i], out);
    } else {
        send_create(family, child, out);
    }
    return KH_FAMILY_NOT_YET;
}

/* The children, then the parents, then the end of our lease. */
static enum kh_family_outcome next_of_clean(struct kh_family *family, struct kh_cmds *out)
{
    const struct kh_lease *lease = family->lease;

    if (family->child_i < family->children_n) {
        send_get(family, lease->children[family->child_i], out);
    } else if (family->parent_i < lease->parents_n) {
        send_get(family, lease->parents[family->parent_i], out);
    } else {
        send_delete(family, out);
    }
    return KH_FAMILY_NOT_YET;
}

/* Send the next request of the task, or find that there is none left. */
static enum kh_family_outcome go_on(struct kh_family *family, struct kh_cmds *out)
{
    switch (family->task) {
    case KH_FAMILY_PARENTS:
        return next_parent(family, out);
    case KH_FAMILY_CHILDREN:
        return next_child(family, out);
    case KH_FAMILY_CLEAN:
        return next_of_clean(family, out);
    }
    kh_assert(false);
    return KH_FAMILY_NOT_YET;
}

static enum kh_family_outcome begin(struct kh_family *family, enum kh_family_task task,
                                    struct kh_cmds *out)
{
    kh_assert(family->state == KH_FAMILY_IDLE);
    family->task = task;
    family->child_i = 0;
    family->parent_i = 0;
    family->asks_child = false;
    family->other_told = false;
    family->other_gone = false;
    family->failures_n = 0;
    return go_on(family, out);
}

enum kh_family_outcome kh_family_ask_parents(struct kh_family *family, const struct kh_lease *lease,
                                             struct kh_cmds *out)
{
    family->lease = lease;
    return begin(family, KH_FAMILY_PARENTS, out);
}

enum kh_family_outcome kh_family_make_children(struct kh_family *family,
                                               const struct kh_shard *children, unsigned children_n,
                                               struct kh_cmds *out)
{
    family->children = children;
    family->children_n = children_n;
    return begin(family, KH_FAMILY_CHILDREN, out);
}

static void pause_for(struct kh_family *family, kh_ms pause_ms, kh_ms now_ms)
{
    family->state = KH_FAMILY_PAUSED;
    family->again_at_ms = now_ms + pause_ms;
}

static void pause_after_failure(struct kh_family *family, kh_ms now_ms)
{
    pause_for(
        family,
        kh_ctx_jitter(family->ctx, kh_backoff(RETRY_MS_MIN, family->failures_n, RETRY_MS_MAX)),
        now_ms);
    family->failures_n++;
}

static enum kh_family_outcome want_listing(struct kh_family *family, kh_ms now_ms)
{
    pause_for(family, kh_ctx_jitter(family->ctx, LISTING_MS), now_ms);
    return KH_FAMILY_WANTS_SYNC;
}

/* From the first child again. */
static enum kh_family_outcome begin_cleaning(struct kh_family *family, kh_ms now_ms,
                                             struct kh_cmds *out)
{
    if (!kh_lease_is_finished(family->lease)) {
        family->state = KH_FAMILY_IDLE;
        return KH_FAMILY_NOT_YET;
    }
    if (family->lease->children_n == 0 && !family->gone) {
        return want_listing(family, now_ms);
    }
    family->children_n = family->lease->children_n;
    family->child_i = 0;
    family->parent_i = 0;
    return go_on(family, out);
}

enum kh_family_outcome kh_family_clean(struct kh_family *family, const struct kh_lease *lease,
                                       kh_ms now_ms, struct kh_cmds *out)
{
    kh_assert(family->state == KH_FAMILY_IDLE);
    kh_assert(kh_lease_is_finished(lease));
    family->lease = lease;
    family->task = KH_FAMILY_CLEAN;
    family->failures_n = 0;
    return begin_cleaning(family, now_ms, out);
}

/* A parent of ours. No lease does not block: it was finished, and cleaned up after its children had
 * begun. */
static enum kh_family_outcome on_parent(struct kh_family *family,
                                        const struct kh_lease_answer *answer, kh_ms now_ms,
                                        struct kh_cmds *out)
{
    if (answer->found && !kh_lease_is_finished(&answer->lease)) {
        pause_for(family,
                  family->poked ? 0
                                : kh_ctx_jitter(family->ctx, family->ctx->config.parent_poll_ms),
                  now_ms);
        return KH_FAMILY_NOT_YET;
    }
    family->parent_i++;
    return go_on(family, out);
}

/* The other parent of a child of ours. Without a lease nothing would hold the child back until that
 * parent's records were processed, so the child must not be made yet. If it is there all the same,
 * that lease was deleted since, and there is nothing to wait for. */
static enum kh_family_outcome
on_other_parent(struct kh_family *family, const struct kh_lease_answer *answer, struct kh_cmds *out)
{
    if (!answer->found && !family->other_gone) {
        family->asks_child = true;
        send_get(family, family->children[family->child_i].id, out);
        return KH_FAMILY_NOT_YET;
    }
    family->other_gone = false;
    family->parent_i++;
    return go_on(family, out);
}

/* Whether the child of that parent without lease is there. */
static enum kh_family_outcome on_child(struct kh_family *family,
                                       const struct kh_lease_answer *answer, kh_ms now_ms,
                                       struct kh_cmds *out)
{
    family->asks_child = false;
    if (answer->found) {
        family->child_i++;
        family->parent_i = 0;
        return go_on(family, out);
    }
    if (!family->other_told) {
        kh_cmds_note(out, family->key, "family.other_parent_without_lease");
        family->other_told = true;
    }
    pause_after_failure(family, now_ms);
    return KH_FAMILY_WANTS_SYNC;
}

static enum kh_family_outcome on_created(struct kh_family *family,
                                         const struct kh_lease_answer *answer, struct kh_cmds *out)
{
    kh_assert(answer->verb == KH_LEASE_CREATE);
    if (answer->outcome == KH_LEASE_DONE) {
        kh_cmds_note(out, family->children[family->child_i].id, "family.child_lease_created");
    }
    family->child_i++;
    family->parent_i = 0;
    return go_on(family, out);
}

/* Its child has begun if it has a checkpoint of its own. AT_TIMESTAMP and TRIM_HORIZON are where it
 * was put. */
static bool has_begun(const struct kh_lease_answer *answer)
{
    return answer->found && !kh_extseq_is(&answer->lease.checkpoint, KH_SEQ_TRIM_HORIZON) &&
           !kh_extseq_is(&answer->lease.checkpoint, KH_SEQ_AT_TIMESTAMP);
}

static enum kh_family_outcome on_clean_child(struct kh_family *family,
                                             const struct kh_lease_answer *answer, kh_ms now_ms,
                                             struct kh_cmds *out)
{
    if (!answer->found && !family->gone) {
        return want_listing(family, now_ms); /* which makes it, or shows that it is gone too */
    }
    if (answer->found && !has_begun(answer)) {
        pause_for(family, kh_ctx_jitter(family->ctx, CLEAN_MS), now_ms);
        return KH_FAMILY_NOT_YET;
    }
    family->child_i++;
    return go_on(family, out);
}

static enum kh_family_outcome on_clean_parent(struct kh_family *family,
                                              const struct kh_lease_answer *answer, kh_ms now_ms,
                                              struct kh_cmds *out)
{
    if (answer->found) {
        pause_for(family, kh_ctx_jitter(family->ctx, CLEAN_MS), now_ms);
        return KH_FAMILY_NOT_YET;
    }
    family->parent_i++;
    return go_on(family, out);
}

static enum kh_family_outcome on_clean(struct kh_family *family,
                                       const struct kh_lease_answer *answer, kh_ms now_ms,
                                       struct kh_cmds *out)
{
    if (answer->verb == KH_LEASE_DELETE) {
        kh_cmds_note(out, family->key,
                     family->gone ? "family.gone_lease_deleted" : "family.lease_deleted");
        return done(family);
    }
    if (answer->verb == KH_LEASE_UPDATE) {
        if (answer->outcome == KH_LEASE_DONE) {
            kh_cmds_note(out, family->key, "family.children_named");
        }
        /* The next renewal shows the names; or that there is no row any more. */
        pause_for(family, family->ctx->config.failover_ms, now_ms);
        return KH_FAMILY_NOT_YET;
    }
    return family->child_i < family->children_n ? on_clean_child(family, answer, now_ms, out)
                                                : on_clean_parent(family, answer, now_ms, out);
}

static enum kh_family_outcome on_answer(struct kh_family *family,
                                        const struct kh_lease_answer *answer, kh_ms now_ms,
                                        struct kh_cmds *out)
{
    if (answer->outcome == KH_LEASE_FAILED || answer->outcome == KH_LEASE_UNKNOWN) {
        /* A create that may have happened is made again: a conflict then says that it is there. */
        family->asks_child = false;
        pause_after_failure(family, now_ms);
        return KH_FAMILY_NOT_YET;
    }
    switch (family->task) {
    case KH_FAMILY_PARENTS:
        return on_parent(family, answer, now_ms, out);
    case KH_FAMILY_CHILDREN:
        if (answer->verb == KH_LEASE_CREATE) {
            return on_created(family, answer, out);
        }
        return family->asks_child ? on_child(family, answer, now_ms, out)
                                  : on_other_parent(family, answer, out);
    case KH_FAMILY_CLEAN:
        return on_clean(family, answer, now_ms, out);
    }
    kh_assert(false);
    return KH_FAMILY_NOT_YET;
}

enum kh_family_outcome kh_family_step(struct kh_family *family, const struct kh_event *event,
                                      kh_ms now_ms, struct kh_cmds *out)
{
    if (event->type == KH_EVENT_STORE) {
        if (family->state != KH_FAMILY_ASKING || event->answer->id != family->op) {
            return KH_FAMILY_NOT_YET; /* stopped since */
        }
        return on_answer(family, event->answer, now_ms, out);
    }
    kh_assert(event->type == KH_EVENT_TICK);
    if (family->state != KH_FAMILY_PAUSED || now_ms < family->again_at_ms) {
        return KH_FAMILY_NOT_YET;
    }
    return family->task == KH_FAMILY_CLEAN ? begin_cleaning(family, now_ms, out)
                                           : go_on(family, out);
}

static bool is_listed(const char *id, const struct kh_shard *shards, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(shards[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_parent(const struct kh_shard *shard, const char *id)
{
    for (unsigned p = 0; p < shard->parents_n; p++) {
        if (strcmp(shard->parents[p], id) == 0) {
            return true;
        }
    }
    return false;
}

/* The names of our children; false if there are none, or more than there can be. */
static bool find_children(const struct kh_family *family, const struct kh_shard *shards, size_t n,
                          struct kh_lease *names)
{
    names->children_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!has_parent(&shards[i], family->key)) {
            continue;
        }
        if (names->children_n == KH_CHILDREN_MAX) {
            return false;
        }
        memcpy(names->children[names->children_n++], shards[i].id, sizeof(shards[i].id));
    }
    return names->children_n > 0;
}

static void listed_while_cleaning(struct kh_family *family, const struct kh_shard *shards, size_t n,
                                  kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_lease names = {0};

    if (family->lease->children_n == 0 && find_children(family, shards, n, &names)) {
        send_names(family, &names, out);
    } else if (family->gone) {
        family->again_at_ms = now_ms;
    }
}

static void listed_while_making(struct kh_family *family, const struct kh_shard *shards, size_t n,
                                kh_ms now_ms)
{
    const struct kh_shard *child = &family->children[family->child_i];

    if (family->other_told && family->parent_i < child->parents_n &&
        !is_listed(child->parents[family->parent_i], shards, n)) {
        family->other_gone = true;
        family->again_at_ms = now_ms;
    }
}

void kh_family_listed(struct kh_family *family, const struct kh_shard *shards, size_t n,
                      kh_ms now_ms, struct kh_cmds *out)
{
    if (is_listed(family->key, shards, n)) {
        family->absent_since_ms = KH_NEVER;
        family->gone = false;
    } else {
        family->absent_since_ms = kh_ms_min(family->absent_since_ms, now_ms);
        family->gone = now_ms - family->absent_since_ms >= ABSENT_MS;
    }
    if (family->state != KH_FAMILY_PAUSED) {
        return;
    }
    switch (family->task) {
    case KH_FAMILY_PARENTS:
        break;
    case KH_FAMILY_CHILDREN:
        listed_while_making(family, shards, n, now_ms);
        break;
    case KH_FAMILY_CLEAN:
        listed_while_cleaning(family, shards, n, now_ms, out);
        break;
    }
}

void kh_family_poke(struct kh_family *family, kh_ms now_ms)
{
    if (family->state == KH_FAMILY_PAUSED) {
        family->again_at_ms = now_ms;
    }
    family->poked = family->state == KH_FAMILY_ASKING;
}

void kh_family_stop(struct kh_family *family)
{
    family->state = KH_FAMILY_IDLE;
}

kh_ms kh_family_deadline(const struct kh_family *family)
{
    return family->state == KH_FAMILY_PAUSED ? family->again_at_ms : KH_NEVER;
}
