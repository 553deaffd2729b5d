/* store/dynamodb_coord against a server that answers as a script says: what becomes of each answer,
 * and how many requests it took. That real servers answer so is shown by
 * tests/store/conformance. */
#include "store/store.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/client.h"
#include "base/log.h"
#include "io/http.h"
#include "tests/lib/http_server.h"
#include "tests/lib/loop_run.h"
#include "tests/lib/suite.h"

#define LEADER                                                        \
    "{\"leaseKey\":{\"S\":\"Leader\"},\"ownerName\":{\"S\":\"bob\"}," \
    "\"leaseDuration\":{\"S\":\"120000\"},\"recordVersionNumber\":{\"S\":\"v9\"}}"
#define CONDITION                                                                       \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\"," \
    "\"message\":\"The conditional request failed\""
#define ERROR(code)           "{\"__type\":\"" code "\",\"message\":\"no\"}"
#define ERROR_TEXT(code, why) "{\"__type\":\"" code "\",\"message\":\"" why "\"}"
#define TABLE(members)        "{\"Table\":{\"TableStatus\":\"ACTIVE\"" members "}}"
#define INDEX(status)                                                            \
    ",\"GlobalSecondaryIndexes\":[{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\"," \
    "\"IndexStatus\":\"" status "\"}]"
#define STATS(worker) "{\"leaseKey\":{\"S\":\"" worker "\"},\"lut\":{\"N\":\"5\"}}"

static struct kh_loop *loop;
static struct kh_http *http;
static struct kh_creds *creds;
static struct kh_aws_client *client;
static struct http_server *server;
static struct kh_store *store;
static struct kh_store_config config;
static struct kh_coord_answer answer;
static struct kh_worker_stats first_stats;
static struct kh_coord_key first_key;
static unsigned answers_n;

static void on_answer(void *arg, const struct kh_lease_answer *got)
{
    (void)arg;
    (void)got;
    ck_abort_msg("nobody asked for a lease");
}

static void on_coord_answer(void *arg, const struct kh_coord_answer *got)
{
    (void)arg;
    answer = *got;
    if (got->stats_n > 0) {
        first_stats = got->stats[0];
    }
    if (got->keys_n > 0) {
        first_key = got->keys[0];
    }
    answers_n++;
    kh_loop_stop(loop);
}

static void setup(void)
{
    struct kh_err err;

    kh_log_set_level(KH_LOG_ERROR);
    (void)setenv("AWS_ACCESS_KEY_ID", "x", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "y", 1);
    answers_n = 0;
    config = (struct kh_store_config){.where = "dynamodb",
                                      .table = "app",
                                      .state_table = "app-CoordinatorState",
                                      .stats_table = "app-WorkerMetricStats",
                                      .answered = on_answer,
                                      .coord_answered = on_coord_answer,
                                      .write_ms_max = KH_SECONDS(5)};
    ck_assert_int_eq(kh_loop_new(&loop, &err), KH_OK);
    ck_assert_int_eq(kh_http_new(&http, loop, &err), KH_OK);
    ck_assert_int_eq(kh_creds_new(&creds, loop, "DefaultCredentialsProvider", &err), KH_OK);
}

static void teardown(void)
{
    kh_store_close(store);
    kh_aws_client_free(client);
    kh_creds_free(creds);
    kh_http_free(http);
    if (server != NULL) {
        http_server_free(server);
    }
    kh_loop_free(loop);
}

static void serve(const struct http_reply *script, size_t n)
{
    struct kh_err err;

    server = http_server_new(loop, script, n);
    const struct kh_aws_client_config client_config = {.service = "dynamodb",
                                                       .target = "DynamoDB_20120810",
                                                       .content_type = "application/x-amz-json-1.0",
                                                       .region = "us-east-1",
                                                       .endpoint = http_server_url(server),
                                                       .seed = 1};
    ck_assert_int_eq(kh_aws_client_new(&client, loop, http, creds, &client_config, &err), KH_OK);
    config.dynamodb = client;
    config.loop = loop;
    ck_assert_int_eq(kh_store_open(&store, &config, &err), KH_OK);
}

