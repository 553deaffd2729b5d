/* coord_world: the items a fleet shares, for tests: answers requests as a store would.
 *
 * Shape   set what is there; coord_world_answer carries out one request.
 * Units   as in core/coord.h.
 * Errors  none; a request that is not sound fails the test.
 * Memory  plain value; an answer borrows from it.
 * Truth   kh_coord_op_apply.
 */
#ifndef KH_TESTS_LIB_COORD_WORLD_H
#define KH_TESTS_LIB_COORD_WORLD_H

#include "core/coord.h"

#define COORD_WORLD_STATS_MAX 8
#define COORD_WORLD_KEYS_MAX  8

struct coord_world_items {
    bool has_lock;
    struct kh_coord_item lock;
    bool has_version;
    struct kh_coord_item version;
    bool has_tables;
    struct kh_coord_item tables;
    size_t stats_n;
    struct kh_worker_stats stats[COORD_WORLD_STATS_MAX];
};

struct coord_world {
    struct kh_layout layout;
    struct coord_world_items lease_table;
    struct coord_world_items legacy_table;
    struct kh_coord_key owned[COORD_WORLD_KEYS_MAX];
    size_t owned_n;
};

void coord_world_answer(struct coord_world *world, const struct kh_coord_op *op,
                        struct kh_coord_answer *answer);

void coord_world_set_version(struct coord_world_items *items, enum kh_client_version version);
void coord_world_set_tables(struct coord_world_items *items, enum kh_table_status status);

/* NULL if the worker has no report there. */
struct kh_worker_stats *coord_world_stats(struct coord_world_items *items, const char *worker_id);

#endif
