#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sim.h"

/* After the grace period children are killed, and releases get two seconds; timers may come
 * late. */
#define STOP_BOUND_MS KH_SECONDS(4)

static struct sim_batch *find_batch(struct sim_worker *worker, uint64_t id)
{
    for (size_t i = 0; i < SIM_BATCHES_MAX; i++) {
        if (worker->batches[i].id == id) {
            return &worker->batches[i];
        }
    }
    return NULL;
}

static uint64_t give_batch(struct sim *sim, uint32_t w, uint32_t shard,
                           const struct sim_fetch *fetch)
{
    struct sim_worker *worker = &sim->workers[w];
    struct sim_batch *slot = find_batch(worker, 0);

    if (slot == NULL) {
        sim_fail(sim, "%c keeps %d batches", sim_letter(w), SIM_BATCHES_MAX);
    }
    *slot = (struct sim_batch){.id = ++worker->batch_id,
                               .shard = shard,
                               .first = fetch->first,
                               .n = fetch->fetched.records_n};
    return slot->id;
}

/* What a dead worker's machine forgets. */
static void forget(struct sim *sim, struct sim_worker *worker)
{
    kh_worker_free(worker->core);
    worker->core = NULL;
    kh_mem_free(worker->peer);
    worker->peer = NULL;
    for (size_t i = 0; i < worker->inbox_n; i++) {
        sim_ev_free(sim, &worker->inbox[i]);
    }
    worker->inbox_n = 0;
    memset(worker->readers, 0, sizeof worker->readers[0] * sim->stream.shards_n);
    memset(worker->children, 0, sizeof worker->children[0] * sim->stream.shards_n);
    memset(worker->asked, 0, sizeof worker->asked[0] * sim->stream.shards_n);
    memset(worker->acts, 0, sizeof worker->acts);
    memset(worker->batches, 0, sizeof worker->batches);
    worker->batch_id = 0;
    worker->op_id = 0;
    worker->ticket = 0;
    worker->child_number = 0;
    worker->tick_at_ms = KH_NEVER;
    worker->tick_generation++;
}

static kh_ms own_time(const struct sim_worker *worker, kh_ms virtual_ms)
{
    return worker->clock_offset_ms + virtual_ms + virtual_ms * worker->clock_ppm / 1000000;
}

kh_ms sim_worker_now(const struct sim *sim, uint32_t worker)
{
    return own_time(&sim->workers[worker], sim->now_ms);
}

int64_t sim_worker_wall_ms(const struct sim *sim, uint32_t worker)
{
    return SIM_WALL_MS + sim->now_ms + sim->workers[worker].wall_skew_ms;
}

/* The first virtual time at which the worker's own clock shows at_ms. */
static kh_ms virtual_time(const struct sim_worker *worker, kh_ms at_ms)
{
    kh_ms span_ms = at_ms - worker->clock_offset_ms;
    kh_ms guess_ms = span_ms - span_ms * worker->clock_ppm / 1000000 - 2;

    while (own_time(worker, guess_ms) < at_ms) {
        guess_ms++;
    }
    return guess_ms;
}

/* One timer at the earliest deadline. One that is set too early is only set again when it fires. */
static void set_timer(struct sim *sim, uint32_t w)
{
    struct sim_worker *worker = &sim->workers[w];
    kh_ms deadline_ms = kh_worker_deadline(worker->core);
    kh_ms at_ms;

    if (deadline_ms == KH_NEVER) {
        return;
    }
    at_ms = kh_ms_max(virtual_time(worker, deadline_ms), sim->now_ms);
    if (sim_chance(sim, sim->faults.late_tick)) {
        at_ms += sim_draw(sim, 1, 300);
    }
    if (worker->tick_at_ms <= at_ms) {
        return;
    }
    worker->tick_at_ms = at_ms;
    worker->tick_generation++;
    sim_push(
        sim, at_ms - sim->now_ms,
        (struct sim_ev){
            .type = SIM_EV_TICK, .worker = w, .life = worker->life, .a = worker->tick_generation});
}

static void check_ticket(struct sim *sim, uint32_t w, const struct kh_cmd *cmd)
{
    struct sim_worker *worker = &sim->workers[w];

    if (cmd->ticket <= worker->ticket) {
        sim_fail(sim, "%c uses ticket %llu again", sim_letter(w), (unsigned long long)cmd->ticket);
    }
    worker->ticket = cmd->ticket;
}

