#include "wire/multilang.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/suite.h"

static struct kh_buf out;
static struct kh_arena scratch;
static struct kh_line line;

static void set_up(void)
{
    kh_buf_init(&out, 1 << 20);
    kh_arena_init(&scratch);
}

static void tear_down(void)
{
    kh_buf_fini(&out);
    kh_arena_fini(&scratch);
}

static void assert_said(enum kh_rc rc, const char *expected)
{
    ck_assert_int_eq(rc, KH_OK);
    ck_assert_msg(kh_str_eq(kh_buf_str(&out), kh_str(expected)), "%.*s is not %s",
                  KH_STR_ARG(kh_buf_str(&out)), expected);
    kh_buf_reset(&out);
}

/* What the host says. The expectations are the bytes the Java classes write. */

START_TEST(initialize_carries_the_stored_checkpoint)
{
    struct kh_extseq at = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON);
    const struct kh_extseq none = {0};

    assert_said(kh_multilang_initialize(&out, KH_STR("shardId-000000000003"), &at),
                "{\"action\":\"initialize\",\"shardId\":\"shardId-000000000003\","
                "\"sequenceNumber\":\"TRIM_HORIZON\",\"subSequenceNumber\":0}\n");
    ck_assert(kh_extseq_set(&at, KH_STR("49680476274249440135333263848962013853"), 2));
    assert_said(
        kh_multilang_initialize(&out, KH_STR("shardId-000000000003"), &at),
        "{\"action\":\"initialize\",\"shardId\":\"shardId-000000000003\",\"sequenceNumber\":"
        "\"49680476274249440135333263848962013853\",\"subSequenceNumber\":2}\n");
    assert_said(kh_multilang_initialize(&out, KH_STR("s"), &none),
                "{\"action\":\"initialize\",\"shardId\":\"s\",\"sequenceNumber\":null,"
                "\"subSequenceNumber\":null}\n");
}
END_TEST

START_TEST(plain_actions_have_nothing_but_their_name)
{
    assert_said(kh_multilang_plain(&out, KH_ACTION_LEASE_LOST), "{\"action\":\"leaseLost\"}\n");
    assert_said(kh_multilang_plain(&out, KH_ACTION_SHARD_ENDED), "{\"action\":\"shardEnded\"}\n");
    assert_said(kh_multilang_plain(&out, KH_ACTION_SHUTDOWN_REQUESTED),
                "{\"action\":\"shutdownRequested\"}\n");
}
END_TEST

START_TEST(processors_of_1x_hear_why_they_shall_stop)
{
    assert_said(kh_multilang_shutdown(&out, KH_ACTION_LEASE_LOST),
                "{\"action\":\"shutdown\",\"reason\":\"ZOMBIE\"}\n");
    assert_said(kh_multilang_shutdown(&out, KH_ACTION_SHARD_ENDED),
                "{\"action\":\"shutdown\",\"reason\":\"TERMINATE\"}\n");
}
END_TEST

START_TEST(an_ack_echoes_what_was_asked)
{
    struct kh_child_checkpoint asked = {
        .has_seq = true, .seq = KH_STR("4968"), .has_sub = true, .sub = 3};

    assert_said(kh_multilang_ack(&out, &asked, NULL),
                "{\"action\":\"checkpoint\",\"sequenceNumber\":\"4968\",\"subSequenceNumber\":3,"
                "\"error\":null}\n");
    asked = (struct kh_child_checkpoint){0};
    assert_said(kh_multilang_ack(&out, &asked, "ThrottlingException"),
                "{\"action\":\"checkpoint\",\"sequenceNumber\":null,\"subSequenceNumber\":null,"
                "\"error\":\"ThrottlingException\"}\n");
    asked = (struct kh_child_checkpoint){
        .has_seq = true, .seq = KH_STR("\"\xc3\xa4\xff\n"), .has_sub = true, .sub_bad = true};
    assert_said(kh_multilang_ack(&out, &asked, "IllegalArgumentException"),
                "{\"action\":\"checkpoint\",\"sequenceNumber\":\"\\\"\\u00E4\\uFFFD\\n\","
                "\"subSequenceNumber\":null,\"error\":\"IllegalArgumentException\"}\n");
}
END_TEST

