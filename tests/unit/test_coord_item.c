/* What a fleet stores beside its leases: items as Java writes them, and requests word for word. */
#include "wire/coord_item.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_json *root;
static struct kh_coord_item item;
static struct kh_err err;

static void teardown(void)
{
    kh_json_free(root);
    root = NULL;
}

static enum kh_rc read_item(enum kh_coord_place place, enum kh_coord_kind kind, const char *text)
{
    teardown();
    ck_assert_msg(kh_json_parse(&root, kh_str(text), &err) == KH_OK, "%s", err.text);
    memset(&item, 0, sizeof(item));
    return kh_coord_item_read(root, place, kind, &item, &err);
}

/* Items as a Java daemon left them. */

#define LOCK_34                                                          \
    "{\"key\":{\"S\":\"Leader\"},\"ownerName\":{\"S\":\"1740e108-aa\"}," \
    "\"leaseDuration\":{\"S\":\"120000\"},"                              \
    "\"recordVersionNumber\":{\"S\":\"0f8fad5b-d9cb-469f-a165-70867728950e\"}}"
#define VERSION_35                                                                      \
    "{\"leaseKey\":{\"S\":\"Migration3.0\"},\"entityType\":{\"S\":\"CLIENT_VERSION_"    \
    "MIGRATION\"},\"cv\":{\"S\":\"CLIENT_VERSION_3X\"},\"mb\":{\"S\":\"1740e108-aa\"}," \
    "\"mts\":{\"N\":\"1732545600123\"},\"h\":{\"L\":[{\"M\":{\"cv\":{\"S\":\"CLIENT_"   \
    "VERSION_INIT\"},\"mb\":{\"S\":\"1740e108-aa\"},\"mts\":{\"N\":\"1732545600100\"}}}]}}"
#define STATS_31                                                       \
    "{\"wid\":{\"S\":\"1740e108-aa\"},\"lut\":{\"N\":\"1732545600\"}," \
    "\"sts\":{\"M\":{}},\"opr\":{\"M\":{}}}"
#define STATS_35                                                                          \
    "{\"leaseKey\":{\"S\":\"w\"},\"entityType\":{\"S\":\"WORKER_METRIC_STATS\"},"         \
    "\"lut\":{\"N\":\"1732545600\"},\"sts\":{\"M\":{\"C\":{\"L\":[{\"N\":\"3.5\"},"       \
    "{\"N\":\"-1\"},{\"N\":\"4E-1\"}]}}},\"opr\":{\"M\":{\"C\":{\"L\":[{\"N\":\"100\"}]}" \
    "}},\"sup\":{\"N\":\"1\"},\"slu\":{\"N\":\"1732545601\"},\"properties\":{\"M\":{}}}"

START_TEST(a_lock_of_kcl_3_4_is_read)
{
    ck_assert_int_eq(read_item(KH_COORD_LEGACY_TABLE, KH_COORD_LOCK, LOCK_34), KH_OK);
    ck_assert_int_eq(item.kind, KH_COORD_LOCK);
    ck_assert_str_eq(item.lock.owner, "1740e108-aa");
    ck_assert_int_eq(item.lock.duration_ms, 120000);
    ck_assert_str_eq(item.lock.version, "0f8fad5b-d9cb-469f-a165-70867728950e");
    ck_assert(!item.lock.released);
}
END_TEST

START_TEST(a_released_lock_of_kcl_3_5_is_read)
{
    ck_assert_int_eq(read_item(KH_COORD_LEASE_TABLE, KH_COORD_LOCK,
                               "{\"leaseKey\":{\"S\":\"Leader\"},\"entityType\":{\"S\":\"LEADER\"},"
                               "\"ownerName\":{\"S\":\"w\"},\"leaseDuration\":{\"S\":\"5000\"},"
                               "\"recordVersionNumber\":{\"S\":\"v\"},\"isReleased\":{\"S\":\"1\"},"
                               "\"data\":{\"B\":\"AAE=\"}}"),
                     KH_OK);
    ck_assert(item.lock.released);
    ck_assert_int_eq(item.lock.duration_ms, 5000);
}
END_TEST

