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

/* Marks: whose stream a lease is of. */

#define OURS   "arn:aws:kinesis:us-east-1:000000000000:stream/ours@1700000000"
#define THEIRS "arn:aws:kinesis:us-east-1:000000000000:stream/theirs@1600000000"

static struct kh_err claim_err;
static bool claimed;

static void on_claimed(void *arg, const struct kh_err *err)
{
    (void)arg;
    ck_assert(!claimed);
    claimed = true;
    claim_err = *err;
    kh_loop_stop(loop);
}

static enum kh_rc claim(const char *mark, bool adopt)
{
    const struct kh_store_claim wish = {.mark = mark, .adopt = adopt};

    claimed = false;
    ck_assert(kh_store_claim(side.store, &wish, on_claimed, NULL));
    ck_assert(!claimed);
    kh_loop_run(loop);
    ck_assert(claimed);
    return claim_err.rc;
}

/* The stored item has this mark; NULL: none. */
static void mark_is(const char *key, const char *mark)
{
    char body[256];
    char want[256];
    struct kh_buf answer;

    (void)snprintf(body, sizeof(body),
                   "{\"TableName\":\"%s\",\"Key\":{\"leaseKey\":{\"S\":\"%s\"}}}", table_name, key);
    dynamodb_call("GetItem", body, &answer);
    (void)snprintf(want, sizeof(want), "\"kclHostStream\":{\"S\":\"%s\"}",
                   mark != NULL ? mark : "");
    ck_assert_msg(strstr(answer.p, mark != NULL ? want : "kclHostStream") != NULL || mark == NULL,
                  "%s is not in %s", want, answer.p);
    ck_assert(mark != NULL || strstr(answer.p, "kclHostStream") == NULL);
    kh_buf_fini(&answer);
}

static struct kh_lease_op take_op(const char *key, uint64_t counter)
{
    struct kh_lease_op op = update_op(key);

    op.expect_is = KH_LEASE_COUNTER;
    op.expect_counter = counter;
    op.set = KH_LEASE_COUNTER | KH_LEASE_OWNER;
    op.lease.counter = counter + 1;
    (void)snprintf(op.lease.owner, sizeof(op.lease.owner), "me");
    return op;
}

static struct kh_lease named(const char *key)
{
    struct kh_lease lease = fresh;

    ck_assert(kh_str_copy(lease.key, sizeof(lease.key), kh_str(key)));
    return lease;
}

START_TEST(leases_are_marked_when_they_are_made_or_taken)
{
    const struct kh_lease java = named("java");
    const struct kh_lease made = named("made");
    struct kh_lease_op op = take_op("java", 0);

    side_open(&side);
    create(&side, &java); /* before the claim: without a mark */
    ck_assert_int_eq(claim(OURS, false), KH_OK);
    create(&side, &made);
    mark_is("made", OURS);
    mark_is("java", NULL);
    ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_DONE);
    mark_is("java", OURS);
    ck_assert_uint_eq(list(&side)->leases_n, 2);
    side_close(&side);

    /* The same stream, as far as can be told, may have it; what tells more stays. */
    side_open(&side);
    ck_assert_int_eq(claim("arn:aws:kinesis:us-east-1:000000000000:stream/ours", false), KH_OK);
    op = take_op("java", 1);
    ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_DONE);
    mark_is("java", OURS);
    side_close(&side);
}
END_TEST

START_TEST(leases_of_another_stream_are_refused_and_left_alone)
{
    const struct kh_lease lease = named("s");
    struct kh_lease_op op = get_op("s");

    side_open(&side);
    ck_assert_int_eq(claim(THEIRS, false), KH_OK);
    create(&side, &lease);
    side_close(&side);

    side_open(&side);
    ck_assert_int_eq(claim(OURS, false), KH_CONFLICT);
    ck_assert_str_eq(
        claim_err.text,
        "lease s belongs to stream arn:aws:kinesis:us-east-1:000000000000:stream/theirs created "
        "2020-09-13T12:26:40Z, not to arn:aws:kinesis:us-east-1:000000000000:stream/ours created "
        "2023-11-14T22:13:20Z");
    mark_is("s", THEIRS);
    /* Whoever would go on all the same cannot read it, nor learn that a write worked. */
    ck_assert_uint_eq(list(&side)->leases_n, 0);
    ck_assert_uint_eq(list(&side)->malformed_n, 1);
    ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_FAILED);
    op = create_op(&lease);
    ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_FAILED);
    op = take_op("s", 0);
    ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_UNKNOWN);
    mark_is("s", THEIRS);
    side_close(&side);
}
END_TEST

START_TEST(adopted_leases_change_their_mark_and_nothing_else)
{
    const struct kh_lease lease = named("s");
    struct kh_lease now;
    char key[32];

    side_open(&side);
    ck_assert_int_eq(claim(THEIRS, false), KH_OK);
    create(&side, &lease);
    for (unsigned i = 0; i < 20; i++) {
        struct kh_lease more;

        (void)snprintf(key, sizeof(key), "s-%u", i);
        more = named(key);
        create(&side, &more);
    }
    side_close(&side);

    side_open(&side);
    ck_assert_int_eq(claim(OURS, true), KH_OK);
    ck_assert_uint_eq(list(&side)->leases_n, 21);
    mark_is("s", OURS);
    mark_is(key, OURS);
    now = get(&side, "s");
    test_lease_eq(&now, &lease);
    side_close(&side);
}
END_TEST

START_TEST(closing_ends_a_claim)
{
    const struct kh_store_claim wish = {.mark = OURS};

    side_open(&side);
    claimed = false;
    ck_assert(kh_store_claim(side.store, &wish, on_claimed, NULL));
    side_close(&side);
    side_open(&side);
    (void)list(&side); /* the loop goes on */
    ck_assert(!claimed);
    side_close(&side);
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
    tcase_add_test(tcase, leases_are_marked_when_they_are_made_or_taken);
    tcase_add_test(tcase, leases_of_another_stream_are_refused_and_left_alone);
    tcase_add_test(tcase, adopted_leases_change_their_mark_and_nothing_else);
    tcase_add_test(tcase, closing_ends_a_claim);
}
