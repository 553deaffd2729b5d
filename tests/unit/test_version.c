#include "core/version.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/coord_world.h"
#include "tests/lib/suite.h"

#define WALL_MS 1700000000000

static struct kh_ctx ctx;
static struct kh_version version;
static struct coord_world world;
static struct kh_cmds cmds;
/* What one check asked for. */
static enum kh_coord_verb verbs[16];
static enum kh_coord_place places[16];
static size_t asked_n;

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    memset(&world, 0, sizeof(world));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_cmds_init(&cmds);
}

static void teardown(void)
{
    kh_cmds_fini(&cmds);
}

static void begin(enum kh_versions config)
{
    ctx.config.versions = config;
    kh_version_init(&version, &ctx, 0);
}

static const struct kh_coord_op *step(struct kh_event event, kh_ms now_ms)
{
    const struct kh_cmd *cmd;

    event.wall_ms = WALL_MS + now_ms;
    kh_version_step(&version, &event, now_ms, &cmds);
    cmd = cmds_find(&cmds, KH_CMD_COORD);
    return cmd == NULL ? NULL : cmd->coord;
}

static const struct kh_coord_op *answer(const struct kh_coord_answer *coord, kh_ms now_ms)
{
    struct kh_coord_answer copy = *coord;
    struct kh_cmds before = cmds;
    const struct kh_coord_op *op;

    /* The notes of a whole check stay to be looked at. */
    kh_cmds_init(&cmds);
    op = step((struct kh_event){.type = KH_EVENT_COORD, .coord = &copy}, now_ms);
    for (size_t i = 0; i < before.n; i++) {
        if (before.items[i].type == KH_CMD_NOTE) {
            kh_cmds_note(&cmds, "", before.items[i].note);
        }
    }
    kh_cmds_fini(&before);
    return op;
}

static const struct kh_coord_op *tick(kh_ms now_ms)
{
    kh_cmds_reset(&cmds);
    asked_n = 0;
    return step((struct kh_event){.type = KH_EVENT_TICK}, now_ms);
}

static const struct kh_coord_op *carry_out(const struct kh_coord_op *op, kh_ms now_ms)
{
    struct kh_coord_answer coord;

    verbs[asked_n] = op->verb;
    places[asked_n++] = op->place;
    coord_world_answer(&world, op, &coord);
    return answer(&coord, now_ms);
}

static void finish(const struct kh_coord_op *op, kh_ms now_ms)
{
    for (int i = 0; i < 10 && op != NULL; i++) {
        op = carry_out(op, now_ms);
    }
    ck_assert_ptr_null(op);
}

/* One whole check, or several, until now_ms. */
static void check_until(kh_ms now_ms)
{
    do {
        kh_ms at_ms = kh_version_deadline(&version);

        finish(tick(at_ms), at_ms);
    } while (kh_version_deadline(&version) <= now_ms);
}

static void begins_as(enum kh_versions config, enum kh_client_version stored, enum kh_mode mode)
{
    memset(&world, 0, sizeof(world));
    if (stored != KH_VERSION_NONE) {
        coord_world_set_version(&world.lease_table, stored);
    }
    world.layout.has_index = true;
    world.layout.index_active = true;
    begin(config);
    ck_assert_int_eq(version.mode, KH_MODE_UNKNOWN);
    finish(tick(0), 0);
    ck_assert_int_eq(version.mode, mode);
}

static enum kh_client_version stored(void)
{
    return world.lease_table.has_version ? world.lease_table.version.version.now.version
                                         : KH_VERSION_NONE;
}

/* ---- what the state says at the start ---- */

