#include "wire/stream_mark.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "wire/timestamp.h"

#define ARN   "arn:aws:kinesis:eu-west-1:123456789012:stream/words"
#define OTHER "arn:aws:kinesis:eu-west-1:123456789012:stream/numbers"

static struct kh_buf body;
static struct kh_err err;
static char mark[KH_STREAM_MARK_MAX + 1];

static void setup(void)
{
    kh_buf_init(&body, 4096);
    memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
    kh_buf_fini(&body);
}

static void body_is(const char *want)
{
    ck_assert(kh_buf_append_char(&body, '\0') == KH_OK);
    ck_assert_str_eq(body.p, want);
}

START_TEST(a_mark_is_the_arn_and_the_second_of_creation)
{
    kh_stream_mark_make(mark, ARN, INT64_C(1700000000999));
    ck_assert_str_eq(mark, ARN "@1700000000");
    kh_stream_mark_make(mark, ARN, 0);
    ck_assert_str_eq(mark, ARN);
}
END_TEST

START_TEST(a_stream_made_again_is_another_one)
{
    ck_assert(kh_stream_mark_same(KH_STR(ARN "@1700000000"), KH_STR(ARN "@1700000000")));
    ck_assert(!kh_stream_mark_same(KH_STR(ARN "@1700000000"), KH_STR(ARN "@1700000001")));
    ck_assert(!kh_stream_mark_same(KH_STR(ARN "@1700000000"), KH_STR(OTHER "@1700000000")));
}
END_TEST

START_TEST(without_a_creation_the_arn_decides)
{
    ck_assert(kh_stream_mark_same(KH_STR(ARN), KH_STR(ARN "@1700000001")));
    ck_assert(kh_stream_mark_same(KH_STR(ARN "@1700000001"), KH_STR(ARN)));
    ck_assert(!kh_stream_mark_same(KH_STR(ARN), KH_STR(OTHER)));
    ck_assert(!kh_stream_mark_same(KH_STR(ARN), KH_STR("")));
}
END_TEST

START_TEST(a_refusal_names_both_streams)
{
    ck_assert_int_eq(kh_stream_mark_refuse(&err, KH_STR("shardId-0"), KH_STR(ARN "@1700000000"),
                                           KH_STR(OTHER "@1709210096")),
                     KH_CONFLICT);
    ck_assert_str_eq(err.text, "lease shardId-0 belongs to stream " ARN
                               " created 2023-11-14T22:13:20Z, not to " OTHER
                               " created 2024-02-29T12:34:56Z");
    (void)kh_stream_mark_refuse(&err, KH_STR("s"), KH_STR("what@ever"), KH_STR(ARN));
    ck_assert_str_eq(err.text, "lease s belongs to stream what, not to " ARN);
}
END_TEST

START_TEST(only_text_is_a_mark)
{
    struct kh_json *root = NULL;

    ck_assert_int_eq(kh_json_parse(&root, KH_STR("{\"kclHostStream\":{\"S\":\"m\"}}"), &err),
                     KH_OK);
    ck_assert(kh_str_eq(kh_stream_mark_of(root), KH_STR("m")));
    kh_json_free(root);
    root = NULL;
    ck_assert_int_eq(kh_json_parse(&root, KH_STR("{\"kclHostStream\":{\"N\":\"1\"}}"), &err),
                     KH_OK);
    ck_assert_uint_eq(kh_stream_mark_of(root).n, 0);
    kh_json_free(root);
    ck_assert_uint_eq(kh_stream_mark_of(NULL).n, 0);
}
END_TEST

START_TEST(the_search_asks_for_other_marks_alone)
{
    ck_assert_int_eq(kh_stream_mark_scan(&body, "app", KH_STR("m@1"), KH_STR("")), KH_OK);
    body_is("{\"TableName\":\"app\",\"ProjectionExpression\":\"#key, #mark\","
            "\"FilterExpression\":\"attribute_exists(#mark) AND #mark <> :mark\","
            "\"ExpressionAttributeNames\":{\"#mark\":\"kclHostStream\",\"#key\":\"leaseKey\"},"
            "\"ExpressionAttributeValues\":{\":mark\":{\"S\":\"m@1\"}}}");
    kh_buf_reset(&body);
    ck_assert_int_eq(kh_stream_mark_scan(&body, "app", KH_STR("m@1"), KH_STR("s")), KH_OK);
    ck_assert(kh_str_ends(kh_buf_str(&body),
                          KH_STR("\"ExclusiveStartKey\":{\"leaseKey\":{\"S\":\"s\"}}}")));
}
END_TEST

START_TEST(a_mark_is_changed_only_if_it_is_still_the_old_one)
{
    const struct kh_stream_mark_change change = {KH_STR("s"), KH_STR("old@1"), KH_STR("new@2")};

    ck_assert_int_eq(kh_stream_mark_update(&body, "app", &change), KH_OK);
    body_is(
        "{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
        "\"UpdateExpression\":\"SET #mark = :to\",\"ConditionExpression\":\"#mark = :from\","
        "\"ExpressionAttributeNames\":{\"#mark\":\"kclHostStream\"},"
        "\"ExpressionAttributeValues\":{\":from\":{\"S\":\"old@1\"},\":to\":{\"S\":\"new@2\"}}}");
}
END_TEST

START_TEST(a_mark_is_removed_from_an_item_that_is_there)
{
    ck_assert_int_eq(kh_stream_mark_remove(&body, "app", KH_STR("s")), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"UpdateExpression\":\"REMOVE #mark\","
            "\"ConditionExpression\":\"attribute_exists(#key)\","
            "\"ExpressionAttributeNames\":{\"#mark\":\"kclHostStream\",\"#key\":\"leaseKey\"}}");
}
END_TEST

static const struct {
    int64_t ms;
    const char *text;
} instants[] = {
    {0, "1970-01-01T00:00:00Z"},
    {INT64_C(951782399999), "2000-02-28T23:59:59Z"},
    {INT64_C(951782400000), "2000-02-29T00:00:00Z"},
    {INT64_C(951868800000), "2000-03-01T00:00:00Z"},
    {INT64_C(1704067199000), "2023-12-31T23:59:59Z"},
    {INT64_C(1735603200000), "2024-12-31T00:00:00Z"},
    {INT64_C(4107542400000), "2100-03-01T00:00:00Z"},
    {KH_TIMESTAMP_SECONDS_MAX * 1000, "9999-12-31T23:59:59Z"},
};

START_TEST(an_instant_is_written_as_iso_8601)
{
    char text[KH_TIMESTAMP_TEXT_BYTES];

    kh_timestamp_format(instants[_i].ms, text);
    ck_assert_str_eq(text, instants[_i].text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("stream_mark");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_mark_is_the_arn_and_the_second_of_creation);
    tcase_add_test(tcase, a_stream_made_again_is_another_one);
    tcase_add_test(tcase, without_a_creation_the_arn_decides);
    tcase_add_test(tcase, a_refusal_names_both_streams);
    tcase_add_test(tcase, only_text_is_a_mark);
    tcase_add_test(tcase, the_search_asks_for_other_marks_alone);
    tcase_add_test(tcase, a_mark_is_changed_only_if_it_is_still_the_old_one);
    tcase_add_test(tcase, a_mark_is_removed_from_an_item_that_is_there);
    tcase_add_loop_test(tcase, an_instant_is_written_as_iso_8601, 0,
                        (int)(sizeof(instants) / sizeof(instants[0])));
    return suite_run("stream_mark", tcase);
}
