#include "core/fleet.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/coord_world.h"
#include "tests/lib/suite.h"

#define WALL_S 1700000000

static struct kh_ctx ctx;
static struct kh_fleet fleet;
static struct coord_world world;
static struct kh_table table;
static struct kh_map held;
static kh_ms now_ms;
static unsigned asked[KH_COORD_MAKE_INDEX + 1]; /* how often each verb was */
static bool noted_stale;
static bool noted_unread;
static bool noted_no_place;
static bool fail_lists;
static struct kh_coord_key found[8];
static size_t found_n;

static void begin(bool may_lead)
{
    ctx.config.versions = KH_VERSIONS_AUTO;
    kh_fleet_init(&fleet, &ctx, may_lead, now_ms);
}

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    memset(&world, 0, sizeof(world));
    memset(asked, 0, sizeof(asked));
    memset(&fleet, 0, sizeof(fleet));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_table_init(&table);
    kh_map_init(&held);
    now_ms = 0;
    noted_stale = false;
    noted_unread = false;
    noted_no_place = false;
    fail_lists = false;
    found_n = 0;
}

static void teardown(void)
{
    kh_fleet_fini(&fleet);
    kh_table_fini(&table);
    kh_map_fini(&held);
}

static void step(struct kh_event event);

/* Everything that was asked for is carried out at once. */
static void carry_out(const struct kh_cmds *cmds)
{
    for (size_t i = 0; i < cmds->n; i++) {
        struct kh_coord_answer coord;

        if (cmds->items[i].type != KH_CMD_COORD) {
            continue;
        }
        asked[cmds->items[i].coord->verb]++;
        coord_world_answer(&world, cmds->items[i].coord, &coord);
        if (fail_lists && coord.verb == KH_COORD_LIST_STATS) {
            coord.outcome = KH_LEASE_UNKNOWN;
        }
        step((struct kh_event){.type = KH_EVENT_COORD, .coord = &coord});
    }
}

static void step(struct kh_event event)
{
    struct kh_fleet_sight sight = {.table = &table, .held = &held};
    struct kh_cmds cmds;

    kh_cmds_init(&cmds);
    event.wall_ms = (int64_t)WALL_S * 1000 + now_ms;
    kh_fleet_step(&fleet, &event, &sight, now_ms, &cmds);
    noted_stale |= cmds_noted(&cmds, "fleet.stale_report_removed");
    noted_no_place |= cmds_noted(&cmds, "fleet.nowhere_to_report");
    noted_unread |= cmds_noted(&cmds, "fleet.reports_not_read");
    for (size_t i = 0; i < fleet.found_n; i++) {
        found[found_n++] = fleet.found[i];
    }
    carry_out(&cmds);
    kh_cmds_fini(&cmds);
}

static void run_until(kh_ms until_ms)
{
    while (kh_fleet_deadline(&fleet) <= until_ms) {
        now_ms = kh_ms_max(now_ms, kh_fleet_deadline(&fleet));
        step((struct kh_event){.type = KH_EVENT_TICK});
    }
    now_ms = until_ms;
}

static void add_report(struct coord_world_items *items, const char *worker_id, int64_t at_wall_s)
{
    struct kh_worker_stats *stats = &items->stats[items->stats_n++];

    *stats = (struct kh_worker_stats){.reported_wall_s = at_wall_s};
    strcpy(stats->worker_id, worker_id);
}

static void own(const char *key, const char *owner)
{
    struct kh_lease lease = {.counter = 1};

    strcpy(lease.key, key);
    strcpy(lease.owner, owner);
    kh_table_update(&table, &lease, 1, 10000, now_ms);
}

