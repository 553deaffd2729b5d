#include "core/worker.h"

#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/mem.h"
#include "core/consumers.h"
#include "core/ctx.h"
#include "core/fleet.h"
#include "core/pending.h"
#include "core/sync.h"
#include "core/table.h"
#include "core/taking.h"

/* A look at the table is eventually consistent: half a read unit for 4 KiB of rows of about 400
 * bytes. */
#define ROWS_PER_READ_UNIT 20
#define LIST_RETRY_MS      500
#define SOON_MS            200
#define COMING_MS          400
#define LIST_RETRY_MS_MAX  KH_SECONDS(10)
/* After the children are gone, or killed: how long the releases may take. */
#define RELEASE_MS_MAX KH_SECONDS(2)

enum worker_state { WORKER_RUNNING, WORKER_STOPPING, WORKER_STOPPED };

struct kh_worker {
    struct kh_ctx ctx;
    enum worker_state state;
    enum kh_stop_reason why;
    struct kh_table table;
    struct kh_consumers consumers;
    bool one_failed; /* KH_FAILURE_EXIT: a child failed */
    struct kh_pending pending;
    struct kh_fleet fleet;
    struct kh_taking taking;
    struct kh_sync sync;
    bool listing;
    bool listed; /* at least once */
    bool whole;  /* the newest LIST had no row that cannot be read */
    kh_ms list_sent_at_ms;
    kh_ms list_at_ms;
    kh_ms coming_at_ms; /* when to look at the leases that are on their way to us, one by one */
    unsigned list_failures_n;
    kh_ms kill_at_ms; /* STOPPING: children that are still there are killed */
    kh_ms end_at_ms;  /* STOPPING: from here on nothing is waited for */
};

void kh_worker_config_default(struct kh_worker_config *config)
{
    *config = (struct kh_worker_config){
        .failover_ms = KH_SECONDS(10),
        .leases_max = INT32_MAX,
        .steal_max = 1,
        .take_very_old = true,
        .hand_over = true,
        .hand_over_ms = KH_SECONDS(30),
        .initial_position = KH_POSITION_LATEST,
        .list_ms = 1000,
        .read_units_per_s = 5,
        .audit_ms = KH_SECONDS(60),
        .parent_poll_ms = KH_SECONDS(10),
        .idle_ms = 1500,
        .records_max = 10000,
        .action_ms_max = KH_NEVER,
        .shutdown_grace_ms = KH_SECONDS(5),
        .restart_min_ms = 500,
        .restart_max_ms = KH_SECONDS(60),
        .restarts_max = 10,
        .retry_ms = KH_MINUTES(5),
        .host_kbps_max = 1e300,
        .dampening_percent = 60,
        .rebalance_percent = 10,
        .overshoot = true,
        .metrics_alpha = 0.5,
        .report_ms = KH_SECONDS(30),
        .report_values = KH_METRIC_VALUES_N,
        .report_metrics = true,
        .stale_report_ms = KH_MINUTES(24 * 60),
        .assign_ms = KH_SECONDS(20),
        .rebalance_every = 3,
        .clean_after_ms = KH_MINUTES(5),
    };
}

struct kh_worker *kh_worker_new(const struct kh_worker_config *config, kh_ms now_ms)
{
    struct kh_worker *worker = kh_mem_new(1, sizeof(*worker));

    kh_assert(config->worker_id[0] != '\0');
    kh_assert(config->failover_ms > 0);
    kh_assert(config->read_units_per_s > 0);
    worker->ctx.config = *config;
    kh_rand_init(&worker->ctx.rand, config->seed);
    kh_pace_init(&worker->ctx.pace);
    kh_table_init(&worker->table);
    kh_consumers_init(&worker->consumers);
    kh_pending_init(&worker->pending);
    kh_taking_init(&worker->taking, &worker->ctx);
    worker->taking.table = &worker->table;
    worker->taking.held = &worker->consumers.by_key;
    worker->taking.pending = &worker->pending;
    worker->taking.fleet = &worker->fleet;
    kh_fleet_init(&worker->fleet, &worker->ctx, worker->taking.assignment.leading != NULL, now_ms);
    kh_sync_init(&worker->sync, &worker->ctx, now_ms);
    worker->list_at_ms = now_ms;
    worker->coming_at_ms = KH_NEVER;
    worker->kill_at_ms = KH_NEVER;
    worker->end_at_ms = KH_NEVER;
    worker->whole = true;
    return worker;
}

