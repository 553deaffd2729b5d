#include "wire/kinesis_json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_batch *batch;
static struct kh_get_records answer;
static struct kh_shard_list shards;
static struct kh_buf text;
static struct kh_err err;

static void set_up(void)
{
    batch = kh_batch_new();
    kh_shard_list_init(&shards);
    kh_buf_init(&text, 1 << 16);
}

static void tear_down(void)
{
    kh_batch_free(batch);
    kh_shard_list_fini(&shards);
    kh_buf_fini(&text);
}

static enum kh_rc get_records(const char *body)
{
    kh_buf_reset(&batch->body);
    ck_assert_int_eq(kh_buf_append_str(&batch->body, kh_str(body)), KH_OK);
    return kh_kinesis_get_records(batch, &answer, &err);
}

static void accept(const char *body)
{
    enum kh_rc rc = get_records(body);

    ck_assert_msg(rc == KH_OK, "%s: %s", body, err.text);
}

static void refuse(const char *body, const char *why)
{
    ck_assert_int_eq(get_records(body), KH_INVALID);
    ck_assert_str_eq(err.text, why);
    ck_assert_uint_eq(batch->records_n, 0);
}

static void assert_text(struct kh_str s, const char *expected)
{
    ck_assert_msg(kh_str_eq(s, kh_str(expected)), "%.*s is not %s", KH_STR_ARG(s), expected);
}

START_TEST(a_get_records_answer_as_aws_writes_it)
{
    accept("{\"ChildShards\":null,\"MillisBehindLatest\":1500,\"NextShardIterator\":\"AAAA/+==\","
           "\"Records\":[{\"ApproximateArrivalTimestamp\":1.795395719123E9,\"Data\":\"aGVsbG8=\","
           "\"EncryptionType\":\"KMS\",\"PartitionKey\":\"user-17\",\"SequenceNumber\":\"4968\"},"
           "{\"SequenceNumber\":\"4969\",\"Data\":\"\"}]}");

    ck_assert(answer.has_next);
    assert_text(answer.next_iterator, "AAAA/+==");
    ck_assert_uint_eq(answer.children_n, 0);
    ck_assert(batch->has_millis_behind);
    ck_assert_int_eq(batch->millis_behind, 1500);
    ck_assert_uint_eq(batch->records_n, 2);
    assert_text(batch->records[0].data, "aGVsbG8=");
    assert_text(batch->records[0].partition_key, "user-17");
    assert_text(batch->records[0].seq, "4968");
    ck_assert_int_eq(batch->records[0].arrival_ms, INT64_C(1795395719123));
    assert_text(batch->records[1].data, "");
    assert_text(batch->records[1].partition_key, "");
    ck_assert_int_eq(batch->records[1].arrival_ms, 0);
}
END_TEST

START_TEST(records_are_slices_of_the_body_unless_escaped)
{
    accept("{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"QQ==\"},"
           "{\"SequenceNumber\":\"2\",\"Data\":\"A\\/\\/A\"}]}");

    const char *plain = batch->records[0].data.p;
    const char *escaped = batch->records[1].data.p;
    ck_assert(plain > batch->body.p && plain < batch->body.p + batch->body.n);
    ck_assert(escaped < batch->body.p || escaped >= batch->body.p + batch->body.n);
    assert_text(batch->records[1].data, "A//A");
}
END_TEST

START_TEST(the_end_of_a_shard_brings_its_children)
{
    accept("{\"Records\":[],\"MillisBehindLatest\":0,\"ChildShards\":["
           "{\"ShardId\":\"shardId-000000000001\",\"ParentShards\":[\"shardId-000000000000\"],"
           "\"HashKeyRange\":{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"170\"}},"
           "{\"HashKeyRange\":{\"EndingHashKey\":\"340282366920938463463374607431768211455\","
           "\"StartingHashKey\":\"171\"},\"ShardId\":\"shardId-000000000002\","
           "\"ParentShards\":[\"a\",\"b\"]}]}");

    ck_assert(!answer.has_next);
    ck_assert_uint_eq(answer.children_n, 2);
    ck_assert_str_eq(answer.children[0].id, "shardId-000000000001");
    ck_assert_uint_eq(answer.children[0].parents_n, 1);
    ck_assert_str_eq(answer.children[0].parents[0], "shardId-000000000000");
    ck_assert_str_eq(answer.children[0].range.start, "0");
    ck_assert_str_eq(answer.children[0].range.end, "170");
    ck_assert(answer.children[0].open);
    ck_assert_uint_eq(answer.children[1].parents_n, 2);
    ck_assert_str_eq(answer.children[1].parents[1], "b");
    ck_assert_str_eq(answer.children[1].range.end, "340282366920938463463374607431768211455");
}
END_TEST

