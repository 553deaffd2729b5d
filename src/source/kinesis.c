/* The kinesis source: DescribeStreamSummary, ListShards, GetShardIterator and GetRecords by
 * polling. When and how often is the core's business; here each call is made once, and what comes
 * back is judged. */
#include "source/drivers.h"

#include <string.h>

#include "aws/client.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/clock.h"
#include "wire/kinesis_json.h"
#include "wire/stream_mark.h"

#define SHARD_MAGIC   0x73687264u
#define LISTING_MAGIC 0x6c697374u

#define REQUEST_BYTES_MAX  ((size_t)1 << 20)
#define ITERATOR_BYTES_MAX ((size_t)16 << 10)
#define TOKEN_BYTES_MAX    ((size_t)64 << 10)
#define PAGE_BYTES_MAX     ((size_t)8 << 20)
#define RECORDS_BYTES_MAX  ((size_t)32 << 20) /* 10 MiB of data are 14 MiB of JSON */

/* KCL's listShardsBackoffTimeInMillis and maxListShardsRetryAttempts. */
#define LIST_PAUSE_MS     1500
#define LIST_TRIES_MAX    50
#define LIST_RESTARTS_MAX 10
#define LIST_PAGES_MAX    10000

struct kinesis {
    struct kh_source source;      /* must be first */
    struct kh_aws_client *client; /* borrowed */
    struct kh_loop *loop;         /* borrowed */
    char *stream;                 /* owned */
    char *stream_arn;             /* owned */
    struct kh_source_answers answers;
    void *arg;                       /* borrowed */
    struct kh_map shards;            /* of struct shard, owned */
    struct listing *newest;          /* owned list */
    struct kh_aws_call *identifying; /* under way, or NULL */
    kh_source_identified *identified;
    void *identified_arg; /* borrowed */
};

/* A shard that is open, or about to be. */
struct shard {
    uint32_t magic;
    struct kinesis *kinesis; /* borrowed */
    char id[KH_SHARD_ID_MAX + 1];
    struct kh_extseq skip_to;
    struct kh_buf iterator;   /* empty before it is open and after its end */
    struct kh_aws_call *call; /* under way, or NULL */
    uint64_t ticket;          /* of the call */
    int64_t sent_wall_ms;     /* when the iterator was asked for */
};

struct listing {
    uint32_t magic;
    struct kinesis *kinesis; /* borrowed */
    struct listing *next;    /* in kinesis' list */
    struct listing *prev;
    uint64_t ticket;
    enum kh_shard_filter filter;
    int64_t wall_ms;
    struct kh_shard_list shards;
    struct kh_buf next_token;
    unsigned pages;
    unsigned tries; /* refused in a row */
    unsigned restarts;
    struct kh_aws_call *call; /* under way, or NULL */
    struct kh_watch *timer;   /* owned; the next try */
};

static struct kinesis *kinesis_of(struct kh_source *source)
{
    kh_assert(source->driver == &kh_source_kinesis);
    return (struct kinesis *)source;
}

static struct kh_stream_ref stream_of(const struct kinesis *kinesis)
{
    return (struct kh_stream_ref){.name = kh_str(kinesis->stream),
                                  .arn = kh_str(kinesis->stream_arn)};
}

/* ---- identity ---- */

/* The right to ask may be missing, and an emulator may not know the question: records can be read
 * all the same, so that is no reason to end. */
static void on_summary(void *arg, struct kh_aws_answer *answer)
{
    struct kinesis *kinesis = arg;
    struct kh_stream_summary summary;
    char mark[KH_STREAM_MARK_MAX + 1] = "";
    enum kh_rc rc = answer->rc;

    kinesis->identifying = NULL;
    if (rc == KH_OK) {
        rc = kh_kinesis_summary(kh_buf_str(answer->body), &summary, &answer->err);
    }
    if (rc == KH_OK && summary.arn[0] != '\0') {
        kh_stream_mark_make(mark, summary.arn, summary.created_at_ms);
    } else if (kinesis->stream_arn[0] != '\0') {
        kh_stream_mark_make(mark, kinesis->stream_arn, 0);
    }
    kinesis->identified(kinesis->identified_arg, mark, rc == KH_OK ? NULL : &answer->err);
}

