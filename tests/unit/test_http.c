#include "io/http.h"

#include <check.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/lib/http_server.h"
#include "tests/lib/loop_run.h"
#include "tests/lib/suite.h"

#define PATIENCE_MS KH_SECONDS(20)

static struct kh_loop *loop;
static struct kh_http *http;
static struct http_server *server;

/* What one call came to. */
struct outcome {
    unsigned answers;
    enum kh_rc rc;
    bool sent;
    int status;
    char body[256];
    char request_id[64];
    char error_type[64];
    char date[64];
    char text[KH_ERR_TEXT_MAX + 1];
    struct kh_http_call *cancel; /* to be cancelled when this one is answered */
};

static struct outcome outcomes[4];
static unsigned wanted; /* answers before the loop stops */
static char order[8];

static void begin(void)
{
    ck_assert_int_eq(kh_loop_new(&loop, NULL), KH_OK);
    ck_assert_int_eq(kh_http_new(&http, loop, NULL), KH_OK);
    memset(outcomes, 0, sizeof(outcomes));
    order[0] = '\0';
    wanted = 1;
}

static void end(void)
{
    kh_http_free(http);
    http_server_free(server);
    kh_loop_free(loop);
}

#define SERVE(script) (server = http_server_new(loop, script, sizeof(script) / sizeof(script[0])))

static void on_done(void *arg, struct kh_http_result *result)
{
    struct outcome *outcome = arg;
    size_t n = strlen(order);

    outcome->answers++;
    outcome->rc = result->rc;
    outcome->sent = result->sent;
    outcome->status = result->status;
    ck_assert(kh_str_copy(outcome->body, sizeof(outcome->body), kh_buf_str(result->body)));
    ck_assert(kh_str_copy(outcome->request_id, 64, kh_str(result->request_id)));
    ck_assert(kh_str_copy(outcome->error_type, 64, kh_str(result->error_type)));
    ck_assert(kh_str_copy(outcome->date, 64, kh_str(result->date)));
    memcpy(outcome->text, result->err.text, sizeof(outcome->text));
    order[n] = (char)('0' + (outcome - outcomes));
    order[n + 1] = '\0';
    kh_http_cancel(outcome->cancel);
    if (--wanted == 0) {
        kh_loop_stop(loop);
    }
}

static struct kh_http_request request_of(const char *url, const char *body)
{
    struct kh_http_request request = {.method = "POST",
                                      .url = url,
                                      .headers = {"Content-Type: text/x-test", "X-Own: yes"},
                                      .connect_ms_max = KH_SECONDS(5),
                                      .total_ms_max = KH_SECONDS(10),
                                      .stall_ms_max = KH_NEVER,
                                      .body_bytes_max = 100};

    kh_buf_init(&request.body, 1024);
    ck_assert_int_eq(kh_buf_append_str(&request.body, kh_str(body)), KH_OK);
    return request;
}

static struct kh_http_call *post(size_t i, const char *body)
{
    struct kh_http_request request = request_of(http_server_url(server), body);

    return kh_http_send(http, &request, on_done, &outcomes[i]);
}

START_TEST(a_request_arrives_as_given_and_its_answer_comes_back)
{
    static const struct http_reply script[] = {
        {.status = 418,
         .headers = "x-amzn-RequestId: 1234\r\nX-AMZN-ERRORTYPE:  Kettle \r\n"
                    "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n",
         .body = "short and stout"}};

    SERVE(script);
    (void)post(0, "hello");
    ck_assert_uint_eq(outcomes[0].answers, 0); /* never from inside kh_http_send */
    loop_run(loop, PATIENCE_MS);

    ck_assert_uint_eq(outcomes[0].answers, 1);
    ck_assert_int_eq(outcomes[0].rc, KH_OK);
    ck_assert_int_eq(outcomes[0].status, 418);
    ck_assert_str_eq(outcomes[0].body, "short and stout");
    ck_assert_str_eq(outcomes[0].request_id, "1234");
    ck_assert_str_eq(outcomes[0].error_type, "Kettle");
    ck_assert_str_eq(outcomes[0].date, "Fri, 02 Jan 2026 03:04:05 GMT");
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 0), "POST / HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 0), "X-Own: yes\r\n"));
    ck_assert_ptr_nonnull(strstr(http_server_request(server, 0), "\r\n\r\nhello"));
    ck_assert_ptr_null(strstr(http_server_request(server, 0), "Expect"));
}
END_TEST