static void check_op_id(struct sim *sim, uint32_t w, uint64_t id)
{
    struct sim_worker *worker = &sim->workers[w];

    if (id <= worker->op_id) {
        sim_fail(sim, "%c uses request number %llu again", sim_letter(w), (unsigned long long)id);
    }
    worker->op_id = id;
}

static void do_fetch(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    enum sim_reader_state state = sim->workers[w].readers[shard].state;

    if (state != SIM_READER_OPEN) {
        sim_fail(sim, "%c fetches from %s, which is %s", sim_letter(w), cmd->key,
                 state == SIM_READER_FETCHING ? "being fetched from" : "not open");
    }
    if (cmd->limit == 0) {
        sim_fail(sim, "%c fetches no records from %s", sim_letter(w), cmd->key);
    }
    sim_stream_fetch(sim, w, shard, cmd);
}

static void do_drop(struct sim *sim, uint32_t w, const struct kh_cmd *cmd)
{
    struct sim_batch *batch = cmd->batch == 0 ? NULL : find_batch(&sim->workers[w], cmd->batch);

    if (batch == NULL) {
        sim_fail(sim, "%c drops batch %llu, which it does not have", sim_letter(w),
                 (unsigned long long)cmd->batch);
    }
    batch->id = 0;
}

static void do_start(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    struct sim_worker *worker = &sim->workers[w];

    if (worker->children[shard].used) {
        sim_fail(sim, "%c starts a second child for %s", sim_letter(w), cmd->key);
    }
    if (cmd->child <= worker->child_number) {
        sim_fail(sim, "%c uses child number %u again", sim_letter(w), cmd->child);
    }
    worker->child_number = cmd->child;
    sim_child_start(sim, w, shard, cmd->child);
}

static void do_send(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    struct sim_worker *worker = &sim->workers[w];
    struct sim_child *child = &worker->children[shard];
    const struct sim_batch *batch = NULL;

    if (child->owes) {
        sim_fail(sim, "%c sends %s to the child of %s, which has not answered %s", sim_letter(w),
                 kh_action_name(cmd->action), cmd->key, kh_action_name(child->action));
    }
    if (child->stdin_closed) {
        sim_fail(sim, "%c sends %s to the child of %s after closing its stdin", sim_letter(w),
                 kh_action_name(cmd->action), cmd->key);
    }
    if (cmd->action == KH_ACTION_PROCESS_RECORDS && cmd->batch != 0) {
        batch = find_batch(worker, cmd->batch);
        if (batch == NULL || batch->shard != shard) {
            sim_fail(sim, "%c sends batch %llu to the child of %s, and has none such",
                     sim_letter(w), (unsigned long long)cmd->batch, cmd->key);
        }
    }
    sim_check_send(sim, w, shard, cmd);
    sim_child_send(sim, w, shard, cmd);
}

static void do_ack(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    struct sim_child *child = &sim->workers[w].children[shard];

    if (!child->awaiting_ack) {
        sim_fail(sim, "%c answers a checkpoint that the child of %s did not ask for", sim_letter(w),
                 cmd->key);
    }
    sim_check_ack(sim, shard, &child->pending, cmd->error);
    sim_child_ack(sim, w, shard, cmd->error);
}

static void do_child(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    struct sim_child *child = &sim->workers[w].children[shard];

    if (cmd->type == KH_CMD_CHILD_START) {
        do_start(sim, w, shard, cmd);
        return;
    }
    if (!child->used || child->number != cmd->child) {
        sim_fail(sim, "%c gives %s to child %u of %s, which is not there", sim_letter(w),
                 kh_cmd_type_name(cmd->type), cmd->child, cmd->key);
    }
    if (cmd->type == KH_CMD_CHILD_SEND) {
        do_send(sim, w, shard, cmd);
    } else if (cmd->type == KH_CMD_CHILD_ACK) {
        do_ack(sim, w, shard, cmd);
    } else if (cmd->type == KH_CMD_CHILD_CLOSE) {
        sim_child_close(sim, w, shard);
    } else {
        sim_child_signal(sim, w, shard, cmd->kill);
    }
}

/* Nothing may be left behind, but by a worker that was hurried: once its children are killed, the
 * next signal means to wait for nothing. */
