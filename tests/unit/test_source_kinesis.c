#include "source/drivers.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "aws/client.h"
#include "io/clock.h"
#include "tests/lib/http_server.h"
#include "tests/lib/loop_run.h"
#include "tests/lib/suite.h"

#define PATIENCE_MS KH_SECONDS(20)
#define DRIVER      kh_source_kinesis

static struct kh_loop *loop;
static struct kh_http *http;
static struct kh_creds *creds;
static struct http_server *server;
static struct kh_aws_client *client;
static struct kh_source *source;

/* The newest answer of each kind. */
static struct {
    unsigned n;
    uint64_t ticket;
    enum kh_rc rc;
    size_t shards_n;
    struct kh_shard shards[4];
    int64_t wall_ms;
    char shard[KH_SHARD_ID_MAX + 1];
    struct kh_batch *batch;
    struct kh_fetched fetched;
    struct kh_shard children[KH_CHILDREN_MAX];
    struct kh_err err;
} got;

static char mark[300];

static void note(uint64_t ticket, enum kh_rc rc, const struct kh_err *err)
{
    got.n++;
    got.ticket = ticket;
    got.rc = rc;
    ck_assert((err != NULL) == (rc != KH_OK));
    if (err != NULL) {
        got.err = *err;
    }
    kh_loop_stop(loop);
}

static void on_shards(void *arg, uint64_t ticket, enum kh_rc rc, const struct kh_shard *shards,
                      size_t n, const struct kh_err *err)
{
    (void)arg;
    ck_assert_uint_le(n, 4);
    got.shards_n = n;
    for (size_t i = 0; i < n; i++) {
        got.shards[i] = shards[i];
    }
    note(ticket, rc, err);
}

static void on_opened(void *arg, struct kh_str shard, uint64_t ticket, enum kh_rc rc,
                      int64_t wall_ms, const struct kh_err *err)
{
    (void)arg;
    ck_assert(kh_str_copy(got.shard, sizeof(got.shard), shard));
    got.wall_ms = wall_ms;
    note(ticket, rc, err);
}

static void on_fetched(void *arg, struct kh_str shard, uint64_t ticket, struct kh_batch *batch,
                       const struct kh_fetched *fetched, const struct kh_err *err)
{
    (void)arg;
    ck_assert(kh_str_copy(got.shard, sizeof(got.shard), shard));
    kh_batch_free(got.batch);
    got.batch = batch;
    got.fetched = *fetched;
    for (size_t i = 0; i < fetched->children_n; i++) {
        got.children[i] = fetched->children[i];
    }
    note(ticket, err == NULL ? KH_OK : err->rc, err);
}

static void on_identified(void *arg, const char *told, const struct kh_err *err)
{
    (void)arg;
    ck_assert(kh_str_copy(mark, sizeof(mark), kh_str(told)));
    note(0, err == NULL ? KH_OK : err->rc, err);
}

static void begin(void)
{
    (void)setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    memset(&got, 0, sizeof(got));
    ck_assert_int_eq(kh_loop_new(&loop, NULL), KH_OK);
    ck_assert_int_eq(kh_http_new(&http, loop, NULL), KH_OK);
    ck_assert_int_eq(kh_creds_new(&creds, loop, "EnvironmentVariableCredentialsProvider", NULL),
                     KH_OK);
}

static void end(void)
{
    kh_batch_free(got.batch);
    kh_source_close(source);
    kh_aws_client_free(client);
    kh_creds_free(creds);
    kh_http_free(http);
    http_server_free(server);
    kh_loop_free(loop);
}

static void serve(const struct http_reply *script, size_t n)
{
    struct kh_aws_client_config to = {.service = "kinesis",
                                      .target = "Kinesis_20131202",
                                      .content_type = "application/x-amz-json-1.1",
                                      .region = "us-east-1",
                                      .seed = 1};
    struct kh_source_config config = {.where = "kinesis",
                                      .stream = "words",
                                      .stream_arn = "",
                                      .loop = loop,
                                      .answers = {on_shards, on_opened, on_fetched}};

    server = http_server_new(loop, script, n);
    to.endpoint = http_server_url(server);
    ck_assert_int_eq(kh_aws_client_new(&client, loop, http, creds, &to, NULL), KH_OK);
    config.kinesis = client;
    ck_assert_int_eq(DRIVER.open(&source, &config, KH_STR(""), NULL), KH_OK);
}