START_TEST(a_connection_is_kept_for_the_next_request)
{
    static const struct http_reply script[] = {{.status = 200}, {.status = 200}, {.status = 200}};

    SERVE(script);
    for (size_t i = 0; i < 3; i++) {
        wanted = 1;
        (void)post(i, "x");
        loop_run(loop, PATIENCE_MS);
        ck_assert_int_eq(outcomes[i].status, 200);
    }
    ck_assert_uint_eq(http_server_connections(server), 1);
    ck_assert_uint_eq(http_server_requests(server), 3);
}
END_TEST

START_TEST(two_slow_calls_do_not_hold_up_a_fast_one)
{
    static const struct http_reply script[] = {
        {.status = 200, .match = "slow", .delay_ms = 300},
        {.status = 200, .match = "slow", .delay_ms = 300},
        {.status = 200, .match = "fast"},
    };

    SERVE(script);
    wanted = 3;
    (void)post(0, "slow");
    (void)post(1, "slow");
    (void)post(2, "fast");
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(order[0], '2');
    ck_assert_uint_eq(strlen(order), 3);
}
END_TEST

START_TEST(an_answer_that_does_not_come_ends_in_a_time_out_after_sending)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}};
    struct kh_http_request request;

    SERVE(script);
    request = request_of(http_server_url(server), "x");
    request.total_ms_max = 100;
    (void)kh_http_send(http, &request, on_done, &outcomes[0]);
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(outcomes[0].rc, KH_RETRY);
    ck_assert(outcomes[0].sent);
    ck_assert_ptr_nonnull(strstr(outcomes[0].text, "timed out"));
}
END_TEST

START_TEST(a_stalled_answer_is_given_up)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}};
    struct kh_http_request request;

    SERVE(script);
    request = request_of(http_server_url(server), "x");
    request.stall_ms_max = 1000;
    (void)kh_http_send(http, &request, on_done, &outcomes[0]);
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(outcomes[0].rc, KH_RETRY);
    ck_assert(outcomes[0].sent);
    ck_assert_ptr_nonnull(strstr(outcomes[0].text, "too slow"));
}
END_TEST

START_TEST(a_refused_connection_was_not_sent)
{
    static const struct http_reply script[] = {{.status = 200}};
    char url[64];
    struct kh_http_request request;

    SERVE(script);
    ck_assert(kh_str_copy(url, sizeof(url), kh_str(http_server_url(server))));
    http_server_free(server);
    SERVE(script); /* on another port */
    request = request_of(url, "x");
    (void)kh_http_send(http, &request, on_done, &outcomes[0]);
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(outcomes[0].rc, KH_RETRY);
    ck_assert(!outcomes[0].sent);
    ck_assert_ptr_nonnull(strstr(outcomes[0].text, url));
}
END_TEST

START_TEST(resets_closed_connections_and_cut_answers_were_sent)
{
    static const struct http_reply script[] = {{.type = REPLY_RESET},
                                               {.type = REPLY_CLOSE},
                                               {.type = REPLY_CUT, .status = 200, .body = "x"}};

    SERVE(script);
    for (size_t i = 0; i < 3; i++) {
        wanted = 1;
        (void)post(i, "x");
        loop_run(loop, PATIENCE_MS);
        ck_assert_int_eq(outcomes[i].rc, KH_RETRY);
        ck_assert(outcomes[i].sent);
    }
}
END_TEST

/* libcurl sends a request again by itself when a kept-alive connection ends without an answer. */
START_TEST(a_request_on_a_dying_kept_alive_connection_is_not_sent_twice)
{
    static const struct http_reply script[] = {
        {.status = 200}, {.type = REPLY_CLOSE}, {.status = 200}};

    SERVE(script);
    (void)post(0, "first");
    loop_run(loop, PATIENCE_MS);
    wanted = 1;
    (void)post(1, "second");
    loop_run(loop, PATIENCE_MS);

    ck_assert_int_eq(outcomes[1].rc, KH_RETRY);
    ck_assert(outcomes[1].sent);
    ck_assert_uint_eq(http_server_requests(server), 2);
}
END_TEST

START_TEST(a_longer_answer_than_allowed_is_refused)
{
    static char long_body[102];
    static struct http_reply script[] = {{.status = 200, .body = long_body}};

    memset(long_body, 'x', 101);
    SERVE(script);
    (void)post(0, "x");
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(outcomes[0].rc, KH_TOOBIG);
}
END_TEST

START_TEST(an_impossible_url_is_invalid)
{
    static const struct http_reply script[] = {{.status = 200}};
    struct kh_http_request request = request_of("gopher://127.0.0.1/", "x");

    SERVE(script);
    (void)kh_http_send(http, &request, on_done, &outcomes[0]);
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(outcomes[0].rc, KH_INVALID);
    ck_assert(!outcomes[0].sent);
}
END_TEST