START_TEST(auto_follows_what_is_there_and_writes_nothing)
{
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_NONE, KH_MODE_PLAIN);
    ck_assert(cmds_noted(&cmds, "fleet.works_as_2x"));
    ck_assert(!world.lease_table.has_version);
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_UPGRADE_FROM_2X, KH_MODE_UPGRADE_FROM_2X);
    ck_assert(cmds_noted(&cmds, "fleet.upgrades_from_2x"));
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_2X, KH_MODE_2X);
    ck_assert(cmds_noted(&cmds, "fleet.rolled_back_to_2x"));
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_3X_WITH_ROLLBACK, KH_MODE_3X_WITH_ROLLBACK);
    ck_assert(cmds_noted(&cmds, "fleet.works_as_3x_with_rollback"));
    ck_assert_int_eq(stored(), KH_VERSION_3X_WITH_ROLLBACK);
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_3X, KH_MODE_3X);
    ck_assert(cmds_noted(&cmds, "fleet.works_as_3x"));
}
END_TEST

START_TEST(phase_1_follows_a_state_and_makes_none)
{
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X_PHASE1, KH_VERSION_NONE, KH_MODE_PLAIN);
    ck_assert_int_eq(stored(), KH_VERSION_NONE);
    ck_assert_int_eq(kh_version_deadline(&version), KH_NEVER); /* and looks no more */
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X_PHASE1, KH_VERSION_UPGRADE_FROM_2X,
              KH_MODE_UPGRADE_FROM_2X);
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X_PHASE1, KH_VERSION_2X, KH_MODE_2X);
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X_PHASE1, KH_VERSION_3X_WITH_ROLLBACK,
              KH_MODE_3X_WITH_ROLLBACK);
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X_PHASE1, KH_VERSION_3X, KH_MODE_3X);
}
END_TEST

START_TEST(compatible_with_2x_begins_the_upgrade)
{
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X, KH_VERSION_NONE, KH_MODE_UPGRADE_FROM_2X);
    ck_assert(cmds_noted(&cmds, "fleet.version_written"));
    ck_assert_int_eq(stored(), KH_VERSION_UPGRADE_FROM_2X);
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X, KH_VERSION_2X, KH_MODE_2X);
    ck_assert_int_eq(stored(), KH_VERSION_2X);
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X, KH_VERSION_3X_WITH_ROLLBACK,
              KH_MODE_3X_WITH_ROLLBACK);
    ck_assert_int_eq(stored(), KH_VERSION_3X_WITH_ROLLBACK);
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X, KH_VERSION_3X, KH_MODE_3X);
}
END_TEST

START_TEST(version_3x_makes_the_state_and_ends_the_way_back)
{
    const struct kh_version_state *state = &world.lease_table.version.version;

    begins_as(KH_VERSIONS_3X, KH_VERSION_NONE, KH_MODE_3X);
    ck_assert_int_eq(state->now.version, KH_VERSION_3X);
    ck_assert_str_eq(state->now.by, "me");
    ck_assert_int_eq(state->now.at_wall_ms, WALL_MS);
    ck_assert_uint_eq(state->history_n, 1);
    ck_assert_int_eq(state->history[0].version, KH_VERSION_INIT);
    begins_as(KH_VERSIONS_3X, KH_VERSION_3X_WITH_ROLLBACK, KH_MODE_3X);
    ck_assert_int_eq(state->now.version, KH_VERSION_3X);
    ck_assert_uint_eq(state->history_n, 1);
    ck_assert_int_eq(state->history[0].version, KH_VERSION_3X_WITH_ROLLBACK);
    begins_as(KH_VERSIONS_3X, KH_VERSION_UPGRADE_FROM_2X, KH_MODE_UPGRADE_FROM_2X);
    begins_as(KH_VERSIONS_3X, KH_VERSION_2X, KH_MODE_2X);
    ck_assert_int_eq(stored(), KH_VERSION_2X);
}
END_TEST

START_TEST(a_history_keeps_its_ten_newest_entries)
{
    struct kh_version_state *state = &world.lease_table.version.version;

    coord_world_set_version(&world.lease_table, KH_VERSION_3X_WITH_ROLLBACK);
    state->history_n = KH_VERSION_HISTORY_N;
    state->history[0].at_wall_ms = 9;
    state->history[9].at_wall_ms = 1;
    world.layout.has_index = true;
    begin(KH_VERSIONS_3X);
    finish(tick(0), 0);
    ck_assert_uint_eq(state->history_n, 10);
    ck_assert_int_eq(state->history[0].version, KH_VERSION_3X_WITH_ROLLBACK);
    ck_assert_int_eq(state->history[1].at_wall_ms, 9);
}
END_TEST