static void do_stopped(struct sim *sim, uint32_t w, const struct kh_cmd *cmd)
{
    struct sim_worker *worker = &sim->workers[w];

    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_child *child = &worker->children[i];

        if (child->used && !(worker->hurried && child->killed)) {
            sim_fail(sim, "%c has stopped, the child of %s has not", sim_letter(w),
                     sim->stream.shards[i].id);
        }
    }
    for (size_t i = 0; i < SIM_BATCHES_MAX; i++) {
        if (worker->batches[i].id != 0 && !worker->hurried) {
            sim_fail(sim, "%c has stopped and still keeps batch %llu", sim_letter(w),
                     (unsigned long long)worker->batches[i].id);
        }
    }
    worker->why = cmd->why;
    worker->state = SIM_STOPPED;
}

static void do_shard(struct sim *sim, uint32_t w, const struct kh_cmd *cmd)
{
    uint32_t shard = sim_stream_find(sim, kh_str(cmd->key));
    struct sim_reader *reader;

    if (shard == UINT32_MAX) {
        sim_fail(sim, "%c gives %s for shard %s, which never was", sim_letter(w),
                 kh_cmd_type_name(cmd->type), cmd->key == NULL ? "(null)" : cmd->key);
    }
    reader = &sim->workers[w].readers[shard];
    if (cmd->type == KH_CMD_OPEN) {
        check_ticket(sim, w, cmd);
        sim_stream_open(sim, w, shard, cmd);
    } else if (cmd->type == KH_CMD_FETCH) {
        check_ticket(sim, w, cmd);
        do_fetch(sim, w, shard, cmd);
    } else if (cmd->type == KH_CMD_CLOSE) {
        reader->state = SIM_READER_CLOSED;
        reader->generation++;
    } else {
        do_child(sim, w, shard, cmd);
    }
}

static void carry_out(struct sim *sim, uint32_t w, const struct kh_cmd *cmd)
{
    if (sim->workers[w].state == SIM_STOPPED) {
        sim_fail(sim, "%c gives %s after it has stopped", sim_letter(w),
                 kh_cmd_type_name(cmd->type));
    }
    switch (cmd->type) {
    case KH_CMD_NOTE:
        break;
    case KH_CMD_STORE:
        check_op_id(sim, w, cmd->op->id);
        sim_check_write(sim, w, cmd->op);
        sim_table_submit(sim, w, cmd->op);
        break;
    case KH_CMD_COORD:
        check_op_id(sim, w, cmd->coord->id);
        sim_check_coord(sim, w, cmd->coord);
        sim_coord_submit(sim, w, cmd->coord);
        break;
    case KH_CMD_LIST_SHARDS:
        check_ticket(sim, w, cmd);
        sim_stream_list(sim, w, cmd);
        break;
    case KH_CMD_DROP_BATCH:
        do_drop(sim, w, cmd);
        break;
    case KH_CMD_STOPPED:
        do_stopped(sim, w, cmd);
        break;
    case KH_CMD_OPEN:
    case KH_CMD_FETCH:
    case KH_CMD_CLOSE:
    case KH_CMD_CHILD_START:
    case KH_CMD_CHILD_SEND:
    case KH_CMD_CHILD_ACK:
    case KH_CMD_CHILD_CLOSE:
    case KH_CMD_CHILD_SIGNAL:
        do_shard(sim, w, cmd);
        break;
    }
}

/* Nobody begins to act as owner but with the answer to a write, or when a time has come. */
static bool may_change_owners(enum kh_event_type type)
{
    switch (type) {
    case KH_EVENT_TICK:
    case KH_EVENT_STORE:
    case KH_EVENT_COORD:
    case KH_EVENT_STOP:
    case KH_EVENT_STOP_NOW:
        return true;
    case KH_EVENT_UTILIZATION:
    case KH_EVENT_SHARDS:
    case KH_EVENT_OPENED:
    case KH_EVENT_FETCHED:
    case KH_EVENT_CHILD_STATUS:
    case KH_EVENT_CHILD_CHECKPOINT:
    case KH_EVENT_CHILD_EXITED:
        break;
    }
    return false;
}