/* Both answers come in the same turn of the loop; the first to be handed over cancels the other. */
START_TEST(a_call_may_be_cancelled_inside_another_ones_callback)
{
    static const struct http_reply script[] = {
        {.status = 200, .delay_ms = 50}, {.status = 200, .delay_ms = 50}, {.status = 200}};

    SERVE(script);
    outcomes[1].cancel = post(0, "x");
    outcomes[0].cancel = post(1, "x");
    loop_run(loop, PATIENCE_MS);
    ck_assert_uint_eq(outcomes[0].answers + outcomes[1].answers, 1);

    wanted = 1; /* and everything goes on as before */
    (void)post(2, "x");
    loop_run(loop, PATIENCE_MS);
    ck_assert_int_eq(outcomes[2].status, 200);
    ck_assert_uint_eq(outcomes[0].answers + outcomes[1].answers, 1);
}
END_TEST

/* Stands in front of libc's, for libcurl too: a name server that says nothing until it is let. An
 * address in digits is not looked up. */
static atomic_bool resolver_let;
static atomic_uint resolver_answers;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    (void)name;
    (void)service;
    (void)hints;
    *found = NULL;
    for (int i = 0; i < 1000 && !atomic_load(&resolver_let); i++) {
        (void)poll(NULL, 0, 10);
    }
    (void)atomic_fetch_add(&resolver_answers, 1);
    return EAI_AGAIN;
}

START_TEST(a_name_that_is_not_resolved_does_not_stop_the_loop)
{
    static const struct http_reply script[] = {{.status = 200}};
    struct kh_http_request request = request_of("http://kinesis.invalid/", "x");
    struct kh_http_request other = request_of("http://dynamodb.invalid/", "x");
    struct kh_http_call *cancelled = kh_http_send(http, &other, on_done, &outcomes[1]);

    SERVE(script); /* nobody gets so far */
    request.connect_ms_max = 300;
    (void)kh_http_send(http, &request, on_done, &outcomes[0]);
    loop_run(loop, PATIENCE_MS);
    kh_http_cancel(cancelled);
    ck_assert_uint_eq(atomic_load(&resolver_answers), 0);
    ck_assert_int_eq(outcomes[0].rc, KH_RETRY);
    ck_assert(!outcomes[0].sent);
    ck_assert_uint_eq(outcomes[1].answers, 0);

    /* What the two threads still have to do disturbs nobody. */
    atomic_store(&resolver_let, true);
    for (int i = 0; i < 1000 && atomic_load(&resolver_answers) < 2; i++) {
        (void)poll(NULL, 0, 10);
    }
    ck_assert_uint_eq(atomic_load(&resolver_answers), 2);
}
END_TEST

START_TEST(freeing_cancels_what_is_under_way)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG, .match = "hangs"},
                                               {.status = 200}};

    SERVE(script);
    (void)post(0, "hangs");
    (void)post(1, "y");
    loop_run(loop, PATIENCE_MS);
    kh_http_free(http);
    ck_assert_int_eq(kh_http_new(&http, loop, NULL), KH_OK);
    ck_assert_uint_eq(outcomes[0].answers, 0);
    ck_assert_uint_eq(outcomes[1].answers, 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("http");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_request_arrives_as_given_and_its_answer_comes_back);
    tcase_add_test(tcase, a_connection_is_kept_for_the_next_request);
    tcase_add_test(tcase, two_slow_calls_do_not_hold_up_a_fast_one);
    tcase_add_test(tcase, an_answer_that_does_not_come_ends_in_a_time_out_after_sending);
    tcase_add_test(tcase, a_stalled_answer_is_given_up);
    tcase_add_test(tcase, a_refused_connection_was_not_sent);
    tcase_add_test(tcase, resets_closed_connections_and_cut_answers_were_sent);
    tcase_add_test(tcase, a_request_on_a_dying_kept_alive_connection_is_not_sent_twice);
    tcase_add_test(tcase, a_longer_answer_than_allowed_is_refused);
    tcase_add_test(tcase, an_impossible_url_is_invalid);
    tcase_add_test(tcase, a_call_may_be_cancelled_inside_another_ones_callback);
    tcase_add_test(tcase, a_name_that_is_not_resolved_does_not_stop_the_loop);
    tcase_add_test(tcase, freeing_cancels_what_is_under_way);
    return suite_run("http", tcase);
}
