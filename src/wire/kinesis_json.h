/* kinesis_json: what is asked of Kinesis and what it answers, as AWS JSON 1.1.
 *
 * Shape   kh_kinesis_ask_* append a request's body; the others read an answer's. Answers are
 *         scanned in place (wire/scan): a GetRecords answer becomes slices of the bytes it came in,
 *         nothing is copied or decoded.
 * Units   *_ms of the wall clock since 1970; bytes.
 * Errors  readers: KH_INVALID with what was expected and where; KH_TOOBIG over a named limit.
 *         Askers: KH_TOOBIG of the buffer.
 * Memory  see each reader. After a failure its output may be half filled, and can be freed as after
 *         a success.
 * Truth   botocore's service model 2013-12-02; null and absent are the same, unknown members are
 *         skipped, of two members with one name the last wins. Chosen: a record without
 *         ApproximateArrivalTimestamp counts as 0.
 */
#ifndef KH_WIRE_KINESIS_JSON_H
#define KH_WIRE_KINESIS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/cmd.h"
#include "core/lease.h"
#include "wire/record.h"

#define KH_KINESIS_DEPTH_MAX 32
#define KH_SHARD_LIST_MAX    100000
#define KH_ARN_MAX           2048

/* Which stream is meant: by ARN if there is one, else by name. */
struct kh_stream_ref {
    struct kh_str name;
    struct kh_str arn;
};

/* next_token: alone in the request if it is not empty, as the API demands; filter and wall_ms
 * (AT_TIMESTAMP) are for the first page. */
enum kh_rc kh_kinesis_ask_list_shards(struct kh_buf *body, struct kh_stream_ref stream,
                                      enum kh_shard_filter filter, int64_t wall_ms,
                                      struct kh_str next_token) KH_MUST_USE;
enum kh_rc kh_kinesis_ask_iterator(struct kh_buf *body, struct kh_stream_ref stream,
                                   struct kh_str shard,
                                   const struct kh_position *position) KH_MUST_USE;
/* The iterator names the stream by itself; only an ARN is sent besides. */
enum kh_rc kh_kinesis_ask_records(struct kh_buf *body, struct kh_stream_ref stream,
                                  struct kh_str iterator, uint32_t limit) KH_MUST_USE;
enum kh_rc kh_kinesis_ask_summary(struct kh_buf *body, struct kh_stream_ref stream) KH_MUST_USE;

/* The part of a GetRecords answer that does not go into the batch. */
struct kh_get_records {
    bool has_next;
    struct kh_str next_iterator; /* borrowed from the batch */
    struct kh_shard children[KH_CHILDREN_MAX];
    size_t children_n;
};

/* Scan batch->body, which the caller has filled, into batch->records (and millis_behind) and
 * answer. */
enum kh_rc kh_kinesis_get_records(struct kh_batch *batch, struct kh_get_records *answer,
                                  struct kh_err *err) KH_MUST_USE;

struct kh_shard_list {
    struct kh_shard *items; /* owned */
    size_t n;
    size_t capacity;
};

void kh_shard_list_init(struct kh_shard_list *list);
void kh_shard_list_fini(struct kh_shard_list *list);

/* One page of ListShards, or a saved one: appends to list. next_token is emptied and filled; empty
 * on the last page. The list holds at most KH_SHARD_LIST_MAX shards. */
enum kh_rc kh_kinesis_list_shards(struct kh_str body, struct kh_shard_list *list,
                                  struct kh_buf *next_token, struct kh_err *err) KH_MUST_USE;

/* Append the answer's ShardIterator. */
enum kh_rc kh_kinesis_iterator(struct kh_str body, struct kh_buf *iterator,
                               struct kh_err *err) KH_MUST_USE;

struct kh_stream_summary {
    char arn[KH_ARN_MAX + 1];
    char status[32];       /* CREATING, DELETING, ACTIVE, UPDATING; the last two can be read */
    int64_t created_at_ms; /* 0 if not told */
};

enum kh_rc kh_kinesis_summary(struct kh_str body, struct kh_stream_summary *summary,
                              struct kh_err *err) KH_MUST_USE;

#endif
