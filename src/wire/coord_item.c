#include "wire/coord_item.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "wire/attribute.h"
#include "wire/lease_item.h"
#include "wire/lease_table.h"

/* Expressions are made of the table below alone, so that this is enough for any of them. */
#define EXPRESSION_BYTES_MAX 2048

#define LEGACY_STATE_KEY "key"
#define LEGACY_STATS_KEY "wid"

/* Names. */

static const char *const version_names[] = {
    [KH_VERSION_NONE] = "",
    [KH_VERSION_INIT] = "CLIENT_VERSION_INIT",
    [KH_VERSION_UPGRADE_FROM_2X] = "CLIENT_VERSION_UPGRADE_FROM_2X",
    [KH_VERSION_2X] = "CLIENT_VERSION_2X",
    [KH_VERSION_3X_WITH_ROLLBACK] = "CLIENT_VERSION_3X_WITH_ROLLBACK",
    [KH_VERSION_3X] = "CLIENT_VERSION_3X",
    [KH_VERSION_OTHER] = ""};

static const char *const status_names[] = {[KH_TABLES_NONE] = "",
                                           [KH_TABLES_INIT] = "TABLE_MIGRATION_STATUS_INIT",
                                           [KH_TABLES_DEPLOYED] = "TABLE_MIGRATION_STATUS_DEPLOYED",
                                           [KH_TABLES_PENDING] = "TABLE_MIGRATION_STATUS_PENDING",
                                           [KH_TABLES_COMPLETE] = "TABLE_MIGRATION_STATUS_COMPLETE",
                                           [KH_TABLES_OTHER] = ""};

static const char *const entity_names[] = {[KH_COORD_LOCK] = "LEADER",
                                           [KH_COORD_VERSION] = "CLIENT_VERSION_MIGRATION",
                                           [KH_COORD_TABLES] = "TABLE_MIGRATION",
                                           [KH_COORD_STATS] = "WORKER_METRIC_STATS"};

const char *kh_coord_entity(enum kh_coord_kind kind)
{
    return entity_names[kind];
}

const char *kh_client_version_name(enum kh_client_version version)
{
    return version_names[version];
}

const char *kh_table_status_name(enum kh_table_status status)
{
    return status_names[status];
}

const char *kh_coord_key_attribute(enum kh_coord_place place, enum kh_coord_kind kind)
{
    if (place == KH_COORD_LEASE_TABLE) {
        return KH_LEASE_KEY_ATTRIBUTE;
    }
    return kind == KH_COORD_STATS ? LEGACY_STATS_KEY : LEGACY_STATE_KEY;
}

const char *kh_coord_key(enum kh_coord_kind kind, const char *worker_id)
{
    switch (kind) {
    case KH_COORD_LOCK:
        return KH_LOCK_KEY;
    case KH_COORD_VERSION:
        return KH_VERSION_KEY;
    case KH_COORD_TABLES:
        return KH_TABLES_KEY;
    case KH_COORD_STATS:
        return worker_id;
    }
    return "";
}

/* Writing one attribute's value. */

static void put_lock_owner(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_text(writer, kh_str(item->lock.owner));
}

/* Text: the lock client has no numbers. */
static void put_lock_duration(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%lld", (long long)item->lock.duration_ms);
    kh_attribute_put_text(writer, kh_str(digits));
}

static void put_lock_version(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_text(writer, kh_str(item->lock.version));
}

static void put_released(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    (void)item;
    kh_attribute_put_text(writer, KH_STR(KH_LOCK_RELEASED));
}

static void put_version(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_text(writer, kh_str(version_names[item->version.now.version]));
}

static void put_version_by(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_text(writer, kh_str(item->version.now.by));
}

static void put_version_at(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_i64(writer, item->version.now.at_wall_ms);
}

static void put_change(struct kh_json_writer *writer, const struct kh_version_change *change)
{
    kh_json_open_object(writer);
    kh_json_key(writer, "M");
    kh_json_open_object(writer);
    kh_json_key(writer, "cv");
    kh_attribute_put_text(writer, kh_str(version_names[change->version]));
    if (change->by[0] != '\0') {
        kh_json_key(writer, "mb");
        kh_attribute_put_text(writer, kh_str(change->by));
    }
    kh_json_key(writer, "mts");
    kh_attribute_put_i64(writer, change->at_wall_ms);
    kh_json_close_object(writer);
    kh_json_close_object(writer);
}

