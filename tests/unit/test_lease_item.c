#include "wire/lease_item.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/lease_eq.h"
#include "tests/lib/suite.h"

#define BODY_MAX 65536

static const struct kh_lease_place app = {.table = "app"};
static struct kh_buf body;
static struct kh_err err;

static void setup(void)
{
    kh_buf_init(&body, BODY_MAX);
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

static enum kh_item_type read_item(const char *text, struct kh_lease *lease)
{
    struct kh_json *root = NULL;
    enum kh_item_type type;

    ck_assert_msg(kh_json_parse(&root, kh_str(text), &err) == KH_OK, "%s", err.text);
    type = kh_lease_item_read(root, lease, &err);
    kh_json_free(root);
    return type;
}

static void malformed(const char *text, const char *why)
{
    struct kh_lease lease = {.key = "as it was"};

    ck_assert_int_eq(read_item(text, &lease), KH_ITEM_MALFORMED);
    ck_assert_str_eq(err.text, why);
    ck_assert_str_eq(lease.key, "as it was");
}

static const struct kh_lease fresh = {.key = "shardId-000000000002",
                                      .checkpoint = {.seq = "TRIM_HORIZON"},
                                      .range = {.start = "170141183460469231731687303715884105728",
                                                .end = "255211775190703847597530955573826158591"}};

static const struct kh_lease full = {.key = "shardId-000000000005",
                                     .owner = "worker b",
                                     .checkpoint_owner = "worker a",
                                     .counter = 12,
                                     .owner_switches = 3,
                                     .checkpoint = {.seq = "4968", .sub = 2},
                                     .pending = {.seq = "4970", .sub = 1},
                                     .parents_n = 2,
                                     .parents = {"shardId-1", "shardId-2"},
                                     .children_n = 1,
                                     .children = {"shardId-9"},
                                     .range = {.start = "0", .end = "9"},
                                     .has_throughput = true,
                                     .throughput_kbps = 0.11255};

/* A row of the Java 3.1.3 daemon, as DynamoDB Local printed it. */
START_TEST(a_lease_of_a_java_worker_is_read)
{
    const struct kh_lease want = {
        .key = "shardId-000000000002",
        .owner = "1740e108-6c52-4b5c-9c43-04eb5a1a9dd1",
        .counter = 12,
        .checkpoint = {.seq = "49680000000000000000000000000000000000000000000000006754"},
        .range = {.start = "170141183460469231731687303715884105728",
                  .end = "255211775190703847597530955573826158591"},
        .has_throughput = true,
        .throughput_kbps = 0.11255};
    struct kh_lease lease;

    ck_assert_int_eq(
        read_item("{\"leaseKey\":{\"S\":\"shardId-000000000002\"},"
                  "\"leaseOwner\":{\"S\":\"1740e108-6c52-4b5c-9c43-04eb5a1a9dd1\"},"
                  "\"leaseCounter\":{\"N\":\"12\"},\"checkpoint\":{\"S\":"
                  "\"49680000000000000000000000000000000000000000000000006754\"},"
                  "\"checkpointSubSequenceNumber\":{\"N\":\"0\"},"
                  "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},"
                  "\"throughputKBps\":{\"N\":\"0.11255\"},"
                  "\"startingHashKey\":{\"S\":\"170141183460469231731687303715884105728\"},"
                  "\"endingHashKey\":{\"S\":\"255211775190703847597530955573826158591\"}}",
                  &lease),
        KH_ITEM_LEASE);
    test_lease_eq(&lease, &want);
}
END_TEST

START_TEST(what_is_written_is_read_back_the_same)
{
    struct kh_json_writer writer;
    struct kh_lease lease;

    kh_json_begin(&writer, &body);
    kh_lease_item_write(&writer, &full);
    ck_assert_int_eq(kh_json_end(&writer), KH_OK);
    body_is("{\"leaseKey\":{\"S\":\"shardId-000000000005\"},\"leaseCounter\":{\"N\":\"12\"},"
            "\"leaseOwner\":{\"S\":\"worker b\"},\"checkpointOwner\":{\"S\":\"worker a\"},"
            "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"3\"},\"checkpoint\":{\"S\":\"4968\"},"
            "\"checkpointSubSequenceNumber\":{\"N\":\"2\"},\"pendingCheckpoint\":{\"S\":\"4970\"},"
            "\"pendingCheckpointSubSequenceNumber\":{\"N\":\"1\"},"
            "\"parentShardId\":{\"SS\":[\"shardId-1\",\"shardId-2\"]},"
            "\"childShardIds\":{\"SS\":[\"shardId-9\"]},\"startingHashKey\":{\"S\":\"0\"},"
            "\"endingHashKey\":{\"S\":\"9\"},\"throughputKBps\":{\"N\":\"0.11255\"}}");
    ck_assert_int_eq(read_item(body.p, &lease), KH_ITEM_LEASE);
    test_lease_eq(&lease, &full);
}
END_TEST

START_TEST(throughput_is_a_plain_decimal_of_at_most_six_places)
{
    static const struct {
        double kbps;
        const char *text;
    } rows[] = {{0, "0"},
                {0.0001, "0.0001"},
                {0.000001, "0.000001"},
                {0.0000001, "0"},
                {10, "10"},
                {1234567.25, "1234567.25"},
                {1e15, "1000000000000000"},
                {2.0000005, "2.000001"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kh_lease lease = fresh;
        struct kh_json_writer writer;
        char want[64];

        lease.has_throughput = true;
        lease.throughput_kbps = rows[i].kbps;
        kh_buf_reset(&body);
        kh_json_begin(&writer, &body);
        kh_lease_item_write(&writer, &lease);
        ck_assert_int_eq(kh_json_end(&writer), KH_OK);
        ck_assert(kh_buf_append_char(&body, '\0') == KH_OK);
        (void)snprintf(want, sizeof(want), "\"throughputKBps\":{\"N\":\"%s\"}}", rows[i].text);
        ck_assert_msg(strstr(body.p, want) != NULL, "%s is not in %s", want, body.p);
    }
}
END_TEST

START_TEST(what_java_leaves_out_reads_as_absent)
{
    struct kh_lease lease;

    ck_assert_int_eq(read_item("{\"leaseKey\":{\"S\":\"s\"},\"leaseCounter\":{\"N\":\"0\"},"
                               "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},"
                               "\"checkpoint\":{\"S\":\"SHARD_END\"},"
                               "\"startingHashKey\":{\"S\":\"5\"}}",
                               &lease),
                     KH_ITEM_LEASE);
    test_lease_eq(&lease, &(struct kh_lease){.key = "s", .checkpoint = {.seq = "SHARD_END"}});
}
END_TEST

START_TEST(attributes_we_do_not_know_are_passed_over)
{
    struct kh_lease lease;

    ck_assert_int_eq(
        read_item("{\"leaseKey\":{\"S\":\"s\"},\"leaseCounter\":{\"N\":\"1\"},"
                  "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},\"checkpoint\":{\"S\":\"1\"},"
                  "\"pendingCheckpointState\":{\"B\":\"AAE=\"},\"later\":{\"M\":{}},"
                  "\"entityType\":{\"S\":\"LEASE\"}}",
                  &lease),
        KH_ITEM_LEASE);
}
END_TEST

START_TEST(other_kinds_of_items_are_foreign_whatever_they_hold)
{
    static const char *const items[] = {
        "{\"leaseKey\":{\"S\":\"Leader\"},\"entityType\":{\"S\":\"LEADER\"}}",
        "{\"leaseKey\":{\"S\":\"w\"},\"entityType\":{\"S\":\"WORKER_METRIC_STATS\"},"
        "\"lut\":{\"N\":\"1\"}}",
        "{\"leaseKey\":{\"S\":\"x\"},\"entityType\":{\"S\":\"NOT_INVENTED_YET\"}}",
        "{\"leaseKey\":{\"S\":\"x\"},\"entityType\":{\"N\":\"1\"}}",
        "{\"leaseKey\":{\"S\":\"123:s:9:shardId-0\"},\"leaseCounter\":{\"N\":\"1\"},"
        "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},\"checkpoint\":{\"S\":\"1\"},"
        "\"streamName\":{\"S\":\"123:s:9\"},\"shardId\":{\"S\":\"shardId-0\"}}"};

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        struct kh_lease lease;

        ck_assert_int_eq(read_item(items[i], &lease), KH_ITEM_FOREIGN);
    }
}
END_TEST

#define KEY        "{\"leaseKey\":{\"S\":\"s\"}"
#define COUNTER    ",\"leaseCounter\":{\"N\":\"1\"}"
#define SWITCHES   ",\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"}"
#define CHECKPOINT ",\"checkpoint\":{\"S\":\"1\"}"
#define SOUND      KEY COUNTER SWITCHES CHECKPOINT

START_TEST(a_malformed_item_is_told_by_key_and_attribute)
{
    malformed("{}", "lease without a key: leaseKey is missing");
    malformed("{\"leaseKey\":{\"N\":\"5\"}}", "lease without a key: leaseKey is not of type S");
    malformed(KEY SWITCHES CHECKPOINT "}", "lease s: leaseCounter is missing");
    malformed(KEY COUNTER CHECKPOINT "}", "lease s: ownerSwitchesSinceCheckpoint is missing");
    malformed(KEY COUNTER SWITCHES "}", "lease s: checkpoint is missing");
    malformed(KEY SWITCHES CHECKPOINT ",\"leaseCounter\":{\"S\":\"1\"}}",
              "lease s: leaseCounter is not of type N");
    malformed(KEY SWITCHES CHECKPOINT ",\"leaseCounter\":{\"N\":\"1.5\"}}",
              "lease s: leaseCounter is not a whole number of 64 bits");
    malformed(KEY SWITCHES CHECKPOINT ",\"leaseCounter\":{\"N\":\"9223372036854775808\"}}",
              "lease s: leaseCounter is not a whole number of 64 bits");
    malformed(KEY SWITCHES CHECKPOINT ",\"leaseCounter\":{\"N\":\"-1\"}}",
              "lease s: leaseCounter is below 0");
    malformed(KEY COUNTER SWITCHES ",\"checkpoint\":{\"S\":\"HORIZON\"}}",
              "lease s: checkpoint is neither a sequence number nor a position KCL knows");
    malformed(KEY COUNTER SWITCHES ",\"checkpoint\":{\"NULL\":true}}",
              "lease s: checkpoint is not of type S");
    malformed(SOUND ",\"leaseOwner\":{\"S\":\"\"}}", "lease s: leaseOwner is empty or not text");
    malformed(SOUND ",\"leaseOwner\":{\"S\":\"a\\u0000b\"}}",
              "lease s: leaseOwner is empty or not text");
    malformed(SOUND ",\"parentShardId\":{\"S\":\"p\"}}",
              "lease s: parentShardId is not of type SS");
    malformed(SOUND ",\"parentShardId\":{\"SS\":[\"a\",\"b\",\"c\"]}}",
              "lease s: parentShardId is not a set of a possible size");
    malformed(SOUND ",\"childShardIds\":{\"SS\":[\"\"]}}",
              "lease s: childShardIds holds something that is no shard id");
    malformed(SOUND ",\"startingHashKey\":{\"S\":\"9\"},\"endingHashKey\":{\"S\":\"9\"}}",
              "lease s: startingHashKey and endingHashKey are no range of hash keys");
    malformed(SOUND ",\"startingHashKey\":{\"S\":\"x\"},\"endingHashKey\":{\"S\":\"9\"}}",
              "lease s: startingHashKey and endingHashKey are no range of hash keys");
    malformed(SOUND ",\"throughputKBps\":{\"N\":\"-1\"}}",
              "lease s: throughputKBps is no throughput");
    malformed(SOUND ",\"throughputKBps\":{\"S\":\"1\"}}",
              "lease s: throughputKBps is not of type N");
}
END_TEST

START_TEST(texts_longer_than_their_place_are_malformed)
{
    char owner[KH_WORKER_ID_MAX + 2];
    char item[1024];

    memset(owner, 'w', sizeof(owner) - 1);
    owner[sizeof(owner) - 1] = '\0';
    (void)snprintf(item, sizeof(item), SOUND ",\"leaseOwner\":{\"S\":\"%s\"}}", owner);
    malformed(item, "lease s: leaseOwner is too long");
}
END_TEST

/* W1. The attributes are those that the Java 3.1.3 daemon writes. */
START_TEST(create_puts_the_item_where_there_is_none)
{
    struct kh_lease_op op = {
        .verb = KH_LEASE_CREATE, .key = "shardId-000000000002", .lease = fresh};

    ck_assert_str_eq(kh_lease_request_operation(op.verb), "PutItem");
    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Item\":{\"leaseKey\":{\"S\":\"shardId-000000000002\"},"
            "\"leaseCounter\":{\"N\":\"0\"},\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},"
            "\"checkpoint\":{\"S\":\"TRIM_HORIZON\"},\"checkpointSubSequenceNumber\":{\"N\":\"0\"},"
            "\"startingHashKey\":{\"S\":\"170141183460469231731687303715884105728\"},"
            "\"endingHashKey\":{\"S\":\"255211775190703847597530955573826158591\"}},"
            "\"ConditionExpression\":\"attribute_not_exists(#leaseKey)\","
            "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\"},"
            "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

/* W2 while no hand-off is known, with throughput. */
START_TEST(renew_asks_for_counter_and_no_hand_off)
{
    struct kh_lease_op op = {
        .verb = KH_LEASE_UPDATE,
        .key = "s",
        .expect_is = KH_LEASE_COUNTER,
        .expect_absent = KH_LEASE_CHECKPOINT_OWNER,
        .expect_counter = 7,
        .set = KH_LEASE_COUNTER | KH_LEASE_THROUGHPUT,
        .lease = {.counter = 8, .has_throughput = true, .throughput_kbps = 2.5}};

    ck_assert_str_eq(kh_lease_request_operation(op.verb), "UpdateItem");
    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"UpdateExpression\":\"SET #leaseCounter = :leaseCounter, "
            "#throughputKBps = :throughputKBps\","
            "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
            "#leaseCounter = :expected_leaseCounter AND "
            "attribute_not_exists(#checkpointOwner)\","
            "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\","
            "\"#leaseCounter\":\"leaseCounter\",\"#checkpointOwner\":\"checkpointOwner\","
            "\"#throughputKBps\":\"throughputKBps\"},"
            "\"ExpressionAttributeValues\":{\":expected_leaseCounter\":{\"N\":\"7\"},"
            "\":leaseCounter\":{\"N\":\"8\"},\":throughputKBps\":{\"N\":\"2.5\"}},"
            "\"ReturnValues\":\"ALL_NEW\",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

/* W3 with rule S, and W5, which asks for owners and adds to the counter. */
START_TEST(assign_sets_removes_and_adds_in_one_expression)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .key = "s",
                             .expect_is = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER,
                             .expect_owner = "b",
                             .expect_checkpoint_owner = "a",
                             .set = KH_LEASE_OWNER,
                             .remove = KH_LEASE_CHECKPOINT_OWNER,
                             .add_one = KH_LEASE_COUNTER | KH_LEASE_SWITCHES,
                             .lease = {.owner = "c"}};

    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"UpdateExpression\":\"SET #leaseOwner = :leaseOwner REMOVE #checkpointOwner "
            "ADD #leaseCounter :one, #ownerSwitchesSinceCheckpoint :one\","
            "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
            "#leaseOwner = :expected_leaseOwner AND "
            "#checkpointOwner = :expected_checkpointOwner\","
            "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\","
            "\"#leaseCounter\":\"leaseCounter\",\"#leaseOwner\":\"leaseOwner\","
            "\"#checkpointOwner\":\"checkpointOwner\","
            "\"#ownerSwitchesSinceCheckpoint\":\"ownerSwitchesSinceCheckpoint\"},"
            "\"ExpressionAttributeValues\":{\":expected_leaseOwner\":{\"S\":\"b\"},"
            "\":leaseOwner\":{\"S\":\"c\"},\":expected_checkpointOwner\":{\"S\":\"a\"},"
            "\":one\":{\"N\":\"1\"}},"
            "\"ReturnValues\":\"ALL_NEW\",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

/* W7 as a checkpoint: a prepared one and its state go. */
START_TEST(checkpoint_takes_a_pending_one_and_its_state_away)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .key = "s",
                             .expect_is = KH_LEASE_COUNTER,
                             .expect_counter = 1,
                             .set = KH_LEASE_COUNTER | KH_LEASE_CHECKPOINT | KH_LEASE_SWITCHES,
                             .remove = KH_LEASE_PENDING,
                             .lease = {.counter = 2, .checkpoint = {.seq = "55", .sub = 4}}};

    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"UpdateExpression\":\"SET #leaseCounter = :leaseCounter, "
            "#ownerSwitchesSinceCheckpoint = :ownerSwitchesSinceCheckpoint, "
            "#checkpoint = :checkpoint, "
            "#checkpointSubSequenceNumber = :checkpointSubSequenceNumber "
            "REMOVE #pendingCheckpoint, #pendingCheckpointSubSequenceNumber, "
            "#pendingCheckpointState\","
            "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
            "#leaseCounter = :expected_leaseCounter\","
            "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\","
            "\"#leaseCounter\":\"leaseCounter\","
            "\"#ownerSwitchesSinceCheckpoint\":\"ownerSwitchesSinceCheckpoint\","
            "\"#checkpoint\":\"checkpoint\","
            "\"#checkpointSubSequenceNumber\":\"checkpointSubSequenceNumber\","
            "\"#pendingCheckpoint\":\"pendingCheckpoint\","
            "\"#pendingCheckpointSubSequenceNumber\":\"pendingCheckpointSubSequenceNumber\","
            "\"#pendingCheckpointState\":\"pendingCheckpointState\"},"
            "\"ExpressionAttributeValues\":{\":expected_leaseCounter\":{\"N\":\"1\"},"
            "\":leaseCounter\":{\"N\":\"2\"},\":ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},"
            "\":checkpoint\":{\"S\":\"55\"},\":checkpointSubSequenceNumber\":{\"N\":\"4\"}},"
            "\"ReturnValues\":\"ALL_NEW\",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

/* W7 as a preparation: the state of an older one goes with it. */
START_TEST(a_new_pending_checkpoint_drops_an_old_ones_state)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .key = "s",
                             .set = KH_LEASE_PENDING,
                             .lease = {.pending = {.seq = "56"}}};

    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    ck_assert(kh_buf_append_char(&body, '\0') == KH_OK);
    ck_assert(strstr(body.p, "\"SET #pendingCheckpoint = :pendingCheckpoint, "
                             "#pendingCheckpointSubSequenceNumber = "
                             ":pendingCheckpointSubSequenceNumber "
                             "REMOVE #pendingCheckpointState\"") != NULL);
}
END_TEST

