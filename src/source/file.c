#include "source/source.h"

#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/clock.h"
#include "source/drivers.h"
#include "source/file_reader.h"
#include "source/file_shards.h"

/* A folder of files as a stream. Reading a file does not wait, so everything happens on this
 * thread; but one piece of work a turn of the loop, so that a large folder does not keep children
 * and leases waiting. */

enum ask_type { ASK_LIST, ASK_BEGIN, ASK_FETCH };

/* A shard that is being read. */
struct reading {
    char id[KH_SHARD_ID_MAX + 1];
    const struct kh_shard *shard; /* borrowed from the source; NULL: there is no such shard */
    struct kh_file_reader reader;
    struct kh_position position;
    struct kh_extseq skip_to;
    bool there; /* at position */
};

struct ask {
    struct ask *next;
    enum ask_type type;
    uint64_t ticket;
    enum kh_shard_filter filter;  /* LIST */
    struct reading *reading;      /* BEGIN, FETCH; borrowed from the source */
    char id[KH_SHARD_ID_MAX + 1]; /* its shard: the receiver of the answer may end the reading */
    uint32_t limit;               /* FETCH */
};

struct file_source {
    struct kh_source base;
    char *dir;                   /* owned */
    struct kh_shard_list shards; /* owned */
    struct kh_map readings;      /* of struct reading, owned, by id */
    struct kh_loop *loop;        /* borrowed */
    struct kh_watch *turn;       /* owned; set while somebody asks */
    struct ask *asks;            /* owned; first come, first served */
    struct kh_source_answers answers;
    void *arg; /* borrowed */
};

static struct file_source *file_of(struct kh_source *source)
{
    kh_assert(source->driver == &kh_source_file);
    return (struct file_source *)source;
}

static void free_reading(struct reading *reading)
{
    kh_file_reader_fini(&reading->reader);
    kh_mem_free(reading);
}

static void append_ask(struct file_source *source, struct ask *ask)
{
    struct ask **end = &source->asks;

    while (*end != NULL) {
        kh_assert(ask->reading == NULL || (*end)->reading != ask->reading);
        end = &(*end)->next;
    }
    ask->next = NULL;
    *end = ask;
    kh_watch_at(source->turn, kh_loop_now_ms(source->loop));
}

static void ask_for(struct file_source *source, struct ask ask)
{
    struct ask *kept = kh_mem_new(1, sizeof(*kept));

    *kept = ask;
    if (ask.reading != NULL) {
        memcpy(kept->id, ask.reading->id, sizeof(kept->id));
    }
    append_ask(source, kept);
}

static void answer_list(struct file_source *source, const struct ask *ask)
{
    struct kh_shard *chosen = kh_mem_new(source->shards.n, sizeof(*chosen));
    size_t n = 0;

    for (size_t i = 0; i < source->shards.n; i++) {
        const struct kh_shard *shard = &source->shards.items[i];

        if (kh_file_shards_match(&source->shards, shard, ask->filter)) {
            chosen[n++] = *shard;
        }
    }
    source->answers.shards(source->arg, ask->ticket, KH_OK, chosen, n, NULL);
    kh_mem_free(chosen);
}

/* From LATEST the reader may have to come back to the same place, by time alone. The time of a file
 * is that of its records, which may be an archive's: the newest one's is the last instant before
 * the place, and is read once more rather than one that follows it not at all. */
static int64_t wall_ms_of(const struct reading *reading)
{
    if (reading->position.type == KH_POSITION_LATEST) {
        return reading->reader.last_arrival_ms;
    }
    return kh_clock_wall_ms();
}

static void answer_begin(struct file_source *source, const struct ask *ask, enum kh_rc rc,
                         const struct kh_err *err)
{
    int64_t wall_ms = rc == KH_OK ? wall_ms_of(ask->reading) : 0;

    source->answers.opened(source->arg, kh_str(ask->id), ask->ticket, rc, wall_ms, err);
}