START_TEST(process_records_lists_records_in_java_s_field_order)
{
    struct kh_batch *batch = kh_batch_new();
    const struct kh_record first = {
        .data = KH_STR("aGVsbG8="),
        .partition_key = KH_STR("user-17"),
        .seq = KH_STR("49680476274227139390134733225825313838539627679105155074"),
        .arrival_ms = INT64_C(1795395719123)};
    const struct kh_record second = {.seq = KH_STR("5"), .arrival_ms = INT64_MIN, .sub = INT64_MAX};

    kh_batch_add(batch, &first);
    batch->has_millis_behind = true;
    assert_said(
        kh_multilang_process_records(&out, batch),
        "{\"action\":\"processRecords\",\"records\":[{\"data\":\"aGVsbG8=\",\"partitionKey\":"
        "\"user-17\",\"sequenceNumber\":"
        "\"49680476274227139390134733225825313838539627679105155074\","
        "\"approximateArrivalTimestamp\":1795395719123,\"subSequenceNumber\":0,"
        "\"action\":\"record\"}],\"millisBehindLatest\":0}\n");

    kh_batch_add(batch, &second);
    batch->millis_behind = 86400000;
    batch->records[0].data = KH_STR("");
    batch->records[0].seq = KH_STR("4");
    assert_said(
        kh_multilang_process_records(&out, batch),
        "{\"action\":\"processRecords\",\"records\":[{\"data\":\"\",\"partitionKey\":\"user-17\","
        "\"sequenceNumber\":\"4\",\"approximateArrivalTimestamp\":1795395719123,"
        "\"subSequenceNumber\":0,\"action\":\"record\"},{\"data\":\"\",\"partitionKey\":\"\","
        "\"sequenceNumber\":\"5\",\"approximateArrivalTimestamp\":-9223372036854775808,"
        "\"subSequenceNumber\":9223372036854775807,\"action\":\"record\"}],"
        "\"millisBehindLatest\":86400000}\n");
    kh_batch_free(batch);
}
END_TEST

START_TEST(no_batch_is_an_empty_list)
{
    assert_said(kh_multilang_process_records(&out, NULL),
                "{\"action\":\"processRecords\",\"records\":[],\"millisBehindLatest\":null}\n");
}
END_TEST

static void assert_key_becomes(const char *key, const char *expected)
{
    struct kh_batch *batch = kh_batch_new();
    const struct kh_record record = {.partition_key = kh_str(key)};
    static const char before[] =
        "{\"action\":\"processRecords\",\"records\":[{\"data\":\"\",\"partitionKey\":\"";
    char start[256];

    kh_batch_add(batch, &record);
    ck_assert_int_eq(kh_multilang_process_records(&out, batch), KH_OK);
    (void)snprintf(start, sizeof(start), "%s%s\",\"sequenceNumber\":", before, expected);
    ck_assert_msg(kh_str_starts(kh_buf_str(&out), kh_str(start)), "%.*s",
                  KH_STR_ARG(kh_buf_str(&out)));
    kh_buf_reset(&out);
    kh_batch_free(batch);
}

START_TEST(partition_keys_become_ascii_and_keep_their_escapes)
{
    assert_key_becomes("a\\\"b\\u00e4\\/", "a\\\"b\\u00e4\\/");
    assert_key_becomes("\xc3\xa4", "\\u00E4");
    assert_key_becomes("k\xe2\x82\xac"
                       "eys-and-more\xf0\x9f\x98\x80z",
                       "k\\u20ACeys-and-more\\uD83D\\uDE00z");
    assert_key_becomes("\xff\xff\xc3", "\\uFFFD\\uFFFD\\uFFFD");
}
END_TEST