#define SERVE(script) serve(script, sizeof(script) / sizeof(script[0]))

static void identify(void)
{
    got.n = 0;
    ck_assert(kh_source_identify(source, on_identified, NULL));
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(got.n, 1);
}

static void list_shards(void)
{
    DRIVER.list(source, 7, KH_SHARDS_ALL, 0);
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(got.ticket, 7);
}

static void open_shard(const char *skip_to)
{
    struct kh_position position = {.type = KH_POSITION_TRIM_HORIZON};
    struct kh_extseq skip = {0};

    if (skip_to != NULL) {
        ck_assert(kh_extseq_set(&skip, kh_str(skip_to), 0));
    }
    DRIVER.begin(source, KH_STR("shardId-0"), 8, &position, &skip);
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(got.ticket, 8);
    ck_assert_str_eq(got.shard, "shardId-0");
}

static void fetch(void)
{
    DRIVER.fetch(source, KH_STR("shardId-0"), 9, 500);
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(got.ticket, 9);
    ck_assert_str_eq(got.shard, "shardId-0");
}

#define SHARD(id, rest)                                                    \
    "{\"ShardId\":\"" id "\",\"HashKeyRange\":{\"StartingHashKey\":\"0\"," \
    "\"EndingHashKey\":\"9\"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}" rest "}"
#define RECORD(seq)                                                        \
    "{\"SequenceNumber\":\"" seq "\",\"ApproximateArrivalTimestamp\":1.5," \
    "\"Data\":\"aGVsbG8=\",\"PartitionKey\":\"p\"}"
#define CHILD                                                      \
    "{\"ShardId\":\"shardId-1\",\"ParentShards\":[\"shardId-0\"]," \
    "\"HashKeyRange\":{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"9\"}}"
#define ORPHAN                                                                       \
    "{\"Records\":[],\"ChildShards\":[{\"ShardId\":\"shardId-1\",\"HashKeyRange\":{" \
    "\"StartingHashKey\":\"0\",\"EndingHashKey\":\"9\"}}]}"
#define ITERATOR                                                                           \
    {                                                                                      \
        .status = 200, .body = "{\"ShardIterator\":\"it-1\"}", .match = "GetShardIterator" \
    }
#define REFUSAL(name)                                                              \
    {                                                                              \
        .status = 400, .body = "{\"__type\":\"" name "\",\"message\":\"because\"}" \
    }

START_TEST(all_pages_of_a_listing_make_one_answer)
{
    static const struct http_reply script[] = {
        {.status = 200, .body = "{\"Shards\":[" SHARD("shardId-0", "") "],\"NextToken\":\"t1\"}"},
        {.status = 200, .body = "{\"Shards\":[" SHARD("shardId-1", "") "],\"NextToken\":null}"}};

    SERVE(script);
    list_shards();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_uint_eq(got.shards_n, 2);
    ck_assert_str_eq(got.shards[0].id, "shardId-0");
    ck_assert_str_eq(got.shards[1].id, "shardId-1");
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 0), "\"StreamName\":\"words\""));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 1), "\"NextToken\":\"t1\""));
    ck_assert_ptr_null(strstr(http_server_request(server, 1), "StreamName"));
}
END_TEST

START_TEST(an_expired_page_token_begins_the_listing_again)
{
    static const struct http_reply script[] = {
        {.status = 200, .body = "{\"Shards\":[" SHARD("shardId-0", "") "],\"NextToken\":\"t1\"}"},
        REFUSAL("ExpiredNextTokenException"),
        {.status = 200, .body = "{\"Shards\":[" SHARD("shardId-5", "") "]}"}};

    SERVE(script);
    list_shards();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_uint_eq(got.shards_n, 1);
    ck_assert_str_eq(got.shards[0].id, "shardId-5");
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 2), "StreamName"));
}
END_TEST

