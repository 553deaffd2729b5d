#include "core/sync.h"

#include "base/assert.h"

#define RETRY_MS     1000
#define RETRY_MS_MAX KH_MINUTES(1)
/* Java workers delete the lease of a finished shard after five minutes. */
#define OTHERS_CLEAN_MS KH_MINUTES(5)
/* How often a filtered listing that does not cover the hash space is asked for again before it is
 * taken as a sign that the service ignores the filter. */
#define FILTERED_LISTINGS_MAX 3
/* A hole that lasts that long is none that a look at the table only seems to show, or that somebody
 * is about to fill. */
#define HOLE_MS KH_SECONDS(5)
/* One that whoever leads should have seen to is seen to by all after so many audits: so not every
 * worker lists the shards of the stream after each split. */
#define OTHERS_AUDITS_N 3
/* Unless a row could not be read: made anew, its shard would be read again from the beginning. So
 * there is time to mend it, as much as three audits take in Java. */
#define DOUBT_MS KH_MINUTES(5)
/* What a sync could do nothing about is looked into ever more rarely, in the end after this many
 * times audit_ms. */
#define IDLE_FACTOR_MAX 16
/* So many creations in a row came too late: others have made most of the leases of a large plan. */
#define LOST_MAX    20
#define GIVE_WAY_MS KH_SECONDS(2)

void kh_sync_init(struct kh_sync *sync, struct kh_ctx *ctx, kh_ms now_ms)
{
    *sync = (struct kh_sync){.ctx = ctx,
                             .leads = true,
                             .next_at_ms = now_ms,
                             .audit_at_ms = now_ms,
                             .looked_at_ms = now_ms};
    kh_shard_plan_init(&sync->plan);
}

void kh_sync_fini(struct kh_sync *sync)
{
    kh_shard_plan_fini(&sync->plan);
}

static enum kh_shard_filter filter_for(enum kh_position_type initial)
{
    switch (initial) {
    case KH_POSITION_TRIM_HORIZON:
        return KH_SHARDS_AT_TRIM_HORIZON;
    case KH_POSITION_LATEST:
        return KH_SHARDS_AT_LATEST;
    case KH_POSITION_AT_TIMESTAMP:
        return KH_SHARDS_AT_TIMESTAMP;
    case KH_POSITION_AT_SEQUENCE:
    case KH_POSITION_AFTER_SEQUENCE:
        break;
    }
    kh_assert(false); /* no setting gives these */
    return KH_SHARDS_ALL;
}

/* A lease that was not there at the last look may have been made, finished and deleted since. Made
 * once more, its shard would be read from the beginning again. */
static bool is_too_old(const struct kh_sync *sync, kh_ms now_ms)
{
    kh_ms clean_ms = kh_ms_min(sync->ctx->config.clean_after_ms, OTHERS_CLEAN_MS);

    return now_ms - sync->looked_at_ms > clean_ms / 2;
}

void kh_sync_want(struct kh_sync *sync)
{
    sync->wanted = true;
    sync->idle_n = 0;
    sync->next_at_ms = kh_ms_min(sync->next_at_ms, sync->audit_at_ms);
}

static void tell_hole(struct kh_sync *sync, struct kh_cmds *out)
{
    if (!sync->hole_told) {
        kh_cmds_note_value(out, kh_ranges_hole_key(&sync->hole), "sync.hole",
                           sync->hole.missing_ppm);
        sync->hole_told = true;
        sync->hole_to_close = true;
    }
}

static bool is_ours_to_see_to(const struct kh_sync *sync, const struct kh_table *table,
                              kh_ms now_ms)
{
    return sync->leads || kh_table_n(table) == 0 ||
           now_ms - sync->hole_since_ms >= OTHERS_AUDITS_N * sync->ctx->config.audit_ms;
}

void kh_sync_audit(struct kh_sync *sync, const struct kh_table *table, kh_ms now_ms,
                   struct kh_cmds *out)
{
    struct kh_hole hole = sync->hole;
    bool missing;

    if (table->shape != sync->shape || kh_table_n(table) == 0) {
        kh_ranges_find_hole(&hole, table);
        sync->shape = table->shape;
    }
    missing = hole.found || hole.unknown_n > 0;
    if (!kh_ranges_same_hole(&hole, &sync->hole) || hole.unknown_n != sync->hole.unknown_n) {
        sync->hole_told = false;
        sync->hole_since_ms = now_ms;
        if (missing && is_ours_to_see_to(sync, table, now_ms)) {
            kh_sync_want(sync);
        }
    }
    sync->hole = hole;
    sync->wanted |= missing && is_ours_to_see_to(sync, table, now_ms);
    if (hole.found && kh_table_n(table) > 0 && now_ms - sync->hole_since_ms >= HOLE_MS) {
        tell_hole(sync, out);
    } else if (!hole.found && sync->hole_to_close) {
        sync->hole_to_close = false;
        kh_cmds_note(out, "", "sync.hole_repaired");
    }
}