void kh_worker_free(struct kh_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    kh_consumers_fini(&worker->consumers);
    kh_table_fini(&worker->table);
    kh_pending_fini(&worker->pending);
    kh_fleet_fini(&worker->fleet);
    kh_taking_fini(&worker->taking);
    kh_sync_fini(&worker->sync);
    kh_mem_free(worker);
}

/* ---- store requests and who waits for them ---- */

/* Book every STORE command that was appended since from. */
static void book_requests(struct kh_worker *worker, enum kh_pending_who who, const char *key,
                          size_t from, kh_ms now_ms, const struct kh_cmds *out)
{
    for (size_t i = from; i < out->n; i++) {
        if (out->items[i].type == KH_CMD_STORE) {
            kh_pending_add(&worker->pending, out->items[i].op->id, who, key, now_ms);
        }
    }
}

/* A look at the table costs so much of its budget that the next may come only after this. A large
 * table is not looked at less often than by a Java worker. */
static kh_ms least_pause_ms(const struct kh_worker *worker)
{
    const struct kh_worker_config *config = &worker->ctx.config;
    kh_ms units = (kh_ms)(kh_table_n(&worker->table) / ROWS_PER_READ_UNIT) + 1;

    return kh_ms_min(units * 1000 / config->read_units_per_s, 2 * config->failover_ms);
}

/* What we know of the table has turned out to be old. */
static void look_soon(struct kh_worker *worker, kh_ms now_ms)
{
    kh_ms at_ms = kh_ms_max(worker->list_sent_at_ms + least_pause_ms(worker), now_ms + SOON_MS);

    worker->list_at_ms = kh_ms_min(worker->list_at_ms, at_ms);
}

static void send_list(struct kh_worker *worker, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_lease_op *op = kh_cmds_push_op(out, KH_LEASE_LIST, "");

    kh_assert(!worker->listing);
    op->id = ++worker->ctx.op;
    worker->listing = true;
    worker->list_sent_at_ms = now_ms;
    kh_pending_add(&worker->pending, op->id, KH_PENDING_LIST, "", now_ms);
}

static bool is_mine(const struct kh_worker *worker, const struct kh_lease *lease)
{
    return strcmp(lease->owner, worker->ctx.config.worker_id) == 0;
}

/* When the first lease of somebody else runs out, of those that did not move since the look before:
 * the others' owners were alive just now. */
static kh_ms next_expiry_ms(const struct kh_worker *worker, kh_ms now_ms)
{
    kh_ms at_ms = KH_NEVER;

    for (size_t i = 0; i < kh_table_n(&worker->table); i++) {
        const struct kh_table_row *row = kh_table_at(&worker->table, i);

        if (row->lease.owner[0] != '\0' && row->changed_at_ms < now_ms &&
            !is_mine(worker, &row->lease)) {
            at_ms = kh_ms_min(at_ms, row->changed_at_ms + worker->ctx.config.failover_ms + 1);
        }
    }
    return at_ms;
}

/* A lease that was asked for is on its way to us. */
static bool is_one_coming(const struct kh_worker *worker)
{
    for (size_t i = 0; i < kh_table_n(&worker->table); i++) {
        const struct kh_lease *lease = &kh_table_at(&worker->table, i)->lease;

        if (lease->checkpoint_owner[0] != '\0' && is_mine(worker, lease)) {
            return true;
        }
    }
    return false;
}

/* A table that is looked at rarely would let what was handed over lie until the next look. */
static void look_at_coming_later(struct kh_worker *worker, kh_ms now_ms)
{
    if (least_pause_ms(worker) > COMING_MS && is_one_coming(worker)) {
        worker->coming_at_ms = kh_ms_min(worker->coming_at_ms, now_ms + COMING_MS);
    }
}

/* A small table is looked at every list_ms, and a few times a second while a lease is on its way to
 * us; a large one as often as its budget allows. When a lease may have run out, which is rare, the
 * next look may come sooner. */
