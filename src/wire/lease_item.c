#include "wire/lease_item.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "wire/attribute.h"
#include "wire/stream_mark.h"

#define MARK KH_STREAM_MARK_ATTRIBUTE

/* Expressions are made of the table below alone, so that this is enough for any of them. */
#define EXPRESSION_BYTES_MAX 4096

/* Writing one attribute's value. */

static void put_text(struct kh_json_writer *writer, const char *value)
{
    kh_attribute_put_text(writer, kh_str(value));
}

static void put_set(struct kh_json_writer *writer, const char (*ids)[KH_SHARD_ID_MAX + 1],
                    unsigned n)
{
    kh_assert(n > 0);
    kh_json_open_object(writer);
    kh_json_key(writer, "SS");
    kh_json_open_array(writer);
    for (unsigned i = 0; i < n; i++) {
        kh_json_put_str(writer, kh_str(ids[i]));
    }
    kh_json_close_array(writer);
    kh_json_close_object(writer);
}

static void put_key(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->key);
}

static void put_counter(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    kh_attribute_put_u64(writer, lease->counter);
}

static void put_owner(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->owner);
}

static void put_checkpoint_owner(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->checkpoint_owner);
}

static void put_handoff_owner(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->handoff_owner);
}

static void put_switches(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    kh_attribute_put_u64(writer, lease->owner_switches);
}

static void put_checkpoint(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->checkpoint.seq);
}

static void put_checkpoint_sub(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    kh_attribute_put_i64(writer, lease->checkpoint.sub);
}

static void put_pending(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->pending.seq);
}

static void put_pending_sub(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    kh_attribute_put_i64(writer, lease->pending.sub);
}

static void put_parents(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_set(writer, lease->parents, lease->parents_n);
}

static void put_children(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_set(writer, lease->children, lease->children_n);
}

static void put_range_start(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->range.start);
}

static void put_range_end(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    put_text(writer, lease->range.end);
}

static void put_throughput(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    kh_assert(lease->throughput_kbps >= 0);
    kh_assert(lease->throughput_kbps <= KH_THROUGHPUT_KBPS_MAX);
    kh_attribute_put_double(writer, lease->throughput_kbps);
}

static bool has_always(const struct kh_lease *lease)
{
    (void)lease;
    return true;
}

static bool has_owner(const struct kh_lease *lease)
{
    return lease->owner[0] != '\0';
}

static bool has_checkpoint_owner(const struct kh_lease *lease)
{
    return lease->checkpoint_owner[0] != '\0';
}

static bool has_handoff_owner(const struct kh_lease *lease)
{
    return lease->handoff_owner[0] != '\0';
}

static bool has_pending(const struct kh_lease *lease)
{
    return !kh_extseq_is_none(&lease->pending);
}

static bool has_parents(const struct kh_lease *lease)
{
    return lease->parents_n > 0;
}

static bool has_children(const struct kh_lease *lease)
{
    return lease->children_n > 0;
}

static bool has_range(const struct kh_lease *lease)
{
    return lease->range.start[0] != '\0' && lease->range.end[0] != '\0';
}

static bool has_throughput(const struct kh_lease *lease)
{
    return lease->has_throughput;
}