/* Each byte becomes six: the room made at the start must be enough. */
START_TEST(a_key_may_grow_to_six_times_its_length)
{
    char key[1000];
    struct kh_batch *batch = kh_batch_new();
    const struct kh_record record = {.partition_key = kh_str_of(key, sizeof(key))};

    memset(key, '\xff', sizeof(key));
    kh_batch_add(batch, &record);
    ck_assert_int_eq(kh_multilang_process_records(&out, batch), KH_OK);
    ck_assert_uint_gt(out.n, 6000);
    kh_batch_free(batch);
}
END_TEST

START_TEST(a_line_that_does_not_fit_is_not_begun)
{
    struct kh_buf small;
    const struct kh_child_checkpoint asked = {0};

    kh_buf_init(&small, 22); /* {"action":"leaseLost"} without its line end */
    ck_assert_int_eq(kh_multilang_process_records(&small, NULL), KH_TOOBIG);
    ck_assert_int_eq(kh_multilang_ack(&small, &asked, NULL), KH_TOOBIG);
    ck_assert_int_eq(kh_multilang_plain(&small, KH_ACTION_LEASE_LOST), KH_TOOBIG);
    ck_assert_uint_eq(small.n, 0);
    kh_buf_fini(&small);
}
END_TEST

/* What a child says. Row by row as the reference has it. */

static void judge(struct kh_str text)
{
    kh_multilang_judge(text, &scratch, &line);
}

static void assert_skipped(const char *text, const char *why)
{
    judge(kh_str(text));
    ck_assert_msg(line.type == KH_LINE_SKIPPED, "%s", text);
    ck_assert_str_eq(line.why, why);
}

static void assert_status(const char *text, const char *response_for)
{
    judge(kh_str(text));
    ck_assert_msg(line.type == KH_LINE_STATUS, "%s: %s", text, line.why);
    ck_assert_msg(kh_str_eq(line.response_for, kh_str(response_for)), "%s", text);
}

/* seq NULL: none. */
static void assert_checkpoint(const char *text, const char *seq)
{
    judge(kh_str(text));
    ck_assert_msg(line.type == KH_LINE_CHECKPOINT, "%s: %s", text, line.why);
    ck_assert_msg(line.checkpoint.has_seq == (seq != NULL), "%s", text);
    ck_assert_msg(kh_str_eq(line.checkpoint.seq, kh_str(seq)), "%s", text);
}

static void assert_sub(const char *value, int64_t sub)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "{\"action\":\"checkpoint\",\"subSequenceNumber\":%s}",
                   value);
    assert_checkpoint(text, NULL);
    ck_assert_msg(line.checkpoint.has_sub, "%s", value);
    ck_assert_msg(!line.checkpoint.sub_bad, "%s", value);
    ck_assert_int_eq(line.checkpoint.sub, sub);
}

static void assert_no_sub(const char *value)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "{\"action\":\"checkpoint\",\"subSequenceNumber\":%s}",
                   value);
    assert_checkpoint(text, NULL);
    ck_assert_msg(!line.checkpoint.has_sub, "%s", value);
    ck_assert_msg(!line.checkpoint.sub_bad, "%s", value);
}

static void assert_bad_sub(const char *value)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "{\"action\":\"checkpoint\",\"subSequenceNumber\":%s}",
                   value);
    assert_checkpoint(text, NULL);
    ck_assert_msg(line.checkpoint.sub_bad, "%s", value);
}

START_TEST(good_lines_of_the_libraries)
{
    assert_status("{\"action\": \"status\", \"responseFor\": \"processRecords\"}",
                  "processRecords");
    ck_assert(!line.rest_dropped);
    assert_checkpoint(
        "{\"action\":\"checkpoint\",\"sequenceNumber\":\"4968\",\"subSequenceNumber\":3}", "4968");
    ck_assert(line.checkpoint.has_sub);
    ck_assert_int_eq(line.checkpoint.sub, 3);
    assert_checkpoint(
        "{\"action\": \"checkpoint\", \"sequenceNumber\": null, \"subSequenceNumber\": null}",
        NULL);
    ck_assert(!line.checkpoint.has_sub);
    assert_checkpoint("{\"action\":\"checkpoint\"}", NULL);
    assert_checkpoint("{\"action\":\"checkpoint\",\"sequenceNumber\":\"None\"}", "None");
    assert_checkpoint("{\"action\":\"checkpoint\",\"sequenceNumber\":\"\"}", "");
}
END_TEST