static kh_ms next_list_ms(struct kh_worker *worker, kh_ms now_ms)
{
    const struct kh_worker_config *config = &worker->ctx.config;
    kh_ms least_ms = least_pause_ms(worker);
    kh_ms wanted_ms = is_one_coming(worker) ? SOON_MS : config->list_ms;
    kh_ms usual_ms = kh_ctx_jitter(&worker->ctx, kh_ms_max(wanted_ms, least_ms));
    kh_ms expiry_ms = next_expiry_ms(worker, now_ms);

    if (expiry_ms <= now_ms || expiry_ms >= now_ms + usual_ms) {
        return now_ms + usual_ms; /* one that has run out by now was seen to */
    }
    return kh_ms_max(expiry_ms, now_ms + least_ms / 4);
}

/* ---- consumers ---- */

static void poke_children_of(struct kh_worker *worker, kh_ms now_ms)
{
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers); i++) {
        struct kh_consumer *consumer = kh_consumers_at(&worker->consumers, i);

        kh_consumer_poke(consumer, now_ms);
        kh_consumers_see(&worker->consumers, consumer);
    }
}

/* The shard was given up: it is somebody else's turn, or ours again in a while. */
static void shun(struct kh_worker *worker, const struct kh_consumer *consumer, kh_ms now_ms)
{
    struct kh_table_row *row = kh_table_find(&worker->table, consumer->hold.lease.key);

    if (row != NULL) {
        row->shunned_until_ms = now_ms + worker->ctx.config.retry_ms;
    }
}

/* After a step of a consumer: book its requests, see what it wants. */
static void after_step(struct kh_worker *worker, struct kh_consumer *consumer, size_t from,
                       kh_ms now_ms, const struct kh_cmds *out)
{
    book_requests(worker, KH_PENDING_SHARD, consumer->hold.lease.key, from, now_ms, out);
    if (consumer->wants_sync) {
        consumer->wants_sync = false;
        kh_sync_want(&worker->sync);
    }
    if (consumer->gave_up) {
        consumer->gave_up = false;
        shun(worker, consumer, now_ms);
    }
    worker->one_failed |= consumer->failed;
    kh_consumers_see(&worker->consumers, consumer);
}

static void step_consumer(struct kh_worker *worker, struct kh_consumer *consumer,
                          const struct kh_event *event, kh_ms now_ms, struct kh_cmds *out)
{
    size_t from = out->n;
    bool ended_before = consumer->end_stored;

    kh_consumer_step(consumer, event, now_ms, out);
    after_step(worker, consumer, from, now_ms, out);
    if (consumer->end_stored && !ended_before) {
        poke_children_of(worker, now_ms);
    }
}

static void begin_consumer(struct kh_worker *worker, const struct kh_lease *row,
                           const struct kh_pending_entry *take, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_consumer *consumer =
        kh_consumer_new(&worker->ctx, row, take->sent_at_ms, take->begin_at_ms);
    size_t from = out->n;

    kh_consumers_add(&worker->consumers, consumer);
    kh_cmds_note(out, consumer->hold.lease.key, "worker.lease_taken");
    if (worker->state == WORKER_RUNNING) {
        step_consumer(worker, consumer, &(struct kh_event){.type = KH_EVENT_TICK}, now_ms, out);
    } else {
        kh_consumer_stop(consumer, now_ms, out); /* it came too late: give it back */
        after_step(worker, consumer, from, now_ms, out);
    }
}

/* ---- shard sync ---- */

/* With a row that cannot be read, the children of its shard look like a line that nobody reads; put
 * at LATEST or at a timestamp they would lose what came before. At TRIM_HORIZON nothing can be
 * lost, and shard sync only takes its time. */
static bool may_sync(const struct kh_worker *worker)
{
    return worker->listed &&
           (worker->whole || worker->ctx.config.initial_position == KH_POSITION_TRIM_HORIZON);
}

/* What a step of shard sync leaves to the worker: its request is booked, and new leases are to be
 * taken at once. */
static void after_sync(struct kh_worker *worker, bool ended, size_t from, kh_ms now_ms,
                       const struct kh_cmds *out)
{
    book_requests(worker, KH_PENDING_CREATE, "", from, now_ms, out);
    if (ended) {
        worker->list_at_ms = now_ms;
    }
}

static void on_create(struct kh_worker *worker, const struct kh_lease_answer *answer, kh_ms now_ms,
                      struct kh_cmds *out)
{
    size_t from = out->n;
    bool ended;

    if (worker->state == WORKER_RUNNING) {
        ended = kh_sync_on_answer(&worker->sync, answer, now_ms, out);
        after_sync(worker, ended, from, now_ms, out);
    }
}