/* One step towards the position; true once there is an answer. */
static bool begin(struct file_source *source, const struct ask *ask)
{
    struct reading *reading = ask->reading;
    struct kh_err err;
    enum kh_rc rc;

    if (reading->shard == NULL) {
        /* Not NOTFOUND: that would be the end of the shard, and be stored as such. */
        rc = kh_fail(&err, KH_DENIED,
                     "shard %s has a lease, but is not in %s: give the folder that belongs to the "
                     "lease table, or another applicationName or leaseStore",
                     reading->id, source->dir);
    } else {
        rc = kh_file_reader_seek(&reading->reader, &reading->position, &reading->there, &err);
        if (rc == KH_OK && !reading->there) {
            return false;
        }
    }
    answer_begin(source, ask, rc, rc == KH_OK ? NULL : &err);
    return true;
}

/* The list of a shard's children; to be freed. */
static struct kh_shard *find_children(const struct file_source *source, const char *parent,
                                      size_t *n)
{
    struct kh_shard *children = kh_mem_new(source->shards.n, sizeof(*children));

    *n = 0;
    for (size_t i = 0; i < source->shards.n; i++) {
        const struct kh_shard *shard = &source->shards.items[i];

        for (unsigned k = 0; k < shard->parents_n; k++) {
            if (strcmp(shard->parents[k], parent) == 0) {
                children[(*n)++] = *shard;
                break;
            }
        }
    }
    return children;
}

/* How far behind its last record is; 0 only if there is nothing to read. */
static int64_t millis_behind(const struct reading *reading, bool at_end)
{
    int64_t ms = kh_clock_wall_ms() - reading->reader.last_arrival_ms;

    if (at_end) {
        return 0;
    }
    return ms > 1 ? ms : 1;
}

static void answer_fetch(struct file_source *source, const struct ask *ask, struct kh_batch *batch,
                         bool at_end)
{
    struct reading *reading = ask->reading;
    struct kh_shard *children = NULL;
    struct kh_fetched fetched = {
        .last = reading->reader.last,
        .has_millis_behind = true,
        .millis_behind = millis_behind(reading, at_end),
        .ended = at_end && reading->reader.closed,
    };

    batch->has_millis_behind = true;
    batch->millis_behind = fetched.millis_behind;
    if (batch->records_n == 0) {
        fetched.last = (struct kh_extseq){0};
    }
    kh_batch_skip(batch, &reading->skip_to);
    if (batch->records_n == 0) {
        kh_batch_free(batch);
        batch = NULL;
    } else {
        fetched.records_n = (uint32_t)batch->records_n;
        fetched.bytes = kh_batch_bytes(batch);
        fetched.data_bytes = kh_batch_data_bytes(batch);
    }
    if (fetched.ended) {
        children = find_children(source, reading->id, &fetched.children_n);
        fetched.children = children;
    }
    source->answers.fetched(source->arg, kh_str(ask->id), ask->ticket, batch, &fetched, NULL);
    kh_mem_free(children);
}

static void fetch(struct file_source *source, const struct ask *ask)
{
    struct kh_batch *batch = kh_batch_new();
    bool at_end;
    struct kh_err err;

    if (kh_file_reader_read(&ask->reading->reader, ask->limit, batch, &at_end, &err) == KH_OK) {
        answer_fetch(source, ask, batch, at_end);
        return;
    }
    kh_batch_free(batch);
    source->answers.fetched(source->arg, kh_str(ask->id), ask->ticket, NULL,
                            &(struct kh_fetched){0}, &err);
}

/* Serve one who asks. The receiver of the answer may ask again, end the shard, or close the source:
 * nothing of the source is touched after it was called. */
static void on_turn(void *arg)
{
    struct file_source *source = arg;
    struct ask *ask = source->asks;

    kh_assert(ask != NULL);
    source->asks = ask->next;
    if (source->asks != NULL) {
        kh_watch_at(source->turn, kh_loop_now_ms(source->loop));
    }
    switch (ask->type) {
    case ASK_LIST:
        answer_list(source, ask);
        break;
    case ASK_BEGIN:
        if (!begin(source, ask)) {
            append_ask(source, ask);
            return;
        }
        break;
    case ASK_FETCH:
        fetch(source, ask);
        break;
    }
    kh_mem_free(ask);
}

static void file_list(struct kh_source *base, uint64_t ticket, enum kh_shard_filter filter,
                      int64_t wall_ms)
{
    (void)wall_ms;
    ask_for(file_of(base), (struct ask){.type = ASK_LIST, .ticket = ticket, .filter = filter});
}