START_TEST(without_a_state_it_takes_for_itself_and_writes_nothing)
{
    begin(true);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_UNKNOWN);
    run_until(120000);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_TAKES);
    ck_assert_uint_eq(asked[KH_COORD_PUT], 0);
    ck_assert_uint_eq(asked[KH_COORD_UPDATE], 0);
    ck_assert_uint_eq(asked[KH_COORD_MAKE_INDEX], 0);
    ck_assert_uint_eq(asked[KH_COORD_OWNED], 0);
    ck_assert(kh_fleet_leads(&fleet, &table, now_ms)); /* as everybody does */
    own("1", "other");
    ck_assert(!kh_fleet_leads(&fleet, &table, now_ms));
}
END_TEST

START_TEST(in_3x_it_takes_the_lock_and_reports)
{
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(true);
    run_until(5000);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_IS_LED);
    ck_assert(kh_fleet_leads(&fleet, &table, now_ms));
    ck_assert_str_eq(world.lease_table.lock.lock.owner, "me");
    ck_assert_ptr_nonnull(coord_world_stats(&world.lease_table, "me"));
    ck_assert_uint_eq(coord_world_stats(&world.lease_table, "me")->metrics_n, 0);
    step((struct kh_event){.type = KH_EVENT_UTILIZATION, .percent = 30});
    run_until(34000);
    ck_assert_double_eq(coord_world_stats(&world.lease_table, "me")->metrics[0].values[1], 30);
}
END_TEST

START_TEST(who_decides_nothing_for_others_takes_no_lock_and_refuses_leases)
{
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(false);
    run_until(60000);
    ck_assert(!world.lease_table.has_lock);
    ck_assert_double_eq(coord_world_stats(&world.lease_table, "me")->metrics[0].values[0], -1);
}
END_TEST

START_TEST(a_roll_back_gives_up_the_lock_and_takes_the_report_away)
{
    coord_world_set_version(&world.lease_table, KH_VERSION_3X_WITH_ROLLBACK);
    begin(true);
    run_until(5000);
    ck_assert(world.lease_table.has_lock);
    coord_world_set_version(&world.lease_table, KH_VERSION_2X);
    run_until(20000);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_TAKES);
    ck_assert(!world.lease_table.has_lock);
    ck_assert_uint_eq(world.lease_table.stats_n, 0);
}
END_TEST

START_TEST(a_stop_gives_up_the_lock_and_takes_the_report_away)
{
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(true);
    run_until(5000);
    kh_fleet_stop(&fleet, now_ms);
    ck_assert(!kh_fleet_is_gone(&fleet));
    run_until(5100);
    ck_assert(kh_fleet_is_gone(&fleet));
    ck_assert(!world.lease_table.has_lock);
    ck_assert_uint_eq(world.lease_table.stats_n, 0);
    ck_assert_int_eq(kh_fleet_deadline(&fleet), KH_NEVER);
}
END_TEST

START_TEST(legacy_tables_are_used_where_they_count)
{
    world.layout.legacy_state = true;
    world.layout.legacy_stats = true;
    coord_world_set_version(&world.legacy_table, KH_VERSION_3X);
    begin(true);
    run_until(5000);
    ck_assert(world.legacy_table.has_lock);
    ck_assert(!world.lease_table.has_lock);
    ck_assert_ptr_nonnull(coord_world_stats(&world.legacy_table, "me"));
    ck_assert_uint_eq(world.lease_table.stats_n, 0);
}
END_TEST

/* The tool of 3.4 deletes the table of metrics when it rolls back. */
START_TEST(where_nobody_can_report_everybody_takes_for_itself)
{
    world.layout.legacy_state = true;
    coord_world_set_version(&world.legacy_table, KH_VERSION_3X);
    begin(true);
    run_until(5000);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_TAKES);
    ck_assert(noted_no_place);
    ck_assert(!world.legacy_table.has_lock);
    world.layout.legacy_stats = true;
    run_until(25000);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_IS_LED);
    ck_assert(world.legacy_table.has_lock);
}
END_TEST

/* ---- reports of all ---- */