/* Nothing is missing: what is not listed either is past retention. A stream without any shard there
 * is not. */
static void tell_listed(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                        struct kh_cmds *out)
{
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers) && event->shards_n > 0; i++) {
        struct kh_consumer *consumer = kh_consumers_at(&worker->consumers, i);
        size_t from = out->n;

        kh_consumer_listed(consumer, event->shards, event->shards_n, now_ms, out);
        after_step(worker, consumer, from, now_ms, out);
    }
}

static void on_shards(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                      struct kh_cmds *out)
{
    struct kh_event usable = *event;
    size_t from = out->n;
    bool ended;

    if (worker->state == WORKER_RUNNING) {
        if (!may_sync(worker)) {
            usable.rc = KH_RETRY; /* listed before a row turned out to be unreadable */
        }
        ended = kh_sync_on_shards(&worker->sync, &usable, &worker->table, now_ms, out);
        after_sync(worker, ended, from, now_ms, out);
        if (ended && worker->sync.complete) {
            tell_listed(worker, event, now_ms, out);
        }
    }
}

/* ---- looks at the table ---- */

/* A finished lease in the table may be the parent somebody here waits for. */
static bool has_news_of_parents(const struct kh_worker *worker, const struct kh_lease *leases,
                                size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct kh_table_row *row = NULL;

        if (kh_lease_is_finished(&leases[i])) {
            row = kh_table_find(&worker->table, leases[i].key);
        }
        if (row != NULL && !kh_lease_is_finished(&row->lease)) {
            return true;
        }
    }
    return false;
}

