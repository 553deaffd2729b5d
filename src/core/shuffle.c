#include "core/shuffle.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/sort.h"

#define SEED            UINT64_C(1947)
#define JAVA_MULTIPLIER UINT64_C(0x5DEECE66D)
#define JAVA_ADDEND     UINT64_C(0xB)
#define JAVA_MASK       ((UINT64_C(1) << 48) - 1)
/* The first bytes of U+E000 to U+FFFF in UTF-8, and of what is above U+FFFF. */
#define LAST_OF_UTF16_FIRST  0xee
#define ABOVE_ONE_UNIT_FIRST 0xf0

/* Random.next(31) */
static uint64_t next31(uint64_t *state)
{
    *state = (*state * JAVA_MULTIPLIER + JAVA_ADDEND) & JAVA_MASK;
    return *state >> 17;
}

/* Random.nextInt(bound) */
static uint64_t next_below(uint64_t *state, uint64_t bound)
{
    uint64_t r = next31(state);

    if ((bound & (bound - 1)) == 0) {
        return bound * r >> 31;
    }
    /* Of the last, incomplete round of numbers none is used. */
    while (r - r % bound + (bound - 1) >= UINT64_C(1) << 31) {
        r = next31(state);
    }
    return r % bound;
}

size_t kh_shuffle_first(size_t n)
{
    size_t *at = kh_mem_new(n, sizeof(*at));
    uint64_t state = (SEED ^ JAVA_MULTIPLIER) & JAVA_MASK;
    size_t first;

    kh_assert(n > 0);
    kh_assert(n <= INT32_MAX);
    for (size_t i = 0; i < n; i++) {
        at[i] = i;
    }
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)next_below(&state, i);
        size_t last = at[i - 1];

        at[i - 1] = at[j];
        at[j] = last;
    }
    first = at[0];
    kh_mem_free(at);
    return first;
}

int kh_shuffle_order(const char *a, const char *b)
{
    const unsigned char *x = (const unsigned char *)a;
    const unsigned char *y = (const unsigned char *)b;

    while (*x == *y && *x != '\0') {
        x++;
        y++;
    }
    /* By bytes is by code point, which is by UTF-16 unit but for one thing: what takes two units
     * begins with a surrogate, and those are below U+E000. */
    if (*x >= LAST_OF_UTF16_FIRST && *y >= LAST_OF_UTF16_FIRST &&
        (*x >= ABOVE_ONE_UNIT_FIRST) != (*y >= ABOVE_ONE_UNIT_FIRST)) {
        return *x >= ABOVE_ONE_UNIT_FIRST ? -1 : 1;
    }
    return (int)*x - (int)*y;
}

static int order(const void *a, const void *b)
{
    return kh_shuffle_order(a, b);
}

const char *kh_shuffle_leader(const char **ids, size_t n)
{
    size_t distinct_n = 0;

    kh_sort((const void **)ids, n, order);
    for (size_t i = 0; i < n; i++) {
        if (distinct_n == 0 || strcmp(ids[distinct_n - 1], ids[i]) != 0) {
            ids[distinct_n++] = ids[i];
        }
    }
    return distinct_n == 0 ? NULL : ids[kh_shuffle_first(distinct_n)];
}

bool kh_shuffle_leads(const struct kh_table *table, const char *worker_id)
{
    size_t n = kh_table_n(table);
    const char **ids = kh_mem_new(n + 1, sizeof(*ids));
    size_t ids_n = 0;
    struct kh_map seen; /* few workers own many leases: what is sorted should be short */
    const char *leader;

    kh_map_init(&seen);
    for (size_t i = 0; i < n; i++) {
        struct kh_table_row *row = kh_table_at(table, i);

        if (i > 0 && strcmp(row->lease.owner, kh_table_at(table, i - 1)->lease.owner) == 0) {
            continue;
        }
        if (row->lease.owner[0] != '\0' && kh_map_get(&seen, kh_str(row->lease.owner)) == NULL) {
            kh_map_add(&seen, kh_str(row->lease.owner), row);
            ids[ids_n++] = row->lease.owner;
        }
    }
    leader = kh_shuffle_leader(ids, ids_n);
    kh_map_fini(&seen);
    kh_mem_free(ids);
    return leader == NULL || strcmp(leader, worker_id) == 0;
}
