#include "aws/client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "tests/lib/http_server.h"
#include "tests/lib/loop_run.h"
#include "tests/lib/suite.h"

#define PATIENCE_MS KH_SECONDS(20)

static struct kh_loop *loop;
static struct kh_http *http;
static struct kh_creds *creds;
static struct http_server *server;
static struct kh_aws_client *client;
static kh_ms began_at_ms;

/* What one call came to. */
struct outcome {
    unsigned answers;
    enum kh_rc rc;
    bool unknown;
    int status;
    char code[96];
    char body[128];
    char text[KH_ERR_TEXT_MAX + 1];
    struct kh_aws_call *cancel; /* to be cancelled when this one is answered */
};

static struct outcome outcomes[3];
static unsigned wanted;

static void set_keys(const char *id, const char *secret)
{
    (void)setenv("AWS_ACCESS_KEY_ID", id, 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
}

static void begin(void)
{
    set_keys("AKID", "secret");
    (void)unsetenv("AWS_SESSION_TOKEN");
    memset(outcomes, 0, sizeof(outcomes));
    wanted = 1;
    server = NULL;
    client = NULL;
    ck_assert_int_eq(kh_loop_new(&loop, NULL), KH_OK);
    ck_assert_int_eq(kh_http_new(&http, loop, NULL), KH_OK);
    ck_assert_int_eq(kh_creds_new(&creds, loop, "EnvironmentVariableCredentialsProvider", NULL),
                     KH_OK);
}

static void end(void)
{
    kh_aws_client_free(client);
    kh_creds_free(creds);
    kh_http_free(http);
    http_server_free(server);
    kh_loop_free(loop);
}

static void serve(const struct http_reply *script, size_t n)
{
    struct kh_aws_client_config config = {.service = "kinesis",
                                          .target = "Kinesis_20131202",
                                          .content_type = "application/x-amz-json-1.1",
                                          .region = "us-east-1",
                                          .seed = 1};

    server = http_server_new(loop, script, n);
    config.endpoint = http_server_url(server);
    ck_assert_int_eq(kh_aws_client_new(&client, loop, http, creds, &config, NULL), KH_OK);
}

#define SERVE(script) serve(script, sizeof(script) / sizeof(script[0]))

static void on_done(void *arg, struct kh_aws_answer *answer)
{
    struct outcome *outcome = arg;

    outcome->answers++;
    outcome->rc = answer->rc;
    outcome->unknown = answer->unknown;
    outcome->status = answer->status;
    memcpy(outcome->code, answer->code, sizeof(outcome->code));
    ck_assert(kh_str_copy(outcome->body, sizeof(outcome->body), kh_buf_str(answer->body)));
    memcpy(outcome->text, answer->err.text, sizeof(outcome->text));
    kh_aws_cancel(outcome->cancel);
    if (--wanted == 0) {
        kh_loop_stop(loop);
    }
}

static struct kh_aws_call *start(size_t i, const char *body, unsigned attempts_max)
{
    struct kh_aws_request request = {.operation = "GetRecords", .attempts_max = attempts_max};

    kh_buf_init(&request.body, 1024);
    ck_assert_int_eq(kh_buf_append_str(&request.body, kh_str(body)), KH_OK);
    return kh_aws_call(client, &request, on_done, &outcomes[i]);
}

/* One call from beginning to end; began_at_ms is when it was made. */
static const struct outcome *call(unsigned attempts_max)
{
    wanted = 1;
    began_at_ms = kh_clock_boot_ms();
    outcomes[0].answers = 0;
    (void)start(0, "{}", attempts_max);
    ck_assert_uint_eq(outcomes[0].answers, 0); /* never from inside kh_aws_call */
    loop_run(loop, PATIENCE_MS);
    return &outcomes[0];
}

#define OK_REPLY                                 \
    {                                            \
        .status = 200, .body = "{\"fine\":true}" \
    }

START_TEST(a_call_is_signed_and_its_body_comes_back)
{
    static const struct http_reply script[] = {OK_REPLY};
    const struct outcome *outcome;
    const char *request;

    (void)setenv("AWS_SESSION_TOKEN", "TOKEN", 1);
    SERVE(script);
    outcome = call(0);
    ck_assert_int_eq(outcome->rc, KH_OK);
    ck_assert_int_eq(outcome->status, 200);
    ck_assert(!outcome->unknown);
    ck_assert_str_eq(outcome->body, "{\"fine\":true}");
    request = http_server_request(server, 0);
    ck_assert_ptr_nonnull(strstr(request, "\r\nX-Amz-Target: Kinesis_20131202.GetRecords\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "\r\nContent-Type: application/x-amz-json-1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "\r\nX-Amz-Security-Token: TOKEN\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "/us-east-1/kinesis/aws4_request, SignedHeaders="
                                          "content-type;host;x-amz-date;x-amz-security-token;"
                                          "x-amz-target, Signature="));
    ck_assert_ptr_nonnull(strstr(request, "\r\nUser-Agent: kcl-host/"));
    ck_assert_ptr_nonnull(strstr(request, "\r\n\r\n{}"));
}
END_TEST

START_TEST(anonymous_calls_are_not_signed)
{
    static const struct http_reply script[] = {OK_REPLY};

    kh_creds_free(creds);
    ck_assert_int_eq(kh_creds_new(&creds, loop, "AnonymousCredentialsProvider", NULL), KH_OK);
    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_OK);
    ck_assert_ptr_null(strstr(http_server_request(server, 0), "Authorization"));
}
END_TEST