/* A listing of the table is no snapshot: it may show a parent's end and not yet its children. */
static bool has_its_children(const struct kh_worker *worker, const struct kh_lease *lease)
{
    for (unsigned i = 0; i < lease->children_n; i++) {
        if (kh_table_find(&worker->table, lease->children[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* Nothing is left to read: each lease is finished, or ours and read to the end of what there is. */
static bool is_nothing_left(const struct kh_worker *worker)
{
    for (size_t i = 0; i < kh_table_n(&worker->table); i++) {
        const struct kh_table_row *row = kh_table_at(&worker->table, i);
        const struct kh_consumer *consumer =
            kh_consumers_get(&worker->consumers, kh_str(row->lease.key));

        bool done = kh_lease_is_finished(&row->lease)
                        ? has_its_children(worker, &row->lease)
                        : consumer != NULL && kh_consumer_is_caught_up(consumer);

        if (!done) {
            return false;
        }
    }
    return worker->sync.state == KH_SYNC_IDLE;
}

/* Whoever robs us begins when we must have stopped, and what our child does until then is done
 * twice; whoever asks for a lease waits. So we look for ourselves as soon as the table says so, not
 * only when the next renewal is due. */
static bool is_news_of_asking(const struct kh_worker *worker, const struct kh_table_row *row,
                              const struct kh_consumer *consumer)
{
    return strcmp(row->lease.checkpoint_owner, worker->ctx.config.worker_id) == 0 &&
           !kh_hold_is_asked_for(&consumer->hold);
}

static void doubt_robbed(struct kh_worker *worker, kh_ms now_ms, struct kh_cmds *out)
{
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers); i++) {
        struct kh_consumer *consumer = kh_consumers_at(&worker->consumers, i);
        const struct kh_lease *held = &consumer->hold.lease;
        const struct kh_table_row *row = kh_table_find(&worker->table, held->key);
        size_t from = out->n;

        if (row != NULL && !is_mine(worker, &row->lease) &&
            (row->lease.counter > held->counter || is_news_of_asking(worker, row, consumer))) {
            kh_hold_doubt(&consumer->hold, now_ms, out);
            after_step(worker, consumer, from, now_ms, out);
        }
    }
}

static void begin_stop(struct kh_worker *worker, enum kh_stop_reason why, kh_ms now_ms,
                       struct kh_cmds *out)
{
    worker->state = WORKER_STOPPING;
    worker->why = why;
    worker->kill_at_ms = now_ms + worker->ctx.config.shutdown_grace_ms;
    worker->end_at_ms = worker->kill_at_ms + RELEASE_MS_MAX;
    kh_cmds_note(out, "", "worker.stopping");
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers); i++) {
        struct kh_consumer *consumer = kh_consumers_at(&worker->consumers, i);
        size_t from = out->n;

        kh_consumer_stop(consumer, now_ms, out);
        after_step(worker, consumer, from, now_ms, out);
    }
    kh_taking_stop(&worker->taking, now_ms, out);
    kh_fleet_stop(&worker->fleet, now_ms);
}

static void on_list(struct kh_worker *worker, const struct kh_lease_answer *answer, kh_ms now_ms,
                    struct kh_cmds *out)
{
    worker->listing = false;
    if (answer->outcome != KH_LEASE_DONE) {
        kh_cmds_note(out, "", "worker.table_not_read");
        worker->list_at_ms =
            now_ms + kh_ctx_jitter(&worker->ctx, kh_backoff(LIST_RETRY_MS, worker->list_failures_n,
                                                            LIST_RETRY_MS_MAX));
        worker->list_failures_n++;
        return;
    }
    if (has_news_of_parents(worker, answer->leases, answer->leases_n)) {
        poke_children_of(worker, now_ms);
    }
    worker->sync.looked_at_ms = worker->list_sent_at_ms;
    worker->taking.seen_at_ms = worker->list_sent_at_ms;
    kh_table_update(&worker->table, answer->leases, answer->leases_n,
                    worker->ctx.config.failover_ms, now_ms);
    worker->listed = true;
    worker->list_failures_n = 0;
    if (worker->whole && answer->malformed_n > 0) {
        kh_cmds_note_value(out, "", "worker.table_not_whole", (int64_t)answer->malformed_n);
    }
    worker->whole = answer->malformed_n == 0;
    worker->list_at_ms = next_list_ms(worker, now_ms);
    look_at_coming_later(worker, now_ms);
    if (worker->state != WORKER_RUNNING) {
        return;
    }
    doubt_robbed(worker, now_ms, out);
    worker->sync.leads = kh_fleet_leads(&worker->fleet, &worker->table, now_ms);
    worker->sync.in_doubt = !worker->whole;
    kh_sync_audit(&worker->sync, &worker->table, now_ms, out);
    kh_taking_readopt(&worker->taking, now_ms, out);
    kh_taking_decide(&worker->taking, now_ms, out);
    if (!worker->ctx.config.exit_when_done || !is_nothing_left(worker)) {
        return;
    }
    if (worker->sync.hole.found && !worker->sync.complete) {
        worker->sync.wanted = true;
        worker->sync.next_at_ms = now_ms; /* first see that no shard is without a lease */
    } else {
        begin_stop(worker, KH_STOP_DONE, now_ms, out);
    }
}

/* ---- routing ---- */

static void step_fleet(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                       struct kh_cmds *out)
{
    const struct kh_fleet_sight sight = {.table = &worker->table,
                                         .held = &worker->consumers.by_key};
    const bool known = kh_fleet_mode(&worker->fleet) != KH_FLEET_UNKNOWN;

    kh_fleet_step(&worker->fleet, event, &sight, now_ms, out);
    if (worker->state != WORKER_RUNNING || !worker->listed) {
        return;
    }
    kh_taking_look_into(&worker->taking, worker->fleet.found, worker->fleet.found_n, now_ms, out);
    if (worker->fleet.stats_came || (!known && kh_fleet_mode(&worker->fleet) != KH_FLEET_UNKNOWN)) {
        kh_taking_decide(&worker->taking, now_ms, out);
    }
}

static void on_store(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                     struct kh_cmds *out)
{
    struct kh_pending_entry entry;
    struct kh_consumer *consumer;
    bool known = kh_pending_take(&worker->pending, event->answer->id, &entry);

    kh_assert(known); /* each request is answered once */
    switch (entry.who) {
    case KH_PENDING_LIST:
        on_list(worker, event->answer, now_ms, out);
        break;
    case KH_PENDING_TAKE:
        if (kh_taking_on_take(&worker->taking, &entry, event->answer, now_ms, out)) {
            kh_assert(kh_consumers_get(&worker->consumers, kh_str(entry.key)) == NULL);
            begin_consumer(worker, &event->answer->lease, &entry, now_ms, out);
        }
        break;
    case KH_PENDING_ASK:
    case KH_PENDING_GIVE:
        kh_taking_on_asked(&worker->taking, &entry, event->answer, now_ms, out);
        look_at_coming_later(worker, now_ms);
        doubt_robbed(worker, now_ms, out); /* perhaps it was ours that was given away */
        break;
    case KH_PENDING_LOOK:
        if (worker->state == WORKER_RUNNING) {
            kh_taking_on_looked(&worker->taking, &entry, event->answer, now_ms, out);
        }
        break;
    case KH_PENDING_CREATE:
        on_create(worker, event->answer, now_ms, out);
        break;
    case KH_PENDING_SHARD:
        consumer = kh_consumers_get(&worker->consumers, kh_str(entry.key));
        if (consumer != NULL) {
            step_consumer(worker, consumer, event, now_ms, out);
        }
        break;
    case KH_PENDING_NOBODY:
        kh_assert(false);
    }
    if (worker->taking.look_soon) {
        worker->taking.look_soon = false;
        look_soon(worker, now_ms);
    }
}

static void on_shard_event(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                           struct kh_cmds *out)
{
    struct kh_consumer *consumer = kh_consumers_get(&worker->consumers, event->key);

    if (consumer != NULL) {
        step_consumer(worker, consumer, event, now_ms, out);
    } else if (event->type == KH_EVENT_FETCHED && event->fetched != NULL &&
               event->fetched->batch != 0) {
        kh_cmds_push(out,
                     (struct kh_cmd){.type = KH_CMD_DROP_BATCH, .batch = event->fetched->batch});
    }
}

static void kill_children(struct kh_worker *worker, kh_ms now_ms, struct kh_cmds *out)
{
    worker->kill_at_ms = KH_NEVER;
    worker->end_at_ms = now_ms + RELEASE_MS_MAX;
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers); i++) {
        struct kh_consumer *consumer = kh_consumers_at(&worker->consumers, i);
        size_t from = out->n;

        kh_consumer_kill(consumer, now_ms, out);
        after_step(worker, consumer, from, now_ms, out);
    }
}