static void step(struct sim *sim, uint32_t w, const struct kh_event *event)
{
    struct sim_worker *worker = &sim->workers[w];

    kh_cmds_reset(&worker->cmds);
    kh_worker_step(worker->core, event, sim_worker_now(sim, w), &worker->cmds);
    sim->steps++;
    sim_transcribe(sim, w, event);
    if (may_change_owners(event->type)) {
        sim_check_owners(sim, w);
    }
    for (size_t i = 0; i < worker->cmds.n; i++) {
        carry_out(sim, w, &worker->cmds.items[i]);
    }
    if (worker->state == SIM_STOPPED) {
        if (kh_worker_deadline(worker->core) != KH_NEVER) {
            sim_fail(sim, "%c has stopped and still wants a tick", sim_letter(w));
        }
        forget(sim, worker);
    } else {
        set_timer(sim, w);
    }
}

static void tick(struct sim *sim, uint32_t w, const struct sim_ev *ev)
{
    struct sim_worker *worker = &sim->workers[w];
    bool early;

    if (ev->a != worker->tick_generation) {
        return;
    }
    worker->tick_at_ms = KH_NEVER;
    early = kh_worker_deadline(worker->core) > sim_worker_now(sim, w);
    if (early && !sim_chance(sim, sim->faults.extra_tick)) {
        set_timer(sim, w);
        return;
    }
    step(sim, w, &(struct kh_event){.type = KH_EVENT_TICK, .wall_ms = sim_worker_wall_ms(sim, w)});
}

static void answered(struct sim *sim, uint32_t w, const struct sim_request *request)
{
    if (request->coord != NULL) {
        step(sim, w,
             &(struct kh_event){.type = KH_EVENT_COORD,
                                .coord = &request->coord->answer,
                                .wall_ms = sim_worker_wall_ms(sim, w)});
    } else {
        step(sim, w, &(struct kh_event){.type = KH_EVENT_STORE, .answer = &request->answer});
    }
}

/* How busy this machine is: it depends on its leases, and a little on the moment. */
static void measured(struct sim *sim, uint32_t w)
{
    double percent = 5 + (double)sim_draw(sim, 0, 500) / 1000;

    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        percent += sim->workers[w].acts[i] ? 8 : 0;
    }
    sim_push(
        sim, KH_SECONDS(1),
        (struct sim_ev){.type = SIM_EV_UTILIZATION, .worker = w, .life = sim->workers[w].life});
    step(sim, w,
         &(struct kh_event){.type = KH_EVENT_UTILIZATION,
                            .percent = sim_chance(sim, 10) ? -1 : percent});
}

static void fetched(struct sim *sim, const struct sim_ev *ev)
{
    struct sim_fetch fetch;
    struct kh_event event;

    if (sim_stream_fetched(sim, ev, &event, &fetch)) {
        if (fetch.fetched.records_n > 0) {
            fetch.fetched.batch = give_batch(sim, ev->worker, ev->shard, &fetch);
        }
        step(sim, ev->worker, &event);
    }
}

static void read_pipe(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct kh_event event;

    /* One line after the other, unless the core is gone meanwhile. */
    while (sim->workers[w].core != NULL && sim_child_read(sim, w, shard, &event)) {
        step(sim, w, &event);
    }
}

static void deliver(struct sim *sim, const struct sim_ev *ev)
{
    uint32_t w = ev->worker;
    struct kh_event event;

    switch (ev->type) {
    case SIM_EV_TICK:
        tick(sim, w, ev);
        break;
    case SIM_EV_ANSWER:
        answered(sim, w, ev->p);
        break;
    case SIM_EV_SHARDS: {
        const struct sim_listing *listing = ev->p;

        step(sim, w,
             &(struct kh_event){.type = KH_EVENT_SHARDS,
                                .ticket = ev->a,
                                .rc = listing->rc,
                                .shards = listing->shards,
                                .shards_n = listing->n});
        break;
    }
    case SIM_EV_OPENED:
        if (sim_stream_opened(sim, ev, &event)) {
            step(sim, w, &event);
        }
        break;
    case SIM_EV_FETCHED:
        fetched(sim, ev);
        break;
    case SIM_EV_PIPE:
        if (sim->workers[w].children[ev->shard].life == ev->a) {
            read_pipe(sim, w, ev->shard);
        }
        break;
    case SIM_EV_UTILIZATION:
        measured(sim, w);
        break;
    case SIM_EV_STOP:
        step(sim, w, &(struct kh_event){.type = ev->a != 0 ? KH_EVENT_STOP_NOW : KH_EVENT_STOP});
        break;
    case SIM_EV_PRODUCE:
    case SIM_EV_APPLY:
    case SIM_EV_CHILD:
    case SIM_EV_PEER:
    case SIM_EV_PATIENCE:
        break; /* not for a core */
    }
}

