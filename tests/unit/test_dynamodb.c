/* store/dynamodb against a server that answers as a script says: what becomes of each answer, and
 * how many requests it took. That real servers answer so is shown by tests/store/conformance. */
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

#define ITEM                                                      \
    "{\"leaseKey\":{\"S\":\"s\"},\"leaseCounter\":{\"N\":\"9\"}," \
    "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},\"checkpoint\":{\"S\":\"LATEST\"}}"
#define CONDITION                                                                       \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\"," \
    "\"message\":\"The conditional request failed\""
#define TABLE(status)                                                                       \
    "{\"Table\":{\"TableName\":\"app\",\"TableStatus\":\"" status                           \
    "\",\"KeySchema\":[{\"AttributeName\":\"leaseKey\",\"KeyType\":\"HASH\"}],"             \
    "\"AttributeDefinitions\":[{\"AttributeName\":\"leaseOwner\",\"AttributeType\":\"S\"}," \
    "{\"AttributeName\":\"leaseKey\",\"AttributeType\":\"S\"}]}}"
#define ERROR(code) "{\"__type\":\"" code "\",\"message\":\"no\"}"

static struct kh_loop *loop;
static struct kh_http *http;
static struct kh_creds *creds;
static struct kh_aws_client *client;
static struct http_server *server;
static struct kh_store *store;
static struct kh_store_config config;
static struct kh_lease_answer answer;
static unsigned answers_n;
static struct kh_err ensure_err;

static void on_answer(void *arg, const struct kh_lease_answer *got)
{
    (void)arg;
    answer = *got;
    answers_n++;
    kh_loop_stop(loop);
}

static void on_ensured(void *arg, const struct kh_err *err)
{
    (void)arg;
    ensure_err = *err;
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
                                      .answered = on_answer,
                                      .write_ms_max = KH_SECONDS(5),
                                      .create_if_missing = true};
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

static void open_at(const char *url)
{
    const struct kh_aws_client_config client_config = {.service = "dynamodb",
                                                       .target = "DynamoDB_20120810",
                                                       .content_type = "application/x-amz-json-1.0",
                                                       .region = "us-east-1",
                                                       .endpoint = url,
                                                       .seed = 1};
    struct kh_err err;

    ck_assert_int_eq(kh_aws_client_new(&client, loop, http, creds, &client_config, &err), KH_OK);
    config.dynamodb = client;
    config.loop = loop;
    ck_assert_int_eq(kh_store_open(&store, &config, &err), KH_OK);
}

static void serve(const struct http_reply *script, size_t n)
{
    server = http_server_new(loop, script, n);
    open_at(http_server_url(server));
}

static void run(const struct kh_lease_op *op)
{
    kh_store_submit(store, op);
    loop_run(loop, KH_SECONDS(30));
    ck_assert_uint_eq(answers_n, 1);
    ck_assert_uint_eq(answer.id, op->id);
    ck_assert_int_eq(answer.verb, op->verb);
}

static const struct kh_lease_op renewal = {.id = 5,
                                           .verb = KH_LEASE_UPDATE,
                                           .key = "s",
                                           .expect_is = KH_LEASE_COUNTER,
                                           .expect_counter = 8,
                                           .set = KH_LEASE_COUNTER,
                                           .lease = {.counter = 9}};

