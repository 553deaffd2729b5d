#include "cli/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "store/drivers.h"
#include "wire/attribute.h"
#include "wire/coord_item.h"
#include "wire/lease_item.h"
#include "wire/lease_table.h"
#include "wire/stream_mark.h"

#define REQUEST_BYTES_MAX   16384
#define PAGES_MAX           10000
#define MALFORMED_BYTES_MAX 8192

static const struct {
    const char *entity;
    const char *key; /* NULL: by entityType alone */
    enum kh_survey_kind kind;
} kinds[] = {{"LEADER", KH_LOCK_KEY, KH_SURVEY_LOCK},
             {"CLIENT_VERSION_MIGRATION", KH_VERSION_KEY, KH_SURVEY_VERSION},
             {"TABLE_MIGRATION", KH_TABLES_KEY, KH_SURVEY_TABLES},
             {"WORKER_METRIC_STATS", NULL, KH_SURVEY_STATS},
             {"STREAM", NULL, KH_SURVEY_STREAM}};

static void note_malformed(struct kh_survey *survey, const char *table, const struct kh_err *why)
{
    survey->malformed_n++;
    if (kh_buf_appendf(&survey->malformed, "%s: %s\n", table, why->text) != KH_OK) {
        return; /* enough to begin with */
    }
}

/* ---- what an item is ---- */

static struct kh_str text_at(const struct kh_json *item, const char *name)
{
    struct kh_str text = {0};

    return kh_json_str(kh_json_get(kh_json_get(item, name), "S"), &text) ? text : kh_str("");
}

/* Items of before 3.5 have no entityType: then the key tells. */
static enum kh_survey_kind kind_of(const struct kh_json *item, struct kh_str key)
{
    const struct kh_str entity = text_at(item, KH_ENTITY_ATTRIBUTE);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (entity.n > 0 ? kh_str_eq(entity, kh_str(kinds[i].entity))
                         : kinds[i].key != NULL && kh_str_eq(key, kh_str(kinds[i].key))) {
            return kinds[i].kind;
        }
    }
    return KH_SURVEY_OTHER;
}

static void add_stats(struct kh_survey *survey, enum kh_coord_place place,
                      const struct kh_worker_stats *stats)
{
    if (survey->stats_n == survey->stats_capacity) {
        survey->stats_capacity = kh_mem_grown(survey->stats_capacity, survey->stats_n + 1);
        survey->stats =
            kh_mem_resize(survey->stats, survey->stats_capacity, sizeof(*survey->stats));
    }
    survey->stats[survey->stats_n++] = (struct kh_survey_stats){place, *stats};
}

static enum kh_rc take_coord(struct kh_survey *survey, enum kh_coord_place place,
                             enum kh_coord_kind kind, const struct kh_json *json,
                             struct kh_err *err)
{
    struct kh_coord_item item = {0};
    enum kh_rc rc = kh_coord_item_read(json, place, kind, &item, err);

    if (rc != KH_OK) {
        return rc;
    }
    switch (kind) {
    case KH_COORD_LOCK:
        survey->has_lock[place] = true;
        survey->lock[place] = item.lock;
        break;
    case KH_COORD_VERSION:
        survey->version[place] = item.version;
        break;
    case KH_COORD_TABLES:
        survey->tables[place] = item.tables;
        break;
    case KH_COORD_STATS:
        add_stats(survey, place, &item.stats);
        break;
    }
    return KH_OK;
}

static enum kh_rc take_kind(struct kh_survey *survey, enum kh_coord_place place,
                            enum kh_survey_kind kind, const struct kh_json *item,
                            struct kh_err *err)
{
    switch (kind) {
    case KH_SURVEY_LOCK:
        return take_coord(survey, place, KH_COORD_LOCK, item, err);
    case KH_SURVEY_VERSION:
        return take_coord(survey, place, KH_COORD_VERSION, item, err);
    case KH_SURVEY_TABLES:
        return take_coord(survey, place, KH_COORD_TABLES, item, err);
    case KH_SURVEY_STATS:
        return take_coord(survey, place, KH_COORD_STATS, item, err);
    case KH_SURVEY_STREAM:
    case KH_SURVEY_OTHER:
        break;
    }
    return KH_OK;
}