/* Somebody is there to hear it. */
static void hear(struct sim *sim, const struct sim_ev *ev)
{
    const struct sim_worker *worker = &sim->workers[ev->worker];

    if (worker->core != NULL) {
        deliver(sim, ev);
    } else if (worker->peer != NULL && ev->type == SIM_EV_PEER) {
        sim_peer_timer(sim, ev->worker, ev);
    } else if (worker->peer != NULL && ev->type == SIM_EV_ANSWER) {
        sim_peer_answer(sim, ev->worker, ev->p);
    }
}

static void keep_back(struct sim_worker *worker, const struct sim_ev *ev)
{
    if (worker->inbox_n == worker->inbox_capacity) {
        worker->inbox_capacity = kh_mem_grown(worker->inbox_capacity, worker->inbox_n + 1);
        worker->inbox = kh_mem_resize(worker->inbox, worker->inbox_capacity, sizeof *worker->inbox);
    }
    worker->inbox[worker->inbox_n++] = *ev;
}

void sim_host_event(struct sim *sim, struct sim_ev *ev)
{
    struct sim_worker *worker = &sim->workers[ev->worker];

    if (worker->life == ev->life && worker->state == SIM_FROZEN) {
        keep_back(worker, ev);
        return;
    }
    if (worker->life == ev->life && worker->state == SIM_UP) {
        hear(sim, ev);
    }
    sim_ev_free(sim, ev);
}

static void configure(struct sim *sim, uint32_t w, bool same_id)
{
    struct sim_worker *worker = &sim->workers[w];
    struct kh_worker_config *config = &worker->config;
    char id[KH_WORKER_ID_MAX + 1];

    memcpy(id, config->worker_id, sizeof id);
    kh_worker_config_default(config);
    if (same_id && id[0] != '\0') {
        memcpy(config->worker_id, id, sizeof id);
    } else {
        (void)snprintf(config->worker_id, sizeof config->worker_id, "worker-%c-%u", sim_letter(w),
                       worker->life);
    }
    config->seed = kh_rand_u64(&sim->rand);
    config->initial_position = sim->config.initial_position;
    config->initial_wall_ms = SIM_WALL_MS + KH_SECONDS(5);
    config->shutdown_grace_ms = sim_draw(sim, KH_SECONDS(5), KH_SECONDS(15));
    config->action_ms_max = sim->config.limit_actions ? KH_SECONDS(10) : KH_NEVER;
    config->parent_poll_ms = sim_draw(sim, KH_SECONDS(1), KH_SECONDS(9));
    config->records_max = (uint32_t)sim_draw(sim, 2, 20);
    config->idle_ms = sim_draw(sim, 500, 2500);
    config->restart_max_ms = kh_ms_min(config->restart_max_ms, KH_SECONDS(20));
    config->exit_when_done = sim->config.exit_when_done;
    config->list_ms = sim_draw(sim, KH_SECONDS(1), KH_SECONDS(3));
    if (!sim->config.fixed) {
        config->versions = KH_VERSIONS_AUTO;
        config->clean_after_ms = sim_draw(sim, KH_SECONDS(25), KH_SECONDS(40));
    }
    config->deliver_empty = sim_chance(sim, 100);
}

void sim_start(struct sim *sim, uint32_t w, bool same_id)
{
    struct sim_worker *worker = &sim->workers[w];

    kh_assert(worker->state == SIM_DOWN || worker->state == SIM_STOPPED);
    worker->life = ++sim->lives;
    worker->state = SIM_UP;
    worker->is_peer = false;
    worker->saw_freeze = false;
    worker->hurried = false;
    worker->stop_asked_at_ms = KH_NEVER;
    if (worker->clock_offset_ms == 0) {
        worker->clock_offset_ms = sim_draw(sim, 1000, 100000000) / 1000 * 1000;
        worker->clock_ppm = sim->config.drift ? sim_draw(sim, -100, 100) : 0;
    }
    configure(sim, w, same_id);
    worker->core = kh_worker_new(&worker->config, sim_worker_now(sim, w));
    sim_note(sim, "%c starts as %s", sim_letter(w), worker->config.worker_id);
    set_timer(sim, w);
    if (sim->config.measured) {
        sim_push(sim, sim_draw(sim, 0, 1000),
                 (struct sim_ev){.type = SIM_EV_UTILIZATION, .worker = w, .life = worker->life});
    }
}

