/* queue: what is going to happen, in order of virtual time.
 *
 * Shape   a binary heap ordered by (time, number of insertion), so that equal times keep their
 *         order.
 * Units   at_ms is virtual time since the start of the run.
 * Errors  none.
 * Memory  owns its array. The payload p of an event belongs to whoever takes the event out
 *         (sim_ev_free).
 * Truth   own design.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

enum sim_ev_type {
    /* In the world. */
    SIM_EV_PRODUCE,  /* the producer puts records */
    SIM_EV_APPLY,    /* a request reaches the store; p: struct sim_request */
    SIM_EV_CHILD,    /* a child's own next move; shard, life: the child's, a: enum sim_child_move */
    SIM_EV_PATIENCE, /* by now the worker must have stopped */
    /* For a worker's host: kept back while it is frozen, gone when it dies. */
    SIM_EV_PEER,   /* a timer of a Java peer; a: enum sim_peer_timer, shard: for some */
    SIM_EV_TICK,   /* a: generation of the timer */
    SIM_EV_ANSWER, /* p: struct sim_request */
    SIM_EV_SHARDS, /* a: ticket; p: struct sim_listing */
    SIM_EV_OPENED, /* shard, a: reader generation */
    SIM_EV_FETCHED,
    SIM_EV_PIPE, /* something can be read from the child of this shard, or it can be reaped */
    SIM_EV_UTILIZATION,
    SIM_EV_STOP
};

struct sim_ev {
    kh_ms at_ms;
    uint64_t n; /* number of insertion */
    enum sim_ev_type type;
    uint32_t worker;
    uint32_t life; /* of the worker, the child for SIM_EV_CHILD: those of earlier lives are void */
    uint32_t shard;
    uint64_t a;
    void *p; /* owned by the event */
};

struct sim_queue {
    struct sim_ev *items; /* owned */
    size_t n;
    size_t capacity;
    uint64_t pushed;
};

void sim_queue_fini(struct sim_queue *queue);
void sim_queue_push(struct sim_queue *queue, struct sim_ev ev);
struct sim_ev sim_queue_pop(struct sim_queue *queue); /* not when empty */

#endif