static void run(const struct kh_coord_op *op, unsigned requests)
{
    kh_store_submit_coord(store, op);
    ck_assert_uint_eq(answers_n, 0);
    loop_run(loop, KH_SECONDS(30));
    ck_assert_uint_eq(answers_n, 1);
    ck_assert_uint_eq(answer.id, op->id);
    ck_assert_int_eq(answer.verb, op->verb);
    ck_assert_int_eq(answer.kind, op->kind);
    ck_assert_uint_eq(http_server_requests(server), requests);
}

static const struct kh_coord_op heartbeat = {
    .id = 5,
    .verb = KH_COORD_UPDATE,
    .expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER,
    .expect = {.lock = {.owner = "me", .version = "v1"}},
    .item = {.lock = {.owner = "me", .version = "v2", .duration_ms = 120000}}};

/* One answer to one heartbeat. */
static const struct write_row {
    struct http_reply reply;
    enum kh_lease_outcome outcome;
    enum kh_rc rc;
} write_rows[] = {
    {{.status = 200, .body = "{}"}, KH_LEASE_DONE, KH_OK},
    {{.status = 400, .body = CONDITION ",\"Item\":" LEADER "}"}, KH_LEASE_CONFLICT, KH_OK},
    /* Not applied, and it will not be. */
    {{.status = 400, .body = ERROR("ProvisionedThroughputExceededException")},
     KH_LEASE_FAILED,
     KH_THROTTLED},
    {{.status = 400, .body = ERROR("AccessDeniedException")}, KH_LEASE_FAILED, KH_DENIED},
    {{.status = 400, .body = ERROR("ResourceNotFoundException")}, KH_LEASE_FAILED, KH_NOTFOUND},
    {{.status = 400, .body = ERROR("ValidationException")}, KH_LEASE_FAILED, KH_INVALID},
    {{.status = 400, .body = ERROR("ResourceInUseException")}, KH_LEASE_FAILED, KH_RETRY},
    /* Perhaps applied. */
    {{.status = 500, .body = ERROR("InternalServerError")}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.type = REPLY_RESET}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.type = REPLY_CLOSE}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.type = REPLY_CUT, .status = 200, .body = "{"}, KH_LEASE_UNKNOWN, KH_RETRY},
    /* What is in the way is of no use to the core. */
    {{.status = 400, .body = CONDITION ",\"Item\":{\"leaseKey\":{\"S\":\"Leader\"}}}"},
     KH_LEASE_FAILED,
     KH_INVALID},
};
enum { WRITE_ROWS_N = sizeof(write_rows) / sizeof(write_rows[0]) };

START_TEST(a_write_is_sent_once_and_judged_by_its_answer)
{
    const struct write_row *row = &write_rows[_i];

    serve(&row->reply, 1);
    run(&heartbeat, 1);
    ck_assert_int_eq(answer.outcome, row->outcome);
    ck_assert_int_eq(answer.rc, row->rc);
    if (row->outcome == KH_LEASE_DONE) {
        ck_assert(answer.found);
        ck_assert_str_eq(answer.item.lock.version, "v2");
    } else if (row->outcome == KH_LEASE_CONFLICT) {
        ck_assert(answer.found);
        ck_assert_str_eq(answer.item.lock.owner, "bob");
        ck_assert_str_eq(answer.item.lock.version, "v9");
    }
}
END_TEST

START_TEST(a_write_that_is_not_answered_in_time_is_unknown)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}};

    config.write_ms_max = 200;
    serve(script, 1);
    run(&heartbeat, 1);
    ck_assert_int_eq(answer.outcome, KH_LEASE_UNKNOWN);
    ck_assert_int_eq(answer.rc, KH_RETRY);
}
END_TEST

START_TEST(a_server_that_does_not_show_the_item_is_asked_for_it)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = CONDITION "}", .match = "UpdateItem"},
        {.status = 200, .body = "{\"Item\":" LEADER "}", .match = "\"ConsistentRead\":true"}};

    serve(script, 2);
    run(&heartbeat, 2);
    ck_assert_int_eq(answer.outcome, KH_LEASE_CONFLICT);
    ck_assert_str_eq(answer.item.lock.owner, "bob");
}
END_TEST