/* Every attribute of a lease that we write or remove. */
static const struct attribute {
    const char *name;
    unsigned field; /* the bit it belongs to; 0: written at creation alone */
    bool (*has)(const struct kh_lease *lease);
    void (*put)(struct kh_json_writer *writer, const struct kh_lease *lease); /* NULL: never ours */
} attributes[] = {
    {KH_LEASE_KEY_ATTRIBUTE, 0, has_always, put_key},
    {"leaseCounter", KH_LEASE_COUNTER, has_always, put_counter},
    {"leaseOwner", KH_LEASE_OWNER, has_owner, put_owner},
    {"checkpointOwner", KH_LEASE_CHECKPOINT_OWNER, has_checkpoint_owner, put_checkpoint_owner},
    {KH_HANDOFF_ATTRIBUTE, KH_LEASE_HANDOFF_OWNER, has_handoff_owner, put_handoff_owner},
    {"ownerSwitchesSinceCheckpoint", KH_LEASE_SWITCHES, has_always, put_switches},
    {"checkpoint", KH_LEASE_CHECKPOINT, has_always, put_checkpoint},
    {"checkpointSubSequenceNumber", KH_LEASE_CHECKPOINT, has_always, put_checkpoint_sub},
    {"pendingCheckpoint", KH_LEASE_PENDING, has_pending, put_pending},
    {"pendingCheckpointSubSequenceNumber", KH_LEASE_PENDING, has_pending, put_pending_sub},
    /* A Java application's own bytes. They belong to its pending checkpoint, never to ours. */
    {"pendingCheckpointState", KH_LEASE_PENDING, NULL, NULL},
    {"parentShardId", 0, has_parents, put_parents},
    {"childShardIds", KH_LEASE_CHILDREN, has_children, put_children},
    {"startingHashKey", KH_LEASE_HASH_RANGE, has_range, put_range_start},
    {"endingHashKey", KH_LEASE_HASH_RANGE, has_range, put_range_end},
    {"throughputKBps", KH_LEASE_THROUGHPUT, has_throughput, put_throughput},
};
enum { ATTRIBUTES_N = sizeof(attributes) / sizeof(attributes[0]) };

static void write_item(struct kh_json_writer *writer, const struct kh_lease *lease,
                       const char *stream_mark)
{
    kh_json_open_object(writer);
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if (attributes[i].put != NULL && attributes[i].has(lease)) {
            kh_json_key(writer, attributes[i].name);
            attributes[i].put(writer, lease);
        }
    }
    if (stream_mark != NULL) {
        kh_json_key(writer, MARK);
        put_text(writer, stream_mark);
    }
    kh_json_close_object(writer);
}

void kh_lease_item_write(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    write_item(writer, lease, NULL);
}

/* Requests. */

/* What an update does with one attribute. */
static bool is_set(const struct kh_lease_op *op, const struct attribute *attribute)
{
    return (op->set & attribute->field) != 0 && attribute->put != NULL;
}

static bool is_removed(const struct kh_lease_op *op, const struct attribute *attribute)
{
    /* A pending checkpoint of ours must not keep the state that came with another one. */
    const unsigned fields = attribute->put == NULL ? op->remove | op->set : op->remove;

    return (fields & attribute->field) != 0;
}

static bool is_added(const struct kh_lease_op *op, const struct attribute *attribute)
{
    return (op->add_one & attribute->field) != 0;
}

static bool is_named(const struct kh_lease_op *op, const struct attribute *attribute)
{
    const unsigned expected = op->expect_is | op->expect_absent;

    return strcmp(attribute->name, KH_LEASE_KEY_ATTRIBUTE) == 0 ||
           (expected & attribute->field) != 0 || is_set(op, attribute) ||
           is_removed(op, attribute) || is_added(op, attribute);
}

static void extend(struct kh_buf *expression, const char *before, const char *name,
                   const char *after)
{
    const enum kh_rc rc = kh_buf_appendf(expression, "%s#%s%s", before, name, after);

    kh_assert(rc == KH_OK); /* EXPRESSION_BYTES_MAX */
}

/* One of SET, REMOVE and ADD, if any attribute asks for it. */
static void extend_clause(struct kh_buf *expression, const struct kh_lease_op *op, const char *verb,
                          bool (*wants)(const struct kh_lease_op *, const struct attribute *))
{
    const char *before = verb;

    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        char value[64] = "";

        if (!wants(op, &attributes[i])) {
            continue;
        }
        if (wants == is_set) {
            (void)snprintf(value, sizeof(value), " = :%s", attributes[i].name);
        } else if (wants == is_added) {
            (void)snprintf(value, sizeof(value), " :one");
        }
        extend(expression, before, attributes[i].name, value);
        before = ", ";
    }
}

/* A row that has a mark keeps it: it may tell more than ours, or belong to another stream, which is
 * not to be hidden. */
static bool is_marked(const struct kh_lease_op *op, const char *stream_mark)
{
    return stream_mark != NULL && (op->set & KH_LEASE_OWNER) != 0;
}

