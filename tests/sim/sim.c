#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

#define EVENTS_AT_ONE_INSTANT_MAX 20000

struct sim *sim_new(uint64_t seed, const struct sim_config *config)
{
    struct sim *sim = kh_mem_new(1, sizeof *sim);

    kh_assert(config->workers <= SIM_WORKERS_MAX);
    sim->seed = seed;
    sim->config = *config;
    sim->workers_n = config->workers;
    sim->last = kh_mem_new(SIM_TRANSCRIPT_LAST, sizeof *sim->last);
    kh_rand_init(&sim->rand, seed);
    for (uint32_t w = 0; w < SIM_WORKERS_MAX; w++) {
        kh_cmds_init(&sim->workers[w].cmds);
        sim->workers[w].tick_at_ms = KH_NEVER;
    }
    for (uint32_t i = 0; i < SIM_SHARDS_MAX; i++) {
        sim->table.rows[i].stolen_at_ms = INT64_MIN / 2;
        sim->table.rows[i].given_at_ms = INT64_MIN / 2;
        for (uint32_t w = 0; w < SIM_WORKERS_MAX; w++) {
            sim->table.rows[i].beat_at_ms[w] = INT64_MIN / 2;
        }
    }
    sim_stream_init(sim, config->shards);
    return sim;
}

void sim_free(struct sim *sim)
{
    for (uint32_t w = 0; w < SIM_WORKERS_MAX; w++) {
        sim_crash(sim, w);
        kh_cmds_fini(&sim->workers[w].cmds);
        kh_mem_free(sim->workers[w].inbox);
    }
    sim_stream_fini(sim);
    sim_coord_fini(sim);
    for (size_t i = 0; i < sim->queue.n; i++) {
        sim_ev_free(sim, &sim->queue.items[i]);
    }
    sim_queue_fini(&sim->queue);
    sim_table_fini(sim);
    kh_mem_free(sim->last);
    kh_mem_free(sim);
}

void sim_fail(struct sim *sim, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(sim->failure, sizeof sim->failure, fmt, args);
    va_end(args);
    longjmp(sim->failed, 1);
}

void sim_ev_free(struct sim *sim, struct sim_ev *ev)
{
    if (ev->p == NULL) {
        return;
    }
    if (ev->type == SIM_EV_APPLY || ev->type == SIM_EV_ANSWER) {
        sim_request_free(sim, ev->p);
    } else {
        kh_mem_free(ev->p);
    }
    ev->p = NULL;
}

void sim_push(struct sim *sim, kh_ms delay_ms, struct sim_ev ev)
{
    kh_assert(delay_ms >= 0);
    ev.at_ms = sim->now_ms + delay_ms;
    sim_queue_push(&sim->queue, ev);
}

kh_ms sim_draw(struct sim *sim, kh_ms low, kh_ms high)
{
    return sim->config.fixed ? low + (high - low) / 2 : kh_rand_between(&sim->rand, low, high);
}

bool sim_chance(struct sim *sim, unsigned per_mille)
{
    if (per_mille == 0 || sim->config.fixed) {
        return per_mille >= 1000;
    }
    return kh_rand_chance(&sim->rand, per_mille);
}

kh_ms sim_latency(struct sim *sim, unsigned slow_per_mille)
{
    if (sim_chance(sim, slow_per_mille)) {
        return sim_draw(sim, 300, 6000);
    }
    return sim->config.fixed ? 10 : sim_draw(sim, 1, sim_chance(sim, 50) ? 300 : 20);
}

char sim_letter(uint32_t worker)
{
    return (char)('A' + worker);
}

static void happen(struct sim *sim, struct sim_ev *ev)
{
    switch (ev->type) {
    case SIM_EV_PRODUCE:
        sim_stream_produce(sim);
        break;
    case SIM_EV_APPLY:
        sim_table_apply(sim, ev->p);
        break;
    case SIM_EV_CHILD:
        sim_child_move(sim, ev);
        break;
    case SIM_EV_PATIENCE:
        if (sim->workers[ev->worker].life == ev->life) {
            sim_host_patience(sim, ev->worker);
        }
        break;
    case SIM_EV_PEER:
    case SIM_EV_TICK:
    case SIM_EV_ANSWER:
    case SIM_EV_SHARDS:
    case SIM_EV_OPENED:
    case SIM_EV_FETCHED:
    case SIM_EV_PIPE:
    case SIM_EV_UTILIZATION:
    case SIM_EV_STOP:
        sim_host_event(sim, ev);
        break;
    }
}

static void check_time_goes_on(struct sim *sim, kh_ms at_ms)
{
    sim->stuck_n = at_ms == sim->now_ms ? sim->stuck_n + 1 : 0;
    if (sim->stuck_n > EVENTS_AT_ONE_INSTANT_MAX) {
        sim_fail(sim, "time stands still: %u events at one instant", sim->stuck_n);
    }
}

static void run_to(struct sim *sim, kh_ms at_ms)
{
    while (sim->queue.n > 0 && sim->queue.items[0].at_ms <= at_ms) {
        struct sim_ev ev = sim_queue_pop(&sim->queue);

        check_time_goes_on(sim, ev.at_ms);
        sim->now_ms = ev.at_ms;
        happen(sim, &ev);
    }
    sim->now_ms = at_ms;
}

void sim_run_for(struct sim *sim, kh_ms ms)
{
    run_to(sim, sim->now_ms + ms);
}

bool sim_run_until(struct sim *sim, sim_predicate *predicate, kh_ms bound_ms)
{
    kh_ms until_ms = sim->now_ms + bound_ms;

    while (sim->now_ms < until_ms) {
        if (predicate(sim)) {
            return true;
        }
        run_to(sim, sim->now_ms + 500);
    }
    return predicate(sim);
}
