#include "core/fetch.h"

#include <string.h>

#include "base/assert.h"

/* GetRecords allows five calls a second for a shard, shared by all who poll it. */
#define READ_MS_MIN      250
#define RETRY_MS_MIN     200
#define THROTTLED_MS_MIN 1000
#define RETRY_MS_MAX     KH_SECONDS(10)

void kh_fetch_init(struct kh_fetch *fetch, struct kh_ctx *ctx, const char *key)
{
    *fetch = (struct kh_fetch){.ctx = ctx, .key = key};
}

static struct kh_position position_of(const struct kh_fetch *fetch)
{
    struct kh_position position = {.type = KH_POSITION_TRIM_HORIZON};

    if (!kh_extseq_is_none(&fetch->accepted)) {
        position.type = KH_POSITION_AFTER_SEQUENCE;
        memcpy(position.seq, fetch->accepted.seq, sizeof(position.seq));
    } else if (kh_extseq_is_digits(&fetch->from)) {
        position.type = KH_POSITION_AT_SEQUENCE;
        memcpy(position.seq, fetch->from.seq, sizeof(position.seq));
    } else if (kh_extseq_is(&fetch->from, KH_SEQ_AT_TIMESTAMP)) {
        position.type = KH_POSITION_AT_TIMESTAMP;
        position.wall_ms = fetch->ctx->config.initial_wall_ms;
    } else if (kh_extseq_is(&fetch->from, KH_SEQ_LATEST)) {
        position.type = fetch->has_wall ? KH_POSITION_AT_TIMESTAMP : KH_POSITION_LATEST;
        position.wall_ms = fetch->wall_ms;
    }
    return position;
}

static void send_open(struct kh_fetch *fetch, struct kh_cmds *out)
{
    kh_assert(fetch->state == KH_FETCH_OPENING);
    kh_assert(!fetch->waiting);
    fetch->waiting = true;
    fetch->ticket = ++fetch->ctx->ticket;
    kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_OPEN,
                                      .key = fetch->key,
                                      .ticket = fetch->ticket,
                                      .position = position_of(fetch),
                                      .skip_to = fetch->from});
}

static bool has_room(const struct kh_fetch *fetch)
{
    return fetch->queue_n < KH_FETCH_AHEAD_MAX && fetch->queue_bytes < KH_FETCH_AHEAD_BYTES_MAX;
}

static void try_later(struct kh_fetch *fetch, enum kh_fetch_state state, enum kh_rc rc,
                      kh_ms now_ms)
{
    kh_ms first_ms = rc == KH_THROTTLED ? THROTTLED_MS_MIN : RETRY_MS_MIN;

    fetch->state = state;
    fetch->caught_up = false;
    fetch->next_at_ms =
        now_ms + kh_ctx_jitter(fetch->ctx, kh_backoff(first_ms, fetch->failures_n, RETRY_MS_MAX));
    fetch->failures_n++;
}

/* The lease says "at the timestamp", but no timestamp is stored in it: it is the one of the
 * settings. */
static bool lacks_timestamp(const struct kh_fetch *fetch)
{
    return kh_extseq_is_none(&fetch->accepted) && kh_extseq_is(&fetch->from, KH_SEQ_AT_TIMESTAMP) &&
           fetch->ctx->config.initial_position != KH_POSITION_AT_TIMESTAMP;
}

/* Send what is due. */
static void go_on(struct kh_fetch *fetch, kh_ms now_ms, struct kh_cmds *out)
{
    if (fetch->waiting || now_ms < fetch->next_at_ms) {
        return;
    }
    if (fetch->state == KH_FETCH_OPENING && lacks_timestamp(fetch)) {
        try_later(fetch, KH_FETCH_OPENING, KH_INVALID, now_ms);
        kh_cmds_note(out, fetch->key, "fetch.no_timestamp");
    } else if (fetch->state == KH_FETCH_OPENING) {
        send_open(fetch, out);
    } else if (fetch->state == KH_FETCH_READY && has_room(fetch)) {
        fetch->state = KH_FETCH_FETCHING;
        fetch->waiting = true;
        fetch->sent_at_ms = now_ms;
        fetch->ticket = ++fetch->ctx->ticket;
        kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_FETCH,
                                          .key = fetch->key,
                                          .ticket = fetch->ticket,
                                          .limit = fetch->ctx->config.records_max});
    }
}

void kh_fetch_begin(struct kh_fetch *fetch, const struct kh_extseq *checkpoint, kh_ms now_ms,
                    struct kh_cmds *out)
{
    kh_assert(fetch->state == KH_FETCH_CLOSED);
    kh_assert(fetch->queue_n == 0);
    kh_assert(!kh_extseq_is(checkpoint, KH_SEQ_SHARD_END));

    fetch->state = KH_FETCH_OPENING;
    fetch->from = *checkpoint;
    fetch->accepted = (struct kh_extseq){0};
    fetch->failures_n = 0;
    fetch->caught_up = false;
    fetch->next_at_ms = now_ms;
    go_on(fetch, now_ms, out);
}

/* The shard is gone: deleted with its stream, or past its retention. What follows it is not known
 * here. */
static void end_without_children(struct kh_fetch *fetch, struct kh_cmds *out)
{
    fetch->state = KH_FETCH_ENDED;
    fetch->children_n = 0;
    kh_cmds_note(out, fetch->key, "fetch.shard_gone");
}

