/* map: from a string key to a pointer.
 *
 * Shape   open addressing; order of iteration is the order of insertion as long as nothing was
 *         removed, and the same sequence of calls always gives the same order (the simulator relies
 *         on it).
 * Units   items.
 * Errors  none: see mem.h.
 * Memory  borrows keys (they must live as long as the entry, usually inside the value) and values.
 * Truth   own design.
 */
#ifndef KH_BASE_MAP_H
#define KH_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct kh_map_entry {
    struct kh_str key; /* borrowed */
    void *value;       /* borrowed; never NULL in a live entry */
};

struct kh_map {
    struct kh_map_entry *entries; /* owned; dense, in order of insertion */
    uint32_t *slots;              /* owned; index into entries plus one, 0 is free */
    size_t n;
    size_t capacity; /* of entries */
    size_t slots_n;  /* a power of two, or 0 */
};

void kh_map_init(struct kh_map *map);
void kh_map_fini(struct kh_map *map);

void *kh_map_get(const struct kh_map *map, struct kh_str key); /* NULL if absent */

/* Add a key that is not there yet (asserted). value is not NULL (asserted). */
void kh_map_add(struct kh_map *map, struct kh_str key, void *value);

/* Take the entry out and return its value, or NULL. The last entry moves into its place. */
void *kh_map_remove(struct kh_map *map, struct kh_str key);

/* entries[0..n) may be walked directly; do not add or remove meanwhile. */

#endif
