/* What the fleet keeps in DynamoDB, as others see it: the tables of KCL 3.0 to 3.4, attributes that
 * are not ours, and items name by name. */
#include "tests/store/rows.h"

#include <stdio.h>
#include <string.h>

#include "tests/store/fixture.h"

static struct side side;

static void make_table(const char *table, const char *key)
{
    char body[512];
    struct kh_buf answer;

    (void)snprintf(body, sizeof(body),
                   "{\"TableName\":\"%s\",\"BillingMode\":\"PAY_PER_REQUEST\","
                   "\"KeySchema\":[{\"AttributeName\":\"%s\",\"KeyType\":\"HASH\"}],"
                   "\"AttributeDefinitions\":[{\"AttributeName\":\"%s\",\"AttributeType\":\"S\"}]}",
                   table, key, key);
    dynamodb_call("CreateTable", body, &answer);
    kh_buf_fini(&answer);
}

static size_t bytes_but_commas(const char *text)
{
    size_t bytes = 0;

    for (; *text != '\0'; text++) {
        bytes += *text != ',' ? 1 : 0;
    }
    return bytes;
}

/* GetItem's answer without blanks; each of the members stands in it, and nothing else does but
 * commas. */
static void item_is(const char *table, const char *key_attribute, const char *key,
                    const char *const *members, size_t n)
{
    size_t bytes = strlen("{\"Item\":{}}");
    struct kh_buf answer;
    char body[512];

    (void)snprintf(body, sizeof(body), "{\"TableName\":\"%s\",\"Key\":{\"%s\":{\"S\":\"%s\"}}}",
                   table, key_attribute, key);
    dynamodb_call("GetItem", body, &answer);
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(strstr(answer.p, members[i]) != NULL, "%s is not in %s", members[i],
                      answer.p);
        bytes += bytes_but_commas(members[i]);
    }
    ck_assert_msg(bytes_but_commas(answer.p) == bytes, "there is more in %s", answer.p);
    kh_buf_fini(&answer);
}

static void setup(void)
{
    fixture_setup();
    side_open(&side);
}

static void teardown(void)
{
    side_close(&side);
    fixture_teardown();
}

static struct kh_coord_op lock_op(enum kh_coord_verb verb, enum kh_coord_place place,
                                  const char *version)
{
    struct kh_coord_op op = {
        .verb = verb,
        .place = place,
        .kind = KH_COORD_LOCK,
        .item = {.kind = KH_COORD_LOCK, .lock = {.owner = "alice", .duration_ms = 120000}}};

    memcpy(op.item.lock.version, version, strlen(version) + 1);
    return op;
}

START_TEST(the_tables_of_kcl_3_0_are_seen)
{
    const struct kh_coord_op layout = {.verb = KH_COORD_LAYOUT};

    make_table(state_name, "key");
    ck_assert_int_eq(run_coord(&side, &layout)->outcome, KH_LEASE_DONE);
    ck_assert(side.coord.layout.legacy_state);
    ck_assert(!side.coord.layout.legacy_stats);
    make_table(stats_name, "wid");
    ck_assert_int_eq(run_coord(&side, &layout)->outcome, KH_LEASE_DONE);
    ck_assert(side.coord.layout.legacy_state);
    ck_assert(side.coord.layout.legacy_stats);
    ck_assert(!side.coord.layout.has_index);
}
END_TEST

START_TEST(a_table_of_kcl_3_0_that_is_missing_is_told)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, KH_COORD_LEGACY_TABLE, "v1");

    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(side.coord.rc, KH_NOTFOUND);
    op = (struct kh_coord_op){.verb = KH_COORD_LIST_STATS, .place = KH_COORD_LEGACY_TABLE};
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(side.coord.rc, KH_NOTFOUND);
}
END_TEST