START_TEST(a_listing_over_the_limit_waits_as_kcl_does)
{
    static const struct http_reply script[] = {
        REFUSAL("LimitExceededException"),
        {.status = 200, .body = "{\"Shards\":[" SHARD("shardId-0", "") "]}"}};
    kh_ms began_at_ms = kh_clock_boot_ms();

    SERVE(script);
    list_shards();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_uint_eq(got.shards_n, 1);
    ck_assert_int_ge(kh_clock_boot_ms() - began_at_ms, 1500);
}
END_TEST

#define ARN "arn:aws:kinesis:us-east-1:000000000000:stream/words"

START_TEST(a_stream_is_told_by_its_arn_and_creation)
{
    static const struct http_reply script[] = {
        {.status = 200,
         .body = "{\"StreamDescriptionSummary\":{\"StreamARN\":\"" ARN
                 "\",\"StreamStatus\":\"ACTIVE\",\"StreamCreationTimestamp\":1.700000000999E9}}"},
        {.status = 200,
         .body = "{\"StreamDescriptionSummary\":{\"StreamARN\":\"" ARN
                 "\",\"StreamStatus\":\"ACTIVE\"}}"}};

    SERVE(script);
    identify();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_str_eq(mark, ARN "@1700000000");
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 0), "DescribeStreamSummary"));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 0), "{\"StreamName\":\"words\"}"));
    identify();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_str_eq(mark, ARN);
}
END_TEST

START_TEST(a_stream_that_may_not_be_described_is_told_by_what_is_set)
{
    static const struct http_reply script[] = {REFUSAL("AccessDeniedException"),
                                               REFUSAL("UnknownOperationException"),
                                               {.status = 200, .body = "{}"},
                                               REFUSAL("AccessDeniedException")};
    struct kh_source_config config = {.where = "kinesis",
                                      .stream = "words",
                                      .stream_arn = ARN,
                                      .loop = loop,
                                      .answers = {on_shards, on_opened, on_fetched}};

    SERVE(script);
    identify();
    ck_assert_int_eq(got.rc, KH_DENIED);
    ck_assert_str_eq(got.err.text, "DescribeStreamSummary: AccessDeniedException: because");
    ck_assert_str_eq(mark, "");
    identify();
    ck_assert_int_eq(got.rc, KH_INVALID);
    ck_assert_str_eq(mark, "");
    identify();
    ck_assert_int_eq(got.rc, KH_INVALID);
    ck_assert_str_eq(mark, "");

    DRIVER.close(source);
    config.kinesis = client;
    ck_assert_int_eq(DRIVER.open(&source, &config, KH_STR(""), NULL), KH_OK);
    identify();
    ck_assert_int_eq(got.rc, KH_DENIED);
    ck_assert_str_eq(mark, ARN);
}
END_TEST

START_TEST(closing_ends_the_question_for_the_stream)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}};

    SERVE(script);
    got.n = 0;
    ck_assert(kh_source_identify(source, on_identified, NULL));
    DRIVER.close(source);
    ck_assert_uint_eq(got.n, 0);
    source = NULL;
}
END_TEST

START_TEST(an_unknown_stream_is_not_found)
{
    static const struct http_reply script[] = {REFUSAL("ResourceNotFoundException")};

    SERVE(script);
    list_shards();
    ck_assert_int_eq(got.rc, KH_NOTFOUND);
    ck_assert_str_eq(got.err.text, "ListShards: ResourceNotFoundException: because");
}
END_TEST

START_TEST(records_come_with_the_iterator_moving_on)
{
    static const struct http_reply script[] = {
        ITERATOR,
        {.status = 200,
         .body = "{\"Records\":[" RECORD("10") "," RECORD(
             "11") "],"
                   "\"NextShardIterator\":\"it-2\",\"MillisBehindLatest\":42,\"ChildShards\":"
                   "null}"},
        {.status = 200, .body = "{\"Records\":[],\"NextShardIterator\":\"it-3\"}"}};
    int64_t before_ms = kh_clock_wall_ms();

    SERVE(script);
    open_shard(NULL);
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_int_ge(got.wall_ms, before_ms);
    fetch();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_uint_eq(got.fetched.records_n, 2);
    ck_assert_str_eq(got.fetched.last.seq, "11");
    ck_assert(got.fetched.has_millis_behind);
    ck_assert_int_eq(got.fetched.millis_behind, 42);
    ck_assert(!got.fetched.ended);
    ck_assert_uint_gt(got.fetched.bytes, 0);
    ck_assert(kh_str_eq(got.batch->records[0].data, KH_STR("aGVsbG8=")));
    ck_assert_int_eq(got.batch->records[0].arrival_ms, 1500);

    fetch();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert_ptr_null(got.batch);
    ck_assert_uint_eq(got.fetched.records_n, 0);
    ck_assert(kh_extseq_is_none(&got.fetched.last));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 1), "\"ShardIterator\":\"it-1\""));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 1), "\"Limit\":500"));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 2), "\"ShardIterator\":\"it-2\""));
}
END_TEST