static void identify(struct kh_source *source, kh_source_identified *identified, void *arg)
{
    struct kinesis *kinesis = kinesis_of(source);
    struct kh_aws_request request = {.operation = "DescribeStreamSummary"};
    enum kh_rc rc;

    kh_assert(kinesis->identifying == NULL);
    kinesis->identified = identified;
    kinesis->identified_arg = arg;
    kh_buf_init(&request.body, REQUEST_BYTES_MAX);
    rc = kh_kinesis_ask_summary(&request.body, stream_of(kinesis));
    kh_assert(rc == KH_OK);
    kinesis->identifying = kh_aws_call(kinesis->client, &request, on_summary, kinesis);
}

/* ---- listing ---- */

static void free_listing(struct listing *listing)
{
    if (listing->prev != NULL) {
        listing->prev->next = listing->next;
    } else {
        kh_assert(listing->kinesis->newest == listing);
        listing->kinesis->newest = listing->next;
    }
    if (listing->next != NULL) {
        listing->next->prev = listing->prev;
    }
    kh_aws_cancel(listing->call);
    kh_watch_free(listing->timer);
    kh_shard_list_fini(&listing->shards);
    kh_buf_fini(&listing->next_token);
    listing->magic = 0;
    kh_mem_free(listing);
}

static void finish_listing(struct listing *listing, enum kh_rc rc, const struct kh_err *err)
{
    const struct kinesis *kinesis = listing->kinesis;
    bool ok = rc == KH_OK;

    kh_assert(listing->call == NULL);
    kinesis->answers.shards(kinesis->arg, listing->ticket, rc, ok ? listing->shards.items : NULL,
                            ok ? listing->shards.n : 0, ok ? NULL : err);
    free_listing(listing);
}

static struct listing *listing_of(void *arg)
{
    struct listing *listing = arg;

    kh_assert(listing->magic == LISTING_MAGIC);
    return listing;
}

static void on_page(void *arg, struct kh_aws_answer *answer);

static void ask_page(void *arg)
{
    struct listing *listing = listing_of(arg);
    struct kinesis *kinesis = listing->kinesis;
    struct kh_aws_request request = {.operation = "ListShards", .body_bytes_max = PAGE_BYTES_MAX};
    enum kh_rc rc;

    kh_buf_init(&request.body, REQUEST_BYTES_MAX);
    rc = kh_kinesis_ask_list_shards(&request.body, stream_of(kinesis), listing->filter,
                                    listing->wall_ms, kh_buf_str(&listing->next_token));
    kh_assert(rc == KH_OK); /* all parts are bounded far below */
    listing->call = kh_aws_call(kinesis->client, &request, on_page, listing);
}

/* The two refusals that mean "go on in another way"; false: this is the answer. */
static bool go_on(struct listing *listing, const struct kh_aws_answer *answer)
{
    kh_ms now_ms = kh_loop_now_ms(listing->kinesis->loop);

    if (strcmp(answer->code, "LimitExceededException") == 0 && listing->tries < LIST_TRIES_MAX) {
        listing->tries++;
        kh_watch_at(listing->timer, now_ms + LIST_PAUSE_MS);
        return true;
    }
    if (strcmp(answer->code, "ExpiredNextTokenException") == 0 &&
        listing->restarts < LIST_RESTARTS_MAX) {
        listing->restarts++;
        listing->pages = 0;
        kh_buf_reset(&listing->next_token);
        kh_shard_list_fini(&listing->shards);
        kh_shard_list_init(&listing->shards);
        kh_watch_at(listing->timer, now_ms);
        return true;
    }
    return false;
}

