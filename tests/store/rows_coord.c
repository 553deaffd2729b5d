/* What a store must do with what a fleet keeps beside its leases, in the lease table: DynamoDB and
 * memory. SQLite keeps none of it (rows_sqlite.c); the tables of KCL 3.0 to 3.4 are DynamoDB's
 * alone (rows_dynamodb_coord.c). */
#include "tests/store/rows.h"

#include <poll.h>
#include <string.h>

#include "tests/store/fixture.h"

static struct side a;
static struct side b;

static void setup(void)
{
    fixture_setup();
    side_open(&a);
}

static void teardown(void)
{
    side_close(&a);
    fixture_teardown();
}

static struct kh_coord_op op_for(enum kh_coord_verb verb, enum kh_coord_kind of)
{
    return (struct kh_coord_op){.verb = verb, .kind = of, .item = {.kind = of}};
}

static void name(char *dst, const char *text)
{
    memcpy(dst, text, strlen(text) + 1);
}

static const struct kh_coord_answer *get_item(enum kh_coord_kind of, const char *key)
{
    struct kh_coord_op op = op_for(KH_COORD_GET, of);

    name(op.key, key);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    return &a.coord;
}

/* The lock. */

static struct kh_coord_op lock_op(enum kh_coord_verb verb, const char *owner, const char *version)
{
    struct kh_coord_op op = op_for(verb, KH_COORD_LOCK);

    name(op.item.lock.owner, owner);
    name(op.item.lock.version, version);
    op.item.lock.duration_ms = 120000;
    return op;
}

static void lock_is(const struct kh_coord_item *item, const char *owner, const char *version,
                    bool released)
{
    ck_assert_int_eq(item->kind, KH_COORD_LOCK);
    ck_assert_str_eq(item->lock.owner, owner);
    ck_assert_str_eq(item->lock.version, version);
    ck_assert_int_eq(item->lock.duration_ms, 120000);
    ck_assert(item->lock.released == released);
}

static void acquire(const char *owner, const char *version)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, owner, version);
    const struct kh_coord_answer *answer;

    op.expect_bits = KH_EXPECT_ABSENT;
    answer = run_coord(&a, &op);
    ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    ck_assert(answer->found);
    lock_is(&answer->item, owner, version, false);
}

START_TEST(a_lock_that_is_not_there_is_done_and_not_found)
{
    ck_assert(!get_item(KH_COORD_LOCK, "")->found);
}
END_TEST

START_TEST(a_lock_is_acquired_once)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, "bob", "v2");
    const struct kh_coord_answer *answer;

    acquire("alice", "v1");
    op.expect_bits = KH_EXPECT_ABSENT;
    answer = run_coord(&a, &op);
    ck_assert_int_eq(answer->outcome, KH_LEASE_CONFLICT);
    ck_assert(answer->found);
    lock_is(&answer->item, "alice", "v1", false);
    lock_is(&get_item(KH_COORD_LOCK, "")->item, "alice", "v1", false);
}
END_TEST

START_TEST(a_lock_that_was_released_is_acquired)
{
    struct kh_coord_op release = lock_op(KH_COORD_UPDATE, "alice", "v2");
    struct kh_coord_op op = lock_op(KH_COORD_PUT, "bob", "v3");

    acquire("alice", "v1");
    op.expect_bits = KH_EXPECT_RELEASED;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    lock_is(&a.coord.item, "alice", "v1", false);

    release.item.lock.released = true;
    ck_assert_int_eq(run_coord(&a, &release)->outcome, KH_LEASE_DONE);
    lock_is(&get_item(KH_COORD_LOCK, "")->item, "alice", "v2", true);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    lock_is(&get_item(KH_COORD_LOCK, "")->item, "bob", "v3", false);
}
END_TEST

START_TEST(a_lock_whose_version_stood_still_is_acquired)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, "bob", "v3");

    acquire("alice", "v1");
    op.expect_bits = KH_EXPECT_LOCK_VERSION;
    name(op.expect.lock.version, "v0");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    lock_is(&a.coord.item, "alice", "v1", false);
    name(op.expect.lock.version, "v1");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    lock_is(&get_item(KH_COORD_LOCK, "")->item, "bob", "v3", false);
}
END_TEST