START_TEST(a_lock_that_is_gone_conflicts_and_is_not_found)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = CONDITION "}", .match = "UpdateItem"},
        {.status = 200, .body = "{}", .match = "GetItem"}};

    serve(script, 2);
    run(&heartbeat, 2);
    ck_assert_int_eq(answer.outcome, KH_LEASE_CONFLICT);
    ck_assert(!answer.found);
}
END_TEST

START_TEST(what_is_gone_already_is_deleted)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = CONDITION "}", .match = "DeleteItem"},
        {.status = 200, .body = "{}", .match = "GetItem"}};
    struct kh_coord_op op = heartbeat;

    op.verb = KH_COORD_DELETE;
    serve(script, 2);
    run(&op, 2);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
}
END_TEST

START_TEST(a_conflict_whose_item_cannot_be_had_is_unknown)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = CONDITION "}", .match = "UpdateItem"},
        {.status = 400, .body = ERROR("AccessDeniedException"), .match = "GetItem"}};

    serve(script, 2);
    run(&heartbeat, 2);
    ck_assert_int_eq(answer.outcome, KH_LEASE_UNKNOWN);
    ck_assert_int_eq(answer.rc, KH_DENIED);
}
END_TEST

static const struct kh_coord_op get = {.id = 6, .verb = KH_COORD_GET};

START_TEST(reads_are_tried_again_and_never_unknown)
{
    static const struct http_reply script[] = {
        {.type = REPLY_RESET}, {.status = 500, .body = "{}"}, {.status = 200, .body = "not JSON"}};

    serve(script, 3);
    run(&get, 3);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_RETRY);
}
END_TEST

START_TEST(the_old_table_is_asked_by_its_own_name_and_key)
{
    static const struct http_reply script[] = {
        {.status = 200,
         .body = "{}",
         .match = "{\"TableName\":\"app-CoordinatorState\",\"Key\":{\"key\":{\"S\":\"Leader\"}}"}};
    struct kh_coord_op op = get;

    op.place = KH_COORD_LEGACY_TABLE;
    serve(script, 1);
    run(&op, 1);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert(!answer.found);
}
END_TEST

/* LAYOUT. */

static const struct kh_coord_op layout = {.id = 7, .verb = KH_COORD_LAYOUT};

START_TEST(a_layout_is_three_looks)
{
    static const struct http_reply script[] = {
        {.status = 200, .body = TABLE(INDEX("CREATING")), .match = "\"TableName\":\"app\""},
        {.status = 200, .body = TABLE(""), .match = "\"app-CoordinatorState\""},
        {.status = 400,
         .body = ERROR("ResourceNotFoundException"),
         .match = "\"app-WorkerMetricStats\""}};

    serve(script, 3);
    run(&layout, 3);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert(answer.layout.legacy_state);
    ck_assert(!answer.layout.legacy_stats);
    ck_assert(answer.layout.has_index);
    ck_assert(!answer.layout.index_active);
}
END_TEST

START_TEST(tables_without_a_name_are_not_looked_at)
{
    static const struct http_reply script[] = {{.status = 200, .body = TABLE(INDEX("ACTIVE"))}};

    config.state_table = "";
    config.stats_table = NULL;
    serve(script, 1);
    run(&layout, 1);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert(!answer.layout.legacy_state);
    ck_assert(answer.layout.index_active);
}
END_TEST

START_TEST(a_layout_that_cannot_be_seen_whole_has_failed)
{
    static const struct http_reply script[] = {
        {.status = 200, .body = TABLE("")},
        {.status = 400, .body = ERROR("AccessDeniedException")}};

    serve(script, 2);
    run(&layout, 2);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_DENIED);
}
END_TEST

START_TEST(a_lease_table_that_is_gone_has_no_layout)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = ERROR("ResourceNotFoundException")}};

    serve(script, 1);
    run(&layout, 1);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_NOTFOUND);
}
END_TEST

/* Lists. */

static const struct kh_coord_op list_stats = {
    .id = 8, .verb = KH_COORD_LIST_STATS, .kind = KH_COORD_STATS};