static void put_update_expression(struct kh_json_writer *writer, const struct kh_lease_op *op,
                                  const char *stream_mark)
{
    struct kh_buf expression;
    struct kh_str text;

    kh_buf_init(&expression, EXPRESSION_BYTES_MAX);
    extend_clause(&expression, op, " SET ", is_set);
    if (is_marked(op, stream_mark)) {
        extend(&expression, ", ", MARK, " = if_not_exists(#" MARK ", :" MARK ")");
    }
    extend_clause(&expression, op, " REMOVE ", is_removed);
    extend_clause(&expression, op, " ADD ", is_added);
    text = kh_str_trim(kh_buf_str(&expression));
    kh_assert(text.n > 0);
    kh_json_key(writer, "UpdateExpression");
    kh_json_put_str(writer, text);
    kh_buf_fini(&expression);
}

static void put_condition(struct kh_json_writer *writer, const struct kh_lease_op *op)
{
    struct kh_buf expression;

    kh_buf_init(&expression, EXPRESSION_BYTES_MAX);
    extend(&expression, "attribute_exists(", KH_LEASE_KEY_ATTRIBUTE, ")");
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        const struct attribute *attribute = &attributes[i];
        char value[64];

        if ((op->expect_is & attribute->field) != 0) {
            (void)snprintf(value, sizeof(value), " = :expected_%s", attribute->name);
            extend(&expression, " AND ", attribute->name, value);
        }
        if ((op->expect_absent & attribute->field) != 0) {
            extend(&expression, " AND attribute_not_exists(", attribute->name, ")");
        }
    }
    kh_json_key(writer, "ConditionExpression");
    kh_json_put_str(writer, kh_buf_str(&expression));
    kh_buf_fini(&expression);
}

static void put_names(struct kh_json_writer *writer, const struct kh_lease_op *op,
                      const char *stream_mark)
{
    kh_json_key(writer, "ExpressionAttributeNames");
    kh_json_open_object(writer);
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if (is_named(op, &attributes[i])) {
            kh_attribute_put_alias(writer, attributes[i].name);
        }
    }
    if (is_marked(op, stream_mark)) {
        kh_attribute_put_alias(writer, MARK);
    }
    kh_json_close_object(writer);
}

static void put_value(struct kh_json_writer *writer, const char *prefix,
                      const struct attribute *attribute, const struct kh_lease *lease)
{
    char placeholder[64];

    (void)snprintf(placeholder, sizeof(placeholder), ":%s%s", prefix, attribute->name);
    kh_json_key(writer, placeholder);
    attribute->put(writer, lease);
}

static void put_values(struct kh_json_writer *writer, const struct kh_lease_op *op,
                       const char *stream_mark)
{
    struct kh_lease expected = {.counter = op->expect_counter};

    if ((op->expect_is | op->set | op->add_one) == 0) {
        return; /* DynamoDB refuses an empty map */
    }
    memcpy(expected.owner, op->expect_owner, sizeof(expected.owner));
    memcpy(expected.checkpoint_owner, op->expect_checkpoint_owner,
           sizeof(expected.checkpoint_owner));
    kh_json_key(writer, "ExpressionAttributeValues");
    kh_json_open_object(writer);
    for (size_t i = 0; i < ATTRIBUTES_N; i++) {
        if ((op->expect_is & attributes[i].field) != 0) {
            put_value(writer, "expected_", &attributes[i], &expected);
        }
        if (is_set(op, &attributes[i])) {
            put_value(writer, "", &attributes[i], &op->lease);
        }
    }
    if (op->add_one != 0) {
        kh_json_key(writer, ":one");
        kh_attribute_put_u64(writer, 1);
    }
    if (is_marked(op, stream_mark)) {
        kh_json_key(writer, ":" MARK);
        put_text(writer, stream_mark);
    }
    kh_json_close_object(writer);
}

static void put_key_member(struct kh_json_writer *writer, const char *name, struct kh_str key)
{
    kh_attribute_put_key(writer, name, KH_LEASE_KEY_ATTRIBUTE, key);
}

static void put_create(struct kh_json_writer *writer, const struct kh_lease_op *op,
                       const char *stream_mark)
{
    kh_json_key(writer, "Item");
    write_item(writer, &op->lease, stream_mark);
    kh_attribute_put_member(writer, "ConditionExpression",
                            "attribute_not_exists(#" KH_LEASE_KEY_ATTRIBUTE ")");
    kh_json_key(writer, "ExpressionAttributeNames");
    kh_json_open_object(writer);
    kh_attribute_put_alias(writer, KH_LEASE_KEY_ATTRIBUTE);
    kh_json_close_object(writer);
    kh_attribute_put_member(writer, "ReturnValuesOnConditionCheckFailure", "ALL_OLD");
}