/* One answer to one renewal. */
static const struct write_row {
    struct http_reply reply;
    enum kh_lease_outcome outcome;
    enum kh_rc rc;
} write_rows[] = {
    {{.status = 200, .body = "{\"Attributes\":" ITEM "}"}, KH_LEASE_DONE, KH_OK},
    {{.status = 400, .body = CONDITION ",\"Item\":" ITEM "}"}, KH_LEASE_CONFLICT, KH_OK},
    /* Not applied, and it will not be. */
    {{.status = 400, .body = ERROR("ProvisionedThroughputExceededException")},
     KH_LEASE_FAILED,
     KH_THROTTLED},
    {{.status = 400, .body = ERROR("ThrottlingException")}, KH_LEASE_FAILED, KH_THROTTLED},
    {{.status = 400, .body = ERROR("AccessDeniedException")}, KH_LEASE_FAILED, KH_DENIED},
    {{.status = 400, .body = ERROR("ResourceNotFoundException")}, KH_LEASE_FAILED, KH_NOTFOUND},
    {{.status = 400, .body = ERROR("ValidationException")}, KH_LEASE_FAILED, KH_INVALID},
    {{.status = 400, .body = ERROR("ResourceInUseException")}, KH_LEASE_FAILED, KH_RETRY},
    /* Perhaps applied. */
    {{.status = 500, .body = ERROR("InternalServerError")}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.status = 503, .body = "<html>"}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.type = REPLY_RESET}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.type = REPLY_CLOSE}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.type = REPLY_CUT, .status = 200, .body = "{"}, KH_LEASE_UNKNOWN, KH_RETRY},
    /* Certainly applied, but not to be read. */
    {{.status = 200, .body = "not JSON"}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.status = 200, .body = "{}"}, KH_LEASE_UNKNOWN, KH_RETRY},
    {{.status = 200, .body = "{\"Attributes\":{\"leaseKey\":{\"S\":\"s\"}}}"},
     KH_LEASE_UNKNOWN,
     KH_INVALID},
    /* The row in the way is of no use to the core. */
    {{.status = 400, .body = CONDITION ",\"Item\":{\"leaseKey\":{\"S\":\"s\"}}}"},
     KH_LEASE_FAILED,
     KH_INVALID},
    {{.status = 400,
      .body =
          CONDITION ",\"Item\":{\"leaseKey\":{\"S\":\"s\"},\"entityType\":{\"S\":\"LEADER\"}}}"},
     KH_LEASE_FAILED,
     KH_INVALID},
};
enum { WRITE_ROWS_N = sizeof(write_rows) / sizeof(write_rows[0]) };

START_TEST(a_write_is_sent_once_and_judged_by_its_answer)
{
    const struct write_row *row = &write_rows[_i];

    serve(&row->reply, 1);
    run(&renewal);
    ck_assert_int_eq(answer.outcome, row->outcome);
    ck_assert_int_eq(answer.rc, row->rc);
    ck_assert_uint_eq(http_server_requests(server), 1);
    if (row->rc == KH_OK) {
        ck_assert_uint_eq(answer.lease.counter, 9);
        ck_assert(answer.found == (row->outcome == KH_LEASE_CONFLICT));
    }
}
END_TEST

START_TEST(a_write_that_never_left_has_failed)
{
    char url[64];

    server = http_server_new(loop, NULL, 0);
    (void)snprintf(url, sizeof(url), "%s", http_server_url(server));
    http_server_free(server); /* nobody listens there now */
    server = NULL;
    open_at(url);
    run(&renewal);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_RETRY);
}
END_TEST

START_TEST(a_server_that_does_not_show_the_row_is_asked_for_it)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = CONDITION "}", .match = "UpdateItem"},
        {.status = 200, .body = "{\"Item\":" ITEM "}", .match = "\"ConsistentRead\":true"}};

    serve(script, 2);
    run(&renewal);
    ck_assert_int_eq(answer.outcome, KH_LEASE_CONFLICT);
    ck_assert(answer.found);
    ck_assert_uint_eq(answer.lease.counter, 9);
    ck_assert_uint_eq(http_server_requests(server), 2);
}
END_TEST

START_TEST(a_row_that_is_gone_conflicts_and_is_not_found)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = CONDITION "}", .match = "UpdateItem"},
        {.status = 200, .body = "{}", .match = "GetItem"}};

    serve(script, 2);
    run(&renewal);
    ck_assert_int_eq(answer.outcome, KH_LEASE_CONFLICT);
    ck_assert(!answer.found);
}
END_TEST

/* The core decides by the row. Without it, it must ask again, which only UNKNOWN makes it do. */
START_TEST(a_conflict_whose_row_cannot_be_had_is_unknown)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = CONDITION "}", .match = "UpdateItem"},
        {.status = 400, .body = ERROR("AccessDeniedException"), .match = "GetItem"}};

    serve(script, 2);
    run(&renewal);
    ck_assert_int_eq(answer.outcome, KH_LEASE_UNKNOWN);
    ck_assert_int_eq(answer.rc, KH_DENIED);
}
END_TEST

START_TEST(reads_are_tried_again)
{
    static const struct http_reply script[] = {{.type = REPLY_RESET},
                                               {.status = 500, .body = "{}"},
                                               {.status = 200, .body = "{\"Item\":" ITEM "}"}};
    const struct kh_lease_op op = {.id = 6, .verb = KH_LEASE_GET, .key = "s"};

    serve(script, 3);
    run(&op);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert(answer.found);
    ck_assert_uint_eq(http_server_requests(server), 3);
}
END_TEST

