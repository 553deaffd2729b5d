/* record: records on their way from a source to a child, as slices of the bytes they arrived in.
 *
 * Shape   a batch owns one or more buffers and an array of records whose slices point into them.
 *         Nothing is decoded: data stays base64 as it came, the partition key stays a JSON string's
 *         inside as it came.
 * Units   arrival in ms since 1970; bytes counts what the batch keeps in memory.
 * Errors  none here.
 * Memory  kh_batch_free frees buffers and records together.
 * Truth   Kinesis Record (AWS JSON 1.1) and JsonFriendlyRecord of the MultiLang protocol.
 */
#ifndef KH_WIRE_RECORD_H
#define KH_WIRE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/lease.h"

struct kh_record {
    struct kh_str data;          /* base64, checked to be well-formed */
    struct kh_str partition_key; /* inside of a JSON string, escapes as they came, checked */
    struct kh_str seq;           /* digits */
    int64_t arrival_ms;
    int64_t sub;
};

struct kh_batch {
    struct kh_buf body;        /* owned: what the slices point into */
    struct kh_arena arena;     /* owned: what had to be made anew (unescaped data) */
    struct kh_record *records; /* owned */
    size_t records_n;
    size_t records_capacity;
    bool has_millis_behind;
    int64_t millis_behind;
};

struct kh_batch *kh_batch_new(void);
void kh_batch_free(struct kh_batch *batch);
size_t kh_batch_bytes(const struct kh_batch *batch);
uint64_t kh_batch_data_bytes(const struct kh_batch *batch); /* of all records, decoded */
void kh_batch_add(struct kh_batch *batch, const struct kh_record *record);

/* Take out all records at or before skip_to (a sentinel or none takes out nothing). */
void kh_batch_skip(struct kh_batch *batch, const struct kh_extseq *skip_to);

#endif
