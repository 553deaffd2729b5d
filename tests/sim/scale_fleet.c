#include "scale_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

#define BOOT_MS       KH_SECONDS(1000) /* no machine has just booted */
#define WALL_MS       INT64_C(1700000000000)
#define LATENCY_MS    8 /* of a request for one item: this to twice this */
#define PAGE_MS       20
#define PAGE_BYTES    (1 << 20)
#define READ_BYTES    4096
#define NAME_PREFIX_N 7 /* "worker-" and "shardId" are both so long */

enum fleet_ev_type {
    EV_START,
    EV_TICK,
    EV_ANSWER,
    EV_COORD,
    EV_SHARDS,
    EV_OPENED,
    EV_STATUS,
    EV_EXIT
};

struct fleet_ev {
    kh_ms at_ms;
    uint64_t n; /* in order of pushing among equals */
    enum fleet_ev_type type;
    uint32_t worker;
    uint32_t life;
    uint32_t shard;
    uint32_t child;
    enum kh_action action;
    uint64_t ticket;
    void *p; /* owned: a struct kh_lease_answer or kh_coord_answer */
};

/* ---- the queue ---- */

static bool before(const struct fleet_ev *a, const struct fleet_ev *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->n < b->n;
}

static void push(struct fleet *fleet, kh_ms delay_ms, struct fleet_ev ev)
{
    size_t at = fleet->heap_n;

    if (fleet->heap_n == fleet->heap_capacity) {
        fleet->heap_capacity = kh_mem_grown(fleet->heap_capacity, fleet->heap_n + 1);
        fleet->heap = kh_mem_resize(fleet->heap, fleet->heap_capacity, sizeof(*fleet->heap));
    }
    ev.at_ms = fleet->now_ms + delay_ms;
    ev.n = fleet->pushed++;
    fleet->heap_n++;
    while (at > 0 && before(&ev, &fleet->heap[(at - 1) / 2])) {
        fleet->heap[at] = fleet->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    fleet->heap[at] = ev;
}

static struct fleet_ev pop(struct fleet *fleet)
{
    struct fleet_ev first = fleet->heap[0];
    struct fleet_ev last = fleet->heap[--fleet->heap_n];
    size_t at = 0;

    while (2 * at + 1 < fleet->heap_n) {
        size_t child = 2 * at + 1;

        if (child + 1 < fleet->heap_n && before(&fleet->heap[child + 1], &fleet->heap[child])) {
            child++;
        }
        if (!before(&fleet->heap[child], &last)) {
            break;
        }
        fleet->heap[at] = fleet->heap[child];
        at = child;
    }
    fleet->heap[at] = last;
    return first;
}

static kh_ms latency(struct fleet *fleet)
{
    return kh_rand_between(&fleet->rand, LATENCY_MS, 2 * LATENCY_MS);
}

/* ---- the table ---- */

static uint32_t number_of(const char *name)
{
    return (uint32_t)strtoul(name + NAME_PREFIX_N + (name[NAME_PREFIX_N] == '-'), NULL, 10);
}

static uint32_t worker_of(const char *id)
{
    return id[0] == '\0' ? 0 : number_of(id) + 1;
}

static void leave_count(struct fleet *fleet, const struct fleet_lease *lease, bool handed_over)
{
    fleet->handed_over_n -= handed_over;
    if (lease->owner == 0) {
        fleet->unowned_n--;
    } else {
        fleet->workers[lease->owner - 1].owns_n--;
    }
}

static void enter_count(struct fleet *fleet, struct fleet_lease *lease, const struct kh_lease *row)
{
    uint32_t was = lease->worked_by;

    fleet->handed_over_n += row->checkpoint_owner[0] != '\0';
    lease->owner = worker_of(row->owner);
    lease->worked_by = worker_of(kh_lease_actual_owner(row));
    if (lease->owner == 0) {
        fleet->unowned_n++;
    } else {
        fleet->workers[lease->owner - 1].owns_n++;
    }
    fleet->owner_changes += was != 0 && was != lease->worked_by;
}

/* A write has been carried out: how long after the one before? */
static void note_write(struct fleet *fleet, uint32_t w, struct fleet_lease *lease,
                       uint32_t worked_by_before)
{
    kh_ms pause_ms = fleet->now_ms - lease->touched_at_ms;

    if (worked_by_before == w + 1 && lease->touched_by == w + 1) {
        fleet->latest_renewal_ms = kh_ms_max(fleet->latest_renewal_ms, pause_ms);
    } else if (worked_by_before == w + 1) {
        fleet->longest_rest_ms = kh_ms_max(fleet->longest_rest_ms, pause_ms);
    }
    if (worked_by_before == w + 1 || lease->worked_by == w + 1) {
        lease->touched_by = w + 1;
        lease->touched_at_ms = fleet->now_ms;
    }
}

static void write_row(struct fleet *fleet, uint32_t w, const struct kh_lease_op *op,
                      struct kh_lease_answer *answer)
{
    struct fleet_lease *lease = &fleet->leases[number_of(op->key)];
    bool exists = lease->place != 0;
    struct kh_lease *row = &fleet->rows[exists ? lease->place - 1 : fleet->rows_n];
    uint32_t worked_by = lease->worked_by;
    bool handed_over = exists && row->checkpoint_owner[0] != '\0';

    kh_assert(op->verb == KH_LEASE_CREATE || op->verb == KH_LEASE_UPDATE);
    kh_lease_op_answer(op, &exists, row, answer);
    fleet->bill.write_units++; /* half a KB */
    if (answer->outcome != KH_LEASE_DONE) {
        fleet->bill.conflicts++;
        return;
    }
    if (lease->place == 0) {
        lease->place = ++fleet->rows_n;
    } else {
        leave_count(fleet, lease, handed_over);
    }
    enter_count(fleet, lease, row);
    note_write(fleet, w, lease, worked_by);
}

/* What its pages cost, and how long they take. */
static kh_ms list_rows(struct fleet *fleet)
{
    uint64_t bytes = (uint64_t)fleet->rows_n * FLEET_ITEM_BYTES;
    uint64_t pages = bytes / PAGE_BYTES + 1;

    fleet->bill.scans++;
    fleet->bill.scan_pages += pages;
    fleet->bill.read_halves += (bytes + READ_BYTES - 1) / READ_BYTES;
    return (kh_ms)pages * PAGE_MS;
}

static void submit(struct fleet *fleet, uint32_t w, const struct kh_lease_op *op)
{
    struct kh_lease_answer *answer = kh_mem_new(1, sizeof(*answer));
    struct fleet_lease *lease;
    kh_ms delay_ms = latency(fleet);

    *answer = (struct kh_lease_answer){.id = op->id, .verb = op->verb};
    switch (op->verb) {
    case KH_LEASE_LIST:
        answer->outcome = KH_LEASE_DONE;
        delay_ms += list_rows(fleet); /* the rows are put in when it is told */
        break;
    case KH_LEASE_GET:
        lease = &fleet->leases[number_of(op->key)];
        answer->outcome = KH_LEASE_DONE;
        answer->found = lease->place != 0;
        if (answer->found) {
            answer->lease = fleet->rows[lease->place - 1];
        }
        fleet->bill.gets++;
        fleet->bill.read_halves += 2;
        break;
    case KH_LEASE_CREATE:
        fleet->bill.creates++;
        write_row(fleet, w, op, answer);
        break;
    case KH_LEASE_UPDATE:
        fleet->bill.updates++;
        write_row(fleet, w, op, answer);
        break;
    case KH_LEASE_DELETE:
        kh_assert(false); /* no shard ever ends here */
    }
    push(fleet, delay_ms,
         (struct fleet_ev){
             .type = EV_ANSWER, .worker = w, .life = fleet->workers[w].life, .p = answer});
}

/* There is nothing beside the leases. */
static void submit_coord(struct fleet *fleet, uint32_t w, const struct kh_coord_op *op)
{
    struct kh_coord_answer *answer = kh_mem_new(1, sizeof(*answer));

    answer->id = op->id;
    answer->verb = op->verb;
    answer->kind = op->kind;
    answer->outcome = KH_LEASE_DONE;
    fleet->bill.other++;
    fleet->bill.read_halves += op->verb == KH_COORD_GET ? 2 : 0;
    push(fleet, latency(fleet),
         (struct fleet_ev){
             .type = EV_COORD, .worker = w, .life = fleet->workers[w].life, .p = answer});
}

/* ---- workers ---- */

static void step(struct fleet *fleet, uint32_t w, const struct kh_event *event);

static void set_timer(struct fleet *fleet, uint32_t w)
{
    struct fleet_worker *worker = &fleet->workers[w];
    kh_ms at_ms = kh_worker_deadline(worker->core);

    if (at_ms == KH_NEVER || at_ms >= worker->tick_at_ms) {
        return; /* a tick that is too early only sets the next one */
    }
    worker->tick_at_ms = at_ms;
    push(fleet, kh_ms_max(at_ms - BOOT_MS - fleet->now_ms, 0),
         (struct fleet_ev){.type = EV_TICK, .worker = w, .life = worker->life});
}

static void forget(struct fleet_worker *worker)
{
    kh_worker_free(worker->core);
    worker->core = NULL;
    worker->life++;
    worker->tick_at_ms = KH_NEVER;
}

static void carry(struct fleet *fleet, uint32_t w, const struct kh_cmd *cmd)
{
    struct fleet_ev ev = {.worker = w,
                          .life = fleet->workers[w].life,
                          .child = cmd->child,
                          .ticket = cmd->ticket,
                          .action = cmd->action};

    switch (cmd->type) {
    case KH_CMD_NOTE:
    case KH_CMD_CLOSE:
    case KH_CMD_FETCH: /* never answered: there is never anything to read */
    case KH_CMD_CHILD_START:
        return;
    case KH_CMD_STORE:
        submit(fleet, w, cmd->op);
        return;
    case KH_CMD_COORD:
        submit_coord(fleet, w, cmd->coord);
        return;
    case KH_CMD_LIST_SHARDS:
        ev.type = EV_SHARDS;
        break;
    case KH_CMD_OPEN:
        ev.type = EV_OPENED;
        break;
    case KH_CMD_CHILD_SEND:
        ev.type = EV_STATUS;
        break;
    case KH_CMD_CHILD_CLOSE:
    case KH_CMD_CHILD_SIGNAL:
        ev.type = EV_EXIT;
        break;
    case KH_CMD_STOPPED:
        forget(&fleet->workers[w]);
        return;
    case KH_CMD_DROP_BATCH:
    case KH_CMD_CHILD_ACK:
        kh_assert(false); /* there are no records and no checkpoints */
    }
    ev.shard = cmd->key == NULL || cmd->key[0] == '\0' ? 0 : number_of(cmd->key);
    push(fleet, ev.type == EV_STATUS || ev.type == EV_EXIT ? 1 : latency(fleet), ev);
}

static void step(struct fleet *fleet, uint32_t w, const struct kh_event *event)
{
    struct fleet_worker *worker = &fleet->workers[w];

    kh_cmds_reset(&worker->cmds);
    kh_worker_step(worker->core, event, BOOT_MS + fleet->now_ms, &worker->cmds);
    fleet->steps++;
    for (size_t i = 0; i < worker->cmds.n; i++) {
        carry(fleet, w, &worker->cmds.items[i]);
    }
    if (worker->core != NULL) {
        set_timer(fleet, w);
    }
}

static void start(struct fleet *fleet, uint32_t w)
{
    struct fleet_worker *worker = &fleet->workers[w];
    struct kh_worker_config config;

    kh_worker_config_default(&config);
    memcpy(config.worker_id, worker->id, sizeof(config.worker_id));
    config.seed = kh_rand_u64(&fleet->rand);
    config.initial_position = KH_POSITION_TRIM_HORIZON;
    config.versions = KH_VERSIONS_AUTO;
    fleet->failover_ms = config.failover_ms;
    worker->core = kh_worker_new(&config, BOOT_MS + fleet->now_ms);
    set_timer(fleet, w);
}

static void tick(struct fleet *fleet, uint32_t w)
{
    struct fleet_worker *worker = &fleet->workers[w];

    worker->tick_at_ms = KH_NEVER;
    if (kh_worker_deadline(worker->core) > BOOT_MS + fleet->now_ms) {
        set_timer(fleet, w); /* it wanted an earlier one, which has done its work */
        return;
    }
    step(fleet, w, &(struct kh_event){.type = KH_EVENT_TICK, .wall_ms = WALL_MS + fleet->now_ms});
}

static void deliver(struct fleet *fleet, const struct fleet_ev *ev)
{
    struct kh_event event = {.key = kh_str(fleet->shards[ev->shard].id),
                             .ticket = ev->ticket,
                             .child = ev->child,
                             .wall_ms = WALL_MS + fleet->now_ms};
    struct kh_lease_answer *answer = ev->p;

    switch (ev->type) {
    case EV_START:
        start(fleet, ev->worker);
        return;
    case EV_TICK:
        tick(fleet, ev->worker);
        return;
    case EV_ANSWER:
        if (answer->verb == KH_LEASE_LIST) {
            answer->leases = fleet->rows;
            answer->leases_n = fleet->rows_n;
        }
        event.type = KH_EVENT_STORE;
        event.answer = answer;
        break;
    case EV_COORD:
        event.type = KH_EVENT_COORD;
        event.coord = ev->p;
        break;
    case EV_SHARDS:
        event.type = KH_EVENT_SHARDS;
        event.shards = fleet->shards;
        event.shards_n = fleet->leases_n;
        break;
    case EV_OPENED:
        event.type = KH_EVENT_OPENED;
        break;
    case EV_STATUS:
        event.type = KH_EVENT_CHILD_STATUS;
        event.action_name = kh_str(kh_action_name(ev->action));
        break;
    case EV_EXIT:
        event.type = KH_EVENT_CHILD_EXITED;
        break;
    }
    step(fleet, ev->worker, &event);
}

static void run_one(struct fleet *fleet)
{
    struct fleet_ev ev = pop(fleet);
    struct fleet_worker *worker = &fleet->workers[ev.worker];

    kh_assert(ev.at_ms >= fleet->now_ms);
    fleet->now_ms = ev.at_ms;
    if (ev.life == worker->life && (worker->core != NULL || ev.type == EV_START)) {
        deliver(fleet, &ev);
    }
    kh_mem_free(ev.p);
}

/* ---- from the outside ---- */

static void make_shards(struct fleet *fleet)
{
    unsigned __int128 last = 0;

    for (uint32_t i = 0; i < fleet->leases_n; i++) {
        struct kh_shard *shard = &fleet->shards[i];
        unsigned __int128 end = ~(unsigned __int128)0 / fleet->leases_n * (i + 1);

        (void)snprintf(shard->id, sizeof(shard->id), "shardId-%012u", i);
        (void)snprintf(shard->start_seq, sizeof(shard->start_seq), "%u", i + 1);
        kh_hash_key_format(last, shard->range.start);
        kh_hash_key_format(i + 1 == fleet->leases_n ? ~(unsigned __int128)0 : end,
                           shard->range.end);
        shard->open = true;
        last = end + 1;
    }
}

void fleet_init(struct fleet *fleet, uint32_t workers_max, uint32_t leases_n, uint64_t seed)
{
    *fleet = (struct fleet){.workers_max = workers_max, .leases_n = leases_n};
    kh_rand_init(&fleet->rand, seed);
    fleet->workers = kh_mem_new(workers_max, sizeof(*fleet->workers));
    fleet->shards = kh_mem_new(leases_n, sizeof(*fleet->shards));
    fleet->rows = kh_mem_new(leases_n + 1, sizeof(*fleet->rows));
    fleet->leases = kh_mem_new(leases_n, sizeof(*fleet->leases));
    make_shards(fleet);
}

void fleet_fini(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->heap_n; i++) {
        kh_mem_free(fleet->heap[i].p);
    }
    for (uint32_t w = 0; w < fleet->workers_n; w++) {
        kh_worker_free(fleet->workers[w].core);
        kh_cmds_fini(&fleet->workers[w].cmds);
    }
    kh_mem_free(fleet->heap);
    kh_mem_free(fleet->workers);
    kh_mem_free(fleet->shards);
    kh_mem_free(fleet->rows);
    kh_mem_free(fleet->leases);
}