START_TEST(null_and_absent_are_the_same)
{
    accept("{\"Records\":null,\"NextShardIterator\":null,\"MillisBehindLatest\":null,"
           "\"ChildShards\":null}");
    ck_assert(!answer.has_next);
    ck_assert(!batch->has_millis_behind);
    ck_assert_uint_eq(batch->records_n, 0);
    ck_assert_uint_eq(answer.children_n, 0);

    accept("{}");
    ck_assert(!answer.has_next);
    ck_assert(!batch->has_millis_behind);
}
END_TEST

START_TEST(of_two_members_with_one_name_the_last_wins)
{
    accept("{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"\"}],\"NextShardIterator\":\"a\","
           "\"MillisBehindLatest\":5,\"ChildShards\":[{\"ShardId\":\"x\"}],"
           "\"Records\":[{\"SequenceNumber\":\"2\",\"Data\":\"\"}],\"NextShardIterator\":\"b\","
           "\"MillisBehindLatest\":null,\"ChildShards\":[]}");

    ck_assert_uint_eq(batch->records_n, 1);
    assert_text(batch->records[0].seq, "2");
    assert_text(answer.next_iterator, "b");
    ck_assert(!batch->has_millis_behind);
    ck_assert_uint_eq(answer.children_n, 0);
}
END_TEST

START_TEST(blanks_unknown_members_and_escaped_names_are_fine)
{
    accept(" \r\n{ \"New\" : [ { \"Records\" : [ 1 ] } , [ ] , -1.5e3, true ] ,\t\"\\u0052ecords\" "
           ": [ {"
           " \"Data\" : \"QQ==\" , \"SequenceNumber\" : \"1\" } ] } \n");

    ck_assert_uint_eq(batch->records_n, 1);
}
END_TEST

START_TEST(a_malformed_answer_is_refused_with_its_place)
{
    refuse("", "GetRecords answer: expected an object at byte 1");
    refuse("<html>", "GetRecords answer: expected an object at byte 1");
    refuse("{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"\"}]",
           "GetRecords answer: expected ',' or '}' at byte 46");
    refuse("{\"Records\":{}}", "GetRecords answer: expected an array at byte 12");
    refuse("{\"Records\":[1]}", "GetRecords answer: expected an object at byte 13");
    refuse("{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"!\"}]}",
           "GetRecords answer: expected base64 at byte 42");
    refuse("{\"Records\":[{\"Data\":\"\"}]}",
           "GetRecords answer: expected a record with a SequenceNumber at byte 13");
    refuse("{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"\"},]}",
           "GetRecords answer: expected an object at byte 46");
    refuse("{\"MillisBehindLatest\":9223372036854775808}",
           "GetRecords answer: expected a 64-bit number at byte 23");
    refuse("{\"MillisBehindLatest\":\"5\"}", "GetRecords answer: expected a number at byte 23");
    refuse("{\"NextShardIterator\":5}", "GetRecords answer: expected a string at byte 22");
    refuse("{\"ChildShards\":[{}]}",
           "GetRecords answer: expected a shard with a ShardId at byte 17");
    refuse("{\"ChildShards\":[{\"ShardId\":\"../x\"}]}",
           "GetRecords answer: expected a shard id at byte 28");
    refuse("{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"\"}]} {",
           "GetRecords answer: expected nothing more at byte 48");
}
END_TEST

START_TEST(what_is_more_than_we_keep_is_refused)
{
    refuse("{\"ChildShards\":[{\"ShardId\":\"a\",\"ParentShards\":[\"x\",\"y\",\"z\"]}]}",
           "GetRecords answer: expected at most two parents at byte 56");
    refuse("{\"ChildShards\":[{\"ShardId\":\"a\"},{\"ShardId\":\"b\"},{\"ShardId\":\"c\"},"
           "{\"ShardId\":\"d\"},{\"ShardId\":\"e\"}]}",
           "GetRecords answer: expected at most four child shards at byte 81");
}
END_TEST