/* W6: neither SET nor values. */
START_TEST(an_update_without_values_names_none)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .key = "s",
                             .expect_absent = KH_LEASE_CHECKPOINT_OWNER,
                             .remove = KH_LEASE_OWNER};

    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"UpdateExpression\":\"REMOVE #leaseOwner\","
            "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
            "attribute_not_exists(#checkpointOwner)\","
            "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\","
            "\"#leaseOwner\":\"leaseOwner\",\"#checkpointOwner\":\"checkpointOwner\"},"
            "\"ReturnValues\":\"ALL_NEW\",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

/* W8. */
START_TEST(a_meta_update_asks_for_the_row_alone)
{
    struct kh_lease_op op = {
        .verb = KH_LEASE_UPDATE,
        .key = "s",
        .set = KH_LEASE_CHILDREN | KH_LEASE_HASH_RANGE,
        .lease = {.children_n = 2, .children = {"c1", "c2"}, .range = {.start = "0", .end = "9"}}};

    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"UpdateExpression\":\"SET #childShardIds = :childShardIds, "
            "#startingHashKey = :startingHashKey, #endingHashKey = :endingHashKey\","
            "\"ConditionExpression\":\"attribute_exists(#leaseKey)\","
            "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\","
            "\"#childShardIds\":\"childShardIds\",\"#startingHashKey\":\"startingHashKey\","
            "\"#endingHashKey\":\"endingHashKey\"},"
            "\"ExpressionAttributeValues\":{\":childShardIds\":{\"SS\":[\"c1\",\"c2\"]},"
            "\":startingHashKey\":{\"S\":\"0\"},\":endingHashKey\":{\"S\":\"9\"}},"
            "\"ReturnValues\":\"ALL_NEW\",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

static const struct kh_lease_place marked = {.table = "app", .stream_mark = "arn@1"};

START_TEST(a_created_lease_is_marked)
{
    struct kh_lease_op op = {
        .verb = KH_LEASE_CREATE, .key = "shardId-000000000002", .lease = fresh};

    ck_assert_int_eq(kh_lease_request(&body, &marked, &op), KH_OK);
    ck_assert(kh_buf_append_char(&body, '\0') == KH_OK);
    ck_assert_ptr_nonnull(strstr(body.p, "\"kclHostStream\":{\"S\":\"arn@1\"}},"
                                         "\"ConditionExpression\""));
}
END_TEST

START_TEST(a_lease_that_gets_an_owner_is_marked_unless_it_is)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .key = "s",
                             .expect_is = KH_LEASE_COUNTER,
                             .expect_counter = 7,
                             .set = KH_LEASE_COUNTER | KH_LEASE_OWNER,
                             .remove = KH_LEASE_CHECKPOINT_OWNER,
                             .lease = {.counter = 8, .owner = "b"}};

    ck_assert_int_eq(kh_lease_request(&body, &marked, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"UpdateExpression\":\"SET #leaseCounter = :leaseCounter, #leaseOwner = :leaseOwner, "
            "#kclHostStream = if_not_exists(#kclHostStream, :kclHostStream) "
            "REMOVE #checkpointOwner\","
            "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
            "#leaseCounter = :expected_leaseCounter\","
            "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\","
            "\"#leaseCounter\":\"leaseCounter\",\"#leaseOwner\":\"leaseOwner\","
            "\"#checkpointOwner\":\"checkpointOwner\",\"#kclHostStream\":\"kclHostStream\"},"
            "\"ExpressionAttributeValues\":{\":expected_leaseCounter\":{\"N\":\"7\"},"
            "\":leaseCounter\":{\"N\":\"8\"},\":leaseOwner\":{\"S\":\"b\"},"
            "\":kclHostStream\":{\"S\":\"arn@1\"}},"
            "\"ReturnValues\":\"ALL_NEW\",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}");
}
END_TEST