static void file_end(struct kh_source *base, struct kh_str shard)
{
    struct file_source *source = file_of(base);
    struct reading *reading = kh_map_remove(&source->readings, shard);

    if (reading == NULL) {
        return;
    }
    for (struct ask **at = &source->asks; *at != NULL;) {
        struct ask *ask = *at;

        if (ask->reading == reading) {
            *at = ask->next;
            kh_mem_free(ask);
        } else {
            at = &ask->next;
        }
    }
    if (source->asks == NULL) {
        kh_watch_at(source->turn, KH_NEVER);
    }
    free_reading(reading);
}

static void file_begin(struct kh_source *base, struct kh_str shard, uint64_t ticket,
                       const struct kh_position *position, const struct kh_extseq *skip_to)
{
    struct file_source *source = file_of(base);
    struct reading *reading;
    bool fits;

    file_end(base, shard);
    reading = kh_mem_new(1, sizeof(*reading));
    fits = kh_str_copy(reading->id, sizeof(reading->id), shard);
    kh_assert(fits);
    reading->shard = kh_file_shards_find(&source->shards, shard);
    kh_file_reader_init(&reading->reader, source->dir, reading->id,
                        reading->shard != NULL && !reading->shard->open);
    reading->position = *position;
    reading->skip_to = *skip_to;
    kh_map_add(&source->readings, kh_str(reading->id), reading);
    ask_for(source, (struct ask){.type = ASK_BEGIN, .ticket = ticket, .reading = reading});
}

static void file_fetch(struct kh_source *base, struct kh_str shard, uint64_t ticket, uint32_t limit)
{
    struct file_source *source = file_of(base);
    struct reading *reading = kh_map_get(&source->readings, shard);

    kh_assert(reading != NULL);
    kh_assert(reading->there);
    ask_for(source,
            (struct ask){.type = ASK_FETCH, .ticket = ticket, .reading = reading, .limit = limit});
}

static void file_close(struct kh_source *base)
{
    struct file_source *source = file_of(base);

    while (source->readings.n > 0) {
        file_end(base, source->readings.entries[0].key);
    }
    while (source->asks != NULL) {
        struct ask *ask = source->asks;

        source->asks = ask->next;
        kh_mem_free(ask);
    }
    kh_map_fini(&source->readings);
    kh_shard_list_fini(&source->shards);
    kh_watch_free(source->turn);
    kh_mem_free(source->dir);
    kh_mem_free(source);
}

/* A cheap look at every file before anything is started. */
static enum kh_rc check_files(const struct kh_shard_list *shards, const char *dir,
                              struct kh_err *err)
{
    for (size_t i = 0; i < shards->n; i++) {
        const struct kh_shard *shard = &shards->items[i];
        struct kh_file_reader reader;
        struct kh_err cause;
        enum kh_rc rc;

        kh_file_reader_init(&reader, dir, shard->id, !shard->open);
        rc = kh_file_reader_check(&reader, &cause);
        kh_file_reader_fini(&reader);
        if (rc != KH_OK) {
            return kh_fail(err, rc, "%s", cause.text);
        }
    }
    return KH_OK;
}

static enum kh_rc file_open(struct kh_source **out, const struct kh_source_config *config,
                            struct kh_str rest, struct kh_err *err)
{
    struct file_source *source;
    struct kh_shard_list shards;
    char *dir;
    enum kh_rc rc;

    if (rest.n == 0) {
        return kh_fail(err, KH_INVALID, "source %s: the folder is missing; write file:DIR",
                       config->where);
    }
    dir = kh_mem_copy(rest.p, rest.n);
    rc = kh_file_shards_read(&shards, dir, err);
    if (rc == KH_OK) {
        rc = check_files(&shards, dir, err);
    }
    if (rc != KH_OK) {
        kh_shard_list_fini(&shards);
        kh_mem_free(dir);
        return rc;
    }
    source = kh_mem_new(1, sizeof(*source));
    source->base.driver = &kh_source_file;
    source->dir = dir;
    source->shards = shards;
    kh_map_init(&source->readings);
    source->loop = config->loop;
    source->turn = kh_loop_timer(config->loop, on_turn, source);
    source->answers = config->answers;
    source->arg = config->arg;
    *out = &source->base;
    return KH_OK;
}

const struct kh_source_driver kh_source_file = {
    .scheme = "file",
    .open = file_open,
    .list = file_list,
    .begin = file_begin,
    .fetch = file_fetch,
    .end = file_end,
    .close = file_close,
};
