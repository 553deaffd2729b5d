#include "tests/lib/coord_world.h"

#include <check.h>
#include <string.h>

struct kh_worker_stats *coord_world_stats(struct coord_world_items *items, const char *worker_id)
{
    for (size_t i = 0; i < items->stats_n; i++) {
        if (strcmp(items->stats[i].worker_id, worker_id) == 0) {
            return &items->stats[i];
        }
    }
    return NULL;
}

void coord_world_set_version(struct coord_world_items *items, enum kh_client_version version)
{
    items->has_version = true;
    items->version.kind = KH_COORD_VERSION;
    items->version.version.now.version = version;
}

void coord_world_set_tables(struct coord_world_items *items, enum kh_table_status status)
{
    items->has_tables = true;
    items->tables.kind = KH_COORD_TABLES;
    items->tables.tables.status = status;
}

static void set_stats(struct coord_world_items *items, const struct kh_worker_stats *stats)
{
    struct kh_worker_stats *place = coord_world_stats(items, stats->worker_id);

    if (place == NULL) {
        ck_assert_uint_lt(items->stats_n, COORD_WORLD_STATS_MAX);
        place = &items->stats[items->stats_n++];
    }
    *place = *stats;
}

static void remove_stats(struct coord_world_items *items, const char *worker_id)
{
    struct kh_worker_stats *place = coord_world_stats(items, worker_id);

    if (place != NULL) {
        *place = items->stats[--items->stats_n];
    }
}

/* One item as the request sees it. */
static void load(struct coord_world_items *items, const struct kh_coord_op *op, bool *exists,
                 struct kh_coord_item *item)
{
    const struct kh_worker_stats *stats = coord_world_stats(items, op->key);

    *item = (struct kh_coord_item){.kind = op->kind};
    switch (op->kind) {
    case KH_COORD_LOCK:
        *exists = items->has_lock;
        *item = *exists ? items->lock : *item;
        break;
    case KH_COORD_VERSION:
        *exists = items->has_version;
        *item = *exists ? items->version : *item;
        break;
    case KH_COORD_TABLES:
        *exists = items->has_tables;
        *item = *exists ? items->tables : *item;
        break;
    case KH_COORD_STATS:
        *exists = stats != NULL;
        if (*exists) {
            item->stats = *stats;
        }
        break;
    }
}

static void save(struct coord_world_items *items, const struct kh_coord_op *op, bool exists,
                 const struct kh_coord_item *item)
{
    switch (op->kind) {
    case KH_COORD_LOCK:
        items->has_lock = exists;
        items->lock = *item;
        break;
    case KH_COORD_VERSION:
        items->has_version = exists;
        items->version = *item;
        break;
    case KH_COORD_TABLES:
        items->has_tables = exists;
        items->tables = *item;
        break;
    case KH_COORD_STATS:
        if (exists) {
            set_stats(items, &item->stats);
        } else {
            remove_stats(items, op->key);
        }
        break;
    }
}

void coord_world_answer(struct coord_world *world, const struct kh_coord_op *op,
                        struct kh_coord_answer *answer)
{
    struct coord_world_items *items =
        op->place == KH_COORD_LEGACY_TABLE ? &world->legacy_table : &world->lease_table;

    ck_assert(kh_coord_op_is_sound(op));
    *answer = (struct kh_coord_answer){
        .id = op->id, .verb = op->verb, .kind = op->kind, .outcome = KH_LEASE_DONE};
    switch (op->verb) {
    case KH_COORD_LAYOUT:
        answer->layout = world->layout;
        break;
    case KH_COORD_GET:
        load(items, op, &answer->found, &answer->item);
        break;
    case KH_COORD_PUT:
    case KH_COORD_UPDATE:
    case KH_COORD_DELETE:
        load(items, op, &answer->found, &answer->item);
        answer->outcome = kh_coord_op_apply(op, &answer->found, &answer->item);
        if (answer->outcome == KH_LEASE_DONE) {
            save(items, op, answer->found, &answer->item);
        }
        break;
    case KH_COORD_LIST_STATS:
        answer->stats = items->stats;
        answer->stats_n = items->stats_n;
        break;
    case KH_COORD_OWNED:
        answer->keys = world->owned;
        answer->keys_n = world->owned_n;
        break;
    case KH_COORD_MAKE_INDEX:
        world->layout.has_index = true;
        break;
    }
}