START_TEST(the_leader_knows_the_reports_of_both_tables)
{
    struct kh_assign_workers workers;

    world.layout.legacy_state = true;
    world.layout.legacy_stats = true;
    coord_world_set_version(&world.legacy_table, KH_VERSION_3X);
    add_report(&world.legacy_table, "a", WALL_S);
    add_report(&world.lease_table, "b", WALL_S);
    begin(true);
    run_until(1000);
    ck_assert(kh_fleet_workers(&fleet, &workers, now_ms));
    ck_assert_uint_eq(workers.n, 2);
    ck_assert_int_eq(workers.now_wall_s, WALL_S + 1);
    ck_assert_str_eq(workers.stats[0].worker_id, "a");
    ck_assert_str_eq(workers.stats[1].worker_id, "b");
}
END_TEST

START_TEST(reports_are_listed_seldom_unless_there_is_something_to_assign)
{
    struct kh_assign_workers workers;
    unsigned before;

    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(true);
    run_until(10000);
    ck_assert_uint_eq(asked[KH_COORD_LIST_STATS], 1);
    ck_assert(!kh_fleet_workers(&fleet, &workers, now_ms)); /* too old: they are asked for */
    run_until(10010);
    ck_assert_uint_eq(asked[KH_COORD_LIST_STATS], 2);
    ck_assert(kh_fleet_workers(&fleet, &workers, now_ms));
    before = asked[KH_COORD_LIST_STATS];
    run_until(51000);
    ck_assert_uint_eq(asked[KH_COORD_LIST_STATS], before + 2); /* every 20 s */
}
END_TEST

START_TEST(reports_that_cannot_be_listed_are_told_and_asked_for_again)
{
    struct kh_assign_workers workers;

    fail_lists = true;
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(true);
    run_until(500);
    ck_assert(noted_unread);
    ck_assert(!kh_fleet_workers(&fleet, &workers, now_ms));
    fail_lists = false;
    run_until(1500);
    ck_assert(kh_fleet_workers(&fleet, &workers, now_ms));
}
END_TEST

START_TEST(reports_of_workers_gone_for_a_day_are_removed_by_the_leader)
{
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    add_report(&world.lease_table, "gone", WALL_S - 86401);
    add_report(&world.lease_table, "young", WALL_S - 86000);
    add_report(&world.lease_table, "long gone", WALL_S - 900000);
    begin(true);
    run_until(1000);
    ck_assert(noted_stale);
    ck_assert_ptr_null(coord_world_stats(&world.lease_table, "gone"));
    ck_assert_ptr_null(coord_world_stats(&world.lease_table, "long gone"));
    ck_assert_ptr_nonnull(coord_world_stats(&world.lease_table, "young"));
}
END_TEST

/* ---- what the index says ---- */

START_TEST(the_index_is_asked_once_a_second_for_leases_of_ours)
{
    static int consumer;

    world.layout.has_index = true;
    world.layout.index_active = true;
    strcpy(world.owned[0].key, "1");
    strcpy(world.owned[1].key, "2");
    world.owned_n = 2;
    kh_map_add(&held, KH_STR("1"), &consumer);
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(true);
    run_until(10);
    ck_assert_uint_eq(asked[KH_COORD_OWNED], 1);
    ck_assert_uint_eq(found_n, 1);
    ck_assert_str_eq(found[0].key, "2");
    world.owned_n = 0;
    run_until(10010);
    ck_assert_uint_ge(asked[KH_COORD_OWNED], 10);
    ck_assert_uint_le(asked[KH_COORD_OWNED], 14);
}
END_TEST

START_TEST(an_index_that_is_still_being_filled_is_not_asked)
{
    world.layout.has_index = true;
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(true);
    run_until(5000);
    ck_assert_uint_eq(asked[KH_COORD_OWNED], 0);
    world.layout.index_active = true;
    run_until(20000);
    ck_assert_uint_gt(asked[KH_COORD_OWNED], 0);
}
END_TEST