START_TEST(a_server_error_is_tried_again)
{
    static const struct http_reply script[] = {{.status = 500}, {.status = 503}, OK_REPLY};

    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_OK);
    ck_assert(!outcomes[0].unknown); /* it is known to have been carried out */
    ck_assert_uint_eq(http_server_requests(server), 3);
}
END_TEST

START_TEST(four_attempts_are_made_and_then_the_last_answer_counts)
{
    static const struct http_reply script[] = {
        {.status = 500}, {.status = 500}, {.status = 500}, {.status = 502, .body = "<p>\nno"}};

    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_RETRY);
    ck_assert(outcomes[0].unknown);
    ck_assert_int_eq(outcomes[0].status, 502);
    ck_assert_str_eq(outcomes[0].text, "GetRecords: HTTP status 502: <p> no");
    ck_assert_uint_eq(http_server_requests(server), 4);
}
END_TEST

START_TEST(a_single_attempt_is_never_repeated)
{
    static const struct http_reply script[] = {
        {.status = 500},
        {.type = REPLY_RESET},
        {.status = 400, .body = "{\"__type\":\"SlowDown\"}"}};

    SERVE(script);
    ck_assert_int_eq(call(1)->rc, KH_RETRY);
    ck_assert(outcomes[0].unknown);
    ck_assert_int_eq(call(1)->rc, KH_RETRY);
    ck_assert(outcomes[0].unknown);
    ck_assert_int_eq(call(1)->rc, KH_THROTTLED);
    ck_assert(!outcomes[0].unknown);
    ck_assert_uint_eq(http_server_requests(server), 3);
}
END_TEST

START_TEST(a_throttled_call_waits_before_it_tries_again)
{
    static const struct http_reply script[] = {
        {.status = 400,
         .body = "{\"__type\":\"com.amazonaws.kinesis#ProvisionedThroughputExceededException\"}"},
        OK_REPLY};

    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_OK);
    /* Half of 500 ms at least, and the rest by chance. */
    ck_assert_int_ge(kh_clock_boot_ms() - began_at_ms, 250);
}
END_TEST

START_TEST(an_error_is_told_with_code_message_and_request)
{
    static const struct http_reply script[] = {
        {.status = 400,
         .headers = "x-amzn-RequestId: 1234\r\n",
         .body = "{\"__type\":\"ProvisionedThroughputExceededException\","
                 "\"message\":\"Rate exceeded\"}"}};

    SERVE(script);
    ck_assert_int_eq(call(1)->rc, KH_THROTTLED);
    ck_assert_str_eq(outcomes[0].code, "ProvisionedThroughputExceededException");
    ck_assert_str_eq(
        outcomes[0].text,
        "GetRecords: ProvisionedThroughputExceededException: Rate exceeded (request 1234)");
}
END_TEST

START_TEST(errors_have_their_classes)
{
    static const struct http_reply nothing[] = {OK_REPLY};
    static const struct {
        struct http_reply reply;
        enum kh_rc rc;
        bool unknown;
    } cases[] = {
        {{.status = 400, .body = "{\"__type\":\"ResourceNotFoundException\"}"}, KH_NOTFOUND, false},
        {{.status = 400, .headers = "x-amzn-ErrorType: ResourceInUseException:http://x/\r\n"},
         KH_CONFLICT,
         false},
        {{.status = 400, .body = "{\"__type\":\"a#ConditionalCheckFailedException\"}"},
         KH_CONFLICT,
         false},
        {{.status = 400, .body = "{\"__type\":\"AccessDeniedException\"}"}, KH_DENIED, false},
        {{.status = 400, .body = "{\"__type\":\"LimitExceededException\"}"}, KH_THROTTLED, false},
        {{.status = 400, .body = "{\"__type\":\"ExpiredIteratorException\"}"}, KH_INVALID, false},
        {{.status = 400, .body = "not json"}, KH_INVALID, false},
        {{.status = 403, .body = "<Error/>"}, KH_DENIED, false},
        {{.status = 429}, KH_THROTTLED, false},
        {{.status = 301}, KH_INVALID, false},
        {{.status = 503}, KH_RETRY, true},
        {{.type = REPLY_CUT, .status = 200}, KH_RETRY, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        serve(&cases[i].reply, 1);
        ck_assert_msg(call(1)->rc == cases[i].rc, "case %zu: %s", i, outcomes[0].text);
        ck_assert_int_eq(outcomes[0].unknown, cases[i].unknown);
        kh_aws_client_free(client);
        client = NULL;
        http_server_free(server);
        server = NULL;
    }
    SERVE(nothing);
}
END_TEST

START_TEST(a_reset_stays_unknown_when_a_later_attempt_fails_definitely)
{
    static const struct http_reply script[] = {
        {.type = REPLY_RESET},
        {.status = 400, .body = "{\"__type\":\"ConditionalCheckFailedException\"}"}};

    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_CONFLICT);
    ck_assert(outcomes[0].unknown);
}
END_TEST

