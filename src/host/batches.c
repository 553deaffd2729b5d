#include "host/batches.h"

#include "base/assert.h"
#include "base/mem.h"

struct entry {
    uint64_t number; /* its bytes are the key */
    struct kh_batch *batch;
};

static struct kh_str key_of(const uint64_t *number)
{
    return kh_str_of((const char *)number, sizeof(*number));
}

void kh_batches_init(struct kh_batches *batches)
{
    *batches = (struct kh_batches){0};
    kh_map_init(&batches->by_number);
}

static void free_entry(struct entry *entry)
{
    kh_batch_free(entry->batch);
    kh_mem_free(entry);
}

void kh_batches_fini(struct kh_batches *batches)
{
    for (size_t i = 0; i < batches->by_number.n; i++) {
        free_entry(batches->by_number.entries[i].value);
    }
    kh_map_fini(&batches->by_number);
}

uint64_t kh_batches_add(struct kh_batches *batches, struct kh_batch *batch)
{
    struct entry *entry = kh_mem_new(1, sizeof(*entry));

    entry->number = ++batches->last;
    entry->batch = batch;
    kh_map_add(&batches->by_number, key_of(&entry->number), entry);
    return entry->number;
}

const struct kh_batch *kh_batches_get(const struct kh_batches *batches, uint64_t number)
{
    const struct entry *entry = kh_map_get(&batches->by_number, key_of(&number));

    kh_assert(entry != NULL);
    return entry->batch;
}

void kh_batches_drop(struct kh_batches *batches, uint64_t number)
{
    struct entry *entry = kh_map_remove(&batches->by_number, key_of(&number));

    kh_assert(entry != NULL);
    free_entry(entry);
}
