#include "child.h"

#include <string.h>

#include "base/assert.h"
#include "sim.h"

static struct sim_child *child_of(struct sim *sim, uint32_t worker, uint32_t shard)
{
    return &sim->workers[worker].children[shard];
}

static void move_in(struct sim *sim, uint32_t worker, uint32_t shard, enum sim_child_move move,
                    kh_ms delay_ms)
{
    sim_push(sim, delay_ms,
             (struct sim_ev){.type = SIM_EV_CHILD,
                             .worker = worker,
                             .life = child_of(sim, worker, shard)->life,
                             .shard = shard,
                             .a = (uint64_t)move});
}

/* The host notices that the pipe has something for it. */
static void wake_host(struct sim *sim, uint32_t worker, uint32_t shard)
{
    sim_push(sim, sim_draw(sim, 0, 2),
             (struct sim_ev){.type = SIM_EV_PIPE,
                             .worker = worker,
                             .life = sim->workers[worker].life,
                             .shard = shard,
                             .a = child_of(sim, worker, shard)->life});
}

static void leave(struct sim *sim, uint32_t worker, uint32_t shard, int exit_status)
{
    struct sim_child *child = child_of(sim, worker, shard);

    if (child->alive) {
        child->alive = false;
        child->exit_status = exit_status;
        wake_host(sim, worker, shard);
    }
}

static void write_line(struct sim *sim, uint32_t worker, uint32_t shard,
                       const struct sim_line *line)
{
    struct sim_child *child = child_of(sim, worker, shard);

    if (child->lines_n == SIM_LINES_MAX) {
        leave(sim, worker, shard, 0); /* the pipe is full: it would hang, so it ends */
        return;
    }
    child->lines[child->lines_n++] = *line;
    wake_host(sim, worker, shard);
}

void sim_child_start(struct sim *sim, uint32_t worker, uint32_t shard, uint32_t number)
{
    struct sim_child *child = child_of(sim, worker, shard);

    *child = (struct sim_child){.used = true, .number = number, .life = ++sim->lives};
    child->stubborn = sim_chance(sim, sim->faults.child_stubborn);
    if (sim_chance(sim, sim->faults.child_no_start)) {
        child->exit_status = -1;
        wake_host(sim, worker, shard);
        return;
    }
    child->alive = true;
}

static kh_ms work_ms(struct sim *sim)
{
    return sim_chance(sim, sim->faults.child_slow) ? sim_draw(sim, 1000, 8000)
                                                   : sim_draw(sim, 1, 60);
}

static void take_records(struct sim *sim, uint32_t worker, uint32_t shard, uint64_t batch_id)
{
    struct sim_child *child = child_of(sim, worker, shard);

    for (size_t i = 0; i < SIM_BATCHES_MAX && batch_id != 0; i++) {
        const struct sim_batch *batch = &sim->workers[worker].batches[i];

        if (batch->id == batch_id) {
            child->run_first = child->started ? child->run_first : batch->first;
            child->first = batch->first;
            child->next = batch->first + batch->n;
            child->started = true;
        }
    }
}

static unsigned draw_asks(struct sim *sim, enum kh_action action)
{
    switch (action) {
    case KH_ACTION_INITIALIZE:
    case KH_ACTION_LEASE_LOST:
        return 0;
    case KH_ACTION_PROCESS_RECORDS:
        return sim->config.fixed || sim_chance(sim, 500) ? 1 : 0;
    case KH_ACTION_SHARD_ENDED:
        return sim_chance(sim, sim->faults.child_forgets) ? 0 : 1;
    case KH_ACTION_SHUTDOWN_REQUESTED:
        return sim->calm || sim->config.fixed || sim_chance(sim, 700) ? 1 : 0;
    }
    return 0;
}

void sim_child_send(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_cmd *cmd)
{
    struct sim_child *child = child_of(sim, worker, shard);

    child->busy = true;
    child->owes = true;
    child->action = cmd->action;
    if (cmd->action == KH_ACTION_INITIALIZE) {
        child->initialised = true;
        child->init = cmd->skip_to;
    }
    if (cmd->action == KH_ACTION_PROCESS_RECORDS) {
        take_records(sim, worker, shard, cmd->batch);
    }
    if (!child->alive) {
        return;
    }
    if (sim_chance(sim, sim->faults.child_dies)) {
        move_in(sim, worker, shard, SIM_MOVE_LEAVE, sim_draw(sim, 0, 30));
        return;
    }
    if (sim->config.limit_actions && sim_chance(sim, sim->faults.child_hangs)) {
        return;
    }
    child->asks_left = draw_asks(sim, cmd->action);
    child->dies = sim_chance(sim, sim->faults.child_dies);
    move_in(sim, worker, shard, SIM_MOVE_WORK, work_ms(sim));
}

