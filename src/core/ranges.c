#include "core/ranges.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/sort.h"

#define HASH_LAST (~(unsigned __int128)0)
#define PPM       1000000

struct span {
    unsigned __int128 start;
    unsigned __int128 end;
    const char *key; /* borrowed */
};

static bool span_of(const char *key, const struct kh_hash_range *range, struct span *span)
{
    span->key = key;
    return kh_hash_key_parse(kh_str(range->start), &span->start) &&
           kh_hash_key_parse(kh_str(range->end), &span->end);
}

static int by_range(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;

    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    if (x->end != y->end) {
        return x->end < y->end ? -1 : 1;
    }
    return strcmp(x->key, y->key);
}

/* Pointers to them, in order; to be freed. */
static const struct span **sorted(const struct span *spans, size_t n)
{
    const void **order = kh_mem_new(n + 1, sizeof(*order));

    for (size_t i = 0; i < n; i++) {
        order[i] = &spans[i];
    }
    kh_sort(order, n, by_range);
    return (const struct span **)order;
}

static bool tile(const struct span *const *spans, size_t n)
{
    unsigned __int128 next = 0;

    for (size_t i = 0; i < n; i++) {
        if (spans[i]->start != next || spans[i]->end < spans[i]->start) {
            return false;
        }
        if (spans[i]->end == HASH_LAST) {
            return i + 1 == n;
        }
        next = spans[i]->end + 1;
    }
    return false;
}

bool kh_ranges_cover(const struct kh_shard *shards, size_t n)
{
    struct span *spans = kh_mem_new(n + 1, sizeof(*spans));
    const struct span **order;
    bool cover = true;

    for (size_t i = 0; i < n && cover; i++) {
        cover = span_of(shards[i].id, &shards[i].range, &spans[i]);
    }
    order = sorted(spans, cover ? n : 0);
    cover = cover && tile(order, n);
    kh_mem_free(order);
    kh_mem_free(spans);
    return cover;
}

static void copy_key(char to[KH_LEASE_KEY_MAX + 1], const char *key)
{
    size_t n = strlen(key);

    kh_assert(n <= KH_LEASE_KEY_MAX);
    memcpy(to, key, n + 1);
}

/* Nothing covers first to last. The borders of the first hole are kept, its size and that of all
 * others are added up. */
static void add_hole(struct kh_hole *hole, unsigned __int128 first, unsigned __int128 last,
                     const char *before, const char *after)
{
    kh_assert(first <= last);
    if (!hole->found) {
        hole->found = true;
        hole->first = first;
        hole->last = last;
        copy_key(hole->before, before);
        copy_key(hole->after, after);
    }
    hole->missing_ppm += (int64_t)((last - first) / (HASH_LAST / PPM));
}

static void sweep(struct kh_hole *hole, const struct span *const *spans, size_t n)
{
    unsigned __int128 next = 0; /* the first hash key that is not known to be covered */
    const char *before = "";
    bool full = false;

    for (size_t i = 0; i < n && !full; i++) {
        if (spans[i]->start > next) {
            add_hole(hole, next, spans[i]->start - 1, before, spans[i]->key);
        }
        if (spans[i]->end >= next) {
            before = spans[i]->key;
            full = spans[i]->end == HASH_LAST;
            next = spans[i]->end + 1;
        }
    }
    if (!full) {
        add_hole(hole, next, HASH_LAST, before, "");
    }
    if (hole->found && hole->missing_ppm == 0) {
        hole->missing_ppm = 1;
    }
}

void kh_ranges_find_hole(struct kh_hole *hole, const struct kh_table *table)
{
    size_t n = kh_table_n(table);
    struct span *spans = kh_mem_new(n + 1, sizeof(*spans));
    const struct span **order;
    size_t spans_n = 0;

    *hole = (struct kh_hole){0};
    for (size_t i = 0; i < n; i++) {
        const struct kh_lease *lease = &kh_table_at(table, i)->lease;

        if (kh_lease_is_finished(lease)) {
            continue;
        }
        if (span_of(lease->key, &lease->range, &spans[spans_n])) {
            spans_n++;
        } else {
            hole->unknown_n++;
        }
    }
    order = sorted(spans, spans_n);
    sweep(hole, order, spans_n);
    kh_mem_free(order);
    kh_mem_free(spans);
}

bool kh_ranges_same_hole(const struct kh_hole *a, const struct kh_hole *b)
{
    return a->found == b->found && a->first == b->first && a->last == b->last &&
           strcmp(a->before, b->before) == 0 && strcmp(a->after, b->after) == 0;
}

const char *kh_ranges_hole_key(const struct kh_hole *hole)
{
    return hole->before[0] != '\0' ? hole->before : hole->after;
}
