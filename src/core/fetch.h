/* fetch: reading one shard: where to begin, how fast, how far ahead of the child.
 *
 * Shape   CLOSED -> OPENING -> READY <-> FETCHING, ENDED once the shard's end was read. Batches
 *         wait in a short queue until the consumer takes them.
 * Units   ms; bytes of memory held by batches.
 * Errors  every failure of the source leads to a pause and another try, never to a gap.
 * Memory  allocates nothing; owns the queued batches' numbers: each leaves by kh_fetch_pop or by
 *         DROP_BATCH.
 * Truth   KCL PrefetchRecordsPublisher, KinesisDataFetcher, IteratorBuilder. Chosen differences:
 *         AT_SEQUENCE_NUMBER until a record was accepted (Java switches to AFTER after an expired
 *         iterator and may skip the rest of an aggregate); a LATEST that must be opened again
 *         becomes AT_TIMESTAMP of the first time; unless idleTimeBetweenReadsInMillis is set, a
 *         backlog is read without idling.
 */
#ifndef KH_CORE_FETCH_H
#define KH_CORE_FETCH_H

#include "core/cmd.h"
#include "core/ctx.h"
#include "core/event.h"

#define KH_FETCH_AHEAD_MAX       3
#define KH_FETCH_AHEAD_BYTES_MAX ((uint64_t)8 * 1024 * 1024)

enum kh_fetch_state {
    KH_FETCH_CLOSED,
    KH_FETCH_OPENING, /* OPEN is under way, or its next try is due at next_at_ms */
    KH_FETCH_READY,   /* the next FETCH is due at next_at_ms */
    KH_FETCH_FETCHING,
    KH_FETCH_ENDED /* everything was read; children_n tells what follows */
};

struct kh_fetch_batch {
    uint64_t batch; /* 0: an empty one */
    uint32_t records_n;
    uint64_t bytes;
    uint64_t data_bytes;
    struct kh_extseq last;
};

struct kh_fetch {
    struct kh_ctx *ctx; /* borrowed */
    const char *key;    /* borrowed from the consumer */
    enum kh_fetch_state state;
    bool waiting; /* an OPEN or FETCH with this ticket is under way */
    uint64_t ticket;
    struct kh_extseq from;     /* the checkpoint reading began at */
    struct kh_extseq accepted; /* newest record read since then; none at first */
    bool has_wall;             /* the lease's LATEST was opened at wall_ms */
    int64_t wall_ms;
    kh_ms sent_at_ms;
    kh_ms next_at_ms;
    unsigned failures_n;
    bool caught_up; /* the newest read found nothing and nothing behind it */
    struct kh_fetch_batch queue[KH_FETCH_AHEAD_MAX];
    unsigned queue_n;
    uint64_t queue_bytes;
    struct kh_shard children[KH_CHILDREN_MAX]; /* ENDED */
    unsigned children_n;
};

void kh_fetch_init(struct kh_fetch *fetch, struct kh_ctx *ctx, const char *key);

/* Begin reading behind the checkpoint. Only in CLOSED. */
void kh_fetch_begin(struct kh_fetch *fetch, const struct kh_extseq *checkpoint, kh_ms now_ms,
                    struct kh_cmds *out);

/* OPENED, FETCHED or TICK. */
void kh_fetch_step(struct kh_fetch *fetch, const struct kh_event *event, kh_ms now_ms,
                   struct kh_cmds *out);

/* The oldest queued batch; false if there is none. */
bool kh_fetch_pop(struct kh_fetch *fetch, struct kh_fetch_batch *batch, kh_ms now_ms,
                  struct kh_cmds *out);

/* Stop reading and drop what is queued. */
void kh_fetch_stop(struct kh_fetch *fetch, struct kh_cmds *out);

kh_ms kh_fetch_deadline(const struct kh_fetch *fetch);

#endif