START_TEST(a_lock_in_each_place_is_what_java_writes)
{
    static const char *const old[] = {
        "\"key\":{\"S\":\"Leader\"}", "\"ownerName\":{\"S\":\"alice\"}",
        "\"leaseDuration\":{\"S\":\"120000\"}", "\"recordVersionNumber\":{\"S\":\"v1\"}"};
    static const char *const new[] = {
        "\"leaseKey\":{\"S\":\"Leader\"}", "\"ownerName\":{\"S\":\"alice\"}",
        "\"leaseDuration\":{\"S\":\"120000\"}", "\"recordVersionNumber\":{\"S\":\"v1\"}",
        "\"entityType\":{\"S\":\"LEADER\"}"};
    struct kh_coord_op op = lock_op(KH_COORD_PUT, KH_COORD_LEGACY_TABLE, "v1");

    make_table(state_name, "key");
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_DONE);
    item_is(state_name, "key", "Leader", old, 4);
    op.place = KH_COORD_LEASE_TABLE;
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_DONE);
    item_is(table_name, "leaseKey", "Leader", new, 5);
}
END_TEST

START_TEST(metrics_in_each_place_are_what_java_writes)
{
    static const char *const old[] = {
        "\"wid\":{\"S\":\"w-1\"}",
        "\"lut\":{\"N\":\"1700000000\"}",
        "\"sts\":{\"M\":{\"C\":{\"L\":[{\"N\":\"12.5\"},{\"N\":\"-1\"}]}}}",
        "\"opr\":{\"M\":{\"C\":{\"L\":[{\"N\":\"100\"}]}}}",
        "\"sup\":{\"N\":\"1\"}",
        "\"slu\":{\"N\":\"1700000001\"}"};
    static const char *const new[] = {
        "\"leaseKey\":{\"S\":\"w-1\"}", "\"lut\":{\"N\":\"1700000000\"}", "\"sts\":{\"M\":{}}",
        "\"opr\":{\"M\":{}}", "\"entityType\":{\"S\":\"WORKER_METRIC_STATS\"}"};
    struct kh_coord_op op = {.verb = KH_COORD_UPDATE,
                             .place = KH_COORD_LEGACY_TABLE,
                             .kind = KH_COORD_STATS,
                             .key = "w-1",
                             .item = {.kind = KH_COORD_STATS,
                                      .stats = {.worker_id = "w-1",
                                                .reported_wall_s = 1700000000,
                                                .metrics_n = 1,
                                                .metrics = {{.name = "C",
                                                             .values_n = 2,
                                                             .values = {12.5, -1},
                                                             .has_limit = true,
                                                             .limit = 100}},
                                                .has_support = true,
                                                .support = 1,
                                                .support_wall_s = 1700000001}}};

    make_table(stats_name, "wid");
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_DONE);
    item_is(stats_name, "wid", "w-1", old, 6);
    op.item.stats.metrics_n = 0;
    op.item.stats.has_support = false;
    op.place = KH_COORD_LEASE_TABLE;
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_DONE);
    item_is(table_name, "leaseKey", "w-1", new, 5);
    op = (struct kh_coord_op){.verb = KH_COORD_LIST_STATS, .place = KH_COORD_LEGACY_TABLE};
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(side.coord.stats_n, 1);
    ck_assert_str_eq(side.coord.stats[0].worker_id, "w-1");
}
END_TEST

START_TEST(a_heartbeat_keeps_attributes_that_are_not_ours)
{
    static const char *const members[] = {
        "\"leaseKey\":{\"S\":\"Leader\"}",      "\"ownerName\":{\"S\":\"alice\"}",
        "\"leaseDuration\":{\"S\":\"120000\"}", "\"recordVersionNumber\":{\"S\":\"v2\"}",
        "\"entityType\":{\"S\":\"LEADER\"}",    "\"data\":{\"B\":\"AAE=\"}"};
    struct kh_coord_op op = lock_op(KH_COORD_UPDATE, KH_COORD_LEASE_TABLE, "v2");

    (void)plant_item("{\"leaseKey\":{\"S\":\"Leader\"},\"ownerName\":{\"S\":\"alice\"},"
                     "\"leaseDuration\":{\"S\":\"120000\"},\"recordVersionNumber\":{\"S\":\"v1\"},"
                     "\"entityType\":{\"S\":\"LEADER\"},\"data\":{\"B\":\"AAE=\"}}");
    op.expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER;
    memcpy(op.expect.lock.owner, "alice", sizeof("alice"));
    memcpy(op.expect.lock.version, "v1", sizeof("v1"));
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_DONE);
    item_is(table_name, "leaseKey", "Leader", members, 6);
}
END_TEST