static void put_history(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_json_open_object(writer);
    kh_json_key(writer, "L");
    kh_json_open_array(writer);
    for (unsigned i = 0; i < item->version.history_n; i++) {
        put_change(writer, &item->version.history[i]);
    }
    kh_json_close_array(writer);
    kh_json_close_object(writer);
}

static void put_status(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_text(writer, kh_str(status_names[item->tables.status]));
}

static void put_status_by(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_text(writer, kh_str(item->tables.by));
}

static void put_status_at(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_i64(writer, item->tables.at_wall_ms);
}

static void put_reported(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_i64(writer, item->stats.reported_wall_s);
}

/* {"M":{"C":{"L":[{"N":"1"},…]},…}} */
static void put_series(struct kh_json_writer *writer, const char *name, const double *values,
                       unsigned n)
{
    kh_json_key(writer, name);
    kh_json_open_object(writer);
    kh_json_key(writer, "L");
    kh_json_open_array(writer);
    for (unsigned i = 0; i < n; i++) {
        kh_attribute_put_double(writer, values[i]);
    }
    kh_json_close_array(writer);
    kh_json_close_object(writer);
}

static void put_values(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_json_open_object(writer);
    kh_json_key(writer, "M");
    kh_json_open_object(writer);
    for (unsigned i = 0; i < item->stats.metrics_n; i++) {
        const struct kh_metric *metric = &item->stats.metrics[i];

        if (metric->values_n > 0) {
            put_series(writer, metric->name, metric->values, metric->values_n);
        }
    }
    kh_json_close_object(writer);
    kh_json_close_object(writer);
}

static void put_limits(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_json_open_object(writer);
    kh_json_key(writer, "M");
    kh_json_open_object(writer);
    for (unsigned i = 0; i < item->stats.metrics_n; i++) {
        const struct kh_metric *metric = &item->stats.metrics[i];

        if (metric->has_limit) {
            put_series(writer, metric->name, &metric->limit, 1);
        }
    }
    kh_json_close_object(writer);
    kh_json_close_object(writer);
}

static void put_support(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_i64(writer, item->stats.support);
}

static void put_support_at(struct kh_json_writer *writer, const struct kh_coord_item *item)
{
    kh_attribute_put_i64(writer, item->stats.support_wall_s);
}

static bool has_always(const struct kh_coord_item *item)
{
    (void)item;
    return true;
}

static bool has_released(const struct kh_coord_item *item)
{
    return item->lock.released;
}

static bool has_version_by(const struct kh_coord_item *item)
{
    return item->version.now.by[0] != '\0';
}

static bool has_history(const struct kh_coord_item *item)
{
    return item->version.history_n > 0;
}

static bool has_status_by(const struct kh_coord_item *item)
{
    return item->tables.by[0] != '\0';
}

static bool has_support(const struct kh_coord_item *item)
{
    return item->stats.has_support;
}

/* Every attribute that we write or remove, but for the key and entityType. */
static const struct attribute {
    const char *name;
    enum kh_coord_kind kind;
    unsigned expect; /* the bit that compares it */
    bool (*has)(const struct kh_coord_item *item);
    void (*put)(struct kh_json_writer *writer, const struct kh_coord_item *item);
} attributes[] = {
    {"ownerName", KH_COORD_LOCK, KH_EXPECT_LOCK_OWNER, has_always, put_lock_owner},
    {"leaseDuration", KH_COORD_LOCK, 0, has_always, put_lock_duration},
    {"recordVersionNumber", KH_COORD_LOCK, KH_EXPECT_LOCK_VERSION, has_always, put_lock_version},
    {"isReleased", KH_COORD_LOCK, KH_EXPECT_RELEASED, has_released, put_released},
    {"cv", KH_COORD_VERSION, KH_EXPECT_CLIENT_VERSION, has_always, put_version},
    {"mb", KH_COORD_VERSION, 0, has_version_by, put_version_by},
    {"mts", KH_COORD_VERSION, 0, has_always, put_version_at},
    {"h", KH_COORD_VERSION, 0, has_history, put_history},
    {"tm", KH_COORD_TABLES, 0, has_always, put_status},
    {"mb", KH_COORD_TABLES, 0, has_status_by, put_status_by},
    {"mts", KH_COORD_TABLES, 0, has_always, put_status_at},
    {"lut", KH_COORD_STATS, KH_EXPECT_REPORTED, has_always, put_reported},
    {"sts", KH_COORD_STATS, 0, has_always, put_values},
    {"opr", KH_COORD_STATS, 0, has_always, put_limits},
    {"sup", KH_COORD_STATS, 0, has_support, put_support},
    {"slu", KH_COORD_STATS, 0, has_support, put_support_at},
};
enum { ATTRIBUTES_N = sizeof(attributes) / sizeof(attributes[0]) };