static void on_page(void *arg, struct kh_aws_answer *answer)
{
    struct listing *listing = listing_of(arg);
    struct kh_err err = {0};
    enum kh_rc rc = answer->rc;

    listing->call = NULL;
    if (rc != KH_OK) {
        if (!go_on(listing, answer)) {
            finish_listing(listing, rc, &answer->err);
        }
        return;
    }
    listing->tries = 0;
    listing->pages++;
    rc = kh_kinesis_list_shards(kh_buf_str(answer->body), &listing->shards, &listing->next_token,
                                &err);
    if (rc == KH_OK && listing->next_token.n > 0) {
        if (listing->pages < LIST_PAGES_MAX) {
            ask_page(listing);
            return;
        }
        rc = kh_fail(&err, KH_TOOBIG, "ListShards: more than %d pages", LIST_PAGES_MAX);
    }
    finish_listing(listing, rc, &err);
}

static void list(struct kh_source *source, uint64_t ticket, enum kh_shard_filter filter,
                 int64_t wall_ms)
{
    struct kinesis *kinesis = kinesis_of(source);
    struct listing *listing = kh_mem_new(1, sizeof(*listing));

    listing->magic = LISTING_MAGIC;
    listing->kinesis = kinesis;
    listing->ticket = ticket;
    listing->filter = filter;
    listing->wall_ms = wall_ms;
    kh_shard_list_init(&listing->shards);
    kh_buf_init(&listing->next_token, TOKEN_BYTES_MAX);
    listing->timer = kh_loop_timer(kinesis->loop, ask_page, listing);
    listing->next = kinesis->newest;
    if (listing->next != NULL) {
        listing->next->prev = listing;
    }
    kinesis->newest = listing;
    ask_page(listing);
}

/* ---- opening a shard ---- */

static struct shard *shard_of(void *arg)
{
    struct shard *shard = arg;

    kh_assert(shard->magic == SHARD_MAGIC);
    return shard;
}

static void free_shard(struct shard *shard)
{
    (void)kh_map_remove(&shard->kinesis->shards, kh_str(shard->id));
    kh_aws_cancel(shard->call);
    kh_buf_fini(&shard->iterator);
    shard->magic = 0;
    kh_mem_free(shard);
}

static void end(struct kh_source *source, struct kh_str id)
{
    struct shard *shard = kh_map_get(&kinesis_of(source)->shards, id);

    if (shard != NULL) {
        free_shard(shard);
    }
}

/* The receiver may close or reopen the shard in the callback: nothing is touched afterwards. */
static void on_iterator(void *arg, struct kh_aws_answer *answer)
{
    struct shard *shard = shard_of(arg);
    const struct kinesis *kinesis = shard->kinesis;
    enum kh_rc rc = answer->rc;

    shard->call = NULL;
    if (rc == KH_OK) {
        rc = kh_kinesis_iterator(kh_buf_str(answer->body), &shard->iterator, &answer->err);
    }
    /* The position may be given again as a time: with our clock ahead of the server's that would
     * lie in its future, and what comes until then would be skipped. */
    if (answer->server_ahead_ms < 0) {
        shard->sent_wall_ms += answer->server_ahead_ms;
    }
    kinesis->answers.opened(kinesis->arg, kh_str(shard->id), shard->ticket, rc, shard->sent_wall_ms,
                            rc == KH_OK ? NULL : &answer->err);
}