START_TEST(a_version_and_its_history_are_read)
{
    ck_assert_int_eq(read_item(KH_COORD_LEASE_TABLE, KH_COORD_VERSION, VERSION_35), KH_OK);
    ck_assert_int_eq(item.version.now.version, KH_VERSION_3X);
    ck_assert_str_eq(item.version.now.by, "1740e108-aa");
    ck_assert_int_eq(item.version.now.at_wall_ms, 1732545600123);
    ck_assert_uint_eq(item.version.history_n, 1);
    ck_assert_int_eq(item.version.history[0].version, KH_VERSION_INIT);
    ck_assert_str_eq(item.version.history[0].by, "1740e108-aa");
    ck_assert_int_eq(item.version.history[0].at_wall_ms, 1732545600100);
}
END_TEST

/* In the order of the enums. */
START_TEST(versions_and_states_have_javas_names)
{
    static const char *const versions[] = {"CLIENT_VERSION_INIT", "CLIENT_VERSION_UPGRADE_FROM_2X",
                                           "CLIENT_VERSION_2X",   "CLIENT_VERSION_3X_WITH_ROLLBACK",
                                           "CLIENT_VERSION_3X",   "CLIENT_VERSION_4X"};
    static const char *const states[] = {
        "TABLE_MIGRATION_STATUS_INIT", "TABLE_MIGRATION_STATUS_DEPLOYED",
        "TABLE_MIGRATION_STATUS_PENDING", "TABLE_MIGRATION_STATUS_COMPLETE", "COMPLETE"};
    char text[256];

    for (int i = 0; i < 6; i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"key\":{\"S\":\"Migration3.0\"},\"cv\":{\"S\":\"%s\"}}", versions[i]);
        ck_assert_int_eq(read_item(KH_COORD_LEGACY_TABLE, KH_COORD_VERSION, text), KH_OK);
        ck_assert_int_eq(item.version.now.version, KH_VERSION_INIT + i);
    }
    for (int i = 0; i < 5; i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"key\":{\"S\":\"TableMigration3.5\"},\"tm\":{\"S\":\"%s\"},"
                       "\"mb\":{\"S\":\"w\"},\"mts\":{\"N\":\"5\"}}",
                       states[i]);
        ck_assert_int_eq(read_item(KH_COORD_LEGACY_TABLE, KH_COORD_TABLES, text), KH_OK);
        ck_assert_int_eq(item.tables.status, KH_TABLES_INIT + i);
        ck_assert_str_eq(item.tables.by, "w");
        ck_assert_int_eq(item.tables.at_wall_ms, 5);
    }
}
END_TEST

START_TEST(a_worker_without_metrics_is_read)
{
    ck_assert_int_eq(read_item(KH_COORD_LEGACY_TABLE, KH_COORD_STATS, STATS_31), KH_OK);
    ck_assert_str_eq(item.stats.worker_id, "1740e108-aa");
    ck_assert_int_eq(item.stats.reported_wall_s, 1732545600);
    ck_assert_uint_eq(item.stats.metrics_n, 0);
    ck_assert(!item.stats.has_support);
}
END_TEST

START_TEST(metrics_of_kcl_3_5_are_read)
{
    ck_assert_int_eq(read_item(KH_COORD_LEASE_TABLE, KH_COORD_STATS, STATS_35), KH_OK);
    ck_assert_str_eq(item.stats.worker_id, "w");
    ck_assert_uint_eq(item.stats.metrics_n, 1);
    ck_assert_str_eq(item.stats.metrics[0].name, "C");
    ck_assert_uint_eq(item.stats.metrics[0].values_n, 3);
    ck_assert_double_eq(item.stats.metrics[0].values[0], 3.5);
    ck_assert_double_eq(item.stats.metrics[0].values[1], -1);
    ck_assert_double_eq(item.stats.metrics[0].values[2], 0.4);
    ck_assert(item.stats.metrics[0].has_limit);
    ck_assert_double_eq(item.stats.metrics[0].limit, 100);
    ck_assert(item.stats.has_support);
    ck_assert_int_eq(item.stats.support, 1);
    ck_assert_int_eq(item.stats.support_wall_s, 1732545601);
}
END_TEST