void sim_start_peer(struct sim *sim, uint32_t w)
{
    struct sim_worker *worker = &sim->workers[w];

    kh_assert(worker->state == SIM_DOWN || worker->state == SIM_STOPPED);
    worker->life = ++sim->lives;
    worker->state = SIM_UP;
    worker->is_peer = true;
    worker->stop_asked_at_ms = KH_NEVER;
    (void)snprintf(worker->config.worker_id, sizeof worker->config.worker_id, "java-%c-%u",
                   sim_letter(w), worker->life);
    sim_note(sim, "%c starts as %s", sim_letter(w), worker->config.worker_id);
    sim_peer_start(sim, w, sim->config.peers_are_v3);
}

void sim_crash(struct sim *sim, uint32_t w)
{
    struct sim_worker *worker = &sim->workers[w];

    if (worker->state != SIM_UP && worker->state != SIM_FROZEN) {
        return;
    }
    sim_note(sim, "%c is killed", sim_letter(w));
    worker->state = SIM_DOWN;
    worker->life = ++sim->lives;
    forget(sim, worker);
}

void sim_peer_exit(struct sim *sim, uint32_t w)
{
    struct sim_worker *worker = &sim->workers[w];

    sim_note(sim, "%c has stopped", sim_letter(w));
    worker->state = SIM_STOPPED;
    worker->life = ++sim->lives;
    forget(sim, worker);
}

void sim_freeze(struct sim *sim, uint32_t w)
{
    struct sim_worker *worker = &sim->workers[w];

    if (worker->state == SIM_UP) {
        sim_note(sim, "%c is frozen", sim_letter(w));
        worker->state = SIM_FROZEN;
        worker->saw_freeze = true;
    }
}

void sim_thaw(struct sim *sim, uint32_t w)
{
    struct sim_worker *worker = &sim->workers[w];

    if (worker->state != SIM_FROZEN) {
        return;
    }
    sim_note(sim, "%c runs again", sim_letter(w));
    worker->state = SIM_UP;
    if (worker->core != NULL) {
        sim_check_owners(sim, w);
    }
    for (size_t i = 0; i < worker->inbox_n; i++) {
        hear(sim, &worker->inbox[i]);
        if (worker->inbox_n > 0) { /* not if that was its end */
            sim_ev_free(sim, &worker->inbox[i]);
        }
    }
    worker->inbox_n = 0;
}

static void ask_to_stop(struct sim *sim, uint32_t w, bool now, kh_ms patience_ms)
{
    struct sim_worker *worker = &sim->workers[w];

    if (worker->state != SIM_UP && worker->state != SIM_FROZEN) {
        return;
    }
    if (worker->is_peer) {
        sim_note(sim, "%c is asked to stop", sim_letter(w));
        sim_peer_set_timer(sim, w, SIM_PEER_STOP, 0);
        return;
    }
    sim_note(sim, "%c is asked to stop%s", sim_letter(w), now ? " now" : "");
    worker->stop_asked_at_ms = kh_ms_min(worker->stop_asked_at_ms, sim->now_ms);
    sim_push(sim, 0,
             (struct sim_ev){.type = SIM_EV_STOP, .worker = w, .life = worker->life, .a = now});
    sim_push(sim, patience_ms,
             (struct sim_ev){.type = SIM_EV_PATIENCE, .worker = w, .life = worker->life});
}

void sim_stop(struct sim *sim, uint32_t w)
{
    ask_to_stop(sim, w, false, sim->workers[w].config.shutdown_grace_ms + STOP_BOUND_MS);
}

void sim_stop_now(struct sim *sim, uint32_t w)
{
    ask_to_stop(sim, w, true, STOP_BOUND_MS);
    sim->workers[w].hurried = true;
}

void sim_host_patience(struct sim *sim, uint32_t w)
{
    if (!sim->workers[w].saw_freeze && sim->workers[w].core != NULL) {
        sim_fail(sim, "%c was asked to stop %lld s ago and has not", sim_letter(w),
                 (long long)(sim->now_ms - sim->workers[w].stop_asked_at_ms) / 1000);
    }
}