START_TEST(expecting_a_version_of_no_lock_conflicts_and_makes_none)
{
    struct kh_coord_op op = lock_op(KH_COORD_PUT, "bob", "v3");

    op.expect_bits = KH_EXPECT_LOCK_VERSION;
    name(op.expect.lock.version, "v1");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    ck_assert(!a.coord.found);
    op.expect_bits = KH_EXPECT_RELEASED;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    ck_assert(!a.coord.found);
    ck_assert(!get_item(KH_COORD_LOCK, "")->found);
}
END_TEST

static struct kh_coord_op mine(enum kh_coord_verb verb, const char *owner, const char *version,
                               const char *next)
{
    struct kh_coord_op op = lock_op(verb, owner, next);

    op.expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER;
    op.expect.kind = KH_COORD_LOCK;
    name(op.expect.lock.owner, owner);
    name(op.expect.lock.version, version);
    return op;
}

START_TEST(a_heartbeat_needs_owner_and_version)
{
    struct kh_coord_op op = mine(KH_COORD_UPDATE, "alice", "v1", "v2");

    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    ck_assert(!a.coord.found);
    acquire("alice", "v1");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    lock_is(&get_item(KH_COORD_LOCK, "")->item, "alice", "v2", false);

    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT); /* v1 is gone */
    lock_is(&a.coord.item, "alice", "v2", false);
    op = mine(KH_COORD_UPDATE, "bob", "v2", "v3");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    lock_is(&get_item(KH_COORD_LOCK, "")->item, "alice", "v2", false);
}
END_TEST

START_TEST(a_lock_is_given_up_by_its_owner_alone)
{
    struct kh_coord_op op = mine(KH_COORD_DELETE, "bob", "v1", "v1");

    acquire("alice", "v1");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    ck_assert(a.coord.found);
    lock_is(&a.coord.item, "alice", "v1", false);
    op = mine(KH_COORD_DELETE, "alice", "v1", "v1");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    ck_assert(!get_item(KH_COORD_LOCK, "")->found);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE); /* nothing there is as good */
}
END_TEST

/* The version. */

static struct kh_coord_op version_op(enum kh_coord_verb verb, enum kh_client_version version)
{
    struct kh_coord_op op = op_for(verb, KH_COORD_VERSION);

    op.item.version = (struct kh_version_state){
        .now = {.version = version, .by = "alice", .at_wall_ms = 1700000000123},
        .history_n = 2,
        .history = {{.version = KH_VERSION_2X, .by = "KclMigrationTool-rollback", .at_wall_ms = 7},
                    {.version = KH_VERSION_INIT, .by = "bob", .at_wall_ms = 5}}};
    return op;
}

static void version_is(const struct kh_coord_item *item, enum kh_client_version version,
                       unsigned history_n)
{
    const struct kh_version_state *state = &item->version;

    ck_assert_int_eq(item->kind, KH_COORD_VERSION);
    ck_assert_int_eq(state->now.version, version);
    ck_assert_str_eq(state->now.by, "alice");
    ck_assert_int_eq(state->now.at_wall_ms, 1700000000123);
    ck_assert_uint_eq(state->history_n, history_n);
    if (history_n > 0) {
        ck_assert_int_eq(state->history[0].version, KH_VERSION_2X);
        ck_assert_str_eq(state->history[0].by, "KclMigrationTool-rollback");
        ck_assert_int_eq(state->history[0].at_wall_ms, 7);
        ck_assert_int_eq(state->history[1].version, KH_VERSION_INIT);
        ck_assert_str_eq(state->history[1].by, "bob");
        ck_assert_int_eq(state->history[1].at_wall_ms, 5);
    }
}

START_TEST(a_version_is_created_once_and_read_back_the_same)
{
    struct kh_coord_op op = version_op(KH_COORD_PUT, KH_VERSION_UPGRADE_FROM_2X);

    op.expect_bits = KH_EXPECT_ABSENT;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    version_is(&get_item(KH_COORD_VERSION, "")->item, KH_VERSION_UPGRADE_FROM_2X, 2);
    op = version_op(KH_COORD_PUT, KH_VERSION_3X);
    op.expect_bits = KH_EXPECT_ABSENT;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    version_is(&a.coord.item, KH_VERSION_UPGRADE_FROM_2X, 2);
}
END_TEST