START_TEST(pages_are_put_together_and_broken_items_counted)
{
    static const struct http_reply script[] = {
        {.status = 200,
         .body = "{\"Items\":[" STATS("a") "],\"LastEvaluatedKey\":{\"leaseKey\":{\"S\":\"a\"}}}"},
        {.status = 200,
         .body = "{\"Items\":[],\"LastEvaluatedKey\":{\"leaseKey\":{\"S\":\"b\"}}}",
         .match = "\"ExclusiveStartKey\":{\"leaseKey\":{\"S\":\"a\"}}"},
        {.status = 200,
         .body = "{\"Items\":[{\"leaseKey\":{\"S\":\"c\"}}," STATS("d") "]}",
         .match = "\"ExclusiveStartKey\":{\"leaseKey\":{\"S\":\"b\"}}"}};

    kh_log_set_level(KH_LOG_ERROR);
    serve(script, 3);
    run(&list_stats, 3);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(answer.stats_n, 2);
    ck_assert_uint_eq(answer.malformed_n, 1);
    ck_assert_str_eq(first_stats.worker_id, "a");
}
END_TEST

START_TEST(a_page_that_is_none_does_not_pass_for_the_last_one)
{
    static const char *const bodies[] = {
        "{}", "{\"Items\":{}}", "{\"Items\":[],\"LastEvaluatedKey\":{}}",
        "{\"Items\":[],\"LastEvaluatedKey\":{\"leaseKey\":{\"N\":\"1\"}}}"};
    struct http_reply script[] = {{.status = 200, .body = bodies[_i]}};

    serve(script, 1);
    run(&list_stats, 1);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_RETRY);
    ck_assert_uint_eq(answer.stats_n, 0);
}
END_TEST

static const struct kh_coord_op owned = {.id = 9, .verb = KH_COORD_OWNED, .key = "me"};

START_TEST(owned_leases_are_found_page_by_page)
{
    static const struct http_reply script[] = {
        {.status = 200,
         .body = "{\"Items\":[{\"leaseOwner\":{\"S\":\"me\"},\"leaseKey\":{\"S\":\"s-1\"}}],"
                 "\"LastEvaluatedKey\":{\"leaseOwner\":{\"S\":\"me\"},\"leaseKey\":{\"S\":\"s-1\"}"
                 "}}"},
        {.status = 200,
         .body = "{\"Items\":[{\"leaseOwner\":{\"S\":\"me\"},\"leaseKey\":{\"S\":\"s-2\"}},"
                 "{\"leaseOwner\":{\"S\":\"me\"}}]}",
         .match = "\"ExclusiveStartKey\":{\"leaseOwner\":{\"S\":\"me\"},"
                  "\"leaseKey\":{\"S\":\"s-1\"}}"}};

    serve(script, 2);
    run(&owned, 2);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(answer.keys_n, 2);
    ck_assert_uint_eq(answer.malformed_n, 1);
    ck_assert_str_eq(first_key.key, "s-1");
}
END_TEST

static const struct {
    const char *body;
    enum kh_rc rc;
} index_rows[] = {
    {ERROR_TEXT("ValidationException",
                "The table does not have the specified index: LeaseOwnerToLeaseKeyIndex"),
     KH_NOTFOUND},
    {ERROR_TEXT("ValidationException", "Cannot read from backfilling global secondary index: x"),
     KH_RETRY},
    {ERROR_TEXT("ValidationException", "Something else"), KH_INVALID},
    {ERROR("ResourceNotFoundException"), KH_NOTFOUND},
    {ERROR("AccessDeniedException"), KH_DENIED},
};
enum { INDEX_ROWS_N = sizeof(index_rows) / sizeof(index_rows[0]) };

START_TEST(an_index_that_cannot_be_asked_is_told)
{
    const struct http_reply reply = {.status = 400, .body = index_rows[_i].body};

    serve(&reply, 1);
    run(&owned, 1);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, index_rows[_i].rc);
}
END_TEST

/* MAKE_INDEX. */

static const struct kh_coord_op make_index = {.id = 10, .verb = KH_COORD_MAKE_INDEX};

START_TEST(an_index_is_asked_for_once)
{
    static const struct http_reply script[] = {
        {.status = 200,
         .body = TABLE(",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":7,"
                       "\"WriteCapacityUnits\":3}")},
        {.status = 200,
         .body = "{}",
         .match = "\"ProvisionedThroughput\":{\"ReadCapacityUnits\":7,\"WriteCapacityUnits\":3}"}};

    serve(script, 2);
    run(&make_index, 2);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
}
END_TEST