/* ---- from 2.x to 3.x ---- */

static void upgrade(const char *owner, const char *reporter)
{
    world.layout.has_index = true;
    world.layout.index_active = true;
    coord_world_set_version(&world.lease_table, KH_VERSION_UPGRADE_FROM_2X);
    add_report(&world.lease_table, reporter, WALL_S + 1000); /* fresh all the time */
    own("1", owner);
    begin(true);
    run_until(660000);
}

static enum kh_client_version stored(void)
{
    return world.lease_table.version.version.now.version;
}

START_TEST(an_upgrade_goes_on_once_every_owner_reports)
{
    upgrade("me", "nobody"); /* our own report counts as well */
    ck_assert_int_eq(stored(), KH_VERSION_3X_WITH_ROLLBACK);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_IS_LED);
}
END_TEST

START_TEST(an_owner_that_does_not_report_holds_it_up)
{
    strcpy(ctx.config.worker_id, "a");
    own("1", "a");
    world.layout.has_index = true;
    world.layout.index_active = true;
    coord_world_set_version(&world.lease_table, KH_VERSION_UPGRADE_FROM_2X);
    {
        struct kh_lease leases[] = {{.key = "1", .owner = "a"}, {.key = "2", .owner = "b"}};

        kh_table_update(&table, leases, 2, 10000, 0);
    }
    begin(true);
    ck_assert_int_eq(kh_fleet_mode(&fleet), KH_FLEET_UNKNOWN);
    run_until(700000);
    ck_assert(kh_fleet_leads(&fleet, &table, now_ms));
    ck_assert_int_eq(stored(), KH_VERSION_UPGRADE_FROM_2X);
    add_report(&world.lease_table, "b", WALL_S + 5000);
    run_until(1400000);
    ck_assert_int_eq(stored(), KH_VERSION_3X_WITH_ROLLBACK);
}
END_TEST

START_TEST(a_lease_without_an_owner_holds_it_up)
{
    upgrade("", "me");
    ck_assert_int_eq(stored(), KH_VERSION_UPGRADE_FROM_2X);
}
END_TEST

START_TEST(only_the_leader_moves_an_upgrade_on)
{
    upgrade("other", "other");
    ck_assert_int_eq(stored(), KH_VERSION_UPGRADE_FROM_2X);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("fleet");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_a_state_it_takes_for_itself_and_writes_nothing);
    tcase_add_test(tcase, in_3x_it_takes_the_lock_and_reports);
    tcase_add_test(tcase, who_decides_nothing_for_others_takes_no_lock_and_refuses_leases);
    tcase_add_test(tcase, a_roll_back_gives_up_the_lock_and_takes_the_report_away);
    tcase_add_test(tcase, a_stop_gives_up_the_lock_and_takes_the_report_away);
    tcase_add_test(tcase, legacy_tables_are_used_where_they_count);
    tcase_add_test(tcase, where_nobody_can_report_everybody_takes_for_itself);
    tcase_add_test(tcase, the_leader_knows_the_reports_of_both_tables);
    tcase_add_test(tcase, reports_are_listed_seldom_unless_there_is_something_to_assign);
    tcase_add_test(tcase, reports_that_cannot_be_listed_are_told_and_asked_for_again);
    tcase_add_test(tcase, reports_of_workers_gone_for_a_day_are_removed_by_the_leader);
    tcase_add_test(tcase, the_index_is_asked_once_a_second_for_leases_of_ours);
    tcase_add_test(tcase, an_index_that_is_still_being_filled_is_not_asked);
    tcase_add_test(tcase, an_upgrade_goes_on_once_every_owner_reports);
    tcase_add_test(tcase, an_owner_that_does_not_report_holds_it_up);
    tcase_add_test(tcase, a_lease_without_an_owner_holds_it_up);
    tcase_add_test(tcase, only_the_leader_moves_an_upgrade_on);
    return suite_run("fleet", tcase);
}