START_TEST(a_renewal_has_nothing_to_do_with_marks)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .key = "s",
                             .expect_is = KH_LEASE_COUNTER,
                             .expect_counter = 7,
                             .set = KH_LEASE_COUNTER,
                             .lease = {.counter = 8}};

    ck_assert_int_eq(kh_lease_request(&body, &marked, &op), KH_OK);
    ck_assert(kh_buf_append_char(&body, '\0') == KH_OK);
    ck_assert_ptr_null(strstr(body.p, "kclHostStream"));
}
END_TEST

START_TEST(reads_are_consistent_and_deletes_unconditional)
{
    struct kh_lease_op op = {.verb = KH_LEASE_GET, .key = "s"};

    ck_assert_str_eq(kh_lease_request_operation(op.verb), "GetItem");
    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}},"
            "\"ConsistentRead\":true}");

    kh_buf_reset(&body);
    op.verb = KH_LEASE_DELETE;
    ck_assert_str_eq(kh_lease_request_operation(op.verb), "DeleteItem");
    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_OK);
    body_is("{\"TableName\":\"app\",\"Key\":{\"leaseKey\":{\"S\":\"s\"}}}");
}
END_TEST

START_TEST(scans_go_on_where_the_last_page_ended)
{
    struct kh_json *root = NULL;
    struct kh_str after = {0};

    ck_assert_str_eq(kh_lease_request_operation(KH_LEASE_LIST), "Scan");
    ck_assert_int_eq(kh_lease_scan_request(&body, "app", after), KH_OK);
    body_is("{\"TableName\":\"app\"}");

    ck_assert(kh_json_parse(&root,
                            KH_STR("{\"Items\":[],\"LastEvaluatedKey\":{\"leaseKey\":{\"S\":"
                                   "\"a\\\"b\"}}}"),
                            &err) == KH_OK);
    ck_assert(kh_lease_scan_more(root, &after));
    kh_buf_reset(&body);
    ck_assert_int_eq(kh_lease_scan_request(&body, "app", after), KH_OK);
    body_is("{\"TableName\":\"app\",\"ExclusiveStartKey\":{\"leaseKey\":{\"S\":\"a\\\"b\"}}}");
    kh_json_free(root);

    root = NULL;
    ck_assert(kh_json_parse(&root, KH_STR("{\"Items\":[]}"), &err) == KH_OK);
    ck_assert(!kh_lease_scan_more(root, &after));
    kh_json_free(root);
}
END_TEST