START_TEST(nesting_is_limited_to_32)
{
    char body[200];
    static const char head[] = "{\"x\":";
    const size_t head_n = sizeof(head) - 1;

    for (size_t inner = 31; inner <= 32; inner++) {
        memcpy(body, head, head_n);
        memset(body + head_n, '[', inner);
        memset(body + head_n + inner, ']', inner);
        memcpy(body + head_n + 2 * inner, "}", 2);
        ck_assert_int_eq(get_records(body), inner == 31 ? KH_OK : KH_INVALID);
    }
    ck_assert_str_eq(err.text, "GetRecords answer: expected less nesting at byte 37");
}
END_TEST

START_TEST(every_cut_of_an_answer_is_refused)
{
    static const char whole[] =
        "{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"QQ==\",\"PartitionKey\":\"\\u00e4\","
        "\"ApproximateArrivalTimestamp\":1.5e3}],\"NextShardIterator\":\"x\",\"Z\":[true,null]}";

    accept(whole);
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        kh_buf_reset(&batch->body);
        ck_assert_int_eq(kh_buf_append(&batch->body, whole, n), KH_OK);
        ck_assert_int_eq(kh_kinesis_get_records(batch, &answer, &err), KH_INVALID);
    }
}
END_TEST

START_TEST(list_shards_gives_shards_with_their_parents)
{
    ck_assert_int_eq(
        kh_kinesis_list_shards(
            KH_STR("{\"NextToken\":\"to\\/"
                   "ken\",\"Shards\":[{\"ShardId\":\"s-1\",\"ParentShardId\":\"p\","
                   "\"AdjacentParentShardId\":\"q\",\"HashKeyRange\":{\"StartingHashKey\":\"0\","
                   "\"EndingHashKey\":\"9\"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":"
                   "\"11\"}},"
                   "{\"ShardId\":\"s-2\",\"ParentShardId\":null,\"SequenceNumberRange\":"
                   "{\"StartingSequenceNumber\":\"12\",\"EndingSequenceNumber\":\"13\"}}]}"),
            &shards, &text, &err),
        KH_OK);
    assert_text(kh_buf_str(&text), "to/ken");
    ck_assert_int_eq(kh_kinesis_list_shards(KH_STR("{\"NextToken\":null,\"Shards\":[{\"ShardId\":"
                                                   "\"s-3\"}]}"),
                                            &shards, &text, &err),
                     KH_OK);
    ck_assert_uint_eq(text.n, 0);

    ck_assert_uint_eq(shards.n, 3);
    ck_assert_str_eq(shards.items[0].id, "s-1");
    ck_assert_uint_eq(shards.items[0].parents_n, 2);
    ck_assert_str_eq(shards.items[0].parents[0], "p");
    ck_assert_str_eq(shards.items[0].parents[1], "q");
    ck_assert_str_eq(shards.items[0].range.end, "9");
    ck_assert_str_eq(shards.items[0].start_seq, "11");
    ck_assert(shards.items[0].open);
    ck_assert_uint_eq(shards.items[1].parents_n, 0);
    ck_assert(!shards.items[1].open);
    ck_assert_str_eq(shards.items[2].id, "s-3");
    ck_assert(shards.items[2].open);
}
END_TEST

START_TEST(of_two_lists_on_a_page_the_last_wins)
{
    ck_assert_int_eq(kh_kinesis_list_shards(KH_STR("{\"Shards\":[{\"ShardId\":\"earlier-page\"}]}"),
                                            &shards, &text, &err),
                     KH_OK);
    ck_assert_int_eq(
        kh_kinesis_list_shards(KH_STR("{\"Shards\":[{\"ShardId\":\"a\"},{\"ShardId\":\"b\"}],"
                                      "\"Shards\":[{\"ShardId\":\"c\"}]}"),
                               &shards, &text, &err),
        KH_OK);

    ck_assert_uint_eq(shards.n, 2);
    ck_assert_str_eq(shards.items[0].id, "earlier-page");
    ck_assert_str_eq(shards.items[1].id, "c");
}
END_TEST