static void begin(struct kh_source *source, struct kh_str id, uint64_t ticket,
                  const struct kh_position *position, const struct kh_extseq *skip_to)
{
    struct kinesis *kinesis = kinesis_of(source);
    struct kh_aws_request request = {.operation = "GetShardIterator", .attempts_max = 1};
    struct shard *shard;
    bool fits;
    enum kh_rc rc;

    end(source, id);
    shard = kh_mem_new(1, sizeof(*shard));
    shard->magic = SHARD_MAGIC;
    shard->kinesis = kinesis;
    shard->skip_to = *skip_to;
    shard->ticket = ticket;
    fits = kh_str_copy(shard->id, sizeof(shard->id), id);
    kh_assert(fits);
    kh_buf_init(&shard->iterator, ITERATOR_BYTES_MAX);
    kh_map_add(&kinesis->shards, kh_str(shard->id), shard);

    kh_buf_init(&request.body, REQUEST_BYTES_MAX);
    rc = kh_kinesis_ask_iterator(&request.body, stream_of(kinesis), id, position);
    kh_assert(rc == KH_OK);
    /* Before it is sent: whoever begins again at this instant must not miss anything. */
    shard->sent_wall_ms = kh_clock_wall_ms();
    shard->call = kh_aws_call(kinesis->client, &request, on_iterator, shard);
}

/* ---- fetching ---- */

/* An answer counts only if it says clearly whether the shard goes on. */
static enum kh_rc check_end(const struct kh_get_records *got, struct kh_err *err)
{
    if (got->has_next != (got->children_n == 0)) {
        return kh_fail(err, KH_RETRY,
                       got->has_next
                           ? "GetRecords: the answer has both a next iterator and child shards"
                           : "GetRecords: the answer has neither a next iterator nor child shards");
    }
    for (size_t i = 0; i < got->children_n; i++) {
        if (got->children[i].parents_n == 0) {
            return kh_fail(err, KH_RETRY, "GetRecords: child shard %s has no parents",
                           got->children[i].id);
        }
    }
    return KH_OK;
}

/* Move on: after this the answer is accepted. */
static enum kh_rc accept(struct shard *shard, const struct kh_get_records *got, struct kh_err *err)
{
    kh_buf_reset(&shard->iterator);
    if (!got->has_next) {
        return KH_OK;
    }
    if (kh_buf_append_str(&shard->iterator, got->next_iterator) != KH_OK) {
        /* No iterator is left now, so the shard has to be opened again. */
        return kh_fail(err, KH_INVALID, "GetRecords: an iterator of %zu bytes",
                       got->next_iterator.n);
    }
    return KH_OK;
}

/* The last record counts as read even if it is then dropped. */
static void note_last(struct kh_fetched *fetched, const struct kh_batch *batch)
{
    const struct kh_record *last;
    bool set;

    if (batch->records_n == 0) {
        return;
    }
    last = &batch->records[batch->records_n - 1];
    set = kh_extseq_set(&fetched->last, last->seq, last->sub);
    kh_assert(set); /* the scanner has checked it */
}

static enum kh_rc read_records(struct shard *shard, struct kh_batch *batch,
                               struct kh_get_records *got, struct kh_fetched *fetched,
                               struct kh_err *err)
{
    enum kh_rc rc = kh_kinesis_get_records(batch, got, err);

    if (rc != KH_OK) {
        return KH_RETRY; /* INVALID would ask for a new iterator, which cures nothing here */
    }
    rc = check_end(got, err);
    if (rc == KH_OK) {
        rc = accept(shard, got, err);
    }
    if (rc != KH_OK) {
        return rc;
    }
    note_last(fetched, batch);
    kh_batch_skip(batch, &shard->skip_to);
    fetched->records_n = (uint32_t)batch->records_n;
    fetched->bytes = kh_batch_bytes(batch);
    fetched->data_bytes = kh_batch_data_bytes(batch);
    fetched->has_millis_behind = batch->has_millis_behind;
    fetched->millis_behind = batch->millis_behind;
    fetched->ended = !got->has_next;
    fetched->children = got->children;
    fetched->children_n = got->children_n;
    return KH_OK;
}

/* INVALID means "open again" to the core, so it is kept for the refusals that a new iterator
 * cures. */
static enum kh_rc judge_refusal(const struct kh_aws_answer *answer)
{
    if (answer->rc == KH_INVALID && strcmp(answer->code, "ExpiredIteratorException") != 0 &&
        strcmp(answer->code, "InvalidArgumentException") != 0) {
        return KH_RETRY;
    }
    return answer->rc;
}