START_TEST(whoever_loses_the_race_to_write_reads_again)
{
    const struct kh_coord_op *op;

    begin(KH_VERSIONS_3X);
    op = carry_out(carry_out(tick(0), 0), 0);
    ck_assert_int_eq(op->verb, KH_COORD_PUT);
    ck_assert_uint_eq(op->expect_bits, KH_EXPECT_ABSENT);
    coord_world_set_version(&world.lease_table, KH_VERSION_2X);
    ck_assert_ptr_null(carry_out(op, 10));
    ck_assert_int_eq(version.mode, KH_MODE_UNKNOWN);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_2X);
}
END_TEST

START_TEST(a_lost_answer_to_a_write_is_looked_into)
{
    const struct kh_coord_op *op;
    struct kh_coord_answer coord;

    world.layout.has_index = true;
    begin(KH_VERSIONS_3X);
    op = carry_out(carry_out(tick(0), 0), 0);
    coord_world_answer(&world, op, &coord);
    coord = (struct kh_coord_answer){
        .id = op->id, .verb = op->verb, .kind = op->kind, .outcome = KH_LEASE_UNKNOWN};
    ck_assert_ptr_null(answer(&coord, 10));
    ck_assert_int_eq(version.mode, KH_MODE_UNKNOWN);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_3X);
    ck_assert_uint_eq(world.lease_table.version.version.history_n, 1);
}
END_TEST

START_TEST(a_write_that_is_refused_is_told)
{
    const struct kh_coord_op *op;
    struct kh_coord_answer coord;

    begin(KH_VERSIONS_3X);
    op = carry_out(carry_out(tick(0), 0), 0);
    coord = (struct kh_coord_answer){.id = op->id,
                                     .verb = op->verb,
                                     .kind = op->kind,
                                     .outcome = KH_LEASE_FAILED,
                                     .rc = KH_DENIED};
    ck_assert_ptr_null(answer(&coord, 10));
    ck_assert(cmds_noted(&cmds, "fleet.version_not_written"));
    ck_assert_int_eq(version.mode, KH_MODE_UNKNOWN);
}
END_TEST

/* ---- while it runs ---- */

START_TEST(auto_follows_every_change_within_one_check)
{
    static const struct {
        enum kh_client_version stored;
        enum kh_mode mode;
    } changes[] = {
        {KH_VERSION_UPGRADE_FROM_2X, KH_MODE_UPGRADE_FROM_2X},
        {KH_VERSION_3X_WITH_ROLLBACK, KH_MODE_3X_WITH_ROLLBACK},
        {KH_VERSION_2X, KH_MODE_2X},
        {KH_VERSION_UPGRADE_FROM_2X, KH_MODE_UPGRADE_FROM_2X},
        {KH_VERSION_3X, KH_MODE_3X},
        {KH_VERSION_2X, KH_MODE_2X},
    };

    begins_as(KH_VERSIONS_AUTO, KH_VERSION_NONE, KH_MODE_PLAIN);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        kh_ms from_ms = kh_version_deadline(&version);

        coord_world_set_version(&world.lease_table, changes[i].stored);
        check_until(0);
        ck_assert_int_eq(version.mode, changes[i].mode);
        ck_assert_int_le(kh_version_deadline(&version) - from_ms, 10000);
        ck_assert_int_gt(kh_version_deadline(&version) - from_ms, 7000);
    }
    world.lease_table.has_version = false; /* cleaned up after the roll-back */
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_PLAIN);
}
END_TEST

START_TEST(a_state_that_vanishes_under_a_led_fleet_changes_nothing)
{
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_3X, KH_MODE_3X);
    world.lease_table.has_version = false;
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_3X);
    ck_assert(cmds_noted(&cmds, "fleet.version_not_followed"));
    check_until(0);
    ck_assert(!cmds_noted(&cmds, "fleet.version_not_followed")); /* told once */
}
END_TEST

