/* An item of what a fleet stores beside its leases, taken for each kind in each place; one that can
 * be read is written and read again. */
#include <string.h>

#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "wire/coord_item.h"
#include "wire/lease_table.h"

#define ITEM_BYTES_MAX ((size_t)1 << 20)

const char *const fuzz_corpus = "coord_item";

static void check_same(const struct kh_coord_item *again, const struct kh_coord_item *item)
{
    kh_assert(again->kind == item->kind);
    kh_assert(strcmp(again->lock.owner, item->lock.owner) == 0);
    kh_assert(strcmp(again->lock.version, item->lock.version) == 0);
    kh_assert(again->lock.duration_ms == item->lock.duration_ms);
    kh_assert(again->lock.released == item->lock.released);
    kh_assert(again->version.history_n == item->version.history_n);
    kh_assert(again->version.now.at_wall_ms == item->version.now.at_wall_ms);
    kh_assert(strcmp(again->stats.worker_id, item->stats.worker_id) == 0);
    kh_assert(again->stats.reported_wall_s == item->stats.reported_wall_s);
}

/* A name we do not know is never written. */
static bool is_writable(const struct kh_coord_item *item)
{
    return item->version.now.version != KH_VERSION_OTHER && item->tables.status != KH_TABLES_OTHER;
}

static void check_item(enum kh_coord_place place, const struct kh_coord_item *item)
{
    struct kh_coord_item again;
    struct kh_json_writer writer;
    struct kh_json *root = NULL;
    struct kh_buf text;
    struct kh_err err;

    kh_assert(item->stats.metrics_n <= KH_METRICS_N);
    kh_assert(item->version.history_n <= KH_VERSION_HISTORY_N);
    kh_buf_init(&text, ITEM_BYTES_MAX);
    kh_json_begin(&writer, &text);
    kh_coord_item_write(&writer, place, item);
    kh_assert(kh_json_end(&writer) == KH_OK);
    kh_assert(kh_json_parse(&root, kh_buf_str(&text), NULL) == KH_OK);
    kh_assert(kh_coord_item_read(root, place, item->kind, &again, &err) == KH_OK);
    check_same(&again, item);
    kh_json_free(root);
    kh_buf_fini(&text);
}

static void take_as(const struct kh_json *root, enum kh_coord_place place, enum kh_coord_kind kind)
{
    struct kh_coord_item item;
    struct kh_err err;

    if (kh_coord_item_read(root, place, kind, &item, &err) == KH_OK && is_writable(&item)) {
        check_item(place, &item);
    }
}

/* The same bytes as a page's end, and as the description of a table. */
static void take_as_answer(const struct kh_json *root)
{
    const struct kh_coord_op op = {.verb = KH_COORD_LIST_STATS};
    struct kh_coord_key key;
    struct kh_buf body;
    bool active;

    kh_buf_init(&body, ITEM_BYTES_MAX);
    if (kh_coord_request(&body, "t", &op, kh_coord_more(root)) == KH_OK) {
        kh_buf_reset(&body);
    }
    kh_buf_fini(&body);
    kh_buf_init(&body, ITEM_BYTES_MAX);
    kh_assert(kh_lease_table_index(&body, "t", root) == KH_OK);
    kh_buf_fini(&body);
    (void)kh_lease_table_has_index(root, &active);
    if (kh_coord_owned_read(root, &key)) {
        kh_assert(key.key[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_json *root = NULL;
    struct kh_err err;

    if (kh_json_parse(&root, kh_str_of((const char *)bytes, n), &err) == KH_OK) {
        for (int kind = KH_COORD_LOCK; kind <= KH_COORD_STATS; kind++) {
            take_as(root, KH_COORD_LEASE_TABLE, (enum kh_coord_kind)kind);
            take_as(root, KH_COORD_LEGACY_TABLE, (enum kh_coord_kind)kind);
        }
        take_as_answer(root);
    }
    kh_json_free(root);
    return 0;
}