static void put_entity(struct kh_json_writer *writer, enum kh_coord_kind kind)
{
    kh_attribute_put_text(writer, kh_str(entity_names[kind]));
}

void kh_coord_item_write(struct kh_json_writer *writer, enum kh_coord_place place,
                         const struct kh_coord_item *item)
{
    kh_json_open_object(writer);
    kh_json_key(writer, kh_coord_key_attribute(place, item->kind));
    kh_attribute_put_text(writer, kh_str(kh_coord_key(item->kind, item->stats.worker_id)));
    if (place == KH_COORD_LEASE_TABLE) {
        kh_json_key(writer, KH_ENTITY_ATTRIBUTE);
        put_entity(writer, item->kind);
    }
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if (attributes[i].kind == item->kind && attributes[i].has(item)) {
            kh_json_key(writer, attributes[i].name);
            attributes[i].put(writer, item);
        }
    }
    kh_json_close_object(writer);
}

/* Requests. */

/* What an update does with one attribute. */
static bool is_set(const struct kh_coord_op *op, const struct attribute *attribute)
{
    return op->verb == KH_COORD_UPDATE && attribute->kind == op->kind && attribute->has(&op->item);
}

static bool is_removed(const struct kh_coord_op *op, const struct attribute *attribute)
{
    return op->verb == KH_COORD_UPDATE && attribute->kind == op->kind && !attribute->has(&op->item);
}

static bool is_expected(const struct kh_coord_op *op, const struct attribute *attribute)
{
    return (op->expect_bits & KH_EXPECT_ABSENT) == 0 && attribute->kind == op->kind &&
           (op->expect_bits & attribute->expect) != 0;
}

/* Stats may be the first of their worker: then the update makes the item. */
static bool sets_entity(const struct kh_coord_op *op)
{
    return op->verb == KH_COORD_UPDATE && op->kind == KH_COORD_STATS &&
           op->place == KH_COORD_LEASE_TABLE;
}

static bool must_exist(const struct kh_coord_op *op)
{
    return op->expect_bits != 0 || (op->verb == KH_COORD_UPDATE && op->kind != KH_COORD_STATS);
}

static void extend(struct kh_buf *expression, const char *before, const char *name,
                   const char *after)
{
    const enum kh_rc rc = kh_buf_appendf(expression, "%s#%s%s", before, name, after);

    kh_assert(rc == KH_OK); /* EXPRESSION_BYTES_MAX */
}

static void extend_value(struct kh_buf *expression, const char *before, const char *name,
                         const char *prefix)
{
    const enum kh_rc rc = kh_buf_appendf(expression, "%s#%s = :%s%s", before, name, prefix, name);

    kh_assert(rc == KH_OK); /* EXPRESSION_BYTES_MAX */
}

static void put_update_expression(struct kh_json_writer *writer, const struct kh_coord_op *op)
{
    const char *before = "SET ";
    struct kh_buf expression;

    kh_buf_init(&expression, EXPRESSION_BYTES_MAX);
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if (is_set(op, &attributes[i])) {
            extend_value(&expression, before, attributes[i].name, "");
            before = ", ";
        }
    }
    if (sets_entity(op)) {
        extend_value(&expression, before, KH_ENTITY_ATTRIBUTE, "");
    }
    before = " REMOVE ";
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if (is_removed(op, &attributes[i])) {
            extend(&expression, before, attributes[i].name, "");
            before = ", ";
        }
    }
    kh_json_key(writer, "UpdateExpression");
    kh_json_put_str(writer, kh_buf_str(&expression));
    kh_buf_fini(&expression);
}