START_TEST(a_malformed_shard_is_refused_with_its_place)
{
    static const struct {
        const char *body;
        const char *why;
    } rows[] = {
        {"{\"Shards\":[{\"ShardId\":\"\"}]}", "expected a shard id at byte 23"},
        {"{\"Shards\":[{\"ShardId\":\"a/b\"}]}", "expected a shard id at byte 23"},
        {"{\"Shards\":[{\"ShardId\":\"a\",\"HashKeyRange\":{\"StartingHashKey\":\"x\"}}]}",
         "expected a hash key at byte 61"},
        {"{\"Shards\":[{\"ShardId\":\"a\",\"HashKeyRange\":{\"StartingHashKey\":"
         "\"1234567890123456789012345678901234567890\"}}]}",
         "expected a hash key at byte 61"},
        {"{\"Shards\":[{\"ShardId\":\"a\",\"HashKeyRange\":[]}]}", "expected an object at byte 42"},
        {"{\"Shards\":[{\"ShardId\":\"a\",\"SequenceNumberRange\":{\"EndingSequenceNumber\":\"-\"}}"
         "]}",
         "expected a sequence number at byte 73"},
        {"{\"Shards\":\"a\"}", "expected an array at byte 11"},
        {"[]", "expected an object at byte 1"},
    };
    char expected[128];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(kh_kinesis_list_shards(kh_str(rows[i].body), &shards, &text, &err),
                         KH_INVALID);
        (void)snprintf(expected, sizeof(expected), "ListShards answer: %s", rows[i].why);
        ck_assert_str_eq(err.text, expected);
    }
}
END_TEST