/* Somebody's noOfPersistedMetricsPerWorkerMetrics is 12. */
START_TEST(of_many_values_the_newest_count)
{
    ck_assert_int_eq(
        read_item(KH_COORD_LEGACY_TABLE, KH_COORD_STATS,
                  "{\"wid\":{\"S\":\"w\"},\"lut\":{\"N\":\"1\"},\"sts\":{\"M\":{\"C\":{\"L\":["
                  "{\"N\":\"1\"},{\"N\":\"2\"},{\"N\":\"3\"},{\"N\":\"4\"},{\"N\":\"5\"},"
                  "{\"N\":\"6\"},{\"N\":\"7\"},{\"N\":\"8\"},{\"N\":\"9\"},{\"N\":\"10\"},"
                  "{\"N\":\"11\"},{\"N\":\"12\"}]}}}}"),
        KH_OK);
    ck_assert_uint_eq(item.stats.metrics[0].values_n, 10);
    ck_assert_double_eq(item.stats.metrics[0].values[0], 3);
    ck_assert_double_eq(item.stats.metrics[0].values[9], 12);
    ck_assert(!item.stats.metrics[0].has_limit);
}
END_TEST

START_TEST(what_only_informs_is_absent_when_it_cannot_be_read)
{
    ck_assert_int_eq(
        read_item(KH_COORD_LEGACY_TABLE, KH_COORD_VERSION,
                  "{\"key\":{\"S\":\"Migration3.0\"},\"cv\":{\"S\":\"CLIENT_VERSION_2X\"},"
                  "\"mb\":{\"N\":\"1\"},\"mts\":{\"N\":\"-5\"},\"h\":{\"L\":["
                  "{\"M\":{\"cv\":{\"S\":\"CLIENT_VERSION_9X\"}}},{\"S\":\"x\"},"
                  "{\"M\":{\"cv\":{\"S\":\"CLIENT_VERSION_3X\"},\"mb\":{\"S\":\"\"}}}]}}"),
        KH_OK);
    ck_assert_int_eq(item.version.now.version, KH_VERSION_2X);
    ck_assert_str_eq(item.version.now.by, "");
    ck_assert_int_eq(item.version.now.at_wall_ms, 0);
    ck_assert_uint_eq(item.version.history_n, 1);
    ck_assert_int_eq(item.version.history[0].version, KH_VERSION_3X);
    ck_assert_str_eq(item.version.history[0].by, "");
}
END_TEST

#define LOCK_BUT(duration, version)                                 \
    "{\"leaseKey\":{\"S\":\"Leader\"},\"ownerName\":{\"S\":\"w\"}," \
    "\"leaseDuration\":" duration ",\"recordVersionNumber\":" version "}"
#define STATS_BUT(members) "{\"leaseKey\":{\"S\":\"w\"}," members "}"
#define METRIC(name)       "\"" name "\":{\"L\":[{\"N\":\"1\"}]}"