START_TEST(a_time_out_over_all_attempts_is_unknown)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}};
    struct kh_aws_request request = {.operation = "GetRecords", .total_ms_max = 150};

    SERVE(script);
    kh_buf_init(&request.body, 16);
    (void)kh_aws_call(client, &request, on_done, &outcomes[0]);
    loop_run(loop, KH_SECONDS(5));
    ck_assert_int_eq(outcomes[0].rc, KH_RETRY);
    ck_assert(outcomes[0].unknown);
    ck_assert_int_eq(outcomes[0].status, 0);
}
END_TEST

START_TEST(a_refused_connection_is_known_to_have_done_nothing)
{
    static const struct http_reply script[] = {OK_REPLY};

    SERVE(script);
    http_server_free(server);
    server = http_server_new(loop, script, 1); /* on another port */
    ck_assert_int_eq(call(1)->rc, KH_RETRY);
    ck_assert(!outcomes[0].unknown);
    ck_assert_ptr_nonnull(strstr(outcomes[0].text, "GetRecords: http://127.0.0.1:"));
}
END_TEST

START_TEST(without_credentials_nothing_is_sent)
{
    static const struct http_reply script[] = {OK_REPLY};

    (void)unsetenv("AWS_ACCESS_KEY_ID");
    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_DENIED);
    ck_assert_ptr_nonnull(strstr(outcomes[0].text, "GetRecords: no AWS credentials"));
    ck_assert(!outcomes[0].unknown);
    ck_assert_uint_eq(http_server_requests(server), 0);
}
END_TEST

START_TEST(refused_keys_are_exchanged_once)
{
    static const struct http_reply script[] = {
        OK_REPLY, {.status = 400, .body = "{\"__type\":\"ExpiredTokenException\"}"}, OK_REPLY};

    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_OK);
    set_keys("NEWKEY", "another");
    ck_assert_int_eq(call(0)->rc, KH_OK);
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 1), "Credential=AKID/"));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 2), "Credential=NEWKEY/"));
}
END_TEST

START_TEST(refused_keys_without_others_are_the_answer)
{
    static const struct http_reply script[] = {
        {.status = 400, .body = "{\"__type\":\"UnrecognizedClientException\",\"Message\":\"no\"}"},
        OK_REPLY};

    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_DENIED);
    ck_assert_str_eq(outcomes[0].text, "GetRecords: UnrecognizedClientException: no");
    ck_assert_uint_eq(http_server_requests(server), 1);
}
END_TEST

/* The value of X-Amz-Date of request i, in seconds since 1970. */
static time_t signed_at(size_t i)
{
    const char *header = strstr(http_server_request(server, i), "X-Amz-Date: ");
    struct tm utc = {0};

    ck_assert_ptr_nonnull(header);
    ck_assert_ptr_nonnull(strptime(header, "X-Amz-Date: %Y%m%dT%H%M%SZ", &utc));
    return timegm(&utc);
}

/* What a server says whose clock is an hour ahead, and its time. */
static time_t hour_ahead(char date[64])
{
    time_t ahead = time(NULL) + 3600;
    struct tm utc;

    ck_assert_ptr_nonnull(gmtime_r(&ahead, &utc));
    ck_assert_uint_gt(strftime(date, 64, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc), 0);
    return ahead;
}

START_TEST(a_wrong_clock_is_noticed_and_corrected_for_good)
{
    static char date[64];
    static const struct http_reply script[] = {
        {.status = 403, .headers = date, .body = "{\"__type\":\"InvalidSignatureException\"}"},
        OK_REPLY,
        OK_REPLY};
    time_t ahead = hour_ahead(date);

    SERVE(script);
    ck_assert_int_eq(call(0)->rc, KH_OK);
    ck_assert_int_eq(call(0)->rc, KH_OK);
    ck_assert_int_lt(signed_at(0), ahead - 3000);
    ck_assert_int_ge(signed_at(1), ahead - 1);
    ck_assert_int_ge(signed_at(2), ahead - 1);
    ck_assert_int_lt(signed_at(2), ahead + 60);
}
END_TEST