START_TEST(configured_versions_follow_only_the_moves_of_java)
{
    begins_as(KH_VERSIONS_COMPATIBLE_WITH_2X, KH_VERSION_UPGRADE_FROM_2X, KH_MODE_UPGRADE_FROM_2X);
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_UPGRADE_FROM_2X);
    coord_world_set_version(&world.lease_table, KH_VERSION_3X_WITH_ROLLBACK);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_3X_WITH_ROLLBACK);
    coord_world_set_version(&world.lease_table, KH_VERSION_2X);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_2X);
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_2X);
    coord_world_set_version(&world.lease_table, KH_VERSION_UPGRADE_FROM_2X);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_UPGRADE_FROM_2X);
}
END_TEST

START_TEST(an_unknown_version_is_told_and_not_followed)
{
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_3X, KH_MODE_3X);
    coord_world_set_version(&world.lease_table, KH_VERSION_OTHER);
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_3X);
    ck_assert(cmds_noted(&cmds, "fleet.unknown_version"));
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_OTHER, KH_MODE_PLAIN);
    ck_assert(cmds_noted(&cmds, "fleet.unknown_version"));
}
END_TEST

START_TEST(what_cannot_be_read_changes_nothing_and_is_told_once)
{
    const struct kh_coord_op *op;
    struct kh_coord_answer coord = {.outcome = KH_LEASE_UNKNOWN, .rc = KH_RETRY};

    begins_as(KH_VERSIONS_AUTO, KH_VERSION_3X, KH_MODE_3X);
    op = tick(kh_version_deadline(&version));
    ck_assert_int_eq(op->verb, KH_COORD_GET);
    coord.id = op->id;
    ck_assert_ptr_null(answer(&coord, 20000));
    ck_assert(cmds_noted(&cmds, "fleet.state_not_read"));
    ck_assert_int_le(kh_version_deadline(&version), 20200);
    op = tick(kh_version_deadline(&version));
    coord.id = op->id;
    ck_assert_ptr_null(answer(&coord, 20300));
    ck_assert(!cmds_noted(&cmds, "fleet.state_not_read"));
    ck_assert_int_eq(version.mode, KH_MODE_3X);
}
END_TEST

START_TEST(without_rights_on_other_tables_the_lease_table_is_all_there_is)
{
    const struct kh_coord_op *op;
    struct kh_coord_answer coord = {.outcome = KH_LEASE_FAILED, .rc = KH_DENIED};

    coord_world_set_version(&world.lease_table, KH_VERSION_2X);
    begin(KH_VERSIONS_AUTO);
    op = tick(0);
    ck_assert_int_eq(op->verb, KH_COORD_LAYOUT);
    coord.id = op->id;
    finish(answer(&coord, 10), 20);
    ck_assert(cmds_noted(&cmds, "fleet.layout_denied"));
    ck_assert_int_eq(version.mode, KH_MODE_2X);
}
END_TEST

START_TEST(where_there_are_only_leases_nothing_is_asked)
{
    begin(KH_VERSIONS_NONE);
    ck_assert_int_eq(version.mode, KH_MODE_PLAIN);
    ck_assert_int_eq(kh_version_deadline(&version), KH_NEVER);
    ck_assert_ptr_null(tick(1000000));
}
END_TEST

/* ---- where it is ---- */

START_TEST(without_legacy_tables_all_is_in_the_lease_table)
{
    enum kh_coord_place place;

    begins_as(KH_VERSIONS_AUTO, KH_VERSION_3X, KH_MODE_3X);
    ck_assert_uint_eq(asked_n, 2);
    ck_assert_int_eq(verbs[0], KH_COORD_LAYOUT);
    ck_assert_int_eq(verbs[1], KH_COORD_GET);
    ck_assert_int_eq(places[1], KH_COORD_LEASE_TABLE);
    ck_assert_int_eq(kh_version_lock_place(&version), KH_COORD_LEASE_TABLE);
    ck_assert(kh_version_report_place(&version, &place));
    ck_assert_int_eq(place, KH_COORD_LEASE_TABLE);
    ck_assert(!kh_version_has_legacy_reports(&version));
}
END_TEST