/* While the store throttles only one renewal goes out at a time: that of the lease that runs out
 * first. */
static void renew_most_urgent(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                              struct kh_cmds *out)
{
    struct kh_consumer *first = NULL;

    kh_pace_share(&worker->ctx.pace, kh_consumers_n(&worker->consumers),
                  worker->ctx.config.failover_ms);
    if (worker->ctx.pace.gap_ms == 0) {
        return;
    }
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers); i++) {
        struct kh_consumer *consumer = kh_consumers_at(&worker->consumers, i);

        if (now_ms >= kh_hold_deadline(&consumer->hold) &&
            (first == NULL || consumer->hold.expires_at_ms < first->hold.expires_at_ms)) {
            first = consumer;
        }
    }
    if (first != NULL) {
        step_consumer(worker, first, event, now_ms, out);
    }
}

static void step_due(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                     struct kh_cmds *out)
{
    renew_most_urgent(worker, event, now_ms, out);
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers); i++) {
        if (kh_consumers_is_due(&worker->consumers, i, now_ms)) {
            step_consumer(worker, kh_consumers_at(&worker->consumers, i), event, now_ms, out);
        }
    }
    kh_consumers_all_stepped(&worker->consumers);
}

static void on_tick(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                    struct kh_cmds *out)
{
    if (now_ms >= worker->consumers.at_ms) {
        step_due(worker, event, now_ms, out);
    }
    step_fleet(worker, event, now_ms, out);
    if (worker->state != WORKER_RUNNING) {
        return;
    }
    if (!worker->listing && now_ms >= worker->list_at_ms) {
        send_list(worker, now_ms, out);
    }
    if (now_ms >= worker->coming_at_ms) {
        worker->coming_at_ms = kh_taking_look_at_coming(&worker->taking, now_ms, out)
                                   ? now_ms + kh_ctx_jitter(&worker->ctx, COMING_MS)
                                   : KH_NEVER;
    }
    if (may_sync(worker)) {
        kh_sync_tick(&worker->sync, &worker->table, now_ms, out);
    }
}

static void on_stop(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                    struct kh_cmds *out)
{
    if (worker->state == WORKER_RUNNING) {
        begin_stop(worker, KH_STOP_ASKED, now_ms, out);
    }
    if (event->type != KH_EVENT_STOP_NOW || worker->state != WORKER_STOPPING) {
        return;
    }
    if (worker->kill_at_ms != KH_NEVER) {
        kill_children(worker, now_ms, out);
    } else {
        worker->end_at_ms = now_ms; /* asked once more: wait for nothing */
    }
}

