#include "base/map.h"

#include "base/assert.h"
#include "base/mem.h"

/* The slot that holds key, or the free one where it would go. There always is a free one. */
static size_t slot_of(const struct kh_map *map, struct kh_str key)
{
    size_t mask = map->slots_n - 1;
    size_t slot = (size_t)kh_str_hash(key) & mask;

    while (map->slots[slot] != 0 && !kh_str_eq(map->entries[map->slots[slot] - 1].key, key)) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static void grow(struct kh_map *map)
{
    map->capacity = kh_mem_grown(map->capacity, map->n + 1);
    kh_assert(map->capacity < UINT32_MAX / 4);
    map->entries = kh_mem_resize(map->entries, map->capacity, sizeof(map->entries[0]));

    /* At most half of the slots are ever in use: searches stay short. */
    if (map->slots_n == 0) {
        map->slots_n = 1;
    }
    while (map->slots_n < 2 * map->capacity) {
        map->slots_n *= 2;
    }
    kh_mem_free(map->slots);
    map->slots = kh_mem_new(map->slots_n, sizeof(map->slots[0]));
    for (size_t i = 0; i < map->n; i++) {
        map->slots[slot_of(map, map->entries[i].key)] = (uint32_t)(i + 1);
    }
}

/* Free a slot, and move back those behind it that a search would not find across the gap. */
static void free_slot(struct kh_map *map, size_t gap)
{
    size_t mask = map->slots_n - 1;

    for (size_t at = (gap + 1) & mask; map->slots[at] != 0; at = (at + 1) & mask) {
        size_t home = (size_t)kh_str_hash(map->entries[map->slots[at] - 1].key) & mask;

        if (((at - home) & mask) >= ((at - gap) & mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    map->slots[gap] = 0;
}

void kh_map_init(struct kh_map *map)
{
    *map = (struct kh_map){0};
}

void kh_map_fini(struct kh_map *map)
{
    kh_mem_free(map->entries);
    kh_mem_free(map->slots);
    kh_map_init(map);
}

void *kh_map_get(const struct kh_map *map, struct kh_str key)
{
    uint32_t index;

    if (map->n == 0) {
        return NULL;
    }
    index = map->slots[slot_of(map, key)];
    return index == 0 ? NULL : map->entries[index - 1].value;
}

void kh_map_add(struct kh_map *map, struct kh_str key, void *value)
{
    size_t slot;

    kh_assert(value != NULL);
    if (map->n == map->capacity) {
        grow(map);
    }
    slot = slot_of(map, key);
    kh_assert(map->slots[slot] == 0);
    map->entries[map->n] = (struct kh_map_entry){key, value};
    map->n++;
    map->slots[slot] = (uint32_t)map->n;
}

void *kh_map_remove(struct kh_map *map, struct kh_str key)
{
    size_t slot;
    size_t index;
    size_t last;
    void *value;

    if (map->n == 0) {
        return NULL;
    }
    slot = slot_of(map, key);
    if (map->slots[slot] == 0) {
        return NULL;
    }
    index = map->slots[slot] - 1;
    last = map->n - 1;
    value = map->entries[index].value;
    free_slot(map, slot);
    if (index != last) {
        map->slots[slot_of(map, map->entries[last].key)] = (uint32_t)(index + 1);
        map->entries[index] = map->entries[last];
    }
    map->n = last;
    return value;
}