START_TEST(records_up_to_the_checkpoint_are_dropped_but_count_as_read)
{
    static const struct http_reply script[] = {
        ITERATOR,
        {.status = 200, .body = "{\"Records\":[" RECORD("10") "],\"NextShardIterator\":\"it-2\"}"},
        {.status = 200,
         .body = "{\"Records\":[" RECORD("10") "," RECORD("11") "],"
                                                                "\"NextShardIterator\":\"it-3\"}"}};

    SERVE(script);
    open_shard("10");
    fetch();
    ck_assert_ptr_null(got.batch);
    ck_assert_uint_eq(got.fetched.records_n, 0);
    ck_assert_str_eq(got.fetched.last.seq, "10");
    fetch();
    ck_assert_uint_eq(got.fetched.records_n, 1);
    ck_assert(kh_str_eq(got.batch->records[0].seq, KH_STR("11")));
}
END_TEST

START_TEST(the_end_of_a_shard_comes_with_its_children)
{
    static const struct http_reply script[] = {
        ITERATOR,
        {.status = 200,
         .body = "{\"Records\":[" RECORD("10") "],\"NextShardIterator\":null,"
                                               "\"ChildShards\":[" CHILD "]}"}};

    SERVE(script);
    open_shard(NULL);
    fetch();
    ck_assert_int_eq(got.rc, KH_OK);
    ck_assert(got.fetched.ended);
    ck_assert_uint_eq(got.fetched.records_n, 1);
    ck_assert_uint_eq(got.fetched.children_n, 1);
    ck_assert_str_eq(got.children[0].id, "shardId-1");
    ck_assert_str_eq(got.children[0].parents[0], "shardId-0");
}
END_TEST

/* Accepting one of these would lose the children, or the rest of the shard. */
START_TEST(an_answer_that_leaves_the_end_open_is_asked_for_again)
{
    static const char *const bodies[] = {
        "{\"Records\":[" RECORD("10") "]}",
        "{\"Records\":[" RECORD("10") "],\"NextShardIterator\":\"it-2\",\"ChildShards\":[" CHILD
                                      "]}",
        ORPHAN, "{\"Records\":[{}]}", "nonsense"};
    static struct http_reply script[8] = {ITERATOR};
    size_t n = sizeof(bodies) / sizeof(bodies[0]);

    for (size_t i = 0; i < n; i++) {
        script[i + 1] = (struct http_reply){.status = 200, .body = bodies[i]};
    }
    serve(script, n + 1);
    open_shard(NULL);
    for (size_t i = 0; i < n; i++) {
        fetch();
        ck_assert_int_eq(got.rc, KH_RETRY);
        ck_assert_ptr_null(got.batch);
        ck_assert_ptr_nonnull(strstr(got.err.text, "GetRecords"));
        ck_assert_ptr_nonnull(strstr(http_server_request(server, i + 1), "it-1"));
    }
}
END_TEST