START_TEST(a_read_is_never_unknown)
{
    static const struct http_reply script[] = {{.status = 200, .body = "not JSON"}};
    const struct kh_lease_op op = {.id = 6, .verb = KH_LEASE_GET, .key = "s"};

    serve(script, 1);
    run(&op);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_RETRY);
}
END_TEST

static const struct kh_lease_op list_op = {.id = 7, .verb = KH_LEASE_LIST};

START_TEST(pages_are_put_together)
{
    static const struct http_reply script[] = {
        {.status = 200,
         .body = "{\"Items\":[" ITEM "],\"LastEvaluatedKey\":{\"leaseKey\":{\"S\":\"s\"}}}"},
        {.status = 200,
         .body = "{\"Items\":[],\"LastEvaluatedKey\":{\"leaseKey\":{\"S\":\"t\"}}}",
         .match = "\"ExclusiveStartKey\":{\"leaseKey\":{\"S\":\"s\"}}"},
        {.status = 200,
         .body = "{\"Items\":[{\"leaseKey\":{\"S\":\"u\"}}," ITEM "]}",
         .match = "\"ExclusiveStartKey\":{\"leaseKey\":{\"S\":\"t\"}}"}};

    serve(script, 3);
    run(&list_op);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(answer.leases_n, 2);
    ck_assert_uint_eq(answer.malformed_n, 1);
    ck_assert_uint_eq(http_server_requests(server), 3);
}
END_TEST

START_TEST(a_list_that_breaks_off_has_failed)
{
    static const struct http_reply script[] = {
        {.status = 200,
         .body = "{\"Items\":[" ITEM "],\"LastEvaluatedKey\":{\"leaseKey\":{\"S\":\"s\"}}}"},
        {.status = 400, .body = ERROR("ResourceNotFoundException")}};

    serve(script, 2);
    run(&list_op);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_NOTFOUND);
    ck_assert_uint_eq(answer.leases_n, 0);
}
END_TEST

START_TEST(a_page_that_is_none_does_not_pass_for_the_last_one)
{
    static const char *const bodies[] = {"{}", "{\"Items\":{}}",
                                         "{\"Items\":[" ITEM
                                         "],\"LastEvaluatedKey\":{\"leaseKey\":{\"N\":\"1\"}}}",
                                         "{\"Items\":[" ITEM "],\"LastEvaluatedKey\":[]}"};
    struct http_reply script[] = {{.status = 200, .body = bodies[_i]}};

    serve(script, 1);
    run(&list_op);
    ck_assert_int_eq(answer.outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer.rc, KH_RETRY);
    ck_assert_uint_eq(answer.leases_n, 0);
}
END_TEST

START_TEST(closing_ends_requests_that_nobody_answers)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}, {.type = REPLY_HANG}};

    serve(script, 2);
    kh_store_submit(store, &renewal);
    kh_store_submit(store, &list_op);
    kh_store_close(store);
    store = NULL;
    ck_assert_uint_eq(answers_n, 0);
}
END_TEST

static enum kh_rc ensure(void)
{
    kh_store_ensure(store, on_ensured, NULL);
    loop_run(loop, KH_SECONDS(30));
    return ensure_err.rc;
}

START_TEST(a_table_that_is_there_costs_one_look)
{
    static const struct http_reply script[] = {{.status = 200, .body = TABLE("UPDATING")}};

    serve(script, 1);
    ck_assert_msg(ensure() == KH_OK, "%s", ensure_err.text);
    ck_assert_uint_eq(http_server_requests(server), 1);
}
END_TEST

START_TEST(a_missing_table_is_created_and_waited_for)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = ERROR("ResourceNotFoundException")},
        {.status = 200,
         .body = "{}",
         .match = "{\"TableName\":\"app\",\"KeySchema\":[{\"AttributeName\":\"leaseKey\","
                  "\"KeyType\":\"HASH\"}],\"AttributeDefinitions\":[{\"AttributeName\":"
                  "\"leaseKey\",\"AttributeType\":\"S\"}],\"BillingMode\":\"PAY_PER_REQUEST\"}"},
        {.status = 400, .body = ERROR("ResourceNotFoundException")}, /* it may lag behind */
        {.status = 200, .body = TABLE("CREATING")},
        {.status = 200, .body = TABLE("ACTIVE")}};

    serve(script, 5);
    ck_assert_msg(ensure() == KH_OK, "%s", ensure_err.text);
    ck_assert_uint_eq(http_server_requests(server), 5);
}
END_TEST