static kh_ms due_ms(const struct kh_sync *sync)
{
    return sync->in_doubt ? kh_ms_max(sync->next_at_ms, sync->hole_since_ms + DOUBT_MS)
                          : sync->next_at_ms;
}

void kh_sync_tick(struct kh_sync *sync, const struct kh_table *table, kh_ms now_ms,
                  struct kh_cmds *out)
{
    const struct kh_worker_config *config = &sync->ctx->config;

    if (!sync->wanted || sync->state != KH_SYNC_IDLE || now_ms < due_ms(sync)) {
        return;
    }
    if (is_too_old(sync, now_ms)) {
        sync->wanted = false; /* the next look decides */
        return;
    }
    sync->filtered = kh_table_n(table) == 0 && sync->listings_n < FILTERED_LISTINGS_MAX;
    sync->state = KH_SYNC_LISTING;
    sync->wanted = false;
    sync->ticket = ++sync->ctx->ticket;
    kh_cmds_push(out,
                 (struct kh_cmd){.type = KH_CMD_LIST_SHARDS,
                                 .filter = sync->filtered ? filter_for(config->initial_position)
                                                          : KH_SHARDS_ALL,
                                 .wall_ms = config->initial_wall_ms,
                                 .ticket = sync->ticket});
}

static void again(struct kh_sync *sync, const char *key, const char *note, kh_ms now_ms,
                  struct kh_cmds *out)
{
    kh_cmds_note(out, key, note);
    sync->state = KH_SYNC_IDLE;
    sync->wanted = true;
    sync->complete = false;
    sync->next_at_ms =
        now_ms + kh_ctx_jitter(sync->ctx, kh_backoff(RETRY_MS, sync->failures_n, RETRY_MS_MAX));
    sync->audit_at_ms = sync->next_at_ms;
    sync->failures_n++;
}

static void end(struct kh_sync *sync, kh_ms now_ms)
{
    kh_ms pause_ms = kh_ctx_jitter(sync->ctx, sync->ctx->config.audit_ms);
    bool idle = !sync->filtered && sync->made_n == 0;

    sync->state = KH_SYNC_IDLE;
    sync->failures_n = 0;
    sync->complete = idle && sync->met_n == 0;
    sync->audit_at_ms = now_ms + pause_ms;
    sync->next_at_ms =
        now_ms + kh_backoff(pause_ms, idle ? sync->idle_n : 0, IDLE_FACTOR_MAX * pause_ms);
    sync->idle_n = idle ? sync->idle_n + 1 : 0;
}

/* Others are about to make what is left: look at the table, and then at whether all of it is. */
static bool give_way(struct kh_sync *sync, kh_ms now_ms)
{
    sync->state = KH_SYNC_IDLE;
    sync->wanted = true;
    sync->complete = false;
    sync->next_at_ms = now_ms + kh_ctx_jitter(sync->ctx, GIVE_WAY_MS);
    sync->audit_at_ms = sync->next_at_ms;
    return true;
}

static void send_write(struct kh_sync *sync, const struct kh_shard_step *step, struct kh_cmds *out)
{
    bool fills = step->type == KH_SHARD_FILL_RANGE;
    struct kh_lease_op *op =
        kh_cmds_push_op(out, fills ? KH_LEASE_UPDATE : KH_LEASE_CREATE, step->lease.key);

    op->id = ++sync->ctx->op;
    op->lease = step->lease;
    op->set = fills ? KH_LEASE_HASH_RANGE : 0; /* whoever owns it, whatever its counter says */
    sync->state = KH_SYNC_WRITING;
}

/* True if there is none left. */
static bool next_step(struct kh_sync *sync, kh_ms now_ms, struct kh_cmds *out)
{
    const struct kh_shard_step *step;

    if (sync->plan_at == sync->plan.n) {
        end(sync, now_ms);
        return true;
    }
    if (is_too_old(sync, now_ms)) {
        again(sync, "", "sync.look_too_old", now_ms, out);
        return false;
    }
    step = &sync->plan.steps[sync->plan_at];
    if (step->type == KH_SHARD_CREATE_IF) {
        kh_cmds_push_op(out, KH_LEASE_GET, step->parent)->id = ++sync->ctx->op;
        sync->state = KH_SYNC_CHECKING;
    } else {
        send_write(sync, step, out);
    }
    return false;
}

/* Leases of one large plan that do not rest on each other are made in an order of our own: workers
 * that start together with an empty table then make each its part of them, and not all of them all.
 * A parent's lease is made before its children's. */
