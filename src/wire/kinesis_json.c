#include "wire/kinesis_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/decimal.h"
#include "wire/json.h"
#include "wire/record_scan.h"
#include "wire/scan.h"
#include "wire/shard_scan.h"

#define SECONDS_MAX 1e12 /* far beyond any year we will see */

/* One answer being read. */
struct reader {
    struct kh_scan scan;
    struct kh_arena *arena; /* borrowed; for what has to be unescaped */
};

/* A string or null with its escapes resolved; *found is empty for null. */
static bool take_text(struct reader *reader, struct kh_str *found)
{
    struct kh_scan_text text;

    if (!kh_scan_optional(&reader->scan, &text)) {
        return false;
    }
    *found = kh_scan_unescape(&text, reader->arena);
    return true;
}

static void take_millis_behind(struct reader *reader, struct kh_batch *batch)
{
    struct kh_scan *scan = &reader->scan;
    struct kh_str token;

    batch->has_millis_behind = false;
    if (kh_scan_null(scan)) {
        return;
    }
    const char *at = scan->at;
    if (!kh_scan_number(scan, &token)) {
        return;
    }
    batch->has_millis_behind =
        kh_decimal_scaled(token, 0, KH_DECIMAL_NEAREST, &batch->millis_behind);
    if (!batch->has_millis_behind) {
        (void)kh_scan_refuse(scan, at, "a 64-bit number");
    }
}

static void take_records(struct reader *reader, struct kh_batch *batch)
{
    struct kh_record record;

    batch->records_n = 0;
    if (kh_scan_null(&reader->scan) || !kh_scan_open(&reader->scan, '[')) {
        return;
    }
    for (bool first = true; kh_scan_item(&reader->scan, &first);) {
        if (kh_record_scan(&reader->scan, reader->arena, &record)) {
            kh_batch_add(batch, &record);
        }
    }
}

static void take_children(struct reader *reader, struct kh_get_records *answer)
{
    struct kh_scan *scan = &reader->scan;

    answer->children_n = 0;
    if (kh_scan_null(scan) || !kh_scan_open(scan, '[')) {
        return;
    }
    for (bool first = true; kh_scan_item(scan, &first);) {
        if (answer->children_n == KH_CHILDREN_MAX) {
            (void)kh_scan_refuse(scan, scan->at, "at most four child shards");
            break;
        }
        if (kh_shard_scan(scan, reader->arena, &answer->children[answer->children_n])) {
            answer->children_n++;
        }
    }
}

enum kh_rc kh_kinesis_get_records(struct kh_batch *batch, struct kh_get_records *answer,
                                  struct kh_err *err)
{
    struct reader reader = {.arena = &batch->arena};
    struct kh_scan *scan = &reader.scan;
    struct kh_scan_text name;

    *answer = (struct kh_get_records){0};
    batch->records_n = 0;
    batch->has_millis_behind = false;
    kh_scan_init(scan, kh_buf_str(&batch->body), KH_KINESIS_DEPTH_MAX);
    (void)kh_scan_open(scan, '{');
    for (bool first = true; kh_scan_member(scan, &first, &name);) {
        if (kh_scan_text_is(&name, "Records")) {
            take_records(&reader, batch);
        } else if (kh_scan_text_is(&name, "NextShardIterator")) {
            (void)take_text(&reader, &answer->next_iterator);
        } else if (kh_scan_text_is(&name, "MillisBehindLatest")) {
            take_millis_behind(&reader, batch);
        } else if (kh_scan_text_is(&name, "ChildShards")) {
            take_children(&reader, answer);
        } else {
            (void)kh_scan_skip(scan, NULL);
        }
    }
    if (!kh_scan_end(scan)) {
        batch->records_n = 0;
        return kh_scan_error(scan, err, "GetRecords answer");
    }
    answer->has_next = answer->next_iterator.n > 0;
    return KH_OK;
}

void kh_shard_list_init(struct kh_shard_list *list)
{
    *list = (struct kh_shard_list){0};
}

void kh_shard_list_fini(struct kh_shard_list *list)
{
    kh_mem_free(list->items);
    *list = (struct kh_shard_list){0};
}

static void add_shard(struct kh_shard_list *list, const struct kh_shard *shard)
{
    if (list->n == list->capacity) {
        list->capacity = kh_mem_grown(list->capacity, list->n + 1);
        list->items = kh_mem_resize(list->items, list->capacity, sizeof(*list->items));
    }
    list->items[list->n] = *shard;
    list->n++;
}