static const struct {
    enum kh_coord_kind kind;
    const char *text;
    const char *sentence;
} malformed[] = {
    {KH_COORD_LOCK, "{}", "item without a key: leaseKey is missing"},
    {KH_COORD_LOCK, "7", "item without a key: leaseKey is missing"},
    {KH_COORD_LOCK, "{\"leaseKey\":{\"S\":\"Migration3.0\"}}",
     "item Migration3.0: leaseKey is not the one asked for"},
    {KH_COORD_LOCK, "{\"leaseKey\":{\"S\":\"Leader\"},\"entityType\":{\"S\":\"LEASE\"}}",
     "item Leader: entityType names another kind of item"},
    {KH_COORD_LOCK, "{\"leaseKey\":{\"S\":\"Leader\"},\"leaseCounter\":{\"N\":\"1\"}}",
     "item Leader: leaseCounter shows that it is a lease"},
    {KH_COORD_LOCK, "{\"leaseKey\":{\"S\":\"Leader\"},\"ownerName\":{\"N\":\"1\"}}",
     "item Leader: ownerName is not of type S"},
    {KH_COORD_LOCK, LOCK_BUT("{\"S\":\"120000\"}", "{\"S\":\"\"}"),
     "item Leader: recordVersionNumber is empty or not text"},
    {KH_COORD_LOCK, LOCK_BUT("{\"N\":\"120000\"}", "{\"S\":\"v\"}"),
     "item Leader: leaseDuration is not of type S"},
    {KH_COORD_LOCK, LOCK_BUT("{\"S\":\"0\"}", "{\"S\":\"v\"}"),
     "item Leader: leaseDuration is no number of milliseconds up to 30 days"},
    {KH_COORD_LOCK, LOCK_BUT("{\"S\":\"9223372036854775807\"}", "{\"S\":\"v\"}"),
     "item Leader: leaseDuration is no number of milliseconds up to 30 days"},
    {KH_COORD_VERSION, "{\"leaseKey\":{\"S\":\"Migration3.0\"}}",
     "item Migration3.0: cv is missing"},
    {KH_COORD_VERSION, "{\"leaseKey\":{\"S\":\"Migration3.0\"},\"cv\":{\"S\":\"\"}}",
     "item Migration3.0: cv is empty or not text"},
    {KH_COORD_TABLES, "{\"leaseKey\":{\"S\":\"TableMigration3.5\"},\"tm\":{\"N\":\"1\"}}",
     "item TableMigration3.5: tm is not of type S"},
    {KH_COORD_STATS, "{\"leaseKey\":{\"S\":\"w\"}}", "item w: lut is missing"},
    {KH_COORD_STATS, STATS_BUT("\"lut\":{\"N\":\"-1\"}"), "item w: lut is no time in seconds"},
    {KH_COORD_STATS, STATS_BUT("\"lut\":{\"N\":\"1.5\"}"),
     "item w: lut is not a whole number of 64 bits"},
    {KH_COORD_STATS, STATS_BUT("\"lut\":{\"N\":\"1\"},\"sts\":{\"L\":[]}"),
     "item w: sts is not of type M"},
    {KH_COORD_STATS, STATS_BUT("\"lut\":{\"N\":\"1\"},\"sts\":{\"M\":{\"C\":{\"N\":\"1\"}}}"),
     "item w: sts holds something that is no list of numbers"},
    {KH_COORD_STATS,
     STATS_BUT("\"lut\":{\"N\":\"1\"},\"opr\":{\"M\":{\"C\":{\"L\":[{\"S\":\"1\"}]}}}"),
     "item w: opr holds something that is no list of numbers"},
    {KH_COORD_STATS,
     STATS_BUT("\"lut\":{\"N\":\"1\"},\"sts\":{\"M\":{" METRIC("A") "," METRIC("B") "," METRIC(
         "C") "," METRIC("D") "," METRIC("E") "," METRIC("F") "}}"),
     "item w: sts has more metrics than are known, or a long name"},
    {KH_COORD_STATS, STATS_BUT("\"lut\":{\"N\":\"1\"},\"slu\":{\"N\":\"999999999999\"}"),
     "item w: slu is no time in seconds"},
};
enum { MALFORMED_N = sizeof(malformed) / sizeof(malformed[0]) };

START_TEST(a_malformed_item_is_told_by_key_and_attribute)
{
    ck_assert_int_eq(read_item(KH_COORD_LEASE_TABLE, malformed[_i].kind, malformed[_i].text),
                     KH_INVALID);
    ck_assert_str_eq(err.text, malformed[_i].sentence);
}
END_TEST

START_TEST(a_worker_whose_name_is_too_long_is_malformed)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "{\"wid\":{\"S\":\"%0256d\"},\"lut\":{\"N\":\"1\"}}", 1);
    ck_assert_int_eq(read_item(KH_COORD_LEGACY_TABLE, KH_COORD_STATS, text), KH_INVALID);
    ck_assert_str_eq(err.text, "item without a key: wid is too long");
}
END_TEST

/* Requests. */

static struct kh_coord_op lock_op(enum kh_coord_verb verb, enum kh_coord_place place)
{
    return (struct kh_coord_op){
        .verb = verb,
        .place = place,
        .kind = KH_COORD_LOCK,
        .expect = {.kind = KH_COORD_LOCK, .lock = {.owner = "me", .version = "v1"}},
        .item = {.kind = KH_COORD_LOCK,
                 .lock = {.owner = "me", .duration_ms = 120000, .version = "v2"}}};
}

static void request_is(const struct kh_coord_op *op, const struct kh_json *after, const char *text)
{
    struct kh_buf body;

    kh_buf_init(&body, 65536);
    ck_assert_int_eq(kh_coord_request(&body, "t", op, after), KH_OK);
    ck_assert(kh_buf_append_char(&body, '\0') == KH_OK);
    ck_assert_str_eq(body.p, text);
    kh_buf_fini(&body);
}

#define LEADER_ITEM                                                      \
    "\"ownerName\":{\"S\":\"me\"},\"leaseDuration\":{\"S\":\"120000\"}," \
    "\"recordVersionNumber\":{\"S\":\"v2\"}"
#define SHOW ",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\""

