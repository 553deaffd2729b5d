/* What only a server can do: hold a strange table, or not answer. tests/unit/test_dynamodb.c has
 * the rest, against a server that answers as a script says. */
#include "tests/store/rows.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/lease_eq.h"
#include "tests/store/fixture.h"

static struct side side;

static const struct kh_lease fresh = {.key = "shardId-000000000001",
                                      .checkpoint = {.seq = "TRIM_HORIZON"},
                                      .range = {.start = "0", .end = "99"}};

static void make_table(const char *key, const char *type)
{
    char body[512];
    struct kh_buf answer;

    (void)snprintf(
        body, sizeof(body),
        "{\"TableName\":\"%s\",\"BillingMode\":\"PAY_PER_REQUEST\","
        "\"KeySchema\":[{\"AttributeName\":\"%s\",\"KeyType\":\"HASH\"}],"
        "\"AttributeDefinitions\":[{\"AttributeName\":\"%s\",\"AttributeType\":\"%s\"}]}",
        table_name, key, key, type);
    dynamodb_call("CreateTable", body, &answer);
    kh_buf_fini(&answer);
}

static void is_no_lease_table(const char *why)
{
    const struct kh_store_config config = side_config(&side);
    struct kh_err err;
    char want[512];

    ck_assert_int_eq(side_try(&side, &config, &err), KH_OK);
    ck_assert_int_eq(side_ensure(&side), KH_INVALID);
    (void)snprintf(want, sizeof(want),
                   "table %s is no lease table: its key is %s, not leaseKey of type S alone; name "
                   "another one with tableName",
                   table_name, why);
    ck_assert_str_eq(side.ensure_err.text, want);
    side_close(&side);
}

START_TEST(a_table_with_another_key_is_told)
{
    make_table("id", "S");
    is_no_lease_table("id of type S");
}
END_TEST

START_TEST(a_table_with_a_key_of_another_type_is_told)
{
    make_table("leaseKey", "N");
    is_no_lease_table("leaseKey of type N");
}
END_TEST

START_TEST(a_table_is_paid_by_request)
{
    char body[128];
    struct kh_buf answer;

    side_open(&side);
    side_close(&side);
    (void)snprintf(body, sizeof(body), "{\"TableName\":\"%s\"}", table_name);
    dynamodb_call("DescribeTable", body, &answer);
    ck_assert_ptr_nonnull(strstr(answer.p, "\"BillingMode\":\"PAY_PER_REQUEST\""));
    kh_buf_fini(&answer);
}
END_TEST

/* Name by name and type by type what the Java 3.1.3 daemon writes. */
START_TEST(a_created_item_is_what_java_writes)
{
    static const char *const members[] = {"\"leaseKey\":{\"S\":\"shardId-000000000001\"}",
                                          "\"leaseCounter\":{\"N\":\"0\"}",
                                          "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"}",
                                          "\"checkpoint\":{\"S\":\"TRIM_HORIZON\"}",
                                          "\"checkpointSubSequenceNumber\":{\"N\":\"0\"}",
                                          "\"startingHashKey\":{\"S\":\"0\"}",
                                          "\"endingHashKey\":{\"S\":\"99\"}"};
    char body[256];
    struct kh_buf answer;
    size_t bytes = strlen("{\"Item\":{}}") + 6; /* six commas */

    side_open(&side);
    create(&side, &fresh);
    side_close(&side);
    (void)snprintf(body, sizeof(body),
                   "{\"TableName\":\"%s\",\"Key\":{\"leaseKey\":{\"S\":\"%s\"}}}", table_name,
                   fresh.key);
    dynamodb_call("GetItem", body, &answer);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        ck_assert_msg(strstr(answer.p, members[i]) != NULL, "%s is not in %s", members[i],
                      answer.p);
        bytes += strlen(members[i]);
    }
    ck_assert_uint_eq(strlen(answer.p), bytes); /* and nothing else */
    kh_buf_fini(&answer);
}
END_TEST

START_TEST(a_checkpoint_takes_a_java_applications_state_away)
{
    struct kh_lease_op op = update_op(fresh.key);
    char body[512];
    struct kh_buf answer;

    side_open(&side);
    create(&side, &fresh);
    (void)snprintf(body, sizeof(body),
                   "{\"TableName\":\"%s\",\"Key\":{\"leaseKey\":{\"S\":\"%s\"}},"
                   "\"UpdateExpression\":\"SET pendingCheckpointState = :s\","
                   "\"ExpressionAttributeValues\":{\":s\":{\"B\":\"AAE=\"}}}",
                   table_name, fresh.key);
    dynamodb_call("UpdateItem", body, &answer);
    kh_buf_fini(&answer);
    op.remove = KH_LEASE_PENDING;
    ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_DONE);
    side_close(&side);
    (void)snprintf(body, sizeof(body),
                   "{\"TableName\":\"%s\",\"Key\":{\"leaseKey\":{\"S\":\"%s\"}}}", table_name,
                   fresh.key);
    dynamodb_call("GetItem", body, &answer);
    ck_assert_ptr_null(strstr(answer.p, "pendingCheckpoint"));
    kh_buf_fini(&answer);
}
END_TEST

void add_dynamodb_rows(TCase *tcase)
{
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
    tcase_add_test(tcase, a_table_with_another_key_is_told);
    tcase_add_test(tcase, a_table_with_a_key_of_another_type_is_told);
    tcase_add_test(tcase, a_table_is_paid_by_request);
    tcase_add_test(tcase, a_created_item_is_what_java_writes);
    tcase_add_test(tcase, a_checkpoint_takes_a_java_applications_state_away);
}