/* The Shards of one page, behind the first `kept`: of two members "Shards" the last wins. */
static void take_shards(struct reader *reader, struct kh_shard_list *list, size_t kept)
{
    struct kh_scan *scan = &reader->scan;
    struct kh_shard shard;

    list->n = kept;
    if (kh_scan_null(scan) || !kh_scan_open(scan, '[')) {
        return;
    }
    for (bool first = true; kh_scan_item(scan, &first);) {
        if (list->n == KH_SHARD_LIST_MAX) {
            (void)kh_scan_refuse(scan, scan->at, "no more shards");
            break;
        }
        if (kh_shard_scan(scan, reader->arena, &shard)) {
            add_shard(list, &shard);
        }
    }
}

enum kh_rc kh_kinesis_list_shards(struct kh_str body, struct kh_shard_list *list,
                                  struct kh_buf *next_token, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    struct kh_arena arena;
    struct reader reader = {.arena = &arena};
    struct kh_scan *scan = &reader.scan;
    struct kh_scan_text name;
    struct kh_str token = {0};
    const size_t kept = list->n;

    kh_arena_init(&arena);
    kh_buf_reset(next_token);
    kh_scan_init(scan, body, KH_KINESIS_DEPTH_MAX);
    (void)kh_scan_open(scan, '{');
    for (bool first = true; kh_scan_member(scan, &first, &name);) {
        if (kh_scan_text_is(&name, "Shards")) {
            take_shards(&reader, list, kept);
        } else if (kh_scan_text_is(&name, "NextToken")) {
            (void)take_text(&reader, &token);
        } else {
            (void)kh_scan_skip(scan, NULL);
        }
    }
    if (!kh_scan_end(scan)) {
        rc = kh_scan_error(scan, err, "ListShards answer");
    } else if (kh_buf_append_str(next_token, token) != KH_OK) {
        rc = kh_fail(err, KH_TOOBIG, "ListShards answer: a token of %zu bytes", token.n);
    }
    kh_arena_fini(&arena);
    return rc;
}

enum kh_rc kh_kinesis_iterator(struct kh_str body, struct kh_buf *iterator, struct kh_err *err)
{
    struct kh_json *root = NULL;
    struct kh_str found = {0};

    enum kh_rc rc = kh_json_parse(&root, body, err);
    if (rc != KH_OK) {
        return kh_wrap(err, "GetShardIterator answer");
    }
    if (!kh_json_str(kh_json_get(root, "ShardIterator"), &found) || found.n == 0) {
        rc = kh_fail(err, KH_INVALID, "GetShardIterator answer: there is no ShardIterator");
    } else if (kh_buf_append_str(iterator, found) != KH_OK) {
        rc = kh_fail(err, KH_TOOBIG, "GetShardIterator answer: an iterator of %zu bytes", found.n);
    }
    kh_json_free(root);
    return rc;
}

/* Seconds with a fraction; 0 if they are missing or make no sense. */
static int64_t seconds_to_ms(const struct kh_json *value)
{
    double seconds = 0;

    if (!kh_json_double(value, &seconds) || !(seconds > 0 && seconds < SECONDS_MAX)) {
        return 0;
    }
    return (int64_t)(seconds * 1000 + 0.5);
}

enum kh_rc kh_kinesis_summary(struct kh_str body, struct kh_stream_summary *summary,
                              struct kh_err *err)
{
    struct kh_json *root = NULL;
    struct kh_str arn = {0};
    struct kh_str status = {0};

    *summary = (struct kh_stream_summary){0};
    enum kh_rc rc = kh_json_parse(&root, body, err);
    if (rc != KH_OK) {
        return kh_wrap(err, "DescribeStreamSummary answer");
    }
    const struct kh_json *told = kh_json_get(root, "StreamDescriptionSummary");
    if (!kh_json_str(kh_json_get(told, "StreamARN"), &arn) ||
        !kh_json_str(kh_json_get(told, "StreamStatus"), &status)) {
        rc = kh_fail(err, KH_INVALID,
                     "DescribeStreamSummary answer: there is no StreamARN or no StreamStatus");
    } else if (!kh_str_copy(summary->arn, sizeof(summary->arn), arn) ||
               !kh_str_copy(summary->status, sizeof(summary->status), status)) {
        rc =
            kh_fail(err, KH_TOOBIG,
                    "DescribeStreamSummary answer: a StreamARN of %zu bytes, a StreamStatus of %zu",
                    arn.n, status.n);
    }
    summary->created_at_ms = seconds_to_ms(kh_json_get(told, "StreamCreationTimestamp"));
    kh_json_free(root);
    return rc;
}