static void put_update(struct kh_json_writer *writer, const struct kh_lease_op *op,
                       const char *stream_mark)
{
    put_key_member(writer, "Key", kh_str(op->key));
    put_update_expression(writer, op, stream_mark);
    put_condition(writer, op);
    put_names(writer, op, stream_mark);
    put_values(writer, op, stream_mark);
    kh_attribute_put_member(writer, "ReturnValues", "ALL_NEW");
    kh_attribute_put_member(writer, "ReturnValuesOnConditionCheckFailure", "ALL_OLD");
}

const char *kh_lease_request_operation(enum kh_lease_verb verb)
{
    switch (verb) {
    case KH_LEASE_LIST:
        return "Scan";
    case KH_LEASE_GET:
        return "GetItem";
    case KH_LEASE_CREATE:
        return "PutItem";
    case KH_LEASE_UPDATE:
        return "UpdateItem";
    case KH_LEASE_DELETE:
        return "DeleteItem";
    }
    return "";
}

enum kh_rc kh_lease_request(struct kh_buf *body, const struct kh_lease_place *place,
                            const struct kh_lease_op *op)
{
    struct kh_json_writer writer;

    kh_assert(kh_lease_op_is_sound(op));
    kh_assert(op->verb != KH_LEASE_LIST);
    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", place->table);
    if (op->verb == KH_LEASE_CREATE) {
        put_create(&writer, op, place->stream_mark);
    } else if (op->verb == KH_LEASE_UPDATE) {
        put_update(&writer, op, place->stream_mark);
    } else {
        put_key_member(&writer, "Key", kh_str(op->key));
    }
    if (op->verb == KH_LEASE_GET) {
        kh_json_key(&writer, "ConsistentRead");
        kh_json_put_bool(&writer, true);
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_lease_scan_request(struct kh_buf *body, const char *table, struct kh_str after)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    if (after.n > 0) {
        put_key_member(&writer, "ExclusiveStartKey", after);
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

bool kh_lease_scan_more(const struct kh_json *root, struct kh_str *after)
{
    const struct kh_json *last = kh_json_get(root, "LastEvaluatedKey");

    return kh_json_str(kh_json_get(kh_json_get(last, KH_LEASE_KEY_ATTRIBUTE), "S"), after) &&
           after->n > 0;
}

/* Reading. */

static void read_count(struct kh_attribute_reader *reader, const char *name, uint64_t *count)
{
    int64_t number = 0;

    if (!kh_attribute_i64(reader, name, &number)) {
        kh_attribute_refuse(reader, name, "is missing");
    } else if (number < 0) {
        kh_attribute_refuse(reader, name, "is below 0");
    } else {
        *count = (uint64_t)number;
    }
}

static void read_position(struct kh_attribute_reader *reader, const char *name,
                          const char *sub_name, struct kh_extseq *pos)
{
    const struct kh_json *value = kh_attribute_find(reader, name, "S");
    struct kh_str text;
    int64_t sub = 0;

    (void)kh_attribute_i64(reader, sub_name, &sub); /* absent is 0, as in Java */
    if (value == NULL) {
        return;
    }
    if (!kh_json_str(value, &text) || !kh_extseq_set(pos, text, sub)) {
        kh_attribute_refuse(reader, name, "is neither a sequence number nor a position KCL knows");
    }
}

static unsigned read_set(struct kh_attribute_reader *reader, const char *name,
                         char (*ids)[KH_SHARD_ID_MAX + 1], unsigned ids_max)
{
    const struct kh_json *value = kh_attribute_find(reader, name, "SS");
    const size_t n = kh_json_length(value);

    if (value == NULL) {
        return 0;
    }
    if (n == 0 || n > ids_max) {
        kh_attribute_refuse(reader, name, "is not a set of a possible size");
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct kh_str id;

        if (!kh_json_str(kh_json_at(value, i), &id) || !kh_attribute_is_plain(id) ||
            !kh_str_copy(ids[i], sizeof(ids[i]), id)) {
            kh_attribute_refuse(reader, name, "holds something that is no shard id");
        }
    }
    return (unsigned)n;
}

/* Leases made by KCL before 2.3 have no range; half of one counts as none, as in Java. */
static void read_range(struct kh_attribute_reader *reader, struct kh_hash_range *range)
{
    kh_attribute_text(reader, "startingHashKey", range->start, sizeof(range->start));
    kh_attribute_text(reader, "endingHashKey", range->end, sizeof(range->end));
    if (range->start[0] == '\0' || range->end[0] == '\0') {
        memset(range, 0, sizeof(*range));
        return;
    }
    if (!kh_hash_range_is_sound(range)) {
        kh_attribute_refuse(reader, "startingHashKey",
                            "and endingHashKey are no range of hash keys");
    }
}

static void read_throughput(struct kh_attribute_reader *reader, struct kh_lease *lease)
{
    const struct kh_json *value = kh_attribute_find(reader, "throughputKBps", "N");
    double number = -1;

    if (value == NULL) {
        return;
    }
    if (!kh_attribute_double(value, &number) || number < 0) {
        kh_attribute_refuse(reader, "throughputKBps", "is no throughput");
        return;
    }
    lease->has_throughput = true;
    lease->throughput_kbps = number;
}

/* What KCL before 3.5 wrote into tables of its own does not say what it is, and may have been moved
 * here. */
static bool is_nameless(const struct kh_json *item)
{
    static const char *const marks[] = {"recordVersionNumber", "cv", "tm", "lut"};

    if (kh_json_get(item, "leaseCounter") != NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (kh_json_get(item, marks[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Items of other kinds share the table from KCL 3.5 on, and leases of many streams have their own
 * keys. */
static bool is_foreign(const struct kh_json *item)
{
    const struct kh_json *type = kh_json_get(item, "entityType");
    struct kh_str text;

    if (type != NULL &&
        (!kh_json_str(kh_json_get(type, "S"), &text) || !kh_str_eq(text, KH_STR("LEASE")))) {
        return true;
    }
    return kh_json_get(item, "streamName") != NULL || (type == NULL && is_nameless(item));
}

enum kh_item_type kh_lease_item_read(const struct kh_json *item, struct kh_lease *lease,
                                     struct kh_err *err)
{
    struct kh_attribute_reader reader = {
        .item = item, .what = "lease", .key = "without a key", .err = err};
    struct kh_lease read = {0};

    if (is_foreign(item)) {
        return KH_ITEM_FOREIGN;
    }
    kh_attribute_text(&reader, KH_LEASE_KEY_ATTRIBUTE, read.key, sizeof(read.key));
    if (read.key[0] == '\0') {
        kh_attribute_refuse(&reader, KH_LEASE_KEY_ATTRIBUTE, "is missing");
    } else {
        reader.key = read.key;
    }
    read_count(&reader, "leaseCounter", &read.counter);
    kh_attribute_text(&reader, "leaseOwner", read.owner, sizeof(read.owner));
    kh_attribute_text(&reader, "checkpointOwner", read.checkpoint_owner,
                      sizeof(read.checkpoint_owner));
    kh_attribute_text(&reader, KH_HANDOFF_ATTRIBUTE, read.handoff_owner,
                      sizeof(read.handoff_owner));
    read_count(&reader, "ownerSwitchesSinceCheckpoint", &read.owner_switches);
    read_position(&reader, "checkpoint", "checkpointSubSequenceNumber", &read.checkpoint);
    if (kh_extseq_is_none(&read.checkpoint)) {
        kh_attribute_refuse(&reader, "checkpoint", "is missing");
    }
    read_position(&reader, "pendingCheckpoint", "pendingCheckpointSubSequenceNumber",
                  &read.pending);
    read.parents_n = read_set(&reader, "parentShardId", read.parents, KH_PARENTS_MAX);
    read.children_n = read_set(&reader, "childShardIds", read.children, KH_CHILDREN_MAX);
    read_range(&reader, &read.range);
    read_throughput(&reader, &read);
    if (reader.rc != KH_OK) {
        return KH_ITEM_MALFORMED;
    }
    *lease = read;
    return KH_ITEM_LEASE;
}