START_TEST(what_is_no_json_is_skipped)
{
    assert_skipped("", "no JSON object");
    assert_skipped(" \t ", "no JSON object");
    assert_skipped("Processing 5 records", "no JSON object");
    assert_skipped("\xef\xbb\xbf{\"action\":\"status\",\"responseFor\":\"x\"}", "no JSON object");
    assert_skipped("{'action':'status'}", "broken JSON, or over a limit");
    assert_skipped("{\"action\":\"status\",\"responseFor\":\"processRec",
                   "broken JSON, or over a limit");
    assert_skipped("{\"action\":\"status\" /* x */}", "broken JSON, or over a limit");
    assert_skipped("{\"action\":\"status\",}", "broken JSON, or over a limit");
    assert_skipped("// {\"action\":\"status\"}", "no JSON object");
}
END_TEST

START_TEST(what_stands_behind_the_object_is_dropped)
{
    static const char *const rests[] = {" x", "{\"action\":\"status\",\"responseFor\":\"y\"}", "}",
                                        " ,", "\""};
    char text[128];

    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"action\":\"status\",\"responseFor\":\"x\"}%s",
                       rests[i]);
        assert_status(text, "x");
        ck_assert(line.rest_dropped);
    }
    assert_status("{\"action\":\"status\",\"responseFor\":\"x\"} \t ", "x");
    ck_assert(!line.rest_dropped);
}
END_TEST

START_TEST(other_json_is_skipped)
{
    assert_skipped("null", "no JSON object");
    assert_skipped("5", "no JSON object");
    assert_skipped("\"status\"", "no JSON object");
    assert_skipped("true", "no JSON object");
    assert_skipped("[]", "no JSON object");
    assert_skipped("[\"status\",{\"responseFor\":\"x\"}]", "no JSON object");
    assert_skipped("{}", "no action");
    assert_skipped("{\"responseFor\":\"x\"}", "no action");
    assert_skipped("{\"action\":null}", "no action");
    assert_skipped("{\"action\":5}", "no action");
    assert_skipped("{\"action\":\"\"}", "unknown action");
    assert_skipped("{\"action\":\"Status\",\"responseFor\":\"x\"}", "unknown action");
    assert_skipped("{\"action\":\"hello\"}", "unknown action");
}
END_TEST

START_TEST(the_host_s_own_messages_are_passed_over)
{
    assert_skipped("{\"action\":\"initialize\",\"shardId\":\"s\"}", "a message for children");
    assert_skipped("{\"action\":\"processRecords\",\"records\":[]}", "a message for children");
    assert_skipped("{\"action\":\"shutdown\",\"reason\":\"ZOMBIE\"}", "a message for children");
    assert_skipped("{\"action\":\"leaseLost\"}", "a message for children");
    assert_skipped("{\"action\":\"shardEnded\"}", "a message for children");
    assert_skipped("{\"action\":\"shutdownRequested\"}", "a message for children");
}
END_TEST

START_TEST(unknown_fields_are_ignored)
{
    assert_status(
        "{\"action\":\"status\",\"extra\":{\"action\":[1,{\"a\":null}]},\"responseFor\":\"x\"}",
        "x");
    assert_checkpoint("{\"action\":\"checkpoint\",\"extra\":-1.5e9,\"sequenceNumber\":\"1\"}", "1");
    assert_checkpoint("{\"action\":\"checkpoint\",\"error\":\"e\",\"sequenceNumber\":\"1\"}", "1");
}
END_TEST