START_TEST(an_iterator_must_be_there)
{
    ck_assert_int_eq(kh_kinesis_iterator(KH_STR("{\"ShardIterator\":\"AA\\/A\"}"), &text, &err),
                     KH_OK);
    assert_text(kh_buf_str(&text), "AA/A");

    ck_assert_int_eq(kh_kinesis_iterator(KH_STR("{\"ShardIterator\":null}"), &text, &err),
                     KH_INVALID);
    ck_assert_str_eq(err.text, "GetShardIterator answer: there is no ShardIterator");
    ck_assert_int_eq(kh_kinesis_iterator(KH_STR("{"), &text, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "GetShardIterator answer: JSON: expected a member's name at byte 2");
}
END_TEST

START_TEST(a_stream_summary_is_read)
{
    struct kh_stream_summary summary;

    ck_assert_int_eq(
        kh_kinesis_summary(
            KH_STR("{\"StreamDescriptionSummary\":{\"StreamARN\":\"arn:aws:kinesis:x\","
                   "\"StreamStatus\":\"ACTIVE\",\"StreamCreationTimestamp\":1795395719.123}}"),
            &summary, &err),
        KH_OK);
    ck_assert_str_eq(summary.arn, "arn:aws:kinesis:x");
    ck_assert_str_eq(summary.status, "ACTIVE");
    ck_assert_int_eq(summary.created_at_ms, INT64_C(1795395719123));

    ck_assert_int_eq(kh_kinesis_summary(KH_STR("{}"), &summary, &err), KH_INVALID);
    ck_assert_str_eq(err.text,
                     "DescribeStreamSummary answer: there is no StreamARN or no StreamStatus");
}
END_TEST

static void assert_asked(enum kh_rc rc, const char *expected)
{
    ck_assert_int_eq(rc, KH_OK);
    assert_text(kh_buf_str(&text), expected);
    kh_buf_reset(&text);
}

static const struct kh_stream_ref by_name = {.name = KH_STR("s")};
static const struct kh_stream_ref by_arn = {.name = KH_STR("s"), .arn = KH_STR("arn:s")};

START_TEST(list_shards_is_asked_with_a_stream_or_a_token_never_both)
{
    assert_asked(kh_kinesis_ask_list_shards(&text, by_name, KH_SHARDS_ALL, 0, KH_STR("")),
                 "{\"StreamName\":\"s\"}");
    assert_asked(kh_kinesis_ask_list_shards(&text, by_arn, KH_SHARDS_AT_LATEST, 0, KH_STR("")),
                 "{\"StreamARN\":\"arn:s\",\"ShardFilter\":{\"Type\":\"AT_LATEST\"}}");
    assert_asked(
        kh_kinesis_ask_list_shards(&text, by_name, KH_SHARDS_AT_TRIM_HORIZON, 0, KH_STR("")),
        "{\"StreamName\":\"s\",\"ShardFilter\":{\"Type\":\"AT_TRIM_HORIZON\"}}");
    assert_asked(kh_kinesis_ask_list_shards(&text, by_name, KH_SHARDS_AT_TIMESTAMP,
                                            INT64_C(1795395719007), KH_STR("")),
                 "{\"StreamName\":\"s\",\"ShardFilter\":{\"Type\":\"AT_TIMESTAMP\",\"Timestamp\":"
                 "1795395719.007}}");
    assert_asked(kh_kinesis_ask_list_shards(&text, by_name, KH_SHARDS_AT_LATEST, 0, KH_STR("t\"")),
                 "{\"NextToken\":\"t\\\"\"}");
}
END_TEST

START_TEST(an_iterator_is_asked_for_any_position)
{
    struct kh_position at = {.wall_ms = 1500, .seq = "123"};

    at.type = KH_POSITION_TRIM_HORIZON;
    assert_asked(kh_kinesis_ask_iterator(&text, by_name, KH_STR("x"), &at),
                 "{\"StreamName\":\"s\",\"ShardId\":\"x\",\"ShardIteratorType\":\"TRIM_HORIZON\"}");
    at.type = KH_POSITION_LATEST;
    assert_asked(kh_kinesis_ask_iterator(&text, by_arn, KH_STR("x"), &at),
                 "{\"StreamARN\":\"arn:s\",\"ShardId\":\"x\",\"ShardIteratorType\":\"LATEST\"}");
    at.type = KH_POSITION_AT_TIMESTAMP;
    assert_asked(kh_kinesis_ask_iterator(&text, by_name, KH_STR("x"), &at),
                 "{\"StreamName\":\"s\",\"ShardId\":\"x\",\"ShardIteratorType\":\"AT_TIMESTAMP\","
                 "\"Timestamp\":1.500}");
    at.type = KH_POSITION_AT_SEQUENCE;
    assert_asked(
        kh_kinesis_ask_iterator(&text, by_name, KH_STR("x"), &at),
        "{\"StreamName\":\"s\",\"ShardId\":\"x\",\"ShardIteratorType\":\"AT_SEQUENCE_NUMBER\","
        "\"StartingSequenceNumber\":\"123\"}");
    at.type = KH_POSITION_AFTER_SEQUENCE;
    assert_asked(
        kh_kinesis_ask_iterator(&text, by_name, KH_STR("x"), &at),
        "{\"StreamName\":\"s\",\"ShardId\":\"x\",\"ShardIteratorType\":\"AFTER_SEQUENCE_NUMBER\","
        "\"StartingSequenceNumber\":\"123\"}");
}
END_TEST

START_TEST(records_and_summaries_are_asked)
{
    assert_asked(kh_kinesis_ask_records(&text, by_name, KH_STR("it"), 10000),
                 "{\"ShardIterator\":\"it\",\"Limit\":10000}");
    assert_asked(kh_kinesis_ask_records(&text, by_arn, KH_STR("it"), 1),
                 "{\"ShardIterator\":\"it\",\"Limit\":1,\"StreamARN\":\"arn:s\"}");
    assert_asked(kh_kinesis_ask_summary(&text, by_name), "{\"StreamName\":\"s\"}");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("kinesis_json");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_get_records_answer_as_aws_writes_it);
    tcase_add_test(tcase, records_are_slices_of_the_body_unless_escaped);
    tcase_add_test(tcase, the_end_of_a_shard_brings_its_children);
    tcase_add_test(tcase, null_and_absent_are_the_same);
    tcase_add_test(tcase, of_two_members_with_one_name_the_last_wins);
    tcase_add_test(tcase, blanks_unknown_members_and_escaped_names_are_fine);
    tcase_add_test(tcase, a_malformed_answer_is_refused_with_its_place);
    tcase_add_test(tcase, what_is_more_than_we_keep_is_refused);
    tcase_add_test(tcase, nesting_is_limited_to_32);
    tcase_add_test(tcase, every_cut_of_an_answer_is_refused);
    tcase_add_test(tcase, list_shards_gives_shards_with_their_parents);
    tcase_add_test(tcase, of_two_lists_on_a_page_the_last_wins);
    tcase_add_test(tcase, a_malformed_shard_is_refused_with_its_place);
    tcase_add_test(tcase, an_iterator_must_be_there);
    tcase_add_test(tcase, a_stream_summary_is_read);
    tcase_add_test(tcase, list_shards_is_asked_with_a_stream_or_a_token_never_both);
    tcase_add_test(tcase, an_iterator_is_asked_for_any_position);
    tcase_add_test(tcase, records_and_summaries_are_asked);
    return suite_run("kinesis_json", tcase);
}
