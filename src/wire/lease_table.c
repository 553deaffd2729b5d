#include "wire/lease_table.h"

#include "wire/attribute.h"
#include "wire/lease_item.h"

static struct kh_str text_of(const struct kh_json *object, const char *name)
{
    struct kh_str text = {0};

    return kh_json_str(kh_json_get(object, name), &text) ? text : kh_str("");
}

/* "AttributeName":"name","member":"value" */
static void put_one(struct kh_json_writer *writer, const char *name, const char *member,
                    const char *value)
{
    kh_json_open_object(writer);
    kh_attribute_put_member(writer, "AttributeName", name);
    kh_attribute_put_member(writer, member, value);
    kh_json_close_object(writer);
}

/* "name":[{"AttributeName":"leaseKey","member":"value"}] */
static void put_key_list(struct kh_json_writer *writer, const char *name, const char *member,
                         const char *value)
{
    kh_json_key(writer, name);
    kh_json_open_array(writer);
    put_one(writer, KH_LEASE_KEY_ATTRIBUTE, member, value);
    kh_json_close_array(writer);
}

enum kh_rc kh_lease_table_create(struct kh_buf *body, const char *table, bool deletion_protection)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    put_key_list(&writer, "KeySchema", "KeyType", "HASH");
    put_key_list(&writer, "AttributeDefinitions", "AttributeType", "S");
    kh_attribute_put_member(&writer, "BillingMode", "PAY_PER_REQUEST");
    if (deletion_protection) {
        kh_json_key(&writer, "DeletionProtectionEnabled");
        kh_json_put_bool(&writer, true);
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_lease_table_describe(struct kh_buf *body, const char *table)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_lease_table_recovery(struct kh_buf *body, const char *table)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    kh_json_key(&writer, "PointInTimeRecoverySpecification");
    kh_json_open_object(&writer);
    kh_json_key(&writer, "PointInTimeRecoveryEnabled");
    kh_json_put_bool(&writer, true);
    kh_json_close_object(&writer);
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

/* None for a table that is paid by request: those have 0, or nothing at all. */
static void put_throughput(struct kh_json_writer *writer, const struct kh_json *table)
{
    const struct kh_json *has = kh_json_get(table, "ProvisionedThroughput");
    int64_t reads = 0;
    int64_t writes = 0;

    if (!kh_json_i64(kh_json_get(has, "ReadCapacityUnits"), &reads) || reads <= 0 ||
        !kh_json_i64(kh_json_get(has, "WriteCapacityUnits"), &writes) || writes <= 0 ||
        kh_str_eq(text_of(kh_json_get(table, "BillingModeSummary"), "BillingMode"),
                  KH_STR("PAY_PER_REQUEST"))) {
        return;
    }
    kh_json_key(writer, "ProvisionedThroughput");
    kh_json_open_object(writer);
    kh_json_key(writer, "ReadCapacityUnits");
    kh_json_put_i64(writer, reads);
    kh_json_key(writer, "WriteCapacityUnits");
    kh_json_put_i64(writer, writes);
    kh_json_close_object(writer);
}

static void put_index(struct kh_json_writer *writer, const struct kh_json *table)
{
    kh_json_open_object(writer);
    kh_json_key(writer, "Create");
    kh_json_open_object(writer);
    kh_attribute_put_member(writer, "IndexName", KH_OWNER_INDEX);
    kh_json_key(writer, "KeySchema");
    kh_json_open_array(writer);
    put_one(writer, "leaseOwner", "KeyType", "HASH");
    put_one(writer, KH_LEASE_KEY_ATTRIBUTE, "KeyType", "RANGE");
    kh_json_close_array(writer);
    kh_json_key(writer, "Projection");
    kh_json_open_object(writer);
    kh_attribute_put_member(writer, "ProjectionType", "KEYS_ONLY");
    kh_json_close_object(writer);
    put_throughput(writer, table);
    kh_json_close_object(writer);
    kh_json_close_object(writer);
}

enum kh_rc kh_lease_table_index(struct kh_buf *body, const char *table, const struct kh_json *root)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    kh_json_key(&writer, "AttributeDefinitions");
    kh_json_open_array(&writer);
    put_one(&writer, "leaseOwner", "AttributeType", "S");
    put_one(&writer, KH_LEASE_KEY_ATTRIBUTE, "AttributeType", "S");
    kh_json_close_array(&writer);
    kh_json_key(&writer, "GlobalSecondaryIndexUpdates");
    kh_json_open_array(&writer);
    put_index(&writer, kh_json_get(root, "Table"));
    kh_json_close_array(&writer);
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

bool kh_lease_table_has_index(const struct kh_json *root, bool *active)
{
    const struct kh_json *indexes =
        kh_json_get(kh_json_get(root, "Table"), "GlobalSecondaryIndexes");

    *active = false;
    for (size_t i = 0; i < kh_json_length(indexes); i++) {
        const struct kh_json *index = kh_json_at(indexes, i);
        const struct kh_str status = text_of(index, "IndexStatus");
        bool filling = false;

        if (!kh_str_eq(text_of(index, "IndexName"), KH_STR(KH_OWNER_INDEX))) {
            continue;
        }
        if (!kh_json_bool(kh_json_get(index, "Backfilling"), &filling)) {
            filling = false;
        }
        /* UPDATING: its capacity is being changed; it can be asked meanwhile. */
        *active = !filling &&
                  (kh_str_eq(status, KH_STR("ACTIVE")) || kh_str_eq(status, KH_STR("UPDATING")));
        return !kh_str_eq(status, KH_STR("DELETING"));
    }
    return false;
}

enum kh_rc kh_lease_table_exists(const struct kh_json *root, const char *table, bool *exists,
                                 struct kh_err *err)
{
    const struct kh_str status = text_of(kh_json_get(root, "Table"), "TableStatus");

    if (status.n == 0) {
        return kh_fail(err, KH_RETRY, "table %s: the answer to DescribeTable has no status", table);
    }
    *exists = !kh_str_eq(status, KH_STR("DELETING"));
    return KH_OK;
}

/* The type of the attribute that is the key, out of the definitions of all that any index uses. */
static struct kh_str type_of_key(const struct kh_json *table, struct kh_str key)
{
    const struct kh_json *definitions = kh_json_get(table, "AttributeDefinitions");

    for (size_t i = 0; i < kh_json_length(definitions); i++) {
        const struct kh_json *definition = kh_json_at(definitions, i);

        if (kh_str_eq(text_of(definition, "AttributeName"), key)) {
            return text_of(definition, "AttributeType");
        }
    }
    return kh_str("");
}

static enum kh_rc judge_key(const struct kh_json *table, const char *name, struct kh_err *err)
{
    const struct kh_json *schema = kh_json_get(table, "KeySchema");
    const struct kh_str key = text_of(kh_json_at(schema, 0), "AttributeName");
    const struct kh_str type = type_of_key(table, key);

    if (kh_json_length(schema) == 1 && kh_str_eq(key, KH_STR(KH_LEASE_KEY_ATTRIBUTE)) &&
        kh_str_eq(type, KH_STR("S"))) {
        return KH_OK;
    }
    return kh_fail(err, KH_INVALID,
                   "table %s is no lease table: its key is %.*s of type %.*s%s, not %s of type S "
                   "alone; name another one with tableName",
                   name, KH_STR_ARG(key), KH_STR_ARG(type),
                   kh_json_length(schema) > 1 ? " with a sort key" : "", KH_LEASE_KEY_ATTRIBUTE);
}

enum kh_rc kh_lease_table_judge(const struct kh_json *root, const char *table,
                                enum kh_lease_table_state *state, struct kh_err *err)
{
    const struct kh_json *found = kh_json_get(root, "Table");
    const struct kh_str status = text_of(found, "TableStatus");

    if (status.n == 0) {
        return kh_fail(err, KH_RETRY, "lease table %s: the answer to DescribeTable has no status",
                       table);
    }
    if (kh_str_eq(status, KH_STR("ACTIVE")) || kh_str_eq(status, KH_STR("UPDATING"))) {
        *state = KH_LEASE_TABLE_USABLE;
    } else if (kh_str_eq(status, KH_STR("CREATING")) || kh_str_eq(status, KH_STR("DELETING"))) {
        *state = KH_LEASE_TABLE_PENDING;
    } else {
        *state = KH_LEASE_TABLE_BLOCKED;
    }
    return judge_key(found, table, err);
}