START_TEST(a_change_of_version_keeps_attributes_that_are_not_ours)
{
    static const char *const members[] = {"\"leaseKey\":{\"S\":\"Migration3.0\"}",
                                          "\"cv\":{\"S\":\"CLIENT_VERSION_3X\"}",
                                          "\"mb\":{\"S\":\"alice\"}",
                                          "\"mts\":{\"N\":\"9\"}",
                                          "\"h\":{\"L\":[{\"M\":{",
                                          "\"cv\":{\"S\":\"CLIENT_VERSION_3X_WITH_ROLLBACK\"}",
                                          "\"mb\":{\"S\":\"bob\"}",
                                          "\"mts\":{\"N\":\"7\"}",
                                          "}}]}",
                                          "\"note\":{\"S\":\"kept\"}"};
    struct kh_coord_op op = {
        .verb = KH_COORD_UPDATE,
        .kind = KH_COORD_VERSION,
        .expect_bits = KH_EXPECT_CLIENT_VERSION,
        .expect = {.version = {.now = {.version = KH_VERSION_3X_WITH_ROLLBACK}}},
        .item = {.kind = KH_COORD_VERSION,
                 .version = {
                     .now = {.version = KH_VERSION_3X, .by = "alice", .at_wall_ms = 9},
                     .history_n = 1,
                     .history = {
                         {.version = KH_VERSION_3X_WITH_ROLLBACK, .by = "bob", .at_wall_ms = 7}}}}};

    (void)plant_item("{\"leaseKey\":{\"S\":\"Migration3.0\"},\"mb\":{\"S\":\"bob\"},"
                     "\"cv\":{\"S\":\"CLIENT_VERSION_3X_WITH_ROLLBACK\"},\"mts\":{\"N\":\"7\"},"
                     "\"note\":{\"S\":\"kept\"}}");
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_DONE);
    item_is(table_name, "leaseKey", "Migration3.0", members, 10);
}
END_TEST

/* As a table that was moved from KCL 3.4's has them. */
START_TEST(items_that_do_not_say_what_they_are_are_no_malformed_leases)
{
    (void)plant_item("{\"leaseKey\":{\"S\":\"Migration3.0\"},"
                     "\"cv\":{\"S\":\"CLIENT_VERSION_3X\"},\"mb\":{\"S\":\"x\"}}");
    (void)plant_item("{\"leaseKey\":{\"S\":\"TableMigration3.5\"},"
                     "\"tm\":{\"S\":\"TABLE_MIGRATION_STATUS_COMPLETE\"}}");
    (void)plant_item(
        "{\"leaseKey\":{\"S\":\"Leader\"},\"ownerName\":{\"S\":\"alice\"},"
        "\"leaseDuration\":{\"S\":\"120000\"},\"recordVersionNumber\":{\"S\":\"v1\"}}");
    (void)plant_item("{\"leaseKey\":{\"S\":\"w-1\"},\"lut\":{\"N\":\"1\"}}");
    ck_assert_uint_eq(list(&side)->leases_n, 0);
    ck_assert_uint_eq(list(&side)->malformed_n, 0);
}
END_TEST

START_TEST(an_item_in_the_way_that_cannot_be_read_is_told)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, KH_COORD_LEASE_TABLE, "v1");

    (void)plant_item("{\"leaseKey\":{\"S\":\"Leader\"},\"ownerName\":{\"N\":\"1\"}}");
    op.expect_bits = KH_EXPECT_ABSENT;
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(side.coord.rc, KH_INVALID);
    op.verb = KH_COORD_GET;
    ck_assert_int_eq(run_coord(&side, &op)->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(side.coord.rc, KH_INVALID);
}
END_TEST

void add_dynamodb_coord_rows(TCase *tcase)
{
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_tables_of_kcl_3_0_are_seen);
    tcase_add_test(tcase, a_table_of_kcl_3_0_that_is_missing_is_told);
    tcase_add_test(tcase, a_lock_in_each_place_is_what_java_writes);
    tcase_add_test(tcase, metrics_in_each_place_are_what_java_writes);
    tcase_add_test(tcase, a_heartbeat_keeps_attributes_that_are_not_ours);
    tcase_add_test(tcase, a_change_of_version_keeps_attributes_that_are_not_ours);
    tcase_add_test(tcase, items_that_do_not_say_what_they_are_are_no_malformed_leases);
    tcase_add_test(tcase, an_item_in_the_way_that_cannot_be_read_is_told);
}