START_TEST(calls_that_were_under_way_with_the_wrong_clock_are_all_made_again)
{
    static char date[64];
    static const struct http_reply script[] = {
        {.status = 403, .headers = date, .body = "{\"__type\":\"InvalidSignatureException\"}"},
        {.status = 403,
         .headers = date,
         .body = "{\"__type\":\"InvalidSignatureException\"}",
         .delay_ms = 300},
        OK_REPLY,
        OK_REPLY};

    (void)hour_ahead(date);
    SERVE(script);
    wanted = 2;
    (void)start(0, "{}", 0);
    (void)start(1, "{}", 0);
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(outcomes[0].rc, KH_OK);
    ck_assert_int_eq(outcomes[1].rc, KH_OK);
}
END_TEST

START_TEST(one_call_may_cancel_another_inside_its_callback)
{
    static const struct http_reply script[] = {
        {.type = REPLY_HANG, .match = "hang"}, {.status = 500, .match = "wait"}, OK_REPLY};

    SERVE(script);
    outcomes[2].cancel = start(0, "hang", 0);
    (void)start(2, "fine", 0);
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(outcomes[0].answers, 0);
    ck_assert_uint_eq(outcomes[2].answers, 1);

    (void)start(1, "wait", 0); /* is given up with the client, whatever it is doing then */
}
END_TEST

START_TEST(slow_calls_do_not_hold_up_others)
{
    static const struct http_reply script[] = {{.status = 200, .match = "slow", .delay_ms = 400},
                                               {.status = 200, .match = "slow", .delay_ms = 400},
                                               OK_REPLY};

    SERVE(script);
    wanted = 1;
    (void)start(0, "slow", 0);
    (void)start(1, "slow", 0);
    (void)start(2, "fast", 0);
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(outcomes[2].answers, 1);
    ck_assert_uint_eq(outcomes[0].answers + outcomes[1].answers, 0);
}
END_TEST

START_TEST(an_endpoint_or_region_that_cannot_be_one_is_refused)
{
    struct kh_aws_client_config config = {.service = "kinesis",
                                          .target = "Kinesis_20131202",
                                          .content_type = "application/x-amz-json-1.1",
                                          .region = "us-east-1",
                                          .endpoint = "kinesis"};
    static const struct http_reply script[] = {OK_REPLY};
    struct kh_aws_client *none = NULL;
    struct kh_err err;

    SERVE(script);
    ck_assert_int_eq(kh_aws_client_new(&none, loop, http, creds, &config, &err), KH_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "endpoint of kinesis"));
    config.endpoint = "http://a";
    config.region = "US";
    ck_assert_int_eq(kh_aws_client_new(&none, loop, http, creds, &config, &err), KH_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "region of kinesis"));
    ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("client");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_call_is_signed_and_its_body_comes_back);
    tcase_add_test(tcase, anonymous_calls_are_not_signed);
    tcase_add_test(tcase, a_server_error_is_tried_again);
    tcase_add_test(tcase, four_attempts_are_made_and_then_the_last_answer_counts);
    tcase_add_test(tcase, a_single_attempt_is_never_repeated);
    tcase_add_test(tcase, a_throttled_call_waits_before_it_tries_again);
    tcase_add_test(tcase, an_error_is_told_with_code_message_and_request);
    tcase_add_test(tcase, errors_have_their_classes);
    tcase_add_test(tcase, a_reset_stays_unknown_when_a_later_attempt_fails_definitely);
    tcase_add_test(tcase, a_time_out_over_all_attempts_is_unknown);
    tcase_add_test(tcase, a_refused_connection_is_known_to_have_done_nothing);
    tcase_add_test(tcase, without_credentials_nothing_is_sent);
    tcase_add_test(tcase, refused_keys_are_exchanged_once);
    tcase_add_test(tcase, refused_keys_without_others_are_the_answer);
    tcase_add_test(tcase, a_wrong_clock_is_noticed_and_corrected_for_good);
    tcase_add_test(tcase, calls_that_were_under_way_with_the_wrong_clock_are_all_made_again);
    tcase_add_test(tcase, one_call_may_cancel_another_inside_its_callback);
    tcase_add_test(tcase, slow_calls_do_not_hold_up_others);
    tcase_add_test(tcase, an_endpoint_or_region_that_cannot_be_one_is_refused);
    return suite_run("client", tcase);
}
