#include "wire/stream_mark.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "wire/attribute.h"
#include "wire/lease_item.h"
#include "wire/timestamp.h"

#define TOLD_MAX (KH_ARN_MAX + 64)

void kh_stream_mark_make(char mark[KH_STREAM_MARK_MAX + 1], const char *arn, int64_t created_at_ms)
{
    int n;

    if (created_at_ms > 0) {
        n = snprintf(mark, KH_STREAM_MARK_MAX + 1, "%s@%" PRId64, arn, created_at_ms / 1000);
    } else {
        n = snprintf(mark, KH_STREAM_MARK_MAX + 1, "%s", arn);
    }
    kh_assert(n > 0 && n <= KH_STREAM_MARK_MAX);
}

bool kh_stream_mark_same(struct kh_str a, struct kh_str b)
{
    struct kh_str arn_of_a;
    struct kh_str arn_of_b;
    struct kh_str created_of_a;
    struct kh_str created_of_b;

    (void)kh_str_cut(a, '@', &arn_of_a, &created_of_a);
    (void)kh_str_cut(b, '@', &arn_of_b, &created_of_b);
    return kh_str_eq(arn_of_a, arn_of_b) &&
           (created_of_a.n == 0 || created_of_b.n == 0 || kh_str_eq(created_of_a, created_of_b));
}

/* "arn:… created 2026-11-25T14:50:00Z" */
static void tell(struct kh_str mark, char told[TOLD_MAX])
{
    char when[KH_TIMESTAMP_TEXT_BYTES] = "";
    struct kh_str arn;
    struct kh_str created;
    int64_t seconds;

    if (kh_str_cut(mark, '@', &arn, &created) && kh_str_i64(created, &seconds) && seconds >= 0 &&
        seconds <= KH_TIMESTAMP_SECONDS_MAX) {
        kh_timestamp_format(seconds * 1000, when);
    }
    (void)snprintf(told, TOLD_MAX, "%.*s%s%s", KH_STR_ARG(arn), when[0] != '\0' ? " created " : "",
                   when);
}

enum kh_rc kh_stream_mark_refuse(struct kh_err *err, struct kh_str key, struct kh_str found,
                                 struct kh_str wanted)
{
    char there[TOLD_MAX];
    char ours[TOLD_MAX];

    tell(found, there);
    tell(wanted, ours);
    return kh_fail(err, KH_CONFLICT, "lease %.*s belongs to stream %s, not to %s", KH_STR_ARG(key),
                   there, ours);
}

struct kh_str kh_stream_mark_of(const struct kh_json *item)
{
    struct kh_str mark = {0};

    if (!kh_json_str(kh_json_get(kh_json_get(item, KH_STREAM_MARK_ATTRIBUTE), "S"), &mark)) {
        return kh_str("");
    }
    return mark;
}

static void put_text(struct kh_json_writer *writer, const char *name, struct kh_str value)
{
    kh_json_key(writer, name);
    kh_attribute_put_text(writer, value);
}

static void put_alias(struct kh_json_writer *writer, bool with_key)
{
    kh_json_key(writer, "ExpressionAttributeNames");
    kh_json_open_object(writer);
    kh_attribute_put_member(writer, "#mark", KH_STREAM_MARK_ATTRIBUTE);
    if (with_key) {
        kh_attribute_put_member(writer, "#key", KH_LEASE_KEY_ATTRIBUTE);
    }
    kh_json_close_object(writer);
}

enum kh_rc kh_stream_mark_scan(struct kh_buf *body, const char *table, struct kh_str mark,
                               struct kh_str after)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    kh_attribute_put_member(&writer, "ProjectionExpression", "#key, #mark");
    kh_attribute_put_member(&writer, "FilterExpression",
                            "attribute_exists(#mark) AND #mark <> :mark");
    put_alias(&writer, true);
    kh_json_key(&writer, "ExpressionAttributeValues");
    kh_json_open_object(&writer);
    put_text(&writer, ":mark", mark);
    kh_json_close_object(&writer);
    if (after.n > 0) {
        kh_attribute_put_key(&writer, "ExclusiveStartKey", KH_LEASE_KEY_ATTRIBUTE, after);
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_stream_mark_update(struct kh_buf *body, const char *table,
                                 const struct kh_stream_mark_change *change)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    kh_attribute_put_key(&writer, "Key", KH_LEASE_KEY_ATTRIBUTE, change->key);
    kh_attribute_put_member(&writer, "UpdateExpression", "SET #mark = :to");
    kh_attribute_put_member(&writer, "ConditionExpression", "#mark = :from");
    put_alias(&writer, false);
    kh_json_key(&writer, "ExpressionAttributeValues");
    kh_json_open_object(&writer);
    put_text(&writer, ":from", change->from);
    put_text(&writer, ":to", change->to);
    kh_json_close_object(&writer);
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_stream_mark_remove(struct kh_buf *body, const char *table, struct kh_str key)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", table);
    kh_attribute_put_key(&writer, "Key", KH_LEASE_KEY_ATTRIBUTE, key);
    kh_attribute_put_member(&writer, "UpdateExpression", "REMOVE #mark");
    kh_attribute_put_member(&writer, "ConditionExpression", "attribute_exists(#key)");
    put_alias(&writer, true);
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}