/* As with on_iterator, the shard may be gone after the callback. */
static void on_records(void *arg, struct kh_aws_answer *answer)
{
    struct shard *shard = shard_of(arg);
    const struct kinesis *kinesis = shard->kinesis;
    struct kh_fetched fetched = {0};
    struct kh_get_records got = {0};
    struct kh_batch *batch = NULL;
    enum kh_rc rc = judge_refusal(answer);

    shard->call = NULL;
    if (rc == KH_OK) {
        batch = kh_batch_new();
        kh_buf_fini(&batch->body);
        batch->body = kh_buf_take(answer->body);
        rc = read_records(shard, batch, &got, &fetched, &answer->err);
    }
    if (fetched.records_n == 0) {
        kh_batch_free(batch);
        batch = NULL;
        fetched.bytes = 0;
    }
    answer->err.rc = rc;
    kinesis->answers.fetched(kinesis->arg, kh_str(shard->id), shard->ticket, batch, &fetched,
                             rc == KH_OK ? NULL : &answer->err);
}

static void fetch(struct kh_source *source, struct kh_str id, uint64_t ticket, uint32_t limit)
{
    struct kinesis *kinesis = kinesis_of(source);
    struct shard *shard = kh_map_get(&kinesis->shards, id);
    struct kh_aws_request request = {
        .operation = "GetRecords", .attempts_max = 1, .body_bytes_max = RECORDS_BYTES_MAX};
    enum kh_rc rc;

    kh_assert(shard != NULL);
    kh_assert(shard->call == NULL);
    kh_assert(shard->iterator.n > 0);
    shard->ticket = ticket;
    kh_buf_init(&request.body, REQUEST_BYTES_MAX);
    rc = kh_kinesis_ask_records(&request.body, stream_of(kinesis), kh_buf_str(&shard->iterator),
                                limit);
    kh_assert(rc == KH_OK);
    shard->call = kh_aws_call(kinesis->client, &request, on_records, shard);
}

/* ---- the source ---- */

static void close_source(struct kh_source *source)
{
    struct kinesis *kinesis = kinesis_of(source);

    while (kinesis->newest != NULL) {
        free_listing(kinesis->newest);
    }
    while (kinesis->shards.n > 0) {
        free_shard(kinesis->shards.entries[0].value);
    }
    kh_aws_cancel(kinesis->identifying);
    kh_map_fini(&kinesis->shards);
    kh_mem_free(kinesis->stream);
    kh_mem_free(kinesis->stream_arn);
    kh_mem_free(kinesis);
}

static enum kh_rc open_source(struct kh_source **out, const struct kh_source_config *config,
                              struct kh_str rest, struct kh_err *err)
{
    struct kinesis *kinesis;

    if (rest.n > 0) {
        return kh_fail(err, KH_INVALID, "source %s: nothing may follow kinesis", config->where);
    }
    if (config->stream[0] == '\0' && config->stream_arn[0] == '\0') {
        return kh_fail(err, KH_INVALID, "source kinesis: streamName or streamArn is needed");
    }
    kh_assert(config->kinesis != NULL);
    kinesis = kh_mem_new(1, sizeof(*kinesis));
    kinesis->source.driver = &kh_source_kinesis;
    kinesis->client = config->kinesis;
    kinesis->loop = config->loop;
    kinesis->stream = kh_mem_copy(config->stream, strlen(config->stream));
    kinesis->stream_arn = kh_mem_copy(config->stream_arn, strlen(config->stream_arn));
    kinesis->answers = config->answers;
    kinesis->arg = config->arg;
    kh_map_init(&kinesis->shards);
    *out = &kinesis->source;
    return KH_OK;
}

const struct kh_source_driver kh_source_kinesis = {
    .scheme = "kinesis",
    .open = open_source,
    .identify = identify,
    .list = list,
    .begin = begin,
    .fetch = fetch,
    .end = end,
    .close = close_source,
};