START_TEST(a_lock_is_asked_for)
{
    struct kh_coord_op op = lock_op(KH_COORD_GET, KH_COORD_LEGACY_TABLE);

    ck_assert_str_eq(kh_coord_request_operation(op.verb), "GetItem");
    request_is(
        &op, NULL,
        "{\"TableName\":\"t\",\"Key\":{\"key\":{\"S\":\"Leader\"}},\"ConsistentRead\":true}");
}
END_TEST

START_TEST(a_lock_that_is_not_there_is_put)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, KH_COORD_LEASE_TABLE);

    op.expect_bits = KH_EXPECT_ABSENT;
    ck_assert_str_eq(kh_coord_request_operation(op.verb), "PutItem");
    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"Item\":{\"leaseKey\":{\"S\":\"Leader\"},"
               "\"entityType\":{\"S\":\"LEADER\"}," LEADER_ITEM "},"
               "\"ConditionExpression\":\"attribute_not_exists(#leaseKey)\"" SHOW ","
               "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\"}}");
}
END_TEST

START_TEST(a_lock_that_was_released_is_put)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, KH_COORD_LEGACY_TABLE);

    op.expect_bits = KH_EXPECT_RELEASED;
    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"Item\":{\"key\":{\"S\":\"Leader\"}," LEADER_ITEM "},"
               "\"ConditionExpression\":\"attribute_exists(#key) AND "
               "#isReleased = :expected_isReleased\"" SHOW ","
               "\"ExpressionAttributeNames\":{\"#key\":\"key\",\"#isReleased\":\"isReleased\"},"
               "\"ExpressionAttributeValues\":{\":expected_isReleased\":{\"S\":\"1\"}}}");
}
END_TEST

START_TEST(a_lock_that_stood_still_is_put)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, KH_COORD_LEGACY_TABLE);

    op.expect_bits = KH_EXPECT_LOCK_VERSION;
    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"Item\":{\"key\":{\"S\":\"Leader\"}," LEADER_ITEM "},"
               "\"ConditionExpression\":\"attribute_exists(#key) AND "
               "#recordVersionNumber = :expected_recordVersionNumber\"" SHOW ","
               "\"ExpressionAttributeNames\":{\"#key\":\"key\",\"#recordVersionNumber\":"
               "\"recordVersionNumber\"},"
               "\"ExpressionAttributeValues\":{\":expected_recordVersionNumber\":{\"S\":\"v1\"}}}");
}
END_TEST

START_TEST(a_heartbeat_updates)
{
    struct kh_coord_op op = lock_op(KH_COORD_UPDATE, KH_COORD_LEASE_TABLE);

    op.expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER;
    ck_assert_str_eq(kh_coord_request_operation(op.verb), "UpdateItem");
    request_is(
        &op, NULL,
        "{\"TableName\":\"t\",\"Key\":{\"leaseKey\":{\"S\":\"Leader\"}},"
        "\"UpdateExpression\":\"SET #ownerName = :ownerName, #leaseDuration = :leaseDuration, "
        "#recordVersionNumber = :recordVersionNumber REMOVE #isReleased\","
        "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
        "#ownerName = :expected_ownerName AND "
        "#recordVersionNumber = :expected_recordVersionNumber\"" SHOW ","
        "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\",\"#ownerName\":\"ownerName\","
        "\"#leaseDuration\":\"leaseDuration\",\"#recordVersionNumber\":\"recordVersionNumber\","
        "\"#isReleased\":\"isReleased\"},"
        "\"ExpressionAttributeValues\":{\":expected_ownerName\":{\"S\":\"me\"},"
        "\":ownerName\":{\"S\":\"me\"},\":leaseDuration\":{\"S\":\"120000\"},"
        "\":expected_recordVersionNumber\":{\"S\":\"v1\"},"
        "\":recordVersionNumber\":{\"S\":\"v2\"}}}");
}
END_TEST

START_TEST(a_lock_is_deleted_by_its_owner)
{
    struct kh_coord_op op = lock_op(KH_COORD_DELETE, KH_COORD_LEASE_TABLE);

    op.expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER;
    ck_assert_str_eq(kh_coord_request_operation(op.verb), "DeleteItem");
    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"Key\":{\"leaseKey\":{\"S\":\"Leader\"}},"
               "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
               "#ownerName = :expected_ownerName AND "
               "#recordVersionNumber = :expected_recordVersionNumber\"" SHOW ","
               "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\","
               "\"#ownerName\":\"ownerName\",\"#recordVersionNumber\":\"recordVersionNumber\"},"
               "\"ExpressionAttributeValues\":{\":expected_ownerName\":{\"S\":\"me\"},"
               "\":expected_recordVersionNumber\":{\"S\":\"v1\"}}}");
}
END_TEST