START_TEST(the_field_checkpoint_stands_in_for_the_sequence_number)
{
    assert_checkpoint("{\"action\":\"checkpoint\",\"checkpoint\":\"12\"}", "12");
    assert_checkpoint("{\"action\":\"checkpoint\",\"checkpoint\":\"12\",\"sequenceNumber\":null}",
                      "12");
    assert_checkpoint("{\"action\":\"checkpoint\",\"checkpoint\":\"12\",\"sequenceNumber\":\"34\"}",
                      "34");
    assert_checkpoint("{\"action\":\"checkpoint\",\"sequenceNumber\":\"34\",\"checkpoint\":\"12\"}",
                      "34");
}
END_TEST

START_TEST(of_two_fields_with_one_name_the_last_wins)
{
    assert_status("{\"action\":\"checkpoint\",\"responseFor\":\"a\",\"action\":\"status\","
                  "\"responseFor\":\"b\"}",
                  "b");
    assert_checkpoint(
        "{\"action\":\"checkpoint\",\"sequenceNumber\":\"1\",\"sequenceNumber\":null}", NULL);
}
END_TEST

START_TEST(order_and_blanks_are_free)
{
    assert_status("\t { \"responseFor\" : \"x\" , \"action\" : \"status\" } ", "x");
    assert_status("{\"\\u0061ction\":\"stat\\u0075s\",\"responseFor\":\"a\\tb\"}", "a\tb");
}
END_TEST

START_TEST(numbers_and_booleans_are_taken_as_text)
{
    assert_status("{\"action\":\"status\",\"responseFor\":5}", "5");
    assert_status("{\"action\":\"status\",\"responseFor\":true}", "true");
    assert_status("{\"action\":\"status\",\"responseFor\":null}", "");
    assert_status("{\"action\":\"status\"}", "");
    assert_checkpoint("{\"action\":\"checkpoint\",\"sequenceNumber\":"
                      "49680476274227139390134733225825313838539627679105155074}",
                      "49680476274227139390134733225825313838539627679105155074");
    assert_checkpoint("{\"action\":\"checkpoint\",\"sequenceNumber\":-1.50}", "-1.50");
    assert_checkpoint("{\"action\":\"checkpoint\",\"sequenceNumber\":false}", "false");
}
END_TEST

START_TEST(response_for_as_array_or_object_is_skipped)
{
    assert_skipped("{\"action\":\"status\",\"responseFor\":[\"x\"]}", "responseFor is no text");
    assert_skipped("{\"action\":\"status\",\"responseFor\":{}}", "responseFor is no text");
}
END_TEST

/* Java would skip it, and the child would wait for ever. */
START_TEST(a_sequence_number_as_array_is_handed_on_to_be_refused)
{
    assert_checkpoint("{\"action\":\"checkpoint\",\"sequenceNumber\":[ 1 ]}", "[ 1 ]");
}
END_TEST

START_TEST(sub_sequence_numbers_in_all_forms)
{
    assert_sub("3", 3);
    assert_sub("\"3\"", 3);
    assert_sub("\" 3 \"", 3);
    assert_sub("-1", -1);
    assert_sub("\"-1\"", -1);
    assert_sub("4.7", 4);
    assert_sub("-4.7", -4);
    assert_sub("1e3", 1000);
    assert_sub("9223372036854775807", INT64_MAX);
    assert_sub("-9223372036854775808", INT64_MIN);
    assert_no_sub("\"\"");
    assert_no_sub("\"  \"");
    assert_no_sub("null");
    assert_bad_sub("\"x\"");
    assert_bad_sub("\"4.7\"");
    assert_bad_sub("9223372036854775808");
    assert_bad_sub("\"9223372036854775808\"");
    assert_bad_sub("1e400");
    assert_bad_sub("true");
    assert_bad_sub("[]");
    assert_bad_sub("{}");
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_no_error)
{
    assert_status("{\"action\":\"status\",\"responseFor\":\"\xff\"}", "\xff");
}
END_TEST