START_TEST(a_version_changes_if_it_is_as_expected)
{
    struct kh_coord_op op = version_op(KH_COORD_UPDATE, KH_VERSION_3X_WITH_ROLLBACK);

    op.expect_bits = KH_EXPECT_CLIENT_VERSION;
    op.expect.version.now.version = KH_VERSION_UPGRADE_FROM_2X;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    ck_assert(!a.coord.found);

    op = version_op(KH_COORD_PUT, KH_VERSION_UPGRADE_FROM_2X);
    op.expect_bits = KH_EXPECT_ABSENT;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    op = version_op(KH_COORD_UPDATE, KH_VERSION_3X_WITH_ROLLBACK);
    op.expect_bits = KH_EXPECT_CLIENT_VERSION;
    op.expect.version.now.version = KH_VERSION_2X;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    version_is(&a.coord.item, KH_VERSION_UPGRADE_FROM_2X, 2);
    op.expect.version.now.version = KH_VERSION_UPGRADE_FROM_2X;
    op.item.version.history_n = 0;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    version_is(&get_item(KH_COORD_VERSION, "")->item, KH_VERSION_3X_WITH_ROLLBACK, 0);
}
END_TEST

START_TEST(a_table_migration_is_kept)
{
    struct kh_coord_op op = op_for(KH_COORD_PUT, KH_COORD_TABLES);

    op.expect_bits = KH_EXPECT_ABSENT;
    op.item.tables =
        (struct kh_table_migration){.status = KH_TABLES_DEPLOYED, .by = "alice", .at_wall_ms = 9};
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    get_item(KH_COORD_TABLES, "");
    ck_assert_int_eq(a.coord.item.tables.status, KH_TABLES_DEPLOYED);
    ck_assert_str_eq(a.coord.item.tables.by, "alice");
    ck_assert_int_eq(a.coord.item.tables.at_wall_ms, 9);
}
END_TEST

/* Metrics. */

static struct kh_coord_op stats_op(const char *worker, int64_t wall_s)
{
    struct kh_coord_op op = op_for(KH_COORD_UPDATE, KH_COORD_STATS);

    name(op.key, worker);
    name(op.item.stats.worker_id, worker);
    op.item.stats.reported_wall_s = wall_s;
    op.item.stats.metrics_n = 1;
    op.item.stats.metrics[0] = (struct kh_metric){.name = "C",
                                                  .values_n = 3,
                                                  .values = {12.5, -1, 0.123457},
                                                  .has_limit = true,
                                                  .limit = 100};
    op.item.stats.has_support = true;
    op.item.stats.support = 1;
    op.item.stats.support_wall_s = wall_s;
    return op;
}

static void stats_are(const struct kh_worker_stats *stats, const char *worker, int64_t wall_s)
{
    ck_assert_str_eq(stats->worker_id, worker);
    ck_assert_int_eq(stats->reported_wall_s, wall_s);
    ck_assert_uint_eq(stats->metrics_n, 1);
    ck_assert_str_eq(stats->metrics[0].name, "C");
    ck_assert_uint_eq(stats->metrics[0].values_n, 3);
    ck_assert_double_eq(stats->metrics[0].values[0], 12.5);
    ck_assert_double_eq(stats->metrics[0].values[1], -1);
    ck_assert_double_eq(stats->metrics[0].values[2], 0.123457);
    ck_assert(stats->metrics[0].has_limit);
    ck_assert_double_eq(stats->metrics[0].limit, 100);
    ck_assert(stats->has_support);
    ck_assert_int_eq(stats->support, 1);
    ck_assert_int_eq(stats->support_wall_s, wall_s);
}

START_TEST(metrics_are_written_whatever_is_there)
{
    struct kh_coord_op op = stats_op("alice", 1700000000);

    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    stats_are(&get_item(KH_COORD_STATS, "alice")->item.stats, "alice", 1700000000);
    op = stats_op("alice", 1700000030);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    stats_are(&get_item(KH_COORD_STATS, "alice")->item.stats, "alice", 1700000030);
    ck_assert(!get_item(KH_COORD_STATS, "bob")->found);
}
END_TEST