static void put_condition(struct kh_json_writer *writer, const struct kh_coord_op *op,
                          const char *key)
{
    struct kh_buf expression;

    kh_buf_init(&expression, EXPRESSION_BYTES_MAX);
    if ((op->expect_bits & KH_EXPECT_ABSENT) != 0) {
        extend(&expression, "attribute_not_exists(", key, ")");
    } else {
        extend(&expression, "attribute_exists(", key, ")");
    }
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if (is_expected(op, &attributes[i])) {
            extend_value(&expression, " AND ", attributes[i].name, "expected_");
        }
    }
    kh_json_key(writer, "ConditionExpression");
    kh_json_put_str(writer, kh_buf_str(&expression));
    kh_buf_fini(&expression);
    kh_attribute_put_member(writer, "ReturnValuesOnConditionCheckFailure", "ALL_OLD");
}

static void put_names(struct kh_json_writer *writer, const struct kh_coord_op *op, const char *key)
{
    if (!must_exist(op) && op->verb != KH_COORD_UPDATE) {
        return; /* no expression; DynamoDB refuses an empty map */
    }
    kh_json_key(writer, "ExpressionAttributeNames");
    kh_json_open_object(writer);
    if (must_exist(op)) {
        kh_attribute_put_alias(writer, key);
    }
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        const struct attribute *attribute = &attributes[i];

        if (is_set(op, attribute) || is_removed(op, attribute) || is_expected(op, attribute)) {
            kh_attribute_put_alias(writer, attribute->name);
        }
    }
    if (sets_entity(op)) {
        kh_attribute_put_alias(writer, KH_ENTITY_ATTRIBUTE);
    }
    kh_json_close_object(writer);
}

static void put_value(struct kh_json_writer *writer, const char *prefix,
                      const struct attribute *attribute, const struct kh_coord_item *item)
{
    char placeholder[64];

    (void)snprintf(placeholder, sizeof(placeholder), ":%s%s", prefix, attribute->name);
    kh_json_key(writer, placeholder);
    attribute->put(writer, item);
}

static void put_expression_values(struct kh_json_writer *writer, const struct kh_coord_op *op)
{
    const unsigned compared = op->expect_bits & ~(unsigned)KH_EXPECT_ABSENT;

    if (op->verb != KH_COORD_UPDATE &&
        (compared == 0 || (op->expect_bits & KH_EXPECT_ABSENT) != 0)) {
        return; /* DynamoDB refuses an empty map */
    }
    kh_json_key(writer, "ExpressionAttributeValues");
    kh_json_open_object(writer);
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if (is_expected(op, &attributes[i])) {
            put_value(writer, "expected_", &attributes[i], &op->expect);
        }
        if (is_set(op, &attributes[i])) {
            put_value(writer, "", &attributes[i], &op->item);
        }
    }
    if (sets_entity(op)) {
        kh_json_key(writer, ":" KH_ENTITY_ATTRIBUTE);
        put_entity(writer, op->kind);
    }
    kh_json_close_object(writer);
}

static void put_write(struct kh_json_writer *writer, const struct kh_coord_op *op)
{
    const char *key = kh_coord_key_attribute(op->place, op->kind);

    if (op->verb == KH_COORD_PUT) {
        kh_json_key(writer, "Item");
        kh_coord_item_write(writer, op->place, &op->item);
    } else {
        kh_attribute_put_key(writer, "Key", key, kh_str(kh_coord_key(op->kind, op->key)));
    }
    if (op->verb == KH_COORD_UPDATE) {
        put_update_expression(writer, op);
    }
    if (must_exist(op)) {
        put_condition(writer, op, key);
    }
    put_names(writer, op, key);
    put_expression_values(writer, op);
}

static void put_one_alias(struct kh_json_writer *writer, const char *name)
{
    kh_json_key(writer, "ExpressionAttributeNames");
    kh_json_open_object(writer);
    kh_attribute_put_alias(writer, name);
    kh_json_close_object(writer);
}