START_TEST(an_index_that_is_there_is_not_asked_for)
{
    static const struct http_reply script[] = {{.status = 200, .body = TABLE(INDEX("CREATING"))}};

    serve(script, 1);
    run(&make_index, 1);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert(answer.layout.has_index);
    ck_assert(!answer.layout.index_active);
}
END_TEST

static const struct {
    struct http_reply reply;
    enum kh_lease_outcome outcome;
    enum kh_rc rc;
} make_rows[] = {
    {{.status = 400, .body = ERROR("ResourceInUseException")}, KH_LEASE_FAILED, KH_RETRY},
    {{.status = 400, .body = ERROR("LimitExceededException")}, KH_LEASE_FAILED, KH_RETRY},
    {{.status = 400, .body = ERROR("AccessDeniedException")}, KH_LEASE_FAILED, KH_DENIED},
    {{.type = REPLY_RESET}, KH_LEASE_UNKNOWN, KH_RETRY},
};
enum { MAKE_ROWS_N = sizeof(make_rows) / sizeof(make_rows[0]) };

START_TEST(an_index_that_is_refused_is_told)
{
    const struct http_reply script[] = {{.status = 200, .body = TABLE("")}, make_rows[_i].reply};

    serve(script, 2);
    run(&make_index, 2);
    ck_assert_int_eq(answer.outcome, make_rows[_i].outcome);
    ck_assert_int_eq(answer.rc, make_rows[_i].rc);
}
END_TEST

START_TEST(closing_ends_requests_that_nobody_answers)
{
    static const struct http_reply script[] = {
        {.type = REPLY_HANG}, {.type = REPLY_HANG}, {.type = REPLY_HANG}, {.type = REPLY_HANG}};

    serve(script, 4);
    kh_store_submit_coord(store, &heartbeat);
    kh_store_submit_coord(store, &layout);
    kh_store_submit_coord(store, &list_stats);
    kh_store_submit_coord(store, &make_index);
    kh_store_close(store);
    store = NULL;
    ck_assert_uint_eq(answers_n, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("dynamodb_coord");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_write_is_sent_once_and_judged_by_its_answer, 0, WRITE_ROWS_N);
    tcase_add_test(tcase, a_write_that_is_not_answered_in_time_is_unknown);
    tcase_add_test(tcase, a_server_that_does_not_show_the_item_is_asked_for_it);
    tcase_add_test(tcase, a_lock_that_is_gone_conflicts_and_is_not_found);
    tcase_add_test(tcase, what_is_gone_already_is_deleted);
    tcase_add_test(tcase, a_conflict_whose_item_cannot_be_had_is_unknown);
    tcase_add_test(tcase, reads_are_tried_again_and_never_unknown);
    tcase_add_test(tcase, the_old_table_is_asked_by_its_own_name_and_key);
    tcase_add_test(tcase, a_layout_is_three_looks);
    tcase_add_test(tcase, tables_without_a_name_are_not_looked_at);
    tcase_add_test(tcase, a_layout_that_cannot_be_seen_whole_has_failed);
    tcase_add_test(tcase, a_lease_table_that_is_gone_has_no_layout);
    tcase_add_test(tcase, pages_are_put_together_and_broken_items_counted);
    tcase_add_loop_test(tcase, a_page_that_is_none_does_not_pass_for_the_last_one, 0, 4);
    tcase_add_test(tcase, owned_leases_are_found_page_by_page);
    tcase_add_loop_test(tcase, an_index_that_cannot_be_asked_is_told, 0, INDEX_ROWS_N);
    tcase_add_test(tcase, an_index_is_asked_for_once);
    tcase_add_test(tcase, an_index_that_is_there_is_not_asked_for);
    tcase_add_loop_test(tcase, an_index_that_is_refused_is_told, 0, MAKE_ROWS_N);
    tcase_add_test(tcase, closing_ends_requests_that_nobody_answers);
    return suite_run("dynamodb_coord", tcase);
}