void fleet_start(struct fleet *fleet, kh_ms delay_ms)
{
    uint32_t w = fleet->workers_n++;
    struct fleet_worker *worker = &fleet->workers[w];

    kh_assert(w < fleet->workers_max);
    (void)snprintf(worker->id, sizeof(worker->id), "worker-%u", w);
    kh_cmds_init(&worker->cmds);
    worker->tick_at_ms = KH_NEVER;
    push(fleet, delay_ms, (struct fleet_ev){.type = EV_START, .worker = w});
}

void fleet_kill(struct fleet *fleet, uint32_t worker)
{
    forget(&fleet->workers[worker]);
}

void fleet_stop(struct fleet *fleet, uint32_t worker)
{
    fleet->workers[worker].leaving = true;
    step(fleet, worker, &(struct kh_event){.type = KH_EVENT_STOP});
}

bool fleet_run_until(struct fleet *fleet, fleet_predicate *predicate, kh_ms bound_ms)
{
    kh_ms end_ms = fleet->now_ms + bound_ms;

    while (fleet->heap_n > 0 && fleet->heap[0].at_ms <= end_ms) {
        if (predicate != NULL && predicate(fleet)) {
            return true;
        }
        run_one(fleet);
    }
    fleet->now_ms = end_ms;
    return predicate != NULL && predicate(fleet);
}