START_TEST(a_delete_without_conditions_has_none)
{
    struct kh_coord_op op = {.verb = KH_COORD_DELETE, .kind = KH_COORD_STATS, .key = "w \"1\""};

    request_is(&op, NULL, "{\"TableName\":\"t\",\"Key\":{\"leaseKey\":{\"S\":\"w \\\"1\\\"\"}}}");
}
END_TEST

START_TEST(a_version_changes_with_its_history)
{
    struct kh_coord_op op = {
        .verb = KH_COORD_UPDATE,
        .kind = KH_COORD_VERSION,
        .expect_bits = KH_EXPECT_CLIENT_VERSION,
        .expect = {.version = {.now = {.version = KH_VERSION_UPGRADE_FROM_2X}}},
        .item = {.kind = KH_COORD_VERSION,
                 .version = {
                     .now = {.version = KH_VERSION_3X_WITH_ROLLBACK,
                             .by = "me",
                             .at_wall_ms = 1732545600123},
                     .history_n = 1,
                     .history = {
                         {.version = KH_VERSION_UPGRADE_FROM_2X, .by = "you", .at_wall_ms = 7}}}}};

    request_is(
        &op, NULL,
        "{\"TableName\":\"t\",\"Key\":{\"leaseKey\":{\"S\":\"Migration3.0\"}},"
        "\"UpdateExpression\":\"SET #cv = :cv, #mb = :mb, #mts = :mts, #h = :h\","
        "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND #cv = :expected_cv\"" SHOW ","
        "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\",\"#cv\":\"cv\",\"#mb\":\"mb\","
        "\"#mts\":\"mts\",\"#h\":\"h\"},"
        "\"ExpressionAttributeValues\":{"
        "\":expected_cv\":{\"S\":\"CLIENT_VERSION_UPGRADE_FROM_2X\"},"
        "\":cv\":{\"S\":\"CLIENT_VERSION_3X_WITH_ROLLBACK\"},\":mb\":{\"S\":\"me\"},"
        "\":mts\":{\"N\":\"1732545600123\"},\":h\":{\"L\":[{\"M\":{"
        "\"cv\":{\"S\":\"CLIENT_VERSION_UPGRADE_FROM_2X\"},\"mb\":{\"S\":\"you\"},"
        "\"mts\":{\"N\":\"7\"}}}]}}}");
}
END_TEST

static const struct kh_worker_stats stats = {.worker_id = "w",
                                             .reported_wall_s = 1732545600,
                                             .metrics_n = 1,
                                             .metrics = {{.name = "C",
                                                          .values_n = 3,
                                                          .values = {12.3456789, -1, 0},
                                                          .has_limit = true,
                                                          .limit = 100}},
                                             .has_support = true,
                                             .support = 1,
                                             .support_wall_s = 1732545601};

#define STATS_VALUES                                                                        \
    "\":lut\":{\"N\":\"1732545600\"},\":sts\":{\"M\":{\"C\":{\"L\":[{\"N\":\"12.345679\"}," \
    "{\"N\":\"-1\"},{\"N\":\"0\"}]}}},\":opr\":{\"M\":{\"C\":{\"L\":[{\"N\":\"100\"}]}}},"  \
    "\":sup\":{\"N\":\"1\"},\":slu\":{\"N\":\"1732545601\"}"

START_TEST(metrics_are_updated_whatever_is_there)
{
    struct kh_coord_op op = {.verb = KH_COORD_UPDATE,
                             .kind = KH_COORD_STATS,
                             .key = "w",
                             .item = {.kind = KH_COORD_STATS, .stats = stats}};

    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"Key\":{\"leaseKey\":{\"S\":\"w\"}},"
               "\"UpdateExpression\":\"SET #lut = :lut, #sts = :sts, #opr = :opr, #sup = :sup, "
               "#slu = :slu, #entityType = :entityType\","
               "\"ExpressionAttributeNames\":{\"#lut\":\"lut\",\"#sts\":\"sts\","
               "\"#opr\":\"opr\",\"#sup\":\"sup\",\"#slu\":\"slu\","
               "\"#entityType\":\"entityType\"},"
               "\"ExpressionAttributeValues\":{" STATS_VALUES
               ",\":entityType\":{\"S\":\"WORKER_METRIC_STATS\"}}}");
    op.place = KH_COORD_LEGACY_TABLE;
    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"Key\":{\"wid\":{\"S\":\"w\"}},"
               "\"UpdateExpression\":\"SET #lut = :lut, #sts = :sts, #opr = :opr, #sup = :sup, "
               "#slu = :slu\","
               "\"ExpressionAttributeNames\":{\"#lut\":\"lut\",\"#sts\":\"sts\","
               "\"#opr\":\"opr\",\"#sup\":\"sup\",\"#slu\":\"slu\"},"
               "\"ExpressionAttributeValues\":{" STATS_VALUES "}}");
}
END_TEST

