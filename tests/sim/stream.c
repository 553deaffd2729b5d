#include "stream.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sim.h"

#define ID_PREFIX "shardId-000000000"

static uint32_t add_shard(struct sim *sim, unsigned __int128 start, unsigned __int128 end)
{
    struct sim_stream *stream = &sim->stream;
    uint32_t at = stream->shards_n++;
    struct sim_shard *shard = &stream->shards[at];

    kh_assert(at < SIM_SHARDS_MAX);
    (void)snprintf(shard->id, sizeof shard->id, ID_PREFIX "%03u", at);
    shard->start = start;
    shard->end = end;
    shard->start_seq = ++stream->seq;
    shard->created_at_ms = sim->now_ms;
    shard->closed_at_ms = KH_NEVER;
    return at;
}

void sim_stream_trim(struct sim *sim, kh_ms before_ms)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        struct sim_shard *s = &sim->stream.shards[i];

        while (s->trimmed_n < s->records_n && s->records[s->trimmed_n].put_at_ms < before_ms) {
            s->trimmed_n++;
        }
        sim_excuse(sim, i, s->trimmed_n);
        s->gone = s->gone || s->closed_at_ms < before_ms;
        kh_assert(!s->gone || s->trimmed_n == s->records_n);
    }
    sim_note(sim, "records put before %lld ms are past their retention", (long long)before_ms);
}

void sim_stream_init(struct sim *sim, uint32_t shards)
{
    unsigned __int128 width = ~(unsigned __int128)0 / shards;

    /* So near to a power of ten that numbers of different length meet in one shard. */
    sim->stream.seq = 90 + kh_rand_below(&sim->rand, 900);
    for (uint32_t i = 0; i < shards; i++) {
        (void)add_shard(sim, width * i + (i > 0),
                        i + 1 == shards ? ~(unsigned __int128)0 : width * (i + 1));
    }
}

void sim_stream_fini(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        kh_mem_free(sim->stream.shards[i].records);
    }
}

static bool is_open(const struct sim_shard *shard)
{
    return shard->closed_at_ms == KH_NEVER;
}

void sim_stream_put(struct sim *sim, uint32_t key, uint32_t subs)
{
    struct sim_stream *stream = &sim->stream;
    unsigned __int128 hash = ((unsigned __int128)key << 124) + ((unsigned __int128)1 << 123);
    struct sim_shard *shard = NULL;
    uint64_t seq;

    for (uint32_t i = 0; i < stream->shards_n; i++) {
        struct sim_shard *s = &stream->shards[i];

        if (is_open(s) && s->start <= hash && hash <= s->end) {
            shard = s;
        }
    }
    kh_assert(shard != NULL);
    seq = stream->seq += 1 + kh_rand_below(&sim->rand, 4);
    for (uint32_t sub = 0; sub < subs; sub++) {
        if (shard->records_n == shard->records_capacity) {
            shard->records_capacity = kh_mem_grown(shard->records_capacity, shard->records_n + 1);
            shard->records =
                kh_mem_resize(shard->records, shard->records_capacity, sizeof *shard->records);
        }
        shard->records[shard->records_n++] = (struct sim_record){.seq = seq,
                                                                 .sub = sub,
                                                                 .key = key,
                                                                 .ordinal = stream->ordinals[key]++,
                                                                 .put_at_ms = sim->now_ms};
    }
}

void sim_stream_produce(struct sim *sim)
{
    uint64_t n = kh_rand_below(&sim->rand, 6);
    kh_ms mean_ms = sim->config.put_ms != 0 ? sim->config.put_ms : 1000;

    if (!sim->producing) {
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint32_t key = (uint32_t)kh_rand_below(&sim->rand, SIM_KEYS);

        sim_stream_put(sim, key, kh_rand_chance(&sim->rand, 100) ? 3 : 1);
    }
    sim_push(sim, sim_draw(sim, 1, 2 * mean_ms), (struct sim_ev){.type = SIM_EV_PRODUCE});
}

static void adopt(struct sim *sim, uint32_t parent, uint32_t child)
{
    struct sim_shard *p = &sim->stream.shards[parent];
    struct sim_shard *c = &sim->stream.shards[child];

    p->closed_at_ms = sim->now_ms;
    p->children[p->children_n++] = child;
    c->parents[c->parents_n++] = parent;
}