static void add_item(struct kh_survey *survey, enum kh_survey_kind kind, struct kh_str key)
{
    if (survey->items_n == survey->items_capacity) {
        survey->items_capacity = kh_mem_grown(survey->items_capacity, survey->items_n + 1);
        survey->items =
            kh_mem_resize(survey->items, survey->items_capacity, sizeof(*survey->items));
    }
    survey->items[survey->items_n++] = (struct kh_survey_item){kind, kh_mem_copy(key.p, key.n)};
}

static void add_lease(struct kh_survey *survey, const struct kh_json *item,
                      const struct kh_lease *lease)
{
    const struct kh_str mark = kh_stream_mark_of(item);

    if (survey->leases_n == survey->leases_capacity) {
        survey->leases_capacity = kh_mem_grown(survey->leases_capacity, survey->leases_n + 1);
        survey->leases =
            kh_mem_resize(survey->leases, survey->leases_capacity, sizeof(*survey->leases));
    }
    survey->leases[survey->leases_n++] = *lease;
    survey->typed_n += kh_json_get(item, KH_ENTITY_ATTRIBUTE) != NULL;
    survey->measured_n += lease->has_throughput;
    survey->signed_n += lease->handoff_owner[0] != '\0';
    survey->marked_n += mark.n > 0;
    if (mark.n > 0 && survey->stream[0] == '\0') {
        (void)snprintf(survey->stream, sizeof(survey->stream), "%.*s", KH_STR_ARG(mark));
    }
}

static void take_from_lease_table(struct kh_survey *survey, struct kh_session *session,
                                  const struct kh_json *item)
{
    const struct kh_str key = text_at(item, KH_LEASE_KEY_ATTRIBUTE);
    enum kh_survey_kind kind = kind_of(item, key);
    struct kh_lease lease;
    struct kh_err err = {0};
    enum kh_item_type type = KH_ITEM_FOREIGN;

    if (kind == KH_SURVEY_OTHER) {
        type = kh_lease_item_read(item, &lease, &err);
    }
    if (type == KH_ITEM_LEASE) {
        add_lease(survey, item, &lease);
        return;
    }
    if (type == KH_ITEM_FOREIGN) {
        add_item(survey, kind, key);
        err.rc = take_kind(survey, KH_COORD_LEASE_TABLE, kind, item, &err);
    }
    if (type == KH_ITEM_MALFORMED || err.rc != KH_OK) {
        note_malformed(survey, session->settings->table_name, &err);
    }
}

static void take_from_state_table(struct kh_survey *survey, struct kh_session *session,
                                  const struct kh_json *item)
{
    const enum kh_survey_kind kind = kind_of(item, text_at(item, "key"));
    struct kh_err err = {0};

    if (take_kind(survey, KH_COORD_LEGACY_TABLE, kind, item, &err) != KH_OK) {
        note_malformed(survey, session->settings->coordinator_state_table_name, &err);
    }
}

static void take_from_stats_table(struct kh_survey *survey, struct kh_session *session,
                                  const struct kh_json *item)
{
    struct kh_err err = {0};

    if (take_kind(survey, KH_COORD_LEGACY_TABLE, KH_SURVEY_STATS, item, &err) != KH_OK) {
        note_malformed(survey, session->settings->worker_metrics_table_name, &err);
    }
}

/* ---- asking ---- */

typedef void take_item(struct kh_survey *survey, struct kh_session *session,
                       const struct kh_json *item);

/* status: "" when there is no such table. root is borrowed. */
static enum kh_rc describe(struct kh_session *session, const char *table, char status[32],
                           const struct kh_json **root, struct kh_err *err)
{
    struct kh_buf body;
    struct kh_str text = {0};
    enum kh_rc rc;

    status[0] = '\0';
    kh_buf_init(&body, REQUEST_BYTES_MAX);
    rc = kh_lease_table_describe(&body, table);
    kh_assert(rc == KH_OK);
    rc = kh_session_call(session, "DescribeTable", &body, root, err);
    if (rc == KH_NOTFOUND) {
        return KH_OK;
    }
    if (rc == KH_OK &&
        (!kh_json_str(kh_json_get(kh_json_get(*root, "Table"), "TableStatus"), &text) ||
         !kh_str_copy(status, 32, text) || text.n == 0)) {
        rc = kh_fail(err, KH_RETRY, "the answer to DescribeTable has no status");
    }
    return rc == KH_OK ? KH_OK : kh_wrap(err, "table %s", table);
}