START_TEST(with_legacy_tables_the_state_is_looked_for_there_first)
{
    enum kh_coord_place place;

    world.layout.legacy_state = true;
    world.layout.legacy_stats = true;
    world.layout.index_active = true;
    coord_world_set_version(&world.legacy_table, KH_VERSION_3X_WITH_ROLLBACK);
    coord_world_set_version(&world.lease_table, KH_VERSION_2X);
    begin(KH_VERSIONS_AUTO);
    finish(tick(0), 0);
    ck_assert_int_eq(version.mode, KH_MODE_3X_WITH_ROLLBACK);
    ck_assert_int_eq(version.tables, KH_TABLES_INIT);
    ck_assert_int_eq(kh_version_lock_place(&version), KH_COORD_LEGACY_TABLE);
    ck_assert(kh_version_report_place(&version, &place));
    ck_assert_int_eq(place, KH_COORD_LEGACY_TABLE);
    ck_assert(kh_version_has_legacy_reports(&version));

    world.legacy_table.has_version = false;
    check_until(0);
    ck_assert_int_eq(version.mode, KH_MODE_2X);
}
END_TEST

START_TEST(a_legacy_fleet_without_its_table_of_metrics_is_not_reported_to)
{
    enum kh_coord_place place;

    world.layout.legacy_state = true;
    begin(KH_VERSIONS_AUTO);
    finish(tick(0), 0);
    ck_assert(!kh_version_report_place(&version, &place));
}
END_TEST

START_TEST(new_states_are_made_in_the_legacy_table_as_long_as_that_counts)
{
    world.layout.legacy_state = true;
    begin(KH_VERSIONS_COMPATIBLE_WITH_2X);
    finish(tick(0), 0);
    ck_assert(world.legacy_table.has_version);
    ck_assert(!world.lease_table.has_version);
}
END_TEST

START_TEST(after_their_migration_legacy_tables_count_no_more)
{
    world.layout.legacy_state = true;
    coord_world_set_tables(&world.legacy_table, KH_TABLES_DEPLOYED);
    coord_world_set_version(&world.legacy_table, KH_VERSION_2X);
    begin(KH_VERSIONS_AUTO);
    finish(tick(0), 0);
    ck_assert_int_eq(version.tables, KH_TABLES_DEPLOYED);
    coord_world_set_tables(&world.legacy_table, KH_TABLES_PENDING);
    check_until(0);
    ck_assert_int_eq(kh_version_lock_place(&version), KH_COORD_LEGACY_TABLE);
    ck_assert_int_eq(version.mode, KH_MODE_2X);
    coord_world_set_tables(&world.legacy_table, KH_TABLES_COMPLETE);
    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    check_until(0);
    ck_assert_int_eq(kh_version_lock_place(&version), KH_COORD_LEASE_TABLE);
    ck_assert_int_eq(version.mode, KH_MODE_3X);
}
END_TEST

/* ---- the index, and going on ---- */

START_TEST(the_index_is_asked_for_on_the_way_to_3x_and_in_it)
{
    begin(KH_VERSIONS_3X);
    finish(tick(0), 0);
    ck_assert(world.layout.has_index);
    ck_assert(cmds_noted(&cmds, "fleet.index_begun"));
    ck_assert_int_eq(version.mode, KH_MODE_3X);
    world.layout.index_active = true;
    check_until(0);
    ck_assert(version.layout.index_active);

    memset(&world, 0, sizeof(world));
    coord_world_set_version(&world.lease_table, KH_VERSION_3X_WITH_ROLLBACK);
    begin(KH_VERSIONS_AUTO);
    finish(tick(0), 0);
    ck_assert(world.layout.has_index);

    memset(&world, 0, sizeof(world));
    coord_world_set_version(&world.lease_table, KH_VERSION_2X);
    begin(KH_VERSIONS_AUTO);
    finish(tick(0), 0);
    ck_assert(!world.layout.has_index); /* a roll-back removes it */
}
END_TEST