/* Everything is given back, or there is no more time for it. */
static void look_at_end(struct kh_worker *worker, kh_ms now_ms, struct kh_cmds *out)
{
    bool busy;

    if (worker->state != WORKER_STOPPING) {
        return;
    }
    busy = kh_pending_count(&worker->pending, KH_PENDING_TAKE) > 0 ||
           kh_pending_count(&worker->pending, KH_PENDING_ASK) > 0 ||
           !kh_fleet_is_gone(&worker->fleet);
    /* Whatever event shows that the time is over: after a freeze the TICK may be the last to
     * come. */
    if (now_ms >= worker->kill_at_ms) {
        kh_cmds_note(out, "", "worker.grace_over");
        kill_children(worker, now_ms, out);
    }
    for (size_t i = 0; i < kh_consumers_n(&worker->consumers); i++) {
        busy |= kh_consumers_at(&worker->consumers, i)->state != KH_CONSUMER_GONE;
    }
    if (busy && now_ms < worker->end_at_ms) {
        return;
    }
    worker->state = WORKER_STOPPED;
    kh_cmds_push(out, (struct kh_cmd){.type = KH_CMD_STOPPED, .why = worker->why});
}

void kh_worker_step(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                    struct kh_cmds *out)
{
    kh_consumers_bury(&worker->consumers);
    if (worker->state == WORKER_STOPPED) {
        return;
    }
    switch (event->type) {
    case KH_EVENT_TICK:
        on_tick(worker, event, now_ms, out);
        break;
    case KH_EVENT_STORE:
        on_store(worker, event, now_ms, out);
        break;
    case KH_EVENT_SHARDS:
        on_shards(worker, event, now_ms, out);
        break;
    case KH_EVENT_COORD:
    case KH_EVENT_UTILIZATION:
        step_fleet(worker, event, now_ms, out);
        break;
    case KH_EVENT_OPENED:
    case KH_EVENT_FETCHED:
    case KH_EVENT_CHILD_STATUS:
    case KH_EVENT_CHILD_CHECKPOINT:
    case KH_EVENT_CHILD_EXITED:
        on_shard_event(worker, event, now_ms, out);
        break;
    case KH_EVENT_STOP:
    case KH_EVENT_STOP_NOW:
        on_stop(worker, event, now_ms, out);
        break;
    }
    if (worker->one_failed && worker->state == WORKER_RUNNING) {
        begin_stop(worker, KH_STOP_FAILED, now_ms, out);
    }
    look_at_end(worker, now_ms, out);
}

bool kh_worker_reports(const struct kh_worker *worker)
{
    return worker->state == WORKER_RUNNING && worker->ctx.config.report_metrics &&
           kh_mode_reports(worker->fleet.version.mode);
}

kh_ms kh_worker_deadline(const struct kh_worker *worker)
{
    kh_ms at_ms = kh_fleet_deadline(&worker->fleet);

    if (worker->state == WORKER_STOPPED) {
        return KH_NEVER;
    }
    at_ms = kh_ms_min(at_ms, worker->consumers.at_ms);
    if (worker->state == WORKER_STOPPING) {
        return kh_ms_min(at_ms, kh_ms_min(worker->kill_at_ms, worker->end_at_ms));
    }
    if (!worker->listing) {
        at_ms = kh_ms_min(at_ms, worker->list_at_ms);
    }
    at_ms = kh_ms_min(at_ms, worker->coming_at_ms);
    if (may_sync(worker)) {
        at_ms = kh_ms_min(at_ms, kh_sync_deadline(&worker->sync));
    }
    return at_ms;
}

size_t kh_worker_shards_n(const struct kh_worker *worker)
{
    return kh_consumers_n(&worker->consumers);
}

struct kh_worker_shard kh_worker_shard_at(const struct kh_worker *worker, size_t i, kh_ms now_ms)
{
    const struct kh_consumer *consumer = kh_consumers_at(&worker->consumers, i);

    return (struct kh_worker_shard){
        .key = consumer->hold.lease.key,
        .state = kh_consumer_state_name(consumer->state),
        .checkpoint = consumer->hold.lease.checkpoint,
        .expires_at_ms = consumer->hold.expires_at_ms,
        .child_running = consumer->dialog.state != KH_DIALOG_NONE,
        .acts_as_owner = kh_hold_is_ours(&consumer->hold, now_ms) && !consumer->hold.release &&
                         now_ms >= consumer->begin_at_ms,
    };
}