/* A Scan's body, from after the key that the page before ended with. */
static void ask_page(struct kh_buf *body, const char *table, const char *key_name,
                     struct kh_str after)
{
    struct kh_json_writer writer;
    enum kh_rc rc;

    kh_buf_init(body, REQUEST_BYTES_MAX);
    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    if (after.n > 0) {
        kh_attribute_put_key(&writer, "ExclusiveStartKey", key_name, after);
    }
    kh_json_close_object(&writer);
    rc = kh_json_end(&writer);
    kh_assert(rc == KH_OK); /* keys end at KH_ITEM_KEY_MAX, see scan() */
}

static enum kh_rc scan(struct kh_survey *survey, struct kh_session *session, const char *table,
                       const char *key_name, take_item *take, struct kh_err *err)
{
    char after[KH_ITEM_KEY_MAX + 1] = "";
    bool more = true;

    for (unsigned page = 0; more && page < PAGES_MAX; page++) {
        const struct kh_json *root;
        const struct kh_json *items;
        struct kh_buf body;

        ask_page(&body, table, key_name, kh_str(after));
        if (kh_session_call(session, "Scan", &body, &root, err) != KH_OK) {
            return kh_wrap(err, "table %s", table);
        }
        items = kh_json_get(root, "Items");
        for (size_t i = 0; i < kh_json_length(items); i++) {
            take(survey, session, kh_json_at(items, i));
        }
        more = kh_json_get(root, "LastEvaluatedKey") != NULL;
        if (more && !kh_str_copy(after, sizeof(after),
                                 text_at(kh_json_get(root, "LastEvaluatedKey"), key_name))) {
            return kh_fail(err, KH_TOOBIG, "table %s: the key of an item is too long", table);
        }
        if (survey->leases_n > KH_STORE_LEASES_MAX) {
            return kh_fail(err, KH_TOOBIG, "table %s has more than %d leases", table,
                           KH_STORE_LEASES_MAX);
        }
    }
    return KH_OK;
}

static enum kh_rc read_lease_table(struct kh_survey *survey, struct kh_session *session,
                                   struct kh_err *err)
{
    const char *table = session->settings->table_name;
    enum kh_lease_table_state state;
    const struct kh_json *root = NULL;
    enum kh_rc rc = describe(session, table, survey->table_status, &root, err);

    if (rc != KH_OK || survey->table_status[0] == '\0') {
        return rc;
    }
    rc = kh_lease_table_judge(root, table, &state, err);
    if (rc != KH_OK) {
        return rc;
    }
    survey->has_index = kh_lease_table_has_index(root, &survey->index_active);
    if (state != KH_LEASE_TABLE_USABLE) {
        return KH_OK; /* its status says all there is to say */
    }
    survey->has_table[KH_COORD_LEASE_TABLE] = true;
    return scan(survey, session, table, KH_LEASE_KEY_ATTRIBUTE, take_from_lease_table, err);
}

static enum kh_rc read_legacy_tables(struct kh_survey *survey, struct kh_session *session,
                                     struct kh_err *err)
{
    const struct kh_json *root = NULL;
    char status[32];
    enum kh_rc rc =
        describe(session, session->settings->coordinator_state_table_name, status, &root, err);

    if (rc == KH_OK && status[0] != '\0' && strcmp(status, "DELETING") != 0) {
        survey->has_table[KH_COORD_LEGACY_TABLE] = true;
        rc = scan(survey, session, session->settings->coordinator_state_table_name, "key",
                  take_from_state_table, err);
    }
    if (rc == KH_OK) {
        rc = describe(session, session->settings->worker_metrics_table_name, status, &root, err);
    }
    if (rc == KH_OK && status[0] != '\0' && strcmp(status, "DELETING") != 0) {
        survey->has_stats_table = true;
        rc = scan(survey, session, session->settings->worker_metrics_table_name, "wid",
                  take_from_stats_table, err);
    }
    return rc;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct kh_lease *)a)->key, ((const struct kh_lease *)b)->key);
}