bool sim_stream_split(struct sim *sim, uint32_t shard)
{
    struct sim_stream *stream = &sim->stream;
    struct sim_shard *s = &stream->shards[shard];
    unsigned __int128 middle = s->start + (s->end - s->start) / 2;
    uint32_t low;
    uint32_t high;

    if (!is_open(s) || stream->shards_n + 2 > SIM_SHARDS_MAX ||
        s->end - s->start < ((unsigned __int128)1 << 120)) {
        return false;
    }
    low = add_shard(sim, s->start, middle);
    high = add_shard(sim, middle + 1, s->end);
    adopt(sim, shard, low);
    adopt(sim, shard, high);
    sim_note(sim, "split %s into %s and %s", s->id, stream->shards[low].id,
             stream->shards[high].id);
    return true;
}

/* With the shard whose range follows. */
bool sim_stream_merge(struct sim *sim, uint32_t shard)
{
    struct sim_stream *stream = &sim->stream;
    struct sim_shard *s = &stream->shards[shard];
    uint32_t merged;

    if (!is_open(s) || stream->shards_n + 1 > SIM_SHARDS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < stream->shards_n; i++) {
        struct sim_shard *next = &stream->shards[i];

        if (is_open(next) && next->start == s->end + 1 && next->start != 0) {
            merged = add_shard(sim, s->start, next->end);
            adopt(sim, shard, merged);
            adopt(sim, i, merged);
            sim_note(sim, "merge %s and %s into %s", s->id, next->id, stream->shards[merged].id);
            return true;
        }
    }
    return false;
}

struct kh_shard sim_stream_shard(const struct sim *sim, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    struct kh_shard out = {.open = is_open(s), .parents_n = s->parents_n};

    memcpy(out.id, s->id, sizeof out.id);
    for (unsigned i = 0; i < s->parents_n; i++) {
        memcpy(out.parents[i], sim->stream.shards[s->parents[i]].id, sizeof out.parents[i]);
    }
    kh_hash_key_format(s->start, out.range.start);
    kh_hash_key_format(s->end, out.range.end);
    (void)snprintf(out.start_seq, sizeof out.start_seq, "%llu", (unsigned long long)s->start_seq);
    return out;
}

uint32_t sim_stream_find(const struct sim *sim, struct kh_str id)
{
    size_t prefix = sizeof ID_PREFIX - 1;
    uint32_t at;

    if (id.n != prefix + 3 || memcmp(id.p, ID_PREFIX, sizeof ID_PREFIX - 1) != 0) {
        return UINT32_MAX;
    }
    at = (uint32_t)((id.p[prefix] - '0') * 100 + (id.p[prefix + 1] - '0') * 10 +
                    (id.p[prefix + 2] - '0'));
    return at < sim->stream.shards_n ? at : UINT32_MAX;
}

struct kh_extseq sim_stream_seq(const struct sim_shard *shard, size_t index)
{
    struct kh_extseq pos = {.sub = shard->records[index].sub};

    kh_assert(index < shard->records_n);
    (void)snprintf(pos.seq, sizeof pos.seq, "%llu", (unsigned long long)shard->records[index].seq);
    return pos;
}

/* Of a sequence number that the model gave out. */
static uint64_t number(const char *seq)
{
    uint64_t value = 0;
    bool known = kh_str_u64(kh_str(seq), &value);

    kh_assert(known);
    return value;
}