START_TEST(metrics_are_deleted_if_they_are_still_old)
{
    struct kh_coord_op op = {.verb = KH_COORD_DELETE,
                             .kind = KH_COORD_STATS,
                             .key = "w",
                             .expect_bits = KH_EXPECT_REPORTED,
                             .expect = {.stats = {.reported_wall_s = 5}}};

    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"Key\":{\"leaseKey\":{\"S\":\"w\"}},"
               "\"ConditionExpression\":\"attribute_exists(#leaseKey) AND "
               "#lut = :expected_lut\"" SHOW ","
               "\"ExpressionAttributeNames\":{\"#leaseKey\":\"leaseKey\",\"#lut\":\"lut\"},"
               "\"ExpressionAttributeValues\":{\":expected_lut\":{\"N\":\"5\"}}}");
}
END_TEST

START_TEST(metrics_are_listed_page_by_page)
{
    struct kh_coord_op op = {.verb = KH_COORD_LIST_STATS};

    ck_assert_str_eq(kh_coord_request_operation(op.verb), "Scan");
    request_is(&op, NULL,
               "{\"TableName\":\"t\",\"FilterExpression\":\"#entityType = :entityType\","
               "\"ExpressionAttributeNames\":{\"#entityType\":\"entityType\"},"
               "\"ExpressionAttributeValues\":{\":entityType\":{\"S\":\"WORKER_METRIC_STATS\"}}}");
    op.place = KH_COORD_LEGACY_TABLE;
    ck_assert_int_eq(
        kh_json_parse(&root, KH_STR("{\"LastEvaluatedKey\":{\"wid\":{\"S\":\"w\"}}}"), &err),
        KH_OK);
    request_is(&op, kh_coord_more(root),
               "{\"TableName\":\"t\",\"ExclusiveStartKey\":{\"wid\":{\"S\":\"w\"}}}");
}
END_TEST

START_TEST(an_owner_is_looked_up_in_the_index)
{
    struct kh_coord_op op = {.verb = KH_COORD_OWNED, .key = "me"};

    ck_assert_str_eq(kh_coord_request_operation(op.verb), "Query");
    ck_assert_int_eq(kh_json_parse(&root,
                                   KH_STR("{\"LastEvaluatedKey\":{\"leaseOwner\":{\"S\":\"me\"},"
                                          "\"leaseKey\":{\"S\":\"s\"}}}"),
                                   &err),
                     KH_OK);
    request_is(&op, kh_coord_more(root),
               "{\"TableName\":\"t\",\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\","
               "\"KeyConditionExpression\":\"#leaseOwner = :leaseOwner\","
               "\"ExpressionAttributeNames\":{\"#leaseOwner\":\"leaseOwner\"},"
               "\"ExpressionAttributeValues\":{\":leaseOwner\":{\"S\":\"me\"}},"
               "\"ExclusiveStartKey\":{\"leaseOwner\":{\"S\":\"me\"},\"leaseKey\":{\"S\":\"s\"}}}");
}
END_TEST

START_TEST(a_page_that_ends_at_no_key_has_no_next)
{
    static const char *const wrong[] = {"{\"LastEvaluatedKey\":{}}", "{\"LastEvaluatedKey\":[]}",
                                        "{\"LastEvaluatedKey\":{\"wid\":{\"N\":\"1\"}}}",
                                        "{\"LastEvaluatedKey\":{\"wid\":null}}"};
    const struct kh_coord_op op = {.verb = KH_COORD_LIST_STATS};
    struct kh_buf body;

    kh_buf_init(&body, 65536);
    ck_assert_int_eq(kh_json_parse(&root, kh_str(wrong[_i]), &err), KH_OK);
    ck_assert_int_eq(kh_coord_request(&body, "t", &op, kh_coord_more(root)), KH_INVALID);
    kh_buf_fini(&body);
}
END_TEST