START_TEST(a_table_that_another_worker_creates_is_waited_for)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = ERROR("ResourceNotFoundException")},
        {.status = 400, .body = ERROR("ResourceInUseException"), .match = "CreateTable"},
        {.status = 200, .body = TABLE("ACTIVE")}};

    serve(script, 3);
    ck_assert_msg(ensure() == KH_OK, "%s", ensure_err.text);
}
END_TEST

START_TEST(protection_and_recovery_are_asked_for_when_wanted)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = ERROR("ResourceNotFoundException")},
        {.status = 200, .body = "{}", .match = "\"DeletionProtectionEnabled\":true"},
        {.status = 200, .body = TABLE("ACTIVE")},
        {.status = 200,
         .body = "{}",
         .match = "{\"TableName\":\"app\",\"PointInTimeRecoverySpecification\":"
                  "{\"PointInTimeRecoveryEnabled\":true}}"}};

    config.deletion_protection = true;
    config.point_in_time_recovery = true;
    serve(script, 4);
    ck_assert_msg(ensure() == KH_OK, "%s", ensure_err.text);
    ck_assert_uint_eq(http_server_requests(server), 4);
}
END_TEST

/* Why a table cannot be used, and that nothing was written then. */
static const struct ensure_row {
    struct http_reply reply;
    enum kh_rc rc;
    const char *text;
} ensure_rows[] = {
    {{.status = 400, .body = ERROR("AccessDeniedException")},
     KH_DENIED,
     "describe lease table app: "},
    {{.status = 200, .body = TABLE("ARCHIVED")}, KH_DENIED, "lease table app is archived"},
    {{.status = 200, .body = "{}"}, KH_RETRY, "lease table app: the answer to DescribeTable"},
    {{.status = 200, .body = "{"}, KH_INVALID, "describe lease table app: "},
    {{.status = 200,
      .body = "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":"
              "\"leaseKey\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"at\",\"KeyType\":"
              "\"RANGE\"}],\"AttributeDefinitions\":[{\"AttributeName\":\"leaseKey\","
              "\"AttributeType\":\"S\"},{\"AttributeName\":\"at\",\"AttributeType\":\"N\"}]}}"},
     KH_INVALID,
     "table app is no lease table: its key is leaseKey of type S with a sort key, not leaseKey of "
     "type S alone"},
};
enum { ENSURE_ROWS_N = sizeof(ensure_rows) / sizeof(ensure_rows[0]) };

START_TEST(a_table_that_cannot_be_used_is_told)
{
    const struct ensure_row *row = &ensure_rows[_i];

    serve(&row->reply, 1);
    ck_assert_int_eq(ensure(), row->rc);
    ck_assert_msg(strncmp(ensure_err.text, row->text, strlen(row->text)) == 0, "%s",
                  ensure_err.text);
    ck_assert_uint_eq(http_server_requests(server), 1);
}
END_TEST

START_TEST(closing_ends_the_waiting_for_a_table)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}};

    serve(script, 1);
    kh_store_ensure(store, on_ensured, NULL);
    kh_store_close(store);
    store = NULL;
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("dynamodb");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_write_is_sent_once_and_judged_by_its_answer, 0, WRITE_ROWS_N);
    tcase_add_test(tcase, a_write_that_never_left_has_failed);
    tcase_add_test(tcase, a_server_that_does_not_show_the_row_is_asked_for_it);
    tcase_add_test(tcase, a_row_that_is_gone_conflicts_and_is_not_found);
    tcase_add_test(tcase, a_conflict_whose_row_cannot_be_had_is_unknown);
    tcase_add_test(tcase, reads_are_tried_again);
    tcase_add_test(tcase, a_read_is_never_unknown);
    tcase_add_test(tcase, pages_are_put_together);
    tcase_add_test(tcase, a_list_that_breaks_off_has_failed);
    tcase_add_loop_test(tcase, a_page_that_is_none_does_not_pass_for_the_last_one, 0, 4);
    tcase_add_test(tcase, closing_ends_requests_that_nobody_answers);
    tcase_add_test(tcase, a_table_that_is_there_costs_one_look);
    tcase_add_test(tcase, a_missing_table_is_created_and_waited_for);
    tcase_add_test(tcase, a_table_that_another_worker_creates_is_waited_for);
    tcase_add_test(tcase, protection_and_recovery_are_asked_for_when_wanted);
    tcase_add_loop_test(tcase, a_table_that_cannot_be_used_is_told, 0, ENSURE_ROWS_N);
    tcase_add_test(tcase, closing_ends_the_waiting_for_a_table);
    return suite_run("dynamodb", tcase);
}
