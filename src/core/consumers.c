#include "core/consumers.h"

#include "base/assert.h"
#include "base/mem.h"

void kh_consumers_init(struct kh_consumers *consumers)
{
    *consumers = (struct kh_consumers){.at_ms = KH_NEVER};
    kh_map_init(&consumers->by_key);
}

void kh_consumers_fini(struct kh_consumers *consumers)
{
    for (size_t i = 0; i < consumers->by_key.n; i++) {
        kh_consumer_free(kh_consumers_at(consumers, i));
    }
    kh_map_fini(&consumers->by_key);
    kh_mem_free(consumers->due_at_ms);
}

void kh_consumers_add(struct kh_consumers *consumers, struct kh_consumer *consumer)
{
    struct kh_map *map = &consumers->by_key;

    kh_assert(kh_map_get(map, kh_str(consumer->hold.lease.key)) == NULL);
    consumer->place = map->n;
    kh_map_add(map, kh_str(consumer->hold.lease.key), consumer);
    if (consumers->due_capacity < map->n) {
        consumers->due_capacity = kh_mem_grown(consumers->due_capacity, map->n);
        consumers->due_at_ms = kh_mem_resize(consumers->due_at_ms, consumers->due_capacity,
                                             sizeof(*consumers->due_at_ms));
    }
    consumers->due_at_ms[consumer->place] = KH_NEVER;
}

size_t kh_consumers_n(const struct kh_consumers *consumers)
{
    return consumers->by_key.n;
}

struct kh_consumer *kh_consumers_at(const struct kh_consumers *consumers, size_t i)
{
    kh_assert(i < consumers->by_key.n);
    return consumers->by_key.entries[i].value;
}

struct kh_consumer *kh_consumers_get(const struct kh_consumers *consumers, struct kh_str key)
{
    return kh_map_get(&consumers->by_key, key);
}

void kh_consumers_see(struct kh_consumers *consumers, const struct kh_consumer *consumer)
{
    kh_ms due_at_ms = kh_consumer_deadline(consumer);

    kh_assert(kh_consumers_at(consumers, consumer->place) == consumer);
    consumers->due_at_ms[consumer->place] = due_at_ms;
    consumers->at_ms = kh_ms_min(consumers->at_ms, due_at_ms);
    consumers->one_gone |= consumer->state == KH_CONSUMER_GONE;
}

bool kh_consumers_is_due(struct kh_consumers *consumers, size_t i, kh_ms now_ms)
{
    if (now_ms < consumers->due_at_ms[i]) {
        return false;
    }
    kh_consumers_see(consumers, kh_consumers_at(consumers, i));
    return now_ms >= consumers->due_at_ms[i];
}

void kh_consumers_all_stepped(struct kh_consumers *consumers)
{
    kh_ms at_ms = KH_NEVER;

    for (size_t i = 0; i < consumers->by_key.n; i++) {
        at_ms = kh_ms_min(at_ms, consumers->due_at_ms[i]);
    }
    consumers->at_ms = at_ms;
}

void kh_consumers_bury(struct kh_consumers *consumers)
{
    struct kh_map *map = &consumers->by_key;
    size_t i = 0;

    while (consumers->one_gone && i < map->n) {
        struct kh_consumer *consumer = kh_consumers_at(consumers, i);

        if (consumer->state != KH_CONSUMER_GONE) {
            i++;
            continue;
        }
        (void)kh_map_remove(map, kh_str(consumer->hold.lease.key)); /* the last one moves to i */
        kh_consumer_free(consumer);
        if (i < map->n) {
            kh_consumers_at(consumers, i)->place = i;
            consumers->due_at_ms[i] = consumers->due_at_ms[map->n];
        }
    }
    consumers->one_gone = false;
}