static void shuffle(struct kh_sync *sync)
{
    struct kh_shard_step *steps = sync->plan.steps;

    sync->shuffled = sync->plan.n > LOST_MAX;
    for (size_t i = 0; i < sync->plan.n && !sync->filtered; i++) {
        sync->shuffled &= steps[i].type == KH_SHARD_CREATE && steps[i].lease.parents_n == 0;
    }
    for (size_t i = sync->plan.n; i > 1 && sync->shuffled; i--) {
        size_t j = (size_t)kh_rand_below(&sync->ctx->rand, i);
        struct kh_shard_step step = steps[i - 1];

        steps[i - 1] = steps[j];
        steps[j] = step;
    }
}

static void make_plan(struct kh_sync *sync, const struct kh_event *event,
                      const struct kh_table *table)
{
    const struct kh_worker_config *config = &sync->ctx->config;

    sync->plan.n = 0;
    sync->plan_at = 0;
    sync->made_n = 0;
    sync->met_n = 0;
    sync->lost_n = 0;
    sync->plan.inconsistent = false;
    if (!sync->filtered) {
        kh_shards_plan_missing(&sync->plan, event->shards, event->shards_n, table,
                               config->initial_position, config->ignore_unexpected_children);
    } else if (kh_ranges_cover(event->shards, event->shards_n)) {
        kh_shards_plan_all(&sync->plan, event->shards, event->shards_n, config->initial_position);
    } else {
        sync->listings_n++;
        sync->plan.inconsistent = true;
    }
    shuffle(sync);
}

/* A lease that nobody has renewed yet: the table may be about to be filled for the first time. */
static bool is_being_filled(const struct kh_table *table)
{
    for (size_t i = 0; i < kh_table_n(table); i++) {
        if (kh_table_at(table, i)->lease.counter == 0) {
            return true;
        }
    }
    return false;
}

bool kh_sync_on_shards(struct kh_sync *sync, const struct kh_event *event,
                       const struct kh_table *table, kh_ms now_ms, struct kh_cmds *out)
{
    kh_assert(sync->state == KH_SYNC_LISTING);
    kh_assert(event->ticket == sync->ticket);

    if (event->rc != KH_OK) {
        again(sync, "", "sync.shards_not_listed", now_ms, out);
        return false;
    }
    make_plan(sync, event, table);
    if (sync->plan.inconsistent) {
        again(sync, "", "sync.shards_inconsistent", now_ms, out);
        return false;
    }
    if (sync->plan.n == 0 && !sync->filtered && kh_table_n(table) == 0) {
        kh_cmds_note(out, "", "sync.nothing_to_read");
    }
    if (sync->plan.n > 0 && sync->hole.found && kh_table_n(table) > 0 && !is_being_filled(table)) {
        tell_hole(sync, out);
    }
    return next_step(sync, now_ms, out);
}

static void on_written(struct kh_sync *sync, const struct kh_shard_step *step, struct kh_cmds *out)
{
    sync->made_n++;
    switch (step->type) {
    case KH_SHARD_CREATE:
        kh_cmds_note(out, step->lease.key, "sync.lease_created");
        break;
    case KH_SHARD_CREATE_IF:
        kh_cmds_note(out, step->lease.key, "sync.orphan_lease_created");
        break;
    case KH_SHARD_FILL_RANGE:
        kh_cmds_note(out, step->lease.key, "sync.range_filled");
        break;
    }
}

bool kh_sync_on_answer(struct kh_sync *sync, const struct kh_lease_answer *answer, kh_ms now_ms,
                       struct kh_cmds *out)
{
    const struct kh_shard_step *step = &sync->plan.steps[sync->plan_at];
    bool checked = sync->state == KH_SYNC_CHECKING;

    kh_assert(checked || sync->state == KH_SYNC_WRITING);
    if (answer->outcome == KH_LEASE_FAILED || answer->outcome == KH_LEASE_UNKNOWN) {
        /* Later steps of the plan may rest on this one, so the rest waits for the next sync. */
        again(sync, step->lease.key, "sync.lease_not_created", now_ms, out);
        return false;
    }
    if (checked && answer->found && kh_lease_is_finished(&answer->lease)) {
        send_write(sync, step, out);
        return false;
    }
    if (!checked && answer->outcome == KH_LEASE_DONE) {
        on_written(sync, step, out);
        sync->lost_n = 0;
    } else {
        sync->met_n += !checked;
        if (sync->shuffled && ++sync->lost_n == LOST_MAX) {
            return give_way(sync, now_ms);
        }
    }
    sync->plan_at++;
    return next_step(sync, now_ms, out);
}

kh_ms kh_sync_deadline(const struct kh_sync *sync)
{
    return sync->wanted && sync->state == KH_SYNC_IDLE ? due_ms(sync) : KH_NEVER;
}
