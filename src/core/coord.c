#include "core/coord.h"

#include <string.h>

#include "base/assert.h"

enum {
    FOR_LOCK =
        KH_EXPECT_ABSENT | KH_EXPECT_RELEASED | KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER,
    FOR_VERSION = KH_EXPECT_ABSENT | KH_EXPECT_CLIENT_VERSION,
    FOR_TABLES = KH_EXPECT_ABSENT,
    FOR_STATS = KH_EXPECT_REPORTED
};

static unsigned expectable(enum kh_coord_kind kind)
{
    switch (kind) {
    case KH_COORD_LOCK:
        return FOR_LOCK;
    case KH_COORD_VERSION:
        return FOR_VERSION;
    case KH_COORD_TABLES:
        return FOR_TABLES;
    case KH_COORD_STATS:
        return FOR_STATS;
    }
    return 0;
}

static bool is_sound_item(const struct kh_coord_op *op)
{
    const struct kh_coord_item *item = &op->item;

    if (item->kind != op->kind) {
        return false;
    }
    switch (item->kind) {
    case KH_COORD_LOCK:
        return item->lock.owner[0] != '\0' && item->lock.version[0] != '\0' &&
               item->lock.duration_ms > 0;
    case KH_COORD_VERSION:
        return item->version.now.version != KH_VERSION_NONE &&
               item->version.now.version != KH_VERSION_OTHER &&
               item->version.history_n <= KH_VERSION_HISTORY_N;
    case KH_COORD_TABLES:
        return item->tables.status != KH_TABLES_NONE && item->tables.status != KH_TABLES_OTHER;
    case KH_COORD_STATS:
        return strcmp(item->stats.worker_id, op->key) == 0 && item->stats.metrics_n <= KH_METRICS_N;
    }
    return false;
}

static bool has_key(const struct kh_coord_op *op)
{
    return op->kind != KH_COORD_STATS || op->key[0] != '\0';
}

bool kh_coord_op_is_sound(const struct kh_coord_op *op)
{
    switch (op->verb) {
    case KH_COORD_LAYOUT:
    case KH_COORD_LIST_STATS:
    case KH_COORD_MAKE_INDEX:
        return true;
    case KH_COORD_OWNED:
        return op->key[0] != '\0';
    case KH_COORD_GET:
        return has_key(op);
    case KH_COORD_DELETE:
        return has_key(op) && (op->expect_bits & ~expectable(op->kind)) == 0;
    case KH_COORD_PUT:
    case KH_COORD_UPDATE: /* which cannot change what must not be there */
        return (op->verb == KH_COORD_PUT || (op->expect_bits & KH_EXPECT_ABSENT) == 0) &&
               has_key(op) && (op->expect_bits & ~expectable(op->kind)) == 0 && is_sound_item(op);
    }
    return false;
}

static bool is_as_expected(const struct kh_coord_op *op, bool exists,
                           const struct kh_coord_item *item)
{
    const unsigned bits = op->expect_bits;

    if ((bits & KH_EXPECT_ABSENT) != 0) {
        return !exists;
    }
    if (bits != 0 && !exists) {
        return false;
    }
    return ((bits & KH_EXPECT_RELEASED) == 0 || item->lock.released) &&
           ((bits & KH_EXPECT_LOCK_VERSION) == 0 ||
            strcmp(item->lock.version, op->expect.lock.version) == 0) &&
           ((bits & KH_EXPECT_LOCK_OWNER) == 0 ||
            strcmp(item->lock.owner, op->expect.lock.owner) == 0) &&
           ((bits & KH_EXPECT_CLIENT_VERSION) == 0 ||
            item->version.now.version == op->expect.version.now.version) &&
           ((bits & KH_EXPECT_REPORTED) == 0 ||
            item->stats.reported_wall_s == op->expect.stats.reported_wall_s);
}

enum kh_lease_outcome kh_coord_op_apply(const struct kh_coord_op *op, bool *exists,
                                        struct kh_coord_item *item)
{
    kh_assert(kh_coord_op_is_sound(op));
    kh_assert(op->verb == KH_COORD_PUT || op->verb == KH_COORD_UPDATE ||
              op->verb == KH_COORD_DELETE);

    if (!is_as_expected(op, *exists, item)) {
        return op->verb == KH_COORD_DELETE && !*exists ? KH_LEASE_DONE : KH_LEASE_CONFLICT;
    }
    if (op->verb == KH_COORD_DELETE) {
        *exists = false;
        return KH_LEASE_DONE;
    }
    if (op->verb == KH_COORD_UPDATE && !*exists && op->kind != KH_COORD_STATS) {
        return KH_LEASE_CONFLICT;
    }
    *item = op->item;
    *exists = true;
    return KH_LEASE_DONE;
}