/* Index of the first record whose (seq, sub) is at or behind the given one. */
static size_t lower_bound(const struct sim_shard *shard, uint64_t seq, int64_t sub)
{
    size_t low = 0;
    size_t high = shard->records_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct sim_record *r = &shard->records[middle];

        if (r->seq < seq || (r->seq == seq && (int64_t)r->sub < sub)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t sim_stream_after(const struct sim_shard *shard, const struct kh_extseq *pos)
{
    if (kh_extseq_is(pos, KH_SEQ_TRIM_HORIZON)) {
        return 0;
    }
    if (kh_extseq_is(pos, KH_SEQ_SHARD_END)) {
        return shard->records_n;
    }
    if (!kh_extseq_is_digits(pos)) {
        return SIZE_MAX;
    }
    return lower_bound(shard, number(pos->seq), pos->sub + 1);
}

/* Nothing that is still there comes before it. */
static bool is_oldest(const struct sim *sim, const struct sim_shard *shard)
{
    bool oldest = true;

    for (unsigned i = 0; i < shard->parents_n; i++) {
        oldest = oldest && sim->stream.shards[shard->parents[i]].gone;
    }
    return oldest;
}

static bool listed(const struct sim *sim, const struct sim_shard *shard, const struct kh_cmd *cmd)
{
    kh_ms at_ms = cmd->wall_ms - SIM_WALL_MS;

    if (shard->gone) {
        return false;
    }
    switch (cmd->filter) {
    case KH_SHARDS_ALL:
        return true;
    case KH_SHARDS_AT_TRIM_HORIZON:
        return is_oldest(sim, shard);
    case KH_SHARDS_AT_LATEST:
        return is_open(shard);
    case KH_SHARDS_AT_TIMESTAMP:
        return shard->parents_n == 0 ? at_ms < shard->closed_at_ms
                                     : shard->created_at_ms <= at_ms && at_ms < shard->closed_at_ms;
    }
    return false;
}

static void push_to(struct sim *sim, uint32_t worker, uint32_t shard, struct sim_ev ev,
                    kh_ms delay_ms)
{
    ev.worker = worker;
    ev.life = sim->workers[worker].life;
    ev.shard = shard;
    sim_push(sim, delay_ms, ev);
}

void sim_stream_list(struct sim *sim, uint32_t worker, const struct kh_cmd *cmd)
{
    struct sim_listing *listing =
        kh_mem_new(1, sizeof *listing + sim->stream.shards_n * sizeof(struct kh_shard));

    if (sim_chance(sim, sim->faults.list_fail)) {
        listing->rc = sim_chance(sim, 500) ? KH_RETRY : KH_THROTTLED;
    } else {
        for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
            const struct sim_shard *s = &sim->stream.shards[i];
            bool stale = sim->now_ms - s->closed_at_ms < KH_SECONDS(3) && !is_open(s) &&
                         sim_chance(sim, sim->faults.list_stale);

            if (stale || listed(sim, s, cmd)) {
                listing->shards[listing->n] = sim_stream_shard(sim, i);
                listing->shards[listing->n++].open = stale || is_open(s);
            }
        }
    }
    push_to(sim, worker, 0, (struct sim_ev){.type = SIM_EV_SHARDS, .a = cmd->ticket, .p = listing},
            sim_latency(sim, sim->faults.fetch_slow));
}

void sim_stream_open(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_cmd *cmd)
{
    struct sim_reader *reader = &sim->workers[worker].readers[shard];

    reader->state = SIM_READER_OPENING;
    reader->expired = false;
    reader->generation++;
    reader->ticket = cmd->ticket;
    reader->position = cmd->position;
    reader->skip_to = cmd->skip_to;
    reader->wall_ms = SIM_WALL_MS + sim->now_ms;
    push_to(sim, worker, shard, (struct sim_ev){.type = SIM_EV_OPENED, .a = reader->generation},
            sim_latency(sim, sim->faults.fetch_slow));
}

void sim_stream_fetch(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_cmd *cmd)
{
    struct sim_reader *reader = &sim->workers[worker].readers[shard];

    reader->state = SIM_READER_FETCHING;
    reader->ticket = cmd->ticket;
    reader->limit = cmd->limit;
    push_to(sim, worker, shard, (struct sim_ev){.type = SIM_EV_FETCHED, .a = reader->generation},
            sim_latency(sim, sim->faults.fetch_slow));
}

static size_t position_index(const struct sim_shard *shard, const struct kh_position *position)
{
    size_t i = 0;

    switch (position->type) {
    case KH_POSITION_TRIM_HORIZON:
        return 0;
    case KH_POSITION_LATEST:
        return shard->records_n;
    case KH_POSITION_AT_TIMESTAMP:
        while (i < shard->records_n &&
               SIM_WALL_MS + shard->records[i].put_at_ms < position->wall_ms) {
            i++;
        }
        return i;
    case KH_POSITION_AT_SEQUENCE:
        return lower_bound(shard, number(position->seq), 0);
    case KH_POSITION_AFTER_SEQUENCE:
        return lower_bound(shard, number(position->seq) + 1, 0);
    }
    return 0;
}

bool sim_stream_opened(struct sim *sim, const struct sim_ev *ev, struct kh_event *event)
{
    struct sim_shard *shard = &sim->stream.shards[ev->shard];
    struct sim_reader *reader = &sim->workers[ev->worker].readers[ev->shard];

    if (reader->state != SIM_READER_OPENING || reader->generation != ev->a) {
        return false;
    }
    *event = (struct kh_event){
        .type = KH_EVENT_OPENED, .key = kh_str(shard->id), .ticket = reader->ticket};
    if (sim->stream.deleted || shard->gone) {
        event->rc = KH_NOTFOUND;
    } else if (sim_chance(sim, sim->faults.open_fail)) {
        event->rc = sim_chance(sim, 500) ? KH_RETRY : KH_THROTTLED;
    }
    if (event->rc != KH_OK) {
        reader->state = SIM_READER_CLOSED;
        return true;
    }
    reader->state = SIM_READER_OPEN;
    reader->next = position_index(shard, &reader->position);
    reader->next = reader->next < shard->trimmed_n ? shard->trimmed_n : reader->next;
    event->wall_ms = reader->wall_ms;
    if (reader->position.type == KH_POSITION_LATEST ||
        reader->position.type == KH_POSITION_AT_TIMESTAMP) {
        sim_excuse(sim, ev->shard, reader->next);
    }
    return true;
}

static enum kh_rc fetch_fault(struct sim *sim, const struct sim_shard *shard,
                              struct sim_reader *reader)
{
    bool trimmed = reader->next < shard->trimmed_n;

    if (sim->stream.deleted || shard->gone) {
        return KH_NOTFOUND;
    }
    reader->next = trimmed ? shard->trimmed_n : reader->next;
    reader->expired = reader->expired || (trimmed && sim_chance(sim, 300));
    if (reader->expired || sim_chance(sim, sim->faults.fetch_expired)) {
        reader->expired = true;
        return KH_INVALID;
    }
    if (sim_chance(sim, sim->faults.fetch_throttle)) {
        return KH_THROTTLED;
    }
    return sim_chance(sim, sim->faults.fetch_fail) ? KH_RETRY : KH_OK;
}

/* Up to limit Kinesis records (the parts of an aggregate stay together); returns the index after
 * them. */
static size_t read_on(const struct sim_shard *shard, size_t from, uint32_t limit)
{
    size_t at = from;

    while (at < shard->records_n) {
        bool new_record = at == from || shard->records[at].seq != shard->records[at - 1].seq;

        if (new_record && limit-- == 0) {
            break;
        }
        at++;
    }
    return at;
}

static void fill_end(struct sim *sim, const struct sim_shard *shard, struct sim_fetch *fetch)
{
    fetch->fetched.ended = true;
    for (unsigned i = 0; i < shard->children_n; i++) {
        fetch->children[i] = sim_stream_shard(sim, shard->children[i]);
    }
    fetch->fetched.children = fetch->children;
    fetch->fetched.children_n = shard->children_n;
}

bool sim_stream_fetched(struct sim *sim, const struct sim_ev *ev, struct kh_event *event,
                        struct sim_fetch *fetch)
{
    struct sim_shard *shard = &sim->stream.shards[ev->shard];
    struct sim_reader *reader = &sim->workers[ev->worker].readers[ev->shard];
    size_t next;

    if (reader->state != SIM_READER_FETCHING || reader->generation != ev->a) {
        return false;
    }
    reader->state = SIM_READER_OPEN;
    *event = (struct kh_event){.type = KH_EVENT_FETCHED,
                               .key = kh_str(shard->id),
                               .ticket = reader->ticket,
                               .rc = fetch_fault(sim, shard, reader),
                               .fetched = &fetch->fetched};
    *fetch = (struct sim_fetch){.first = reader->next};
    if (event->rc != KH_OK) {
        return true;
    }
    next = read_on(shard, reader->next, reader->limit);
    if (next > reader->next) {
        fetch->fetched.last = sim_stream_seq(shard, next - 1);
    }
    if (kh_extseq_is_digits(&reader->skip_to)) {
        size_t skipped = sim_stream_after(shard, &reader->skip_to);

        fetch->first = skipped > next ? next : skipped > reader->next ? skipped : reader->next;
    }
    fetch->fetched.records_n = (uint32_t)(next - fetch->first);
    fetch->fetched.bytes = fetch->fetched.records_n * UINT64_C(1000);
    fetch->fetched.has_millis_behind = true;
    fetch->fetched.millis_behind =
        next < shard->records_n ? sim->now_ms - shard->records[next].put_at_ms : 0;
    reader->next = next;
    /* The end comes with the last records or by itself. */
    if (!is_open(shard) && next == shard->records_n &&
        (fetch->fetched.records_n == 0 || sim_chance(sim, 500))) {
        fill_end(sim, shard, fetch);
        reader->expired = true;
    }
    return true;
}
