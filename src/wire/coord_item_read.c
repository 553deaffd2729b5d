/* Items into structs; coord_item.c has the other direction. Anybody may have written them. */
#include "wire/coord_item.h"

#include <string.h>

#include "wire/attribute.h"
#include "wire/lease_item.h"

#define WALL_S_MAX INT64_C(253402300799) /* the end of the year 9999 */

/* What only informs: absent when it cannot be read. */
static void read_by(const struct kh_json *item, char by[KH_WORKER_ID_MAX + 1])
{
    struct kh_str text;

    if (!kh_json_str(kh_json_get(kh_json_get(item, "mb"), "S"), &text) ||
        !kh_attribute_is_plain(text) || !kh_str_copy(by, KH_WORKER_ID_MAX + 1, text)) {
        by[0] = '\0';
    }
}

static int64_t read_at(const struct kh_json *item)
{
    struct kh_str text;
    int64_t at_wall_ms = 0;

    if (!kh_json_str(kh_json_get(kh_json_get(item, "mts"), "N"), &text) ||
        !kh_str_i64(text, &at_wall_ms) || at_wall_ms < 0 || at_wall_ms / 1000 > WALL_S_MAX) {
        return 0;
    }
    return at_wall_ms;
}

static enum kh_client_version version_of(struct kh_str name)
{
    for (int version = KH_VERSION_INIT; version < KH_VERSION_OTHER; version++) {
        if (kh_str_eq(name, kh_str(kh_client_version_name((enum kh_client_version)version)))) {
            return (enum kh_client_version)version;
        }
    }
    return KH_VERSION_OTHER;
}

static enum kh_table_status status_of(struct kh_str name)
{
    for (int status = KH_TABLES_INIT; status < KH_TABLES_OTHER; status++) {
        if (kh_str_eq(name, kh_str(kh_table_status_name((enum kh_table_status)status)))) {
            return (enum kh_table_status)status;
        }
    }
    return KH_TABLES_OTHER;
}

/* Text that has to be there. */
static struct kh_str read_name(struct kh_attribute_reader *reader, const char *name)
{
    const struct kh_json *value = kh_attribute_find(reader, name, "S");
    struct kh_str text = {0};

    if (value == NULL) {
        kh_attribute_refuse(reader, name, "is missing");
    } else if (!kh_json_str(value, &text) || text.n == 0) {
        kh_attribute_refuse(reader, name, "is empty or not text");
    }
    return text;
}

static void read_must(struct kh_attribute_reader *reader, const char *name, char *dst,
                      size_t dst_bytes)
{
    kh_attribute_text(reader, name, dst, dst_bytes);
    if (dst[0] == '\0') {
        kh_attribute_refuse(reader, name, "is missing");
    }
}

static void read_lock(struct kh_attribute_reader *reader, struct kh_lock *lock)
{
    char released[sizeof(KH_LOCK_RELEASED)] = "";
    struct kh_str duration;

    read_must(reader, "ownerName", lock->owner, sizeof(lock->owner));
    read_must(reader, "recordVersionNumber", lock->version, sizeof(lock->version));
    duration = read_name(reader, "leaseDuration");
    if (!kh_str_i64(duration, &lock->duration_ms) || lock->duration_ms <= 0 ||
        lock->duration_ms > KH_LOCK_DURATION_MS_MAX) {
        kh_attribute_refuse(reader, "leaseDuration", "is no number of milliseconds up to 30 days");
    }
    kh_attribute_text(reader, "isReleased", released, sizeof(released));
    lock->released = strcmp(released, KH_LOCK_RELEASED) == 0;
}

static void read_history(const struct kh_json *list, struct kh_version_state *state)
{
    for (size_t i = 0; i < kh_json_length(list) && state->history_n < KH_VERSION_HISTORY_N; i++) {
        const struct kh_json *entry = kh_json_get(kh_json_at(list, i), "M");
        struct kh_version_change *change = &state->history[state->history_n];
        struct kh_str name = {0};

        if (!kh_json_str(kh_json_get(kh_json_get(entry, "cv"), "S"), &name)) {
            continue;
        }
        change->version = version_of(name);
        if (change->version == KH_VERSION_OTHER) {
            continue; /* we could not write it again */
        }
        read_by(entry, change->by);
        change->at_wall_ms = read_at(entry);
        state->history_n++;
    }
}

static void read_version(struct kh_attribute_reader *reader, struct kh_version_state *state)
{
    state->now.version = version_of(read_name(reader, "cv"));
    read_by(reader->item, state->now.by);
    state->now.at_wall_ms = read_at(reader->item);
    read_history(kh_json_get(kh_json_get(reader->item, "h"), "L"), state);
}

static void read_tables(struct kh_attribute_reader *reader, struct kh_table_migration *tables)
{
    tables->status = status_of(read_name(reader, "tm"));
    read_by(reader->item, tables->by);
    tables->at_wall_ms = read_at(reader->item);
}

/* The metric of this name, which may be a new one; NULL if there are too many. */
static struct kh_metric *metric_named(struct kh_worker_stats *stats, struct kh_str name)
{
    struct kh_metric *metric = &stats->metrics[stats->metrics_n];

    for (unsigned i = 0; i < stats->metrics_n; i++) {
        if (kh_str_eq(name, kh_str(stats->metrics[i].name))) {
            return &stats->metrics[i];
        }
    }
    if (stats->metrics_n == KH_METRICS_N || !kh_attribute_is_plain(name) ||
        !kh_str_copy(metric->name, sizeof(metric->name), name)) {
        return NULL;
    }
    stats->metrics_n++;
    return metric;
}