START_TEST(a_body_that_does_not_fit_is_refused)
{
    struct kh_lease_op op = {.verb = KH_LEASE_GET, .key = "s"};

    kh_buf_fini(&body);
    kh_buf_init(&body, 16);
    ck_assert_int_eq(kh_lease_request(&body, &app, &op), KH_TOOBIG);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("lease_item");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_lease_of_a_java_worker_is_read);
    tcase_add_test(tcase, what_is_written_is_read_back_the_same);
    tcase_add_test(tcase, throughput_is_a_plain_decimal_of_at_most_six_places);
    tcase_add_test(tcase, what_java_leaves_out_reads_as_absent);
    tcase_add_test(tcase, attributes_we_do_not_know_are_passed_over);
    tcase_add_test(tcase, other_kinds_of_items_are_foreign_whatever_they_hold);
    tcase_add_test(tcase, a_malformed_item_is_told_by_key_and_attribute);
    tcase_add_test(tcase, texts_longer_than_their_place_are_malformed);
    tcase_add_test(tcase, create_puts_the_item_where_there_is_none);
    tcase_add_test(tcase, renew_asks_for_counter_and_no_hand_off);
    tcase_add_test(tcase, assign_sets_removes_and_adds_in_one_expression);
    tcase_add_test(tcase, checkpoint_takes_a_pending_one_and_its_state_away);
    tcase_add_test(tcase, a_new_pending_checkpoint_drops_an_old_ones_state);
    tcase_add_test(tcase, an_update_without_values_names_none);
    tcase_add_test(tcase, a_meta_update_asks_for_the_row_alone);
    tcase_add_test(tcase, a_created_lease_is_marked);
    tcase_add_test(tcase, a_lease_that_gets_an_owner_is_marked_unless_it_is);
    tcase_add_test(tcase, a_renewal_has_nothing_to_do_with_marks);
    tcase_add_test(tcase, reads_are_consistent_and_deletes_unconditional);
    tcase_add_test(tcase, scans_go_on_where_the_last_page_ended);
    tcase_add_test(tcase, a_body_that_does_not_fit_is_refused);
    return suite_run("lease_item", tcase);
}