static void put_member(struct kh_json_writer *writer, const char *name, struct kh_str value)
{
    kh_json_key(writer, name);
    kh_json_put_str(writer, value);
}

static void put_stream(struct kh_json_writer *writer, struct kh_stream_ref stream)
{
    kh_assert(stream.arn.n > 0 || stream.name.n > 0);
    if (stream.arn.n > 0) {
        put_member(writer, "StreamARN", stream.arn);
    } else {
        put_member(writer, "StreamName", stream.name);
    }
}

static void put_time(struct kh_json_writer *writer, int64_t wall_ms)
{
    char text[32];

    kh_assert(wall_ms >= 0);
    int n = snprintf(text, sizeof(text), "%" PRId64 ".%03d", wall_ms / 1000, (int)(wall_ms % 1000));
    kh_json_key(writer, "Timestamp");
    kh_json_put_raw(writer, kh_str_of(text, (size_t)n));
}

static void put_filter(struct kh_json_writer *writer, enum kh_shard_filter filter, int64_t wall_ms)
{
    static const char *const types[] = {
        [KH_SHARDS_AT_TRIM_HORIZON] = "AT_TRIM_HORIZON",
        [KH_SHARDS_AT_LATEST] = "AT_LATEST",
        [KH_SHARDS_AT_TIMESTAMP] = "AT_TIMESTAMP",
    };

    if (filter == KH_SHARDS_ALL) {
        return; /* what Kinesis does when it is not asked */
    }
    kh_json_key(writer, "ShardFilter");
    kh_json_open_object(writer);
    put_member(writer, "Type", kh_str(types[filter]));
    if (filter == KH_SHARDS_AT_TIMESTAMP) {
        put_time(writer, wall_ms);
    }
    kh_json_close_object(writer);
}

enum kh_rc kh_kinesis_ask_list_shards(struct kh_buf *body, struct kh_stream_ref stream,
                                      enum kh_shard_filter filter, int64_t wall_ms,
                                      struct kh_str next_token)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    if (next_token.n > 0) {
        put_member(&writer, "NextToken", next_token);
    } else {
        put_stream(&writer, stream);
        put_filter(&writer, filter, wall_ms);
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_kinesis_ask_iterator(struct kh_buf *body, struct kh_stream_ref stream,
                                   struct kh_str shard, const struct kh_position *position)
{
    static const char *const types[] = {
        [KH_POSITION_TRIM_HORIZON] = "TRIM_HORIZON",
        [KH_POSITION_LATEST] = "LATEST",
        [KH_POSITION_AT_TIMESTAMP] = "AT_TIMESTAMP",
        [KH_POSITION_AT_SEQUENCE] = "AT_SEQUENCE_NUMBER",
        [KH_POSITION_AFTER_SEQUENCE] = "AFTER_SEQUENCE_NUMBER",
    };
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    put_stream(&writer, stream);
    put_member(&writer, "ShardId", shard);
    put_member(&writer, "ShardIteratorType", kh_str(types[position->type]));
    if (position->type == KH_POSITION_AT_TIMESTAMP) {
        put_time(&writer, position->wall_ms);
    }
    if (position->type == KH_POSITION_AT_SEQUENCE || position->type == KH_POSITION_AFTER_SEQUENCE) {
        put_member(&writer, "StartingSequenceNumber", kh_str(position->seq));
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_kinesis_ask_records(struct kh_buf *body, struct kh_stream_ref stream,
                                  struct kh_str iterator, uint32_t limit)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    put_member(&writer, "ShardIterator", iterator);
    kh_json_key(&writer, "Limit");
    kh_json_put_u64(&writer, limit);
    if (stream.arn.n > 0) {
        put_stream(&writer, stream);
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

enum kh_rc kh_kinesis_ask_summary(struct kh_buf *body, struct kh_stream_ref stream)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, body);
    kh_json_open_object(&writer);
    put_stream(&writer, stream);
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}
