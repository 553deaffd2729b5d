/* stream: the model stream: shards, records, splits and merges, and what readers get of it.
 *
 * Shape   shards only grow in number; a shard is closed by a split or merge, its children come to
 *         be at once. Each worker has one reader a shard: closed -> opening -> open <-> fetching.
 * Units   sequence numbers are 64-bit here and decimal text outside; wall clock is SIM_WALL_MS plus
 *         virtual time.
 * Errors  faults of struct sim_faults, as rc of OPENED, FETCHED and SHARDS.
 * Memory  a shard owns its records.
 * Truth   Kinesis: ListShards filters, iterators that expire, a closed shard's last answer carries
 *         its children.
 */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "base/time.h"
#include "core/cmd.h"
#include "core/event.h"
#include "queue.h"
#include "table.h"

#define SIM_KEYS    16 /* partition keys in use */
#define SIM_WALL_MS INT64_C(1700000000000)

struct sim_record {
    uint64_t seq;
    uint32_t sub;
    uint32_t key;
    uint32_t ordinal; /* among the records of its key */
    kh_ms put_at_ms;
};

struct sim_shard {
    char id[KH_SHARD_ID_MAX + 1];
    unsigned __int128 start; /* inclusive */
    unsigned __int128 end;   /* inclusive */
    unsigned parents_n;
    uint32_t parents[KH_PARENTS_MAX];
    unsigned children_n;
    uint32_t children[KH_CHILDREN_MAX];
    uint64_t start_seq;
    kh_ms created_at_ms;
    kh_ms closed_at_ms;         /* KH_NEVER while open */
    struct sim_record *records; /* owned */
    size_t records_n;
    size_t records_capacity;
    size_t trimmed_n; /* records before this index are past their retention */
    bool gone;        /* closed, and all of it past retention: Kinesis knows it no more */
    /* What came of it, for the checkers: records before these indexes were, by some child, … */
    size_t delivered_n;
    size_t acked_n; /* … answered with a status, or covered by a checkpoint it asked for */
};

struct sim_stream {
    struct sim_shard shards[SIM_SHARDS_MAX];
    uint32_t shards_n;
    uint64_t seq;                 /* the newest one given out */
    uint32_t ordinals[SIM_KEYS];  /* records put, per key */
    uint32_t delivered[SIM_KEYS]; /* records delivered without a gap, per key */
    bool deleted;
};

enum sim_reader_state {
    SIM_READER_CLOSED,
    SIM_READER_OPENING,
    SIM_READER_OPEN,
    SIM_READER_FETCHING
};

struct sim_reader {
    enum sim_reader_state state;
    bool expired; /* the iterator is no good any more */
    uint64_t generation;
    uint64_t ticket;
    struct kh_position position;
    struct kh_extseq skip_to;
    int64_t wall_ms;
    size_t next; /* index of the record the iterator stands before */
    uint32_t limit;
};

/* An answer to LIST_SHARDS on its way. */
struct sim_listing {
    enum kh_rc rc;
    size_t n;
    struct kh_shard shards[];
};

void sim_stream_init(struct sim *sim, uint32_t shards);
void sim_stream_fini(struct sim *sim);

/* The producer's next move, and the timer for the one after. */
void sim_stream_produce(struct sim *sim);
void sim_stream_put(struct sim *sim, uint32_t key, uint32_t subs);

/* Retention passes: records put before then are gone, and shards closed before. */
void sim_stream_trim(struct sim *sim, kh_ms before_ms);

/* False if there is nothing to split or merge, or no room for more shards. */
bool sim_stream_split(struct sim *sim, uint32_t shard);
bool sim_stream_merge(struct sim *sim, uint32_t shard);

struct kh_shard sim_stream_shard(const struct sim *sim, uint32_t shard);
uint32_t sim_stream_find(const struct sim *sim, struct kh_str id); /* UINT32_MAX if there is none */
struct kh_extseq sim_stream_seq(const struct sim_shard *shard, size_t index);

/* The first record behind pos; SIZE_MAX if pos is a sentinel that does not say. */
size_t sim_stream_after(const struct sim_shard *shard, const struct kh_extseq *pos);

/* Readers: commands of a worker, and their answers when their time has come. The answers return
 * false if the reader has moved on meanwhile; *fetched and *children are filled for the event
 * otherwise. */
void sim_stream_list(struct sim *sim, uint32_t worker, const struct kh_cmd *cmd);
void sim_stream_open(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_cmd *cmd);
void sim_stream_fetch(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_cmd *cmd);
bool sim_stream_opened(struct sim *sim, const struct sim_ev *ev, struct kh_event *event);

struct sim_fetch {
    struct kh_fetched fetched;
    struct kh_shard children[KH_CHILDREN_MAX];
    size_t first; /* index of the first record */
};
bool sim_stream_fetched(struct sim *sim, const struct sim_ev *ev, struct kh_event *event,
                        struct sim_fetch *fetch);

#endif