void fleet_run_for(struct fleet *fleet, kh_ms ms)
{
    (void)fleet_run_until(fleet, NULL, ms);
}

static bool is_up(const struct fleet_worker *worker)
{
    return worker->core != NULL && !worker->leaving;
}

uint32_t fleet_alive_n(const struct fleet *fleet)
{
    uint32_t n = 0;

    for (uint32_t w = 0; w < fleet->workers_n; w++) {
        n += is_up(&fleet->workers[w]);
    }
    return n;
}

bool fleet_is_balanced(const struct fleet *fleet)
{
    uint32_t most = 0;
    uint32_t least = UINT32_MAX;

    if (fleet->rows_n < fleet->leases_n || fleet->unowned_n > 0 || fleet->handed_over_n > 0) {
        return false;
    }
    for (uint32_t w = 0; w < fleet->workers_n; w++) {
        const struct fleet_worker *worker = &fleet->workers[w];

        if (!is_up(worker)) {
            if (worker->owns_n > 0) {
                return false;
            }
            continue;
        }
        most = worker->owns_n > most ? worker->owns_n : most;
        least = worker->owns_n < least ? worker->owns_n : least;
    }
    return most - least <= 1;
}

uint32_t fleet_processed_n(const struct fleet *fleet)
{
    uint32_t n = 0;

    for (uint32_t w = 0; w < fleet->workers_n; w++) {
        const struct kh_worker *core = fleet->workers[w].core;

        for (size_t i = 0; core != NULL && i < kh_worker_shards_n(core); i++) {
            struct kh_worker_shard shard = kh_worker_shard_at(core, i, BOOT_MS + fleet->now_ms);

            n += shard.acts_as_owner && shard.child_running;
        }
    }
    return n;
}