START_TEST(refusals_tell_whether_to_open_again)
{
    static const struct {
        struct http_reply reply;
        enum kh_rc rc;
    } cases[] = {
        {REFUSAL("ExpiredIteratorException"), KH_INVALID},
        {REFUSAL("InvalidArgumentException"), KH_INVALID},
        {REFUSAL("ResourceNotFoundException"), KH_NOTFOUND},
        {REFUSAL("ProvisionedThroughputExceededException"), KH_THROTTLED},
        {REFUSAL("KMSThrottlingException"), KH_THROTTLED},
        {REFUSAL("KMSDisabledException"), KH_RETRY},
        {REFUSAL("AccessDeniedException"), KH_DENIED},
        {{.status = 500}, KH_RETRY},
        {{.type = REPLY_RESET}, KH_RETRY},
    };
    static struct http_reply script[16] = {ITERATOR};
    size_t n = sizeof(cases) / sizeof(cases[0]);

    for (size_t i = 0; i < n; i++) {
        script[i + 1] = cases[i].reply;
    }
    serve(script, n + 1);
    open_shard(NULL);
    for (size_t i = 0; i < n; i++) {
        fetch();
        ck_assert_msg(got.rc == cases[i].rc, "case %zu: %s", i, got.err.text);
    }
    ck_assert_uint_eq(http_server_requests(server), n + 1); /* each was made once */
}
END_TEST

START_TEST(a_shard_that_is_gone_cannot_be_opened)
{
    static const struct http_reply script[] = {REFUSAL("ResourceNotFoundException")};

    SERVE(script);
    open_shard(NULL);
    ck_assert_int_eq(got.rc, KH_NOTFOUND);
}
END_TEST

START_TEST(a_closed_shard_gives_no_answer_any_more)
{
    static const struct http_reply script[] = {
        {.status = 200, .body = "{\"ShardIterator\":\"old\"}", .match = "TRIM", .delay_ms = 100},
        {.status = 200, .body = "{\"ShardIterator\":\"new\"}", .match = "LATEST"},
        {.status = 200, .body = "{\"Records\":[],\"NextShardIterator\":\"it-2\"}"}};
    struct kh_position horizon = {.type = KH_POSITION_TRIM_HORIZON};
    struct kh_position latest = {.type = KH_POSITION_LATEST};
    struct kh_extseq none = {0};

    SERVE(script);
    DRIVER.begin(source, KH_STR("shardId-0"), 1, &horizon, &none);
    DRIVER.begin(source, KH_STR("shardId-0"), 2, &latest, &none);
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(got.ticket, 2);
    fetch();
    ck_assert_uint_eq(got.n, 2);
    DRIVER.end(source, KH_STR("shardId-0"));
    DRIVER.end(source, KH_STR("shardId-0")); /* closing twice is harmless */
}
END_TEST

START_TEST(closing_the_source_cancels_everything)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}, {.type = REPLY_HANG}};
    struct kh_position horizon = {.type = KH_POSITION_TRIM_HORIZON};
    struct kh_extseq none = {0};

    SERVE(script);
    DRIVER.list(source, 1, KH_SHARDS_ALL, 0);
    DRIVER.begin(source, KH_STR("shardId-0"), 2, &horizon, &none);
    DRIVER.begin(source, KH_STR("shardId-1"), 3, &horizon, &none);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("source_kinesis");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, all_pages_of_a_listing_make_one_answer);
    tcase_add_test(tcase, an_expired_page_token_begins_the_listing_again);
    tcase_add_test(tcase, a_listing_over_the_limit_waits_as_kcl_does);
    tcase_add_test(tcase, a_stream_is_told_by_its_arn_and_creation);
    tcase_add_test(tcase, a_stream_that_may_not_be_described_is_told_by_what_is_set);
    tcase_add_test(tcase, closing_ends_the_question_for_the_stream);
    tcase_add_test(tcase, an_unknown_stream_is_not_found);
    tcase_add_test(tcase, records_come_with_the_iterator_moving_on);
    tcase_add_test(tcase, records_up_to_the_checkpoint_are_dropped_but_count_as_read);
    tcase_add_test(tcase, the_end_of_a_shard_comes_with_its_children);
    tcase_add_test(tcase, an_answer_that_leaves_the_end_open_is_asked_for_again);
    tcase_add_test(tcase, refusals_tell_whether_to_open_again);
    tcase_add_test(tcase, a_shard_that_is_gone_cannot_be_opened);
    tcase_add_test(tcase, a_closed_shard_gives_no_answer_any_more);
    tcase_add_test(tcase, closing_the_source_cancels_everything);
    return suite_run("source_kinesis", tcase);
}