/* One member of sts: its newest values. */
static bool read_values(const struct kh_json *list, struct kh_metric *metric)
{
    const size_t n = kh_json_length(list);
    const size_t skipped = n > KH_METRIC_VALUES_N ? n - KH_METRIC_VALUES_N : 0;

    metric->values_n = 0;
    for (size_t i = skipped; i < n; i++) {
        if (!kh_attribute_double(kh_json_get(kh_json_at(list, i), "N"),
                                 &metric->values[metric->values_n])) {
            return false;
        }
        metric->values_n++;
    }
    return true;
}

/* One member of opr: only the first value counts. */
static bool read_limit(const struct kh_json *list, struct kh_metric *metric)
{
    metric->has_limit = kh_json_length(list) > 0;
    return !metric->has_limit ||
           kh_attribute_double(kh_json_get(kh_json_at(list, 0), "N"), &metric->limit);
}

static void read_metrics(struct kh_attribute_reader *reader, const char *name,
                         bool (*read)(const struct kh_json *list, struct kh_metric *metric),
                         struct kh_worker_stats *stats)
{
    const struct kh_json *map = kh_attribute_find(reader, name, "M");
    struct kh_json_member member = {0};

    while (kh_json_next(map, &member)) {
        const struct kh_json *list = kh_json_get(member.value, "L");
        struct kh_metric *metric = metric_named(stats, member.name);

        if (metric == NULL) {
            kh_attribute_refuse(reader, name, "has more metrics than are known, or a long name");
            return;
        }
        if (!kh_json_is_array(list) || !read(list, metric)) {
            kh_attribute_refuse(reader, name, "holds something that is no list of numbers");
            return;
        }
    }
}

static int64_t read_wall_s(struct kh_attribute_reader *reader, const char *name)
{
    int64_t wall_s = 0;

    if (kh_attribute_i64(reader, name, &wall_s) && (wall_s < 0 || wall_s > WALL_S_MAX)) {
        kh_attribute_refuse(reader, name, "is no time in seconds");
    }
    return wall_s;
}

static void read_stats(struct kh_attribute_reader *reader, struct kh_worker_stats *stats)
{
    memcpy(stats->worker_id, reader->key, strlen(reader->key) + 1);
    if (kh_json_get(reader->item, "lut") == NULL) {
        kh_attribute_refuse(reader, "lut", "is missing");
    }
    stats->reported_wall_s = read_wall_s(reader, "lut");
    read_metrics(reader, "sts", read_values, stats);
    read_metrics(reader, "opr", read_limit, stats);
    stats->has_support = kh_attribute_i64(reader, "sup", &stats->support);
    stats->support_wall_s = read_wall_s(reader, "slu");
}

/* Items of KCL before 3.5 do not say what they are. */
static void check_entity(struct kh_attribute_reader *reader, enum kh_coord_kind kind)
{
    const struct kh_json *type = kh_json_get(reader->item, KH_ENTITY_ATTRIBUTE);
    struct kh_str text = {0};

    if (type != NULL && (!kh_json_str(kh_json_get(type, "S"), &text) ||
                         !kh_str_eq(text, kh_str(kh_coord_entity(kind))))) {
        kh_attribute_refuse(reader, KH_ENTITY_ATTRIBUTE, "names another kind of item");
    }
    if (type == NULL && kh_json_get(reader->item, "leaseCounter") != NULL) {
        kh_attribute_refuse(reader, "leaseCounter", "shows that it is a lease");
    }
}

enum kh_rc kh_coord_item_read(const struct kh_json *item, enum kh_coord_place place,
                              enum kh_coord_kind kind, struct kh_coord_item *out,
                              struct kh_err *err)
{
    const char *key_attribute = kh_coord_key_attribute(place, kind);
    char key[KH_WORKER_ID_MAX + 1] = "";
    struct kh_attribute_reader reader = {
        .item = item, .what = "item", .key = "without a key", .err = err};
    struct kh_coord_item read = {.kind = kind};

    read_must(&reader, key_attribute, key, sizeof(key));
    if (key[0] != '\0') {
        reader.key = key;
    }
    if (kind != KH_COORD_STATS && strcmp(key, kh_coord_key(kind, "")) != 0) {
        kh_attribute_refuse(&reader, key_attribute, "is not the one asked for");
    }
    check_entity(&reader, kind);
    switch (kind) {
    case KH_COORD_LOCK:
        read_lock(&reader, &read.lock);
        break;
    case KH_COORD_VERSION:
        read_version(&reader, &read.version);
        break;
    case KH_COORD_TABLES:
        read_tables(&reader, &read.tables);
        break;
    case KH_COORD_STATS:
        read_stats(&reader, &read.stats);
        break;
    }
    if (reader.rc == KH_OK) {
        *out = read;
    }
    return reader.rc;
}

bool kh_coord_owned_read(const struct kh_json *item, struct kh_coord_key *key)
{
    struct kh_str text = {0};

    return kh_json_str(kh_json_get(kh_json_get(item, KH_LEASE_KEY_ATTRIBUTE), "S"), &text) &&
           kh_attribute_is_plain(text) && kh_str_copy(key->key, sizeof(key->key), text);
}