static int by_worker(const void *a, const void *b)
{
    return strcmp(((const struct kh_survey_stats *)a)->stats.worker_id,
                  ((const struct kh_survey_stats *)b)->stats.worker_id);
}

enum kh_rc kh_survey_read(struct kh_survey *survey, struct kh_session *session, struct kh_err *err)
{
    enum kh_rc rc;

    *survey = (struct kh_survey){.table = kh_str(session->settings->table_name)};
    kh_buf_init(&survey->malformed, MALFORMED_BYTES_MAX);
    if (session->access.dynamodb == NULL) {
        return kh_fail(err, KH_INVALID,
                       "leaseStore = %s: table is for leases in DynamoDB; see leases list",
                       session->settings->lease_store);
    }
    rc = read_lease_table(survey, session, err);
    if (rc == KH_OK) {
        rc = read_legacy_tables(survey, session, err);
    }
    if (rc == KH_OK && survey->leases_n > 0) {
        qsort(survey->leases, survey->leases_n, sizeof(*survey->leases), by_key);
    }
    if (rc == KH_OK && survey->stats_n > 0) {
        qsort(survey->stats, survey->stats_n, sizeof(*survey->stats), by_worker);
    }
    return rc;
}

void kh_survey_fini(struct kh_survey *survey)
{
    for (size_t i = 0; i < survey->items_n; i++) {
        kh_mem_free(survey->items[i].key);
    }
    kh_mem_free(survey->items);
    kh_mem_free(survey->leases);
    kh_mem_free(survey->stats);
    kh_buf_fini(&survey->malformed);
}

/* ---- conclusions ---- */

enum kh_coord_place kh_survey_place(const struct kh_survey *survey)
{
    return survey->has_table[KH_COORD_LEGACY_TABLE] &&
                   survey->tables[KH_COORD_LEGACY_TABLE].status != KH_TABLES_COMPLETE
               ? KH_COORD_LEGACY_TABLE
               : KH_COORD_LEASE_TABLE;
}

enum kh_survey_layout kh_survey_layout(const struct kh_survey *survey)
{
    if (survey->table_status[0] == '\0') {
        return KH_LAYOUT_NONE;
    }
    if (kh_survey_place(survey) == KH_COORD_LEGACY_TABLE) {
        return KH_LAYOUT_LEGACY;
    }
    for (size_t i = 0; i < survey->items_n; i++) {
        if (survey->items[i].kind != KH_SURVEY_OTHER) {
            return KH_LAYOUT_SINGLE;
        }
    }
    return KH_LAYOUT_2X;
}

const struct kh_version_state *kh_survey_version(const struct kh_survey *survey,
                                                 enum kh_coord_place *place)
{
    *place = kh_survey_place(survey);
    if (*place == KH_COORD_LEGACY_TABLE && survey->version[*place].now.version == KH_VERSION_NONE) {
        *place = KH_COORD_LEASE_TABLE; /* read there if the other has none */
    }
    return survey->version[*place].now.version == KH_VERSION_NONE ? NULL : &survey->version[*place];
}

bool kh_survey_is_3x(const struct kh_survey *survey)
{
    enum kh_coord_place place;
    const struct kh_version_state *state = kh_survey_version(survey, &place);

    return state != NULL && (state->now.version == KH_VERSION_3X ||
                             state->now.version == KH_VERSION_3X_WITH_ROLLBACK);
}

const struct kh_worker_stats *kh_survey_stats_of(const struct kh_survey *survey, const char *worker)
{
    const struct kh_worker_stats *newest = NULL;

    for (size_t i = 0; i < survey->stats_n; i++) {
        const struct kh_worker_stats *stats = &survey->stats[i].stats;

        if (strcmp(stats->worker_id, worker) == 0 &&
            (newest == NULL || stats->reported_wall_s > newest->reported_wall_s)) {
            newest = stats;
        }
    }
    return newest;
}

const char *kh_survey_table_name(const struct kh_session *session, enum kh_coord_place place)
{
    return place == KH_COORD_LEGACY_TABLE ? session->settings->coordinator_state_table_name
                                          : session->settings->table_name;
}