static void on_opened(struct kh_fetch *fetch, const struct kh_event *event, kh_ms now_ms,
                      struct kh_cmds *out)
{
    if (event->rc == KH_NOTFOUND) {
        end_without_children(fetch, out);
        return;
    }
    if (event->rc != KH_OK) {
        try_later(fetch, KH_FETCH_OPENING, event->rc, now_ms);
        kh_cmds_note(out, fetch->key, "fetch.open_failed");
        return;
    }
    if (!fetch->has_wall && kh_extseq_is(&fetch->from, KH_SEQ_LATEST)) {
        fetch->has_wall = true;
        fetch->wall_ms = event->wall_ms;
    }
    fetch->state = KH_FETCH_READY;
    fetch->next_at_ms = kh_ms_min(fetch->next_at_ms, now_ms);
}

static void accept(struct kh_fetch *fetch, const struct kh_fetched *fetched, struct kh_cmds *out)
{
    kh_assert(fetch->queue_n < KH_FETCH_AHEAD_MAX);
    kh_assert((fetched->batch != 0) == (fetched->records_n > 0));

    if (!kh_extseq_is_none(&fetched->last)) {
        fetch->accepted = fetched->last;
    }
    if (fetched->records_n > 0 || fetch->ctx->config.deliver_empty) {
        fetch->queue[fetch->queue_n++] = (struct kh_fetch_batch){
            .batch = fetched->batch,
            .records_n = fetched->records_n,
            .bytes = fetched->bytes,
            .data_bytes = fetched->data_bytes,
            .last = fetched->last,
        };
        fetch->queue_bytes += fetched->bytes;
    }
    if (!fetched->ended) {
        return;
    }
    fetch->state = KH_FETCH_ENDED;
    kh_assert(fetched->children_n <= KH_CHILDREN_MAX);
    fetch->children_n = (unsigned)fetched->children_n;
    for (unsigned i = 0; i < fetch->children_n; i++) {
        fetch->children[i] = fetched->children[i];
    }
    kh_cmds_note(out, fetch->key, "fetch.shard_ended");
}

static void on_fetched(struct kh_fetch *fetch, const struct kh_event *event, kh_ms now_ms,
                       struct kh_cmds *out)
{
    const struct kh_worker_config *config = &fetch->ctx->config;
    const struct kh_fetched *fetched = event->fetched;
    kh_ms pause_ms = config->idle_ms;

    if (event->rc == KH_NOTFOUND) {
        end_without_children(fetch, out);
        return;
    }
    if (event->rc != KH_OK) {
        try_later(fetch, event->rc == KH_INVALID ? KH_FETCH_OPENING : KH_FETCH_READY, event->rc,
                  now_ms);
        kh_cmds_note(out, fetch->key,
                     event->rc == KH_INVALID ? "fetch.iterator_refused" : "fetch.failed");
        return;
    }
    fetch->failures_n = 0;
    fetch->state = KH_FETCH_READY;
    fetch->caught_up = kh_extseq_is_none(&fetched->last) && fetched->has_millis_behind &&
                       fetched->millis_behind == 0;
    if (!config->idle_fixed && !fetch->caught_up) {
        pause_ms = READ_MS_MIN;
    }
    fetch->next_at_ms = fetch->sent_at_ms + pause_ms;
    accept(fetch, fetched, out);
}

void kh_fetch_step(struct kh_fetch *fetch, const struct kh_event *event, kh_ms now_ms,
                   struct kh_cmds *out)
{
    if (event->type != KH_EVENT_TICK) {
        if (!fetch->waiting || event->ticket != fetch->ticket) {
            /* Cancelled since. What came with it is nobody's. */
            if (event->type == KH_EVENT_FETCHED && event->fetched != NULL &&
                event->fetched->batch != 0) {
                kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_DROP_BATCH,
                                                  .key = fetch->key,
                                                  .batch = event->fetched->batch});
            }
            return;
        }
        fetch->waiting = false;
        if (event->type == KH_EVENT_OPENED) {
            on_opened(fetch, event, now_ms, out);
        } else {
            kh_assert(event->type == KH_EVENT_FETCHED);
            on_fetched(fetch, event, now_ms, out);
        }
    }
    go_on(fetch, now_ms, out);
}

bool kh_fetch_pop(struct kh_fetch *fetch, struct kh_fetch_batch *batch, kh_ms now_ms,
                  struct kh_cmds *out)
{
    if (fetch->queue_n == 0) {
        return false;
    }
    *batch = fetch->queue[0];
    fetch->queue_n--;
    fetch->queue_bytes -= batch->bytes;
    memmove(&fetch->queue[0], &fetch->queue[1], fetch->queue_n * sizeof(fetch->queue[0]));
    go_on(fetch, now_ms, out);
    return true;
}

void kh_fetch_stop(struct kh_fetch *fetch, struct kh_cmds *out)
{
    if (fetch->state == KH_FETCH_CLOSED) {
        return;
    }
    for (unsigned i = 0; i < fetch->queue_n; i++) {
        if (fetch->queue[i].batch != 0) {
            kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_DROP_BATCH,
                                              .key = fetch->key,
                                              .batch = fetch->queue[i].batch});
        }
    }
    fetch->queue_n = 0;
    fetch->queue_bytes = 0;
    fetch->waiting = false;
    fetch->state = KH_FETCH_CLOSED;
    kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_CLOSE, .key = fetch->key});
}

kh_ms kh_fetch_deadline(const struct kh_fetch *fetch)
{
    if (fetch->waiting) {
        return KH_NEVER;
    }
    if (fetch->state == KH_FETCH_OPENING || (fetch->state == KH_FETCH_READY && has_room(fetch))) {
        return fetch->next_at_ms;
    }
    return KH_NEVER;
}
