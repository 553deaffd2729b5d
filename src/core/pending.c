#include "core/pending.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

void kh_pending_init(struct kh_pending *pending)
{
    *pending = (struct kh_pending){0};
}

void kh_pending_fini(struct kh_pending *pending)
{
    kh_mem_free(pending->entries);
    *pending = (struct kh_pending){0};
}

/* Drop answered entries once they are the greater part. */
static void compact(struct kh_pending *pending)
{
    size_t kept = 0;

    if (pending->live_n * 2 > pending->n) {
        return;
    }
    for (size_t i = 0; i < pending->n; i++) {
        if (pending->entries[i].who != KH_PENDING_NOBODY) {
            pending->entries[kept++] = pending->entries[i];
        }
    }
    kh_assert(kept == pending->live_n);
    pending->n = kept;
}

struct kh_pending_entry *kh_pending_add(struct kh_pending *pending, uint64_t op,
                                        enum kh_pending_who who, const char *key, kh_ms sent_at_ms)
{
    struct kh_pending_entry entry = {.op = op, .who = who, .sent_at_ms = sent_at_ms};
    bool fits = kh_str_copy(entry.key, sizeof(entry.key), kh_str(key));

    kh_assert(fits);
    kh_assert(who != KH_PENDING_NOBODY);
    kh_assert(pending->n == 0 || pending->entries[pending->n - 1].op < op);
    if (pending->n == pending->capacity) {
        pending->capacity = kh_mem_grown(pending->capacity, pending->n + 1);
        pending->entries =
            kh_mem_resize(pending->entries, pending->capacity, sizeof(*pending->entries));
    }
    pending->live_n++;
    pending->entries[pending->n] = entry;
    return &pending->entries[pending->n++];
}

static size_t find(const struct kh_pending *pending, uint64_t op)
{
    size_t low = 0;
    size_t high = pending->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (pending->entries[middle].op < op) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool kh_pending_take(struct kh_pending *pending, uint64_t op, struct kh_pending_entry *entry)
{
    size_t at = find(pending, op);

    if (at == pending->n || pending->entries[at].op != op ||
        pending->entries[at].who == KH_PENDING_NOBODY) {
        return false;
    }
    *entry = pending->entries[at];
    pending->entries[at].who = KH_PENDING_NOBODY;
    pending->live_n--;
    compact(pending);
    return true;
}

size_t kh_pending_count(const struct kh_pending *pending, enum kh_pending_who who)
{
    size_t n = 0;

    for (size_t i = 0; i < pending->n; i++) {
        n += pending->entries[i].who == who;
    }
    return n;
}
