/* source: where records come from, behind one small interface.
 *
 * Shape   list, open, fetch, close. Each list, open and fetch is answered exactly once through the
 *         callbacks given to kh_source_open, never from inside the call, unless the shard is closed
 *         before. One fetch per shard at a time (asserted); shards do not wait for each other.
 * Units   limit in records.
 * Errors  rc in the answers as core/event.h says for SHARDS, OPENED, FETCHED; err has the sentence
 *         for the log.
 * Memory  a batch handed over is the receiver's; children and shards are borrowed by the callback.
 * Truth   KCL 3.x KinesisDataFetcher, KinesisShardDetector, DataRetrievalUtil. A GetRecords answer
 *         counts only if it has a next iterator and no children, or none and children: anything
 *         else is RETRY with the same iterator.
 */
#ifndef KH_SOURCE_SOURCE_H
#define KH_SOURCE_SOURCE_H

#include "base/err.h"
#include "core/cmd.h"
#include "core/event.h"
#include "io/loop.h"
#include "wire/record.h"

struct kh_source;
struct kh_aws_client;

struct kh_source_answers {
    void (*shards)(void *arg, uint64_t ticket, enum kh_rc rc, const struct kh_shard *shards,
                   size_t n, const struct kh_err *err);
    void (*opened)(void *arg, struct kh_str shard, uint64_t ticket, enum kh_rc rc, int64_t wall_ms,
                   const struct kh_err *err);
    /* err: NULL if it succeeded; then fetched says what came. batch: NULL unless records were read
     * and not all skipped; fetched->batch is set by the receiver. */
    void (*fetched)(void *arg, struct kh_str shard, uint64_t ticket, struct kh_batch *batch,
                    const struct kh_fetched *fetched, const struct kh_err *err);
};

struct kh_source_config {
    const char *where;             /* value of source: "kinesis" or "file:DIR" */
    const char *stream;            /* stream name */
    const char *stream_arn;        /* or "" */
    struct kh_aws_client *kinesis; /* borrowed; for "kinesis" */
    struct kh_loop *loop;          /* borrowed */
    struct kh_source_answers answers;
    void *arg;
};

/* Called once after kh_source_identify. err is NULL, and mark tells the stream
 * (wire/stream_mark.h); or err has RETRY, THROTTLED or NOTFOUND; or it tells why the stream cannot
 * be told for certain, and mark is what is left: the ARN of the settings, or "". */
typedef void kh_source_identified(void *arg, const char *mark, const struct kh_err *err);

/* One row of a table of drivers; a new source is a new file and a new row in source.c. */
struct kh_source_driver {
    const char *scheme;
    enum kh_rc (*open)(struct kh_source **source, const struct kh_source_config *config,
                       struct kh_str rest, struct kh_err *err);
    void (*identify)(struct kh_source *source, kh_source_identified *identified,
                     void *arg); /* NULL: nothing to tell streams apart by */
    void (*list)(struct kh_source *source, uint64_t ticket, enum kh_shard_filter filter,
                 int64_t wall_ms);
    void (*begin)(struct kh_source *source, struct kh_str shard, uint64_t ticket,
                  const struct kh_position *position, const struct kh_extseq *skip_to);
    void (*fetch)(struct kh_source *source, struct kh_str shard, uint64_t ticket, uint32_t limit);
    void (*end)(struct kh_source *source, struct kh_str shard);
    void (*close)(struct kh_source *source);
};

enum kh_rc kh_source_open(struct kh_source **source, const struct kh_source_config *config,
                          struct kh_err *err) KH_MUST_USE;
/* Which stream this is. False: this kind of source cannot tell, and nothing will be called. One at
 * a time. */
bool kh_source_identify(struct kh_source *source, kh_source_identified *identified, void *arg);
void kh_source_list(struct kh_source *source, uint64_t ticket, enum kh_shard_filter filter,
                    int64_t wall_ms);
void kh_source_begin(struct kh_source *source, struct kh_str shard, uint64_t ticket,
                     const struct kh_position *position, const struct kh_extseq *skip_to);
void kh_source_fetch(struct kh_source *source, struct kh_str shard, uint64_t ticket,
                     uint32_t limit);
void kh_source_end(struct kh_source *source, struct kh_str shard);
void kh_source_close(struct kh_source *source);

/* Every driver's struct begins with this. */
struct kh_source {
    const struct kh_source_driver *driver;
};

#endif
