#include "queue.h"

#include "base/assert.h"
#include "base/mem.h"

static bool before(const struct sim_ev *a, const struct sim_ev *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->n < b->n;
}

void sim_queue_fini(struct sim_queue *queue)
{
    kh_mem_free(queue->items);
    *queue = (struct sim_queue){0};
}

void sim_queue_push(struct sim_queue *queue, struct sim_ev ev)
{
    size_t at = queue->n;

    if (queue->n == queue->capacity) {
        queue->capacity = kh_mem_grown(queue->capacity, queue->n + 1);
        queue->items = kh_mem_resize(queue->items, queue->capacity, sizeof *queue->items);
    }
    ev.n = queue->pushed++;
    queue->n++;
    while (at > 0 && before(&ev, &queue->items[(at - 1) / 2])) {
        queue->items[at] = queue->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->items[at] = ev;
}

struct sim_ev sim_queue_pop(struct sim_queue *queue)
{
    struct sim_ev first;
    struct sim_ev last;
    size_t at = 0;

    kh_assert(queue->n > 0);
    first = queue->items[0];
    last = queue->items[--queue->n];
    while (2 * at + 1 < queue->n) {
        size_t child = 2 * at + 1;

        if (child + 1 < queue->n && before(&queue->items[child + 1], &queue->items[child])) {
            child++;
        }
        if (!before(&queue->items[child], &last)) {
            break;
        }
        queue->items[at] = queue->items[child];
        at = child;
    }
    queue->items[at] = last;
    return first;
}