static void ask_for(struct sim_ask *ask, const struct kh_extseq *pos, bool with_sub)
{
    memcpy(ask->seq, pos->seq, sizeof ask->seq);
    ask->line.has_seq = true;
    ask->line.has_sub = with_sub;
    ask->line.sub = with_sub ? pos->sub : 0;
    ask->meaning = *pos;
    ask->meaning.sub = ask->line.sub;
}

/* Beyond what it was given, or text that is no sequence number: a confused child. */
static void ask_nonsense(struct sim *sim, struct sim_ask *ask)
{
    struct kh_extseq pos = {.seq = "99999999999999999999"};

    if (sim_chance(sim, 500)) {
        memcpy(pos.seq, "None", sizeof "None");
    }
    ask_for(ask, &pos, false);
    ask->must_fail = true;
}

/* A record of the newest batch, rarely of an older one, with or without its sub-sequence number. */
static void ask_by_number(struct sim *sim, const struct sim_shard *s, const struct sim_child *child,
                          struct sim_ask *ask)
{
    size_t from = sim_chance(sim, 50) ? child->run_first : child->first;
    size_t index = from + (size_t)kh_rand_below(&sim->rand, child->next - from);
    struct kh_extseq pos = sim_stream_seq(s, index);

    ask_for(ask, &pos, pos.sub > 0 || sim_chance(sim, 500));
}

static void write_ask(struct sim *sim, uint32_t worker, uint32_t shard, bool in_turn)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    struct sim_child *child = child_of(sim, worker, shard);
    struct sim_line line = {.is_ask = true};
    bool at_end = child->busy && child->action == KH_ACTION_SHARD_ENDED;

    if (in_turn && !sim->calm && sim_chance(sim, 20)) {
        ask_nonsense(sim, &line.ask);
    } else if (at_end && child->started && sim_chance(sim, 300)) {
        struct kh_extseq last = sim_stream_seq(s, child->next - 1);

        ask_for(&line.ask, &last, true);
    } else if (!at_end && child->action != KH_ACTION_SHUTDOWN_REQUESTED && child->started &&
               sim_chance(sim, 400)) {
        ask_by_number(sim, s, child, &line.ask);
    }
    child->waits = true;
    child->in_turn = in_turn;
    write_line(sim, worker, shard, &line);
}

static void write_status(struct sim *sim, uint32_t worker, uint32_t shard)
{
    struct sim_child *child = child_of(sim, worker, shard);
    struct sim_line line = {.response_for = kh_action_name(child->action)};

    child->busy = false;
    if (sim_chance(sim, sim->faults.child_wrong)) {
        line.response_for = sim_chance(sim, 500) ? "processrecords" : "";
        write_line(sim, worker, shard, &line);
        return;
    }
    if (child->action == KH_ACTION_PROCESS_RECORDS && child->started) {
        sim_count_acked(sim, shard, child->next);
    }
    write_line(sim, worker, shard, &line);
    /* A second processRecords status could not be told from an early answer to the next batch: no
     * host could cope. */
    if (child->action != KH_ACTION_PROCESS_RECORDS && sim_chance(sim, sim->faults.child_twice)) {
        write_line(sim, worker, shard, &line);
    }
    if (sim_chance(sim, sim->faults.child_chats)) {
        move_in(sim, worker, shard, SIM_MOVE_CHAT, sim_draw(sim, 1, 400));
    }
}

static void work_done(struct sim *sim, uint32_t worker, uint32_t shard)
{
    struct sim_child *child = child_of(sim, worker, shard);

    if (!child->busy || child->waits) {
        return; /* it waits for the answer to something asked out of turn, which moves things on */
    }
    if (child->asks_left > 0) {
        child->asks_left--;
        write_ask(sim, worker, shard, true);
    } else if (child->dies) {
        leave(sim, worker, shard, 256);
    } else {
        move_in(sim, worker, shard, SIM_MOVE_ANSWER, sim_draw(sim, 0, 5));
    }
}

static bool may_pass(const char *error)
{
    return strcmp(error, "ThrottlingException") == 0 || strcmp(error, "RuntimeException") == 0 ||
           strcmp(error, "KinesisClientLibDependencyException") == 0;
}

void sim_child_ack(struct sim *sim, uint32_t worker, uint32_t shard, const char *error)
{
    struct sim_child *child = child_of(sim, worker, shard);

    child->awaiting_ack = false;
    if (child->lines_n > 0 || !child->alive) {
        wake_host(sim, worker, shard);
    }
    if (!child->alive) {
        return;
    }
    child->waits = false;
    if (!child->busy) {
        return;
    }
    if (error != NULL && child->in_turn && may_pass(error) && (sim->calm || sim_chance(sim, 700))) {
        child->asks_left = 1;
        move_in(sim, worker, shard, SIM_MOVE_WORK, sim_draw(sim, 100, 1500));
        return;
    }
    move_in(sim, worker, shard, SIM_MOVE_WORK, sim_draw(sim, 0, 5));
}