START_TEST(an_item_is_read_back_as_it_was_written)
{
    const struct kh_coord_item written = {.kind = KH_COORD_STATS, .stats = stats};
    struct kh_json_writer writer;
    struct kh_buf text;

    kh_buf_init(&text, 65536);
    kh_json_begin(&writer, &text);
    kh_coord_item_write(&writer, KH_COORD_LEASE_TABLE, &written);
    ck_assert_int_eq(kh_json_end(&writer), KH_OK);
    ck_assert_int_eq(kh_json_parse(&root, kh_buf_str(&text), &err), KH_OK);
    ck_assert_int_eq(kh_coord_item_read(root, KH_COORD_LEASE_TABLE, KH_COORD_STATS, &item, &err),
                     KH_OK);
    ck_assert_str_eq(item.stats.worker_id, "w");
    ck_assert_double_eq(item.stats.metrics[0].values[0], 12.345679);
    ck_assert_int_eq(item.stats.support_wall_s, 1732545601);
    kh_buf_fini(&text);
}
END_TEST

START_TEST(an_owned_key_is_a_leases)
{
    struct kh_coord_key key;
    char text[256];

    ck_assert_int_eq(kh_json_parse(&root,
                                   KH_STR("{\"leaseOwner\":{\"S\":\"me\"},"
                                          "\"leaseKey\":{\"S\":\"shardId-000000000001\"}}"),
                                   &err),
                     KH_OK);
    ck_assert(kh_coord_owned_read(root, &key));
    ck_assert_str_eq(key.key, "shardId-000000000001");
    teardown();
    (void)snprintf(text, sizeof(text), "{\"leaseKey\":{\"S\":\"%0129d\"}}", 1);
    ck_assert_int_eq(kh_json_parse(&root, kh_str(text), &err), KH_OK);
    ck_assert(!kh_coord_owned_read(root, &key));
    teardown();
    ck_assert_int_eq(kh_json_parse(&root, KH_STR("{\"leaseKey\":{\"N\":\"1\"}}"), &err), KH_OK);
    ck_assert(!kh_coord_owned_read(root, &key));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("coord_item");

    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, a_lock_of_kcl_3_4_is_read);
    tcase_add_test(tcase, a_released_lock_of_kcl_3_5_is_read);
    tcase_add_test(tcase, a_version_and_its_history_are_read);
    tcase_add_test(tcase, versions_and_states_have_javas_names);
    tcase_add_test(tcase, a_worker_without_metrics_is_read);
    tcase_add_test(tcase, metrics_of_kcl_3_5_are_read);
    tcase_add_test(tcase, of_many_values_the_newest_count);
    tcase_add_test(tcase, what_only_informs_is_absent_when_it_cannot_be_read);
    tcase_add_loop_test(tcase, a_malformed_item_is_told_by_key_and_attribute, 0, MALFORMED_N);
    tcase_add_test(tcase, a_worker_whose_name_is_too_long_is_malformed);
    tcase_add_test(tcase, a_lock_is_asked_for);
    tcase_add_test(tcase, a_lock_that_is_not_there_is_put);
    tcase_add_test(tcase, a_lock_that_was_released_is_put);
    tcase_add_test(tcase, a_lock_that_stood_still_is_put);
    tcase_add_test(tcase, a_heartbeat_updates);
    tcase_add_test(tcase, a_lock_is_deleted_by_its_owner);
    tcase_add_test(tcase, a_delete_without_conditions_has_none);
    tcase_add_test(tcase, a_version_changes_with_its_history);
    tcase_add_test(tcase, metrics_are_updated_whatever_is_there);
    tcase_add_test(tcase, metrics_are_deleted_if_they_are_still_old);
    tcase_add_test(tcase, metrics_are_listed_page_by_page);
    tcase_add_test(tcase, an_owner_is_looked_up_in_the_index);
    tcase_add_loop_test(tcase, a_page_that_ends_at_no_key_has_no_next, 0, 4);
    tcase_add_test(tcase, an_item_is_read_back_as_it_was_written);
    tcase_add_test(tcase, an_owned_key_is_a_leases);
    return suite_run("coord_item", tcase);
}