START_TEST(a_worker_without_metrics_reports_all_the_same)
{
    struct kh_coord_op op = stats_op("alice", 1700000000);

    op.item.stats.metrics_n = 0;
    op.item.stats.has_support = false;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    ck_assert(get_item(KH_COORD_STATS, "alice")->found);
    ck_assert_uint_eq(a.coord.item.stats.metrics_n, 0);
    ck_assert(!a.coord.item.stats.has_support);
}
END_TEST

START_TEST(old_metrics_are_deleted_if_they_are_still_old)
{
    struct kh_coord_op op = stats_op("alice", 1700000030);
    struct kh_coord_op drop = op_for(KH_COORD_DELETE, KH_COORD_STATS);

    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    name(drop.key, "alice");
    drop.expect_bits = KH_EXPECT_REPORTED;
    drop.expect.stats.reported_wall_s = 1700000000;
    ck_assert_int_eq(run_coord(&a, &drop)->outcome, KH_LEASE_CONFLICT);
    stats_are(&a.coord.item.stats, "alice", 1700000030);
    drop.expect.stats.reported_wall_s = 1700000030;
    ck_assert_int_eq(run_coord(&a, &drop)->outcome, KH_LEASE_DONE);
    ck_assert(!get_item(KH_COORD_STATS, "alice")->found);
}
END_TEST

static const struct kh_worker_stats *stats_of(const char *worker)
{
    for (size_t i = 0; i < a.coord.stats_n; i++) {
        if (strcmp(a.coord.stats[i].worker_id, worker) == 0) {
            return &a.coord.stats[i];
        }
    }
    ck_abort_msg("no metrics of %s", worker);
}

static const struct kh_lease lease_one = {
    .key = "shardId-000000000001", .owner = "alice", .checkpoint = {.seq = "1"}};
static const struct kh_lease lease_two = {
    .key = "shardId-000000000002", .owner = "bob", .checkpoint = {.seq = "1"}};
static const struct kh_lease lease_three = {
    .key = "shardId-000000000003", .owner = "alice", .checkpoint = {.seq = "1"}};
static const struct kh_lease lease_four = {.key = "shardId-000000000004",
                                           .checkpoint = {.seq = "1"}};

/* A broken one among them is counted, and nothing else is disturbed: not the list of leases
 * either. */
START_TEST(metrics_are_listed_and_leases_beside_them)
{
    const struct kh_coord_op list_op = op_for(KH_COORD_LIST_STATS, KH_COORD_STATS);
    struct kh_coord_op op = stats_op("alice", 1700000000);
    bool planted;

    create(&a, &lease_one);
    acquire("alice", "v1");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    op = stats_op("bob", 1700000001);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    op = version_op(KH_COORD_PUT, KH_VERSION_3X);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    op = op_for(KH_COORD_PUT, KH_COORD_TABLES);
    op.item.tables.status = KH_TABLES_COMPLETE;
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    planted = plant_item("{\"leaseKey\":{\"S\":\"carol\"},\"lut\":{\"S\":\"late\"},"
                         "\"entityType\":{\"S\":\"WORKER_METRIC_STATS\"}}");

    ck_assert_int_eq(run_coord(&a, &list_op)->outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(a.coord.stats_n, 2);
    ck_assert_uint_eq(a.coord.malformed_n, planted ? 1 : 0);
    stats_are(stats_of("alice"), "alice", 1700000000);
    stats_are(stats_of("bob"), "bob", 1700000001);

    ck_assert_uint_eq(list(&a)->leases_n, 1);
    ck_assert_uint_eq(list(&a)->malformed_n, 0);
}
END_TEST

/* The index. */

static void wait_for_index(void)
{
    const struct kh_coord_op layout = {.verb = KH_COORD_LAYOUT};

    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(run_coord(&a, &layout)->outcome, KH_LEASE_DONE);
        ck_assert(a.coord.layout.has_index);
        if (a.coord.layout.index_active) {
            return;
        }
        (void)poll(NULL, 0, 50);
    }
    ck_abort_msg("the index is still being made");
}