static void put_one_value(struct kh_json_writer *writer, const char *placeholder, const char *text)
{
    kh_json_key(writer, "ExpressionAttributeValues");
    kh_json_open_object(writer);
    kh_json_key(writer, placeholder);
    kh_attribute_put_text(writer, kh_str(text));
    kh_json_close_object(writer);
}

/* The lease table has other items as well, the old table of metrics has not. */
static void put_list(struct kh_json_writer *writer, const struct kh_coord_op *op)
{
    if (op->place == KH_COORD_LEASE_TABLE) {
        kh_attribute_put_member(writer, "FilterExpression",
                                "#" KH_ENTITY_ATTRIBUTE " = :" KH_ENTITY_ATTRIBUTE);
        put_one_alias(writer, KH_ENTITY_ATTRIBUTE);
        put_one_value(writer, ":" KH_ENTITY_ATTRIBUTE, entity_names[KH_COORD_STATS]);
    }
}

static void put_owned(struct kh_json_writer *writer, const struct kh_coord_op *op)
{
    kh_attribute_put_member(writer, "IndexName", KH_OWNER_INDEX);
    kh_attribute_put_member(writer, "KeyConditionExpression", "#leaseOwner = :leaseOwner");
    put_one_alias(writer, "leaseOwner");
    put_one_value(writer, ":leaseOwner", op->key);
}

const struct kh_json *kh_coord_more(const struct kh_json *root)
{
    return kh_json_get(root, "LastEvaluatedKey");
}

/* Keys are text in every table of ours. */
static enum kh_rc put_after(struct kh_json_writer *writer, const struct kh_json *after)
{
    struct kh_json_member member = {0};
    enum kh_rc rc = KH_INVALID;

    kh_json_key(writer, "ExclusiveStartKey");
    kh_json_open_object(writer);
    while (kh_json_next(after, &member)) {
        struct kh_str text = {0};

        if (!kh_json_str(kh_json_get(member.value, "S"), &text) || text.n == 0) {
            rc = KH_INVALID;
            break;
        }
        rc = KH_OK;
        kh_json_key_str(writer, member.name);
        kh_attribute_put_text(writer, text);
    }
    kh_json_close_object(writer);
    return rc;
}

const char *kh_coord_request_operation(enum kh_coord_verb verb)
{
    switch (verb) {
    case KH_COORD_LAYOUT:
        return "DescribeTable";
    case KH_COORD_GET:
        return "GetItem";
    case KH_COORD_PUT:
        return "PutItem";
    case KH_COORD_UPDATE:
        return "UpdateItem";
    case KH_COORD_DELETE:
        return "DeleteItem";
    case KH_COORD_LIST_STATS:
        return "Scan";
    case KH_COORD_OWNED:
        return "Query";
    case KH_COORD_MAKE_INDEX:
        return "UpdateTable";
    }
    return "";
}

enum kh_rc kh_coord_request(struct kh_buf *body, const char *table, const struct kh_coord_op *op,
                            const struct kh_json *after)
{
    struct kh_json_writer writer;
    enum kh_rc rc = KH_OK;
    enum kh_rc written;

    kh_assert(kh_coord_op_is_sound(op));
    kh_assert(op->verb != KH_COORD_LAYOUT);
    kh_assert(op->verb != KH_COORD_MAKE_INDEX);
    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    if (op->verb == KH_COORD_LIST_STATS) {
        put_list(&writer, op);
    } else if (op->verb == KH_COORD_OWNED) {
        put_owned(&writer, op);
    } else if (op->verb == KH_COORD_GET) {
        kh_attribute_put_key(&writer, "Key", kh_coord_key_attribute(op->place, op->kind),
                             kh_str(kh_coord_key(op->kind, op->key)));
        kh_json_key(&writer, "ConsistentRead");
        kh_json_put_bool(&writer, true);
    } else {
        put_write(&writer, op);
    }
    if (after != NULL) {
        rc = put_after(&writer, after);
    }
    kh_json_close_object(&writer);
    written = kh_json_end(&writer);
    return rc != KH_OK ? rc : written;
}