START_TEST(an_index_that_cannot_be_made_is_told)
{
    const struct kh_coord_op *op;
    struct kh_coord_answer coord = {.outcome = KH_LEASE_FAILED, .rc = KH_DENIED};

    coord_world_set_version(&world.lease_table, KH_VERSION_3X);
    begin(KH_VERSIONS_AUTO);
    op = carry_out(carry_out(tick(0), 0), 0);
    ck_assert_int_eq(op->verb, KH_COORD_MAKE_INDEX);
    coord.id = op->id;
    ck_assert_ptr_null(answer(&coord, 10));
    ck_assert(cmds_noted(&cmds, "fleet.index_not_made"));
    ck_assert_int_eq(version.mode, KH_MODE_3X);
}
END_TEST

START_TEST(ten_minutes_of_readiness_lead_to_3x)
{
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_UPGRADE_FROM_2X, KH_MODE_UPGRADE_FROM_2X);
    kh_version_ready(&version, true, 1000);
    check_until(595000);
    ck_assert_int_eq(stored(), KH_VERSION_UPGRADE_FROM_2X);
    kh_version_ready(&version, true, 595000);
    check_until(601000);
    check_until(601000);
    ck_assert_int_eq(stored(), KH_VERSION_3X_WITH_ROLLBACK);
    ck_assert_int_eq(version.mode, KH_MODE_3X_WITH_ROLLBACK);
}
END_TEST

START_TEST(one_look_that_shows_somebody_missing_begins_the_ten_minutes_anew)
{
    begins_as(KH_VERSIONS_AUTO, KH_VERSION_UPGRADE_FROM_2X, KH_MODE_UPGRADE_FROM_2X);
    kh_version_ready(&version, true, 1000);
    kh_version_ready(&version, false, 300000);
    kh_version_ready(&version, true, 330000);
    check_until(900000);
    ck_assert_int_eq(stored(), KH_VERSION_UPGRADE_FROM_2X);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("version");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, auto_follows_what_is_there_and_writes_nothing);
    tcase_add_test(tcase, phase_1_follows_a_state_and_makes_none);
    tcase_add_test(tcase, compatible_with_2x_begins_the_upgrade);
    tcase_add_test(tcase, version_3x_makes_the_state_and_ends_the_way_back);
    tcase_add_test(tcase, a_history_keeps_its_ten_newest_entries);
    tcase_add_test(tcase, whoever_loses_the_race_to_write_reads_again);
    tcase_add_test(tcase, a_lost_answer_to_a_write_is_looked_into);
    tcase_add_test(tcase, a_write_that_is_refused_is_told);
    tcase_add_test(tcase, auto_follows_every_change_within_one_check);
    tcase_add_test(tcase, a_state_that_vanishes_under_a_led_fleet_changes_nothing);
    tcase_add_test(tcase, configured_versions_follow_only_the_moves_of_java);
    tcase_add_test(tcase, an_unknown_version_is_told_and_not_followed);
    tcase_add_test(tcase, what_cannot_be_read_changes_nothing_and_is_told_once);
    tcase_add_test(tcase, without_rights_on_other_tables_the_lease_table_is_all_there_is);
    tcase_add_test(tcase, where_there_are_only_leases_nothing_is_asked);
    tcase_add_test(tcase, without_legacy_tables_all_is_in_the_lease_table);
    tcase_add_test(tcase, with_legacy_tables_the_state_is_looked_for_there_first);
    tcase_add_test(tcase, a_legacy_fleet_without_its_table_of_metrics_is_not_reported_to);
    tcase_add_test(tcase, new_states_are_made_in_the_legacy_table_as_long_as_that_counts);
    tcase_add_test(tcase, after_their_migration_legacy_tables_count_no_more);
    tcase_add_test(tcase, the_index_is_asked_for_on_the_way_to_3x_and_in_it);
    tcase_add_test(tcase, an_index_that_cannot_be_made_is_told);
    tcase_add_test(tcase, ten_minutes_of_readiness_lead_to_3x);
    tcase_add_test(tcase, one_look_that_shows_somebody_missing_begins_the_ten_minutes_anew);
    return suite_run("version", tcase);
}
