#include "core/sync.h"

#include "base/assert.h"

#define RETRY_MS     1000
#define RETRY_MS_MAX KH_MINUTES(1)
/* Java workers delete the lease of a finished shard after five minutes. */
#define OTHERS_CLEAN_MS KH_MINUTES(5)
/* How often a filtered listing that does not cover the hash space is asked for again before it is
 * taken as a sign that the service ignores the filter. */
#define FILTERED_LISTINGS_MAX 3

void kh_sync_init(struct kh_sync *sync, struct kh_ctx *ctx, kh_ms now_ms)
{
    *sync = (struct kh_sync){.ctx = ctx, .next_at_ms = now_ms, .looked_at_ms = now_ms};
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

void kh_sync_tick(struct kh_sync *sync, const struct kh_table *table, kh_ms now_ms,
                  struct kh_cmds *out)
{
    const struct kh_worker_config *config = &sync->ctx->config;

    if (!sync->wanted || sync->state != KH_SYNC_IDLE || now_ms < sync->next_at_ms) {
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

static void end(struct kh_sync *sync, kh_ms pause_ms, kh_ms now_ms)
{
    sync->state = KH_SYNC_IDLE;
    sync->next_at_ms = now_ms + kh_ctx_jitter(sync->ctx, pause_ms);
}

static void again(struct kh_sync *sync, const char *key, const char *note, kh_ms now_ms,
                  struct kh_cmds *out)
{
    kh_cmds_note(out, key, note);
    sync->wanted = true;
    sync->complete = false;
    end(sync, kh_backoff(RETRY_MS, sync->failures_n, RETRY_MS_MAX), now_ms);
    sync->failures_n++;
}

/* True if there is none left. */
static bool create_next(struct kh_sync *sync, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_lease_op *op;

    if (sync->plan_at == sync->plan.n) {
        sync->failures_n = 0;
        end(sync, sync->ctx->config.audit_ms, now_ms);
        return true;
    }
    if (is_too_old(sync, now_ms)) {
        again(sync, "", "sync.look_too_old", now_ms, out);
        return false;
    }
    sync->state = KH_SYNC_CREATING;
    op = kh_cmds_push_op(out, KH_LEASE_CREATE, sync->plan.leases[sync->plan_at].key);
    op->id = ++sync->ctx->op;
    op->lease = sync->plan.leases[sync->plan_at];
    return false;
}

static void make_plan(struct kh_sync *sync, const struct kh_event *event,
                      const struct kh_table *table)
{
    const struct kh_worker_config *config = &sync->ctx->config;

    sync->plan.n = 0;
    sync->plan_at = 0;
    sync->plan.inconsistent = false;
    if (!sync->filtered) {
        kh_shards_plan_missing(&sync->plan, event->shards, event->shards_n, table,
                               config->initial_position, config->ignore_unexpected_children);
    } else if (kh_shards_cover(event->shards, event->shards_n)) {
        kh_shards_plan_all(&sync->plan, event->shards, event->shards_n, config->initial_position);
    } else {
        sync->listings_n++;
        sync->plan.inconsistent = true;
    }
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
    sync->complete = !sync->filtered && sync->plan.n == 0;
    if (sync->complete && kh_table_n(table) == 0) {
        kh_cmds_note(out, "", "sync.nothing_to_read");
    }
    return create_next(sync, now_ms, out);
}

bool kh_sync_on_create(struct kh_sync *sync, const struct kh_lease_answer *answer, kh_ms now_ms,
                       struct kh_cmds *out)
{
    const char *key = sync->plan.leases[sync->plan_at].key;

    kh_assert(sync->state == KH_SYNC_CREATING);
    if (answer->outcome == KH_LEASE_FAILED || answer->outcome == KH_LEASE_UNKNOWN) {
        /* Later leases of the plan may rest on this one, so the rest waits for the next sync. */
        again(sync, key, "sync.lease_not_created", now_ms, out);
        return false;
    }
    if (answer->outcome == KH_LEASE_DONE) {
        kh_cmds_note(out, key, "sync.lease_created");
    }
    sync->plan_at++;
    return create_next(sync, now_ms, out);
}

kh_ms kh_sync_deadline(const struct kh_sync *sync)
{
    return sync->wanted && sync->state == KH_SYNC_IDLE ? sync->next_at_ms : KH_NEVER;
}