/* A line of {"action":"status","x":[[[…]]]} with so many brackets. */
static void judge_nested(size_t brackets)
{
    static const char head[] = "{\"action\":\"status\",\"x\":";
    const size_t head_n = sizeof(head) - 1;
    char *text = kh_mem_new(head_n + 2 * brackets + 1, 1);

    memcpy(text, head, head_n);
    memset(text + head_n, '[', brackets);
    memset(text + head_n + brackets, ']', brackets);
    text[head_n + 2 * brackets] = '}';
    judge(kh_str_of(text, head_n + 2 * brackets + 1));
    kh_mem_free(text);
}

START_TEST(nesting_is_limited_to_1000)
{
    judge_nested(999);
    ck_assert_int_eq(line.type, KH_LINE_STATUS);
    judge_nested(1000);
    ck_assert_int_eq(line.type, KH_LINE_SKIPPED);
    judge_nested(1000000);
    ck_assert_int_eq(line.type, KH_LINE_SKIPPED);
}
END_TEST

START_TEST(strings_are_limited_to_20_million_bytes)
{
    static const char head[] = "{\"action\":\"status\",\"responseFor\":\"";
    const size_t head_n = sizeof(head) - 1;
    const size_t most = 20000000;
    char *text = kh_mem_new(head_n + most + 3, 1);

    memcpy(text, head, head_n);
    memset(text + head_n, 'x', most + 1);
    memcpy(text + head_n + most, "\"}", 2);
    judge(kh_str_of(text, head_n + most + 2));
    ck_assert_int_eq(line.type, KH_LINE_STATUS);
    ck_assert_uint_eq(line.response_for.n, most);

    memcpy(text + head_n + most, "x\"}", 3);
    judge(kh_str_of(text, head_n + most + 3));
    ck_assert_int_eq(line.type, KH_LINE_SKIPPED);
    ck_assert_str_eq(line.why, "broken JSON, or over a limit");
    kh_mem_free(text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("multilang");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, initialize_carries_the_stored_checkpoint);
    tcase_add_test(tcase, plain_actions_have_nothing_but_their_name);
    tcase_add_test(tcase, processors_of_1x_hear_why_they_shall_stop);
    tcase_add_test(tcase, an_ack_echoes_what_was_asked);
    tcase_add_test(tcase, process_records_lists_records_in_java_s_field_order);
    tcase_add_test(tcase, no_batch_is_an_empty_list);
    tcase_add_test(tcase, partition_keys_become_ascii_and_keep_their_escapes);
    tcase_add_test(tcase, a_key_may_grow_to_six_times_its_length);
    tcase_add_test(tcase, a_line_that_does_not_fit_is_not_begun);
    tcase_add_test(tcase, good_lines_of_the_libraries);
    tcase_add_test(tcase, what_is_no_json_is_skipped);
    tcase_add_test(tcase, what_stands_behind_the_object_is_dropped);
    tcase_add_test(tcase, other_json_is_skipped);
    tcase_add_test(tcase, the_host_s_own_messages_are_passed_over);
    tcase_add_test(tcase, unknown_fields_are_ignored);
    tcase_add_test(tcase, the_field_checkpoint_stands_in_for_the_sequence_number);
    tcase_add_test(tcase, of_two_fields_with_one_name_the_last_wins);
    tcase_add_test(tcase, order_and_blanks_are_free);
    tcase_add_test(tcase, numbers_and_booleans_are_taken_as_text);
    tcase_add_test(tcase, response_for_as_array_or_object_is_skipped);
    tcase_add_test(tcase, a_sequence_number_as_array_is_handed_on_to_be_refused);
    tcase_add_test(tcase, sub_sequence_numbers_in_all_forms);
    tcase_add_test(tcase, bytes_that_are_not_utf8_are_no_error);
    tcase_add_test(tcase, nesting_is_limited_to_1000);
    tcase_add_test(tcase, strings_are_limited_to_20_million_bytes);
    return suite_run("multilang", tcase);
}