void sim_child_close(struct sim *sim, uint32_t worker, uint32_t shard)
{
    struct sim_child *child = child_of(sim, worker, shard);

    child->stdin_closed = true;
    if (!child->stubborn) {
        move_in(sim, worker, shard, SIM_MOVE_LEAVE, sim_draw(sim, 1, 200));
    }
}

void sim_child_signal(struct sim *sim, uint32_t worker, uint32_t shard, bool kill)
{
    struct sim_child *child = child_of(sim, worker, shard);

    child->killed = child->killed || kill;
    if (kill || !child->stubborn) {
        move_in(sim, worker, shard, SIM_MOVE_LEAVE, sim_draw(sim, 0, 20));
    }
}

void sim_child_move(struct sim *sim, const struct sim_ev *ev)
{
    struct sim_child *child = child_of(sim, ev->worker, ev->shard);

    if (child->life != ev->life || !child->alive) {
        return;
    }
    switch ((enum sim_child_move)ev->a) {
    case SIM_MOVE_WORK:
        work_done(sim, ev->worker, ev->shard);
        break;
    case SIM_MOVE_ANSWER:
        if (child->busy && !child->waits) {
            write_status(sim, ev->worker, ev->shard);
        }
        break;
    case SIM_MOVE_CHAT:
        if (!child->waits && child->action <= KH_ACTION_PROCESS_RECORDS) {
            write_ask(sim, ev->worker, ev->shard, false);
        }
        break;
    case SIM_MOVE_LEAVE:
        leave(sim, ev->worker, ev->shard, 0);
        break;
    }
}

/* What the ask means is settled when the host reads it: a number left out stands for everything
 * sent by then. */
static void settle(struct sim *sim, uint32_t worker, uint32_t shard, struct sim_ask *ask)
{
    const struct sim_child *child = child_of(sim, worker, shard);
    const struct sim_shard *s = &sim->stream.shards[shard];
    struct kh_extseq largest = child->started ? sim_stream_seq(s, child->next - 1) : child->init;
    const struct sim_row *row = &sim->table.rows[shard];
    size_t next;

    if (ask->must_fail) {
        return;
    }
    if (!ask->line.has_seq) {
        ask->meaning = largest;
    }
    if (child->owes && child->action == KH_ACTION_SHARD_ENDED &&
        kh_extseq_same(&ask->meaning, &largest)) {
        ask->meaning = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    }
    if (kh_extseq_is_none(&ask->meaning)) {
        ask->must_fail = true; /* asked before it was initialised */
        return;
    }
    ask->below = strcmp(row->lease.owner, sim->workers[worker].config.worker_id) == 0 &&
                 kh_extseq_cmp(&ask->meaning, &row->lease.checkpoint) < 0;
    if (child->started) {
        next = sim_stream_after(s, &ask->meaning);
        sim_count_acked(sim, shard, next < child->next ? next : child->next);
    }
}

static void take_line(struct sim *sim, uint32_t worker, uint32_t shard, struct kh_event *event)
{
    struct sim_child *child = child_of(sim, worker, shard);
    struct sim_line line = child->lines[0];

    child->lines_n--;
    memmove(&child->lines[0], &child->lines[1], child->lines_n * sizeof child->lines[0]);
    if (!line.is_ask) {
        /* A second answer to the action before this one settles nothing. */
        child->owes = child->owes && strcmp(line.response_for, kh_action_name(child->action)) != 0;
        event->type = KH_EVENT_CHILD_STATUS;
        event->action_name = kh_str(line.response_for);
        return;
    }
    settle(sim, worker, shard, &line.ask);
    child->awaiting_ack = true;
    child->pending = line.ask;
    child->pending.line.seq = kh_str(child->pending.seq);
    sim->workers[worker].asked[shard][1] = sim->workers[worker].asked[shard][0];
    sim->workers[worker].asked[shard][0] = line.ask.meaning;
    event->type = KH_EVENT_CHILD_CHECKPOINT;
    event->checkpoint = child->pending.line;
}

bool sim_child_read(struct sim *sim, uint32_t worker, uint32_t shard, struct kh_event *event)
{
    struct sim_child *child = child_of(sim, worker, shard);

    if (!child->used || child->awaiting_ack) {
        return false;
    }
    *event = (struct kh_event){.key = kh_str(sim->stream.shards[shard].id), .child = child->number};
    if (child->lines_n > 0) {
        take_line(sim, worker, shard, event);
        return true;
    }
    if (child->alive) {
        return false;
    }
    event->type = KH_EVENT_CHILD_EXITED;
    event->exit_status = child->exit_status;
    child->used = false;
    return true;
}