START_TEST(without_its_index_nothing_is_known_of_owners)
{
    const struct kh_coord_op layout = {.verb = KH_COORD_LAYOUT};
    struct kh_coord_op op = {.verb = KH_COORD_OWNED};

    name(op.key, "alice");
    ck_assert_int_eq(run_coord(&a, &layout)->outcome, KH_LEASE_DONE);
    ck_assert(!a.coord.layout.legacy_state);
    ck_assert(!a.coord.layout.legacy_stats);
    ck_assert(!a.coord.layout.has_index);
    ck_assert(!a.coord.layout.index_active);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(a.coord.rc, KH_NOTFOUND);
}
END_TEST

START_TEST(the_index_finds_the_leases_of_an_owner)
{
    const struct kh_coord_op make = {.verb = KH_COORD_MAKE_INDEX};
    struct kh_coord_op op = {.verb = KH_COORD_OWNED};

    create(&a, &lease_one);
    create(&a, &lease_two);
    acquire("alice", "v1");
    ck_assert_int_eq(run_coord(&a, &make)->outcome, KH_LEASE_DONE);
    wait_for_index();
    ck_assert_int_eq(run_coord(&a, &make)->outcome, KH_LEASE_DONE); /* it is there: as good */
    create(&a, &lease_three);
    create(&a, &lease_four);
    name(op.key, "alice");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(a.coord.keys_n, 2);
    ck_assert_int_ne(strcmp(a.coord.keys[0].key, a.coord.keys[1].key), 0);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(strcmp(a.coord.keys[i].key, lease_one.key) == 0 ||
                  strcmp(a.coord.keys[i].key, lease_three.key) == 0);
    }
    name(op.key, "nobody");
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(a.coord.keys_n, 0);
}
END_TEST

START_TEST(two_workers_see_the_same_lock)
{
    struct kh_coord_op op = mine(KH_COORD_UPDATE, "alice", "v1", "v2");
    const struct kh_coord_op look = op_for(KH_COORD_GET, KH_COORD_LOCK);

    side_open(&b);
    acquire("alice", "v1");
    ck_assert_int_eq(run_coord(&b, &look)->outcome, KH_LEASE_DONE);
    lock_is(&b.coord.item, "alice", "v1", false);
    ck_assert_int_eq(run_coord(&b, &op)->outcome, KH_LEASE_DONE);
    ck_assert_int_eq(run_coord(&a, &op)->outcome, KH_LEASE_CONFLICT);
    side_close(&b);
}
END_TEST

START_TEST(closing_ends_what_is_under_way)
{
    const struct kh_coord_op layout = {.verb = KH_COORD_LAYOUT};
    const struct kh_coord_op listing = op_for(KH_COORD_LIST_STATS, KH_COORD_STATS);

    side_open(&b);
    for (int i = 0; i < 10; i++) {
        kh_store_submit_coord(b.store, i % 2 == 0 ? &layout : &listing);
    }
    side_close(&b);
    (void)list(&a); /* the loop goes on */
    ck_assert(!b.coord_answered);
}
END_TEST

void add_coord_rows(TCase *tcase)
{
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_lock_that_is_not_there_is_done_and_not_found);
    tcase_add_test(tcase, a_lock_is_acquired_once);
    tcase_add_test(tcase, a_lock_that_was_released_is_acquired);
    tcase_add_test(tcase, a_lock_whose_version_stood_still_is_acquired);
    tcase_add_test(tcase, expecting_a_version_of_no_lock_conflicts_and_makes_none);
    tcase_add_test(tcase, a_heartbeat_needs_owner_and_version);
    tcase_add_test(tcase, a_lock_is_given_up_by_its_owner_alone);
    tcase_add_test(tcase, a_version_is_created_once_and_read_back_the_same);
    tcase_add_test(tcase, a_version_changes_if_it_is_as_expected);
    tcase_add_test(tcase, a_table_migration_is_kept);
    tcase_add_test(tcase, metrics_are_written_whatever_is_there);
    tcase_add_test(tcase, a_worker_without_metrics_reports_all_the_same);
    tcase_add_test(tcase, old_metrics_are_deleted_if_they_are_still_old);
    tcase_add_test(tcase, metrics_are_listed_and_leases_beside_them);
    tcase_add_test(tcase, without_its_index_nothing_is_known_of_owners);
    tcase_add_test(tcase, the_index_finds_the_leases_of_an_owner);
    tcase_add_test(tcase, two_workers_see_the_same_lock);
    tcase_add_test(tcase, closing_ends_what_is_under_way);
}
