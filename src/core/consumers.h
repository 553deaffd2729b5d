/* consumers: all consumers of one worker, by key and by number, and when the first of them is due.
 *
 * Shape   a map beside an array of deadlines. kh_consumers_see() after each step of a consumer;
 *         kh_consumers_bury() at the beginning of a step of the worker.
 * Units   *_at_ms is monotonic.
 * Errors  none.
 * Memory  owns the consumers. Numbers are stable until the next burial, in which the last one may
 *         take the place of one that is gone.
 * Truth   own design: after each step of one all deadlines count, and consumers are large. With 500
 *         of them the walk over their own deadlines took a sixth of the worker's time.
 */
#ifndef KH_CORE_CONSUMERS_H
#define KH_CORE_CONSUMERS_H

#include "base/map.h"
#include "core/consumer.h"

struct kh_consumers {
    struct kh_map by_key; /* lease key -> struct kh_consumer, owned */
    kh_ms *due_at_ms;     /* owned; by number: it wants no TICK before, and perhaps only later */
    size_t due_capacity;
    kh_ms at_ms;   /* the earliest of them */
    bool one_gone; /* there is something to bury */
};

void kh_consumers_init(struct kh_consumers *consumers);
void kh_consumers_fini(struct kh_consumers *consumers);

/* Takes it. Its key is not among them (asserted). It is stepped, and seen, next. */
void kh_consumers_add(struct kh_consumers *consumers, struct kh_consumer *consumer);

size_t kh_consumers_n(const struct kh_consumers *consumers);
struct kh_consumer *kh_consumers_at(const struct kh_consumers *consumers, size_t i);
struct kh_consumer *kh_consumers_get(const struct kh_consumers *consumers, struct kh_str key);

/* It was stepped, or told something: look at its state and deadline. */
void kh_consumers_see(struct kh_consumers *consumers, const struct kh_consumer *consumer);

/* Is number i due? If not, its deadline is known better afterwards. */
bool kh_consumers_is_due(struct kh_consumers *consumers, size_t i, kh_ms now_ms);
/* Those that were due have been stepped. */
void kh_consumers_all_stepped(struct kh_consumers *consumers);

/* Free those that are gone: until then commands borrow their keys. */
void kh_consumers_bury(struct kh_consumers *consumers);

#endif
