#include "core/leader.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/coord_world.h"
#include "tests/lib/suite.h"

/* The lock is wanted from 1 s on, in the lease table. */
static struct kh_ctx ctx;
static struct kh_leader leader;
static struct coord_world world;
static struct kh_cmds cmds;

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    memset(&world, 0, sizeof(world));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_leader_init(&leader, &ctx);
    kh_leader_want(&leader, true, KH_COORD_LEASE_TABLE, 1000);
    kh_cmds_init(&cmds);
}

static void teardown(void)
{
    kh_cmds_fini(&cmds);
}

static const struct kh_coord_op *sent(void)
{
    const struct kh_cmd *cmd = cmds_find(&cmds, KH_CMD_COORD);

    return cmd == NULL ? NULL : cmd->coord;
}

static const struct kh_coord_op *tick(kh_ms now_ms)
{
    kh_cmds_reset(&cmds);
    kh_leader_step(&leader, &(struct kh_event){.type = KH_EVENT_TICK}, now_ms, &cmds);
    return sent();
}

static const struct kh_coord_op *answer(struct kh_coord_answer *coord, kh_ms now_ms)
{
    kh_cmds_reset(&cmds);
    kh_leader_step(&leader, &(struct kh_event){.type = KH_EVENT_COORD, .coord = coord}, now_ms,
                   &cmds);
    return sent();
}

/* The world carries out the request and answers at once. */
static const struct kh_coord_op *carry_out(const struct kh_coord_op *op, kh_ms now_ms)
{
    struct kh_coord_answer coord;

    coord_world_answer(&world, op, &coord);
    return answer(&coord, now_ms);
}

/* It is not known what became of the request. */
static const struct kh_coord_op *lose_answer(const struct kh_coord_op *op, bool applied,
                                             kh_ms now_ms)
{
    struct kh_coord_answer coord;

    if (applied) {
        coord_world_answer(&world, op, &coord);
    }
    coord = (struct kh_coord_answer){
        .id = op->id, .verb = op->verb, .kind = op->kind, .outcome = KH_LEASE_UNKNOWN};
    return answer(&coord, now_ms);
}

static void take_lock(void)
{
    const struct kh_coord_op *op = carry_out(tick(1000), 1010);

    ck_assert_ptr_nonnull(op);
    ck_assert_ptr_null(carry_out(op, 1020));
    ck_assert(cmds_noted(&cmds, "fleet.leads"));
}

static void somebody_holds(const char *version)
{
    struct kh_lock *lock = &world.lease_table.lock.lock;

    world.lease_table.has_lock = true;
    world.lease_table.lock.kind = KH_COORD_LOCK;
    strcpy(lock->owner, "other");
    strcpy(lock->version, version);
    lock->duration_ms = 120000;
}

/* Look until at_ms; the last request that was no reading, or NULL. */
static const struct kh_coord_op *look_until(kh_ms from_ms, kh_ms until_ms)
{
    for (kh_ms now_ms = from_ms; now_ms <= until_ms; now_ms += 100) {
        const struct kh_coord_op *op = now_ms >= kh_leader_deadline(&leader) ? tick(now_ms) : NULL;

        if (op != NULL && op->verb == KH_COORD_GET) {
            op = carry_out(op, now_ms);
        }
        if (op != NULL) {
            return op;
        }
    }
    return NULL;
}

START_TEST(a_free_lock_is_taken_by_creating_it)
{
    const struct kh_coord_op *op = tick(1000);

    ck_assert_int_eq(op->verb, KH_COORD_GET);
    ck_assert_int_eq(op->kind, KH_COORD_LOCK);
    ck_assert_int_eq(op->place, KH_COORD_LEASE_TABLE);
    op = carry_out(op, 1010);
    ck_assert_int_eq(op->verb, KH_COORD_PUT);
    ck_assert_uint_eq(op->expect_bits, KH_EXPECT_ABSENT);
    ck_assert_str_eq(op->item.lock.owner, "me");
    ck_assert_int_eq(op->item.lock.duration_ms, 120000);
    ck_assert_uint_eq(strlen(op->item.lock.version), 36);
    ck_assert_int_eq(op->item.lock.version[14], '4');
    ck_assert(!kh_leader_leads(&leader, 1010));
    carry_out(op, 1020);
    ck_assert(kh_leader_leads(&leader, 1020));
}
END_TEST

START_TEST(it_beats_every_thirty_seconds_with_a_new_version)
{
    const struct kh_coord_op *op;
    char before[KH_LOCK_VERSION_MAX + 1];

    take_lock();
    strcpy(before, world.lease_table.lock.lock.version);
    ck_assert_ptr_null(tick(31009));
    op = tick(31010);
    ck_assert_int_eq(op->verb, KH_COORD_UPDATE);
    ck_assert_uint_eq(op->expect_bits, KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER);
    ck_assert_str_eq(op->expect.lock.version, before);
    ck_assert_str_eq(op->expect.lock.owner, "me");
    ck_assert_str_ne(op->item.lock.version, before);
    ck_assert_ptr_null(carry_out(op, 31020));
    ck_assert_int_eq(kh_leader_deadline(&leader), 61010);
}
END_TEST

START_TEST(it_leads_no_longer_than_its_last_heartbeat_was_sent_a_duration_ago)
{
    take_lock(); /* sent at 1010 */
    ck_assert(kh_leader_leads(&leader, 121010));
    ck_assert(!kh_leader_leads(&leader, 121011));
}
END_TEST

START_TEST(losing_the_lead_by_time_is_told_and_a_late_heartbeat_brings_it_back)
{
    const struct kh_coord_op *op;

    take_lock();
    op = tick(130000); /* frozen */
    ck_assert(cmds_noted(&cmds, "fleet.leader_lost"));
    ck_assert_int_eq(op->verb, KH_COORD_UPDATE); /* nobody took it: the condition says */
    carry_out(op, 130010);
    ck_assert(kh_leader_leads(&leader, 130010));
}
END_TEST

START_TEST(another_ones_lock_is_never_taken_at_first_sight)
{
    somebody_holds("v1");
    ck_assert_ptr_null(carry_out(tick(500000), 500010));
    ck_assert(!kh_leader_leads(&leader, 500010));
}
END_TEST

START_TEST(it_is_taken_once_it_was_seen_unchanged_for_longer_than_it_says)
{
    const struct kh_coord_op *op;

    somebody_holds("v1");
    ck_assert_ptr_null(carry_out(tick(1000), 1010));
    ck_assert_ptr_null(look_until(1100, 121000));
    op = look_until(121100, 122000);
    ck_assert_ptr_nonnull(op);
    ck_assert_int_eq(op->verb, KH_COORD_PUT);
    ck_assert_uint_eq(op->expect_bits, KH_EXPECT_LOCK_VERSION);
    ck_assert_str_eq(op->expect.lock.version, "v1");
}
END_TEST

START_TEST(each_change_begins_the_wait_anew)
{
    somebody_holds("v1");
    ck_assert_ptr_null(look_until(1000, 100000));
    somebody_holds("v2");
    ck_assert_ptr_null(look_until(100100, 220000));
    ck_assert_ptr_nonnull(look_until(220100, 226000));
}
END_TEST

START_TEST(the_duration_in_the_item_counts)
{
    somebody_holds("v1");
    world.lease_table.lock.lock.duration_ms = 20000;
    ck_assert_ptr_null(look_until(1000, 21000));
    ck_assert_ptr_nonnull(look_until(21100, 22000));
}
END_TEST

START_TEST(a_released_lock_is_taken_at_once)
{
    const struct kh_coord_op *op;

    somebody_holds("v1");
    world.lease_table.lock.lock.released = true;
    op = carry_out(tick(1000), 1010);
    ck_assert_int_eq(op->verb, KH_COORD_PUT);
    ck_assert_uint_eq(op->expect_bits, KH_EXPECT_RELEASED);
}
END_TEST

START_TEST(who_comes_second_waits)
{
    const struct kh_coord_op *op = carry_out(tick(1000), 1010);

    somebody_holds("v1");
    ck_assert_ptr_null(carry_out(op, 1020));
    ck_assert(!kh_leader_leads(&leader, 1020));
    ck_assert_int_gt(kh_leader_deadline(&leader), 2500);
}
END_TEST

START_TEST(a_heartbeat_that_finds_another_owner_ends_the_lead)
{
    const struct kh_coord_op *op;

    take_lock();
    op = tick(31010);
    somebody_holds("v1");
    op = carry_out(op, 31020);
    ck_assert(cmds_noted(&cmds, "fleet.leader_lost"));
    ck_assert(!kh_leader_leads(&leader, 31020));
    ck_assert_int_eq(op->verb, KH_COORD_GET);
    ck_assert_ptr_null(carry_out(op, 31030));
}
END_TEST

START_TEST(a_lost_answer_to_taking_is_looked_into_and_counts_from_when_it_was_sent)
{
    const struct kh_coord_op *op = carry_out(tick(1000), 1010);

    ck_assert_ptr_null(lose_answer(op, true, 20000));
    ck_assert(!kh_leader_leads(&leader, 20000));
    op = tick(kh_leader_deadline(&leader));
    ck_assert_int_eq(op->verb, KH_COORD_GET);
    ck_assert_ptr_null(carry_out(op, 21000));
    ck_assert(kh_leader_leads(&leader, 121010));
    ck_assert(!kh_leader_leads(&leader, 121011));
}
END_TEST

START_TEST(a_lost_answer_to_taking_that_was_not_done_is_tried_again)
{
    const struct kh_coord_op *op = carry_out(tick(1000), 1010);

    ck_assert_ptr_null(lose_answer(op, false, 2000));
    op = carry_out(tick(kh_leader_deadline(&leader)), 3000);
    ck_assert_int_eq(op->verb, KH_COORD_PUT);
}
END_TEST

START_TEST(a_lost_answer_to_a_heartbeat_keeps_the_lead_but_buys_no_time)
{
    const struct kh_coord_op *op;

    take_lock();
    ck_assert_ptr_null(lose_answer(tick(31010), true, 40000));
    ck_assert(kh_leader_leads(&leader, 121010));
    ck_assert(!kh_leader_leads(&leader, 121011));
    op = tick(kh_leader_deadline(&leader));
    ck_assert_int_eq(op->verb, KH_COORD_GET);
    ck_assert_ptr_null(carry_out(op, 41000));
    ck_assert(kh_leader_leads(&leader, 151010)); /* it was sent at 31010 */
    ck_assert(!kh_leader_leads(&leader, 151011));
}
END_TEST

START_TEST(a_late_write_of_our_own_is_recognised)
{
    const struct kh_coord_op *op;
    struct kh_coord_op late;
    struct kh_coord_answer coord;

    take_lock();
    op = tick(31010);
    late = *op;
    ck_assert_ptr_null(lose_answer(op, false, 40000));
    op = tick(kh_leader_deadline(&leader));
    op = carry_out(op, 41000); /* not applied yet: the next heartbeat; and now it lands */
    ck_assert_int_eq(op->verb, KH_COORD_UPDATE);
    coord_world_answer(&world, &late, &coord);
    ck_assert_int_eq(coord.outcome, KH_LEASE_DONE);
    op = carry_out(op, 41010);
    ck_assert_int_eq(op->verb, KH_COORD_GET);
    ck_assert(!kh_leader_leads(&leader, 41010));
    op = carry_out(op, 41020);
    ck_assert(kh_leader_leads(&leader, 41020));
    ck_assert(!kh_leader_leads(&leader, 151011)); /* it was sent at 31010 */
    ck_assert_int_eq(tick(61010)->verb, KH_COORD_UPDATE);
}
END_TEST

START_TEST(a_process_before_this_one_with_the_same_id_is_somebody_else)
{
    somebody_holds("v1");
    strcpy(world.lease_table.lock.lock.owner, "me");
    ck_assert_ptr_null(carry_out(tick(1000), 1010));
    ck_assert(!kh_leader_leads(&leader, 1010));
}
END_TEST

START_TEST(a_refused_write_is_told_and_tried_again)
{
    const struct kh_coord_op *op = carry_out(tick(1000), 1010);
    struct kh_coord_answer coord = {.id = op->id,
                                    .verb = op->verb,
                                    .kind = op->kind,
                                    .outcome = KH_LEASE_FAILED,
                                    .rc = KH_THROTTLED};

    ck_assert_ptr_null(answer(&coord, 1020));
    ck_assert(cmds_noted(&cmds, "fleet.lock_not_written"));
    ck_assert_int_le(kh_leader_deadline(&leader), 1520);
}
END_TEST

START_TEST(what_is_not_wanted_any_more_is_deleted)
{
    const struct kh_coord_op *op;

    take_lock();
    kh_leader_want(&leader, false, KH_COORD_LEASE_TABLE, 5000);
    ck_assert(!kh_leader_leads(&leader, 5000));
    op = tick(5000);
    ck_assert(cmds_noted(&cmds, "fleet.leader_left"));
    ck_assert_int_eq(op->verb, KH_COORD_DELETE);
    ck_assert_uint_eq(op->expect_bits, KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER);
    ck_assert(!kh_leader_is_gone(&leader));
    ck_assert_ptr_null(carry_out(op, 5010));
    ck_assert(kh_leader_is_gone(&leader));
    ck_assert(!world.lease_table.has_lock);
    ck_assert_ptr_null(tick(200000));
}
END_TEST

START_TEST(stopping_with_an_unknown_heartbeat_looks_first)
{
    const struct kh_coord_op *op;

    take_lock();
    ck_assert_ptr_null(lose_answer(tick(31010), true, 32000));
    kh_leader_want(&leader, false, KH_COORD_LEASE_TABLE, 32100);
    op = tick(32100);
    ck_assert_int_eq(op->verb, KH_COORD_GET);
    op = carry_out(op, 32110);
    ck_assert_int_eq(op->verb, KH_COORD_DELETE);
    carry_out(op, 32120);
    ck_assert(kh_leader_is_gone(&leader));
    ck_assert(!world.lease_table.has_lock);
}
END_TEST

START_TEST(stopping_without_the_lock_asks_for_nothing)
{
    somebody_holds("v1");
    ck_assert_ptr_null(carry_out(tick(1000), 1010));
    kh_leader_want(&leader, false, KH_COORD_LEASE_TABLE, 1020);
    ck_assert_ptr_null(tick(1020));
    ck_assert(kh_leader_is_gone(&leader));
}
END_TEST

START_TEST(the_lock_moves_with_the_tables)
{
    const struct kh_coord_op *op;

    take_lock();
    kh_leader_want(&leader, true, KH_COORD_LEGACY_TABLE, 5000);
    ck_assert(!kh_leader_leads(&leader, 5000));
    op = tick(5000);
    ck_assert_int_eq(op->verb, KH_COORD_DELETE);
    ck_assert_int_eq(op->place, KH_COORD_LEASE_TABLE);
    op = carry_out(op, 5010);
    ck_assert_int_eq(op->verb, KH_COORD_GET);
    ck_assert_int_eq(op->place, KH_COORD_LEGACY_TABLE);
    carry_out(carry_out(op, 5020), 5030);
    ck_assert(kh_leader_leads(&leader, 5030));
    ck_assert(world.legacy_table.has_lock);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("leader");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_free_lock_is_taken_by_creating_it);
    tcase_add_test(tcase, it_beats_every_thirty_seconds_with_a_new_version);
    tcase_add_test(tcase, it_leads_no_longer_than_its_last_heartbeat_was_sent_a_duration_ago);
    tcase_add_test(tcase, losing_the_lead_by_time_is_told_and_a_late_heartbeat_brings_it_back);
    tcase_add_test(tcase, another_ones_lock_is_never_taken_at_first_sight);
    tcase_add_test(tcase, it_is_taken_once_it_was_seen_unchanged_for_longer_than_it_says);
    tcase_add_test(tcase, each_change_begins_the_wait_anew);
    tcase_add_test(tcase, the_duration_in_the_item_counts);
    tcase_add_test(tcase, a_released_lock_is_taken_at_once);
    tcase_add_test(tcase, who_comes_second_waits);
    tcase_add_test(tcase, a_heartbeat_that_finds_another_owner_ends_the_lead);
    tcase_add_test(tcase, a_lost_answer_to_taking_is_looked_into_and_counts_from_when_it_was_sent);
    tcase_add_test(tcase, a_lost_answer_to_taking_that_was_not_done_is_tried_again);
    tcase_add_test(tcase, a_lost_answer_to_a_heartbeat_keeps_the_lead_but_buys_no_time);
    tcase_add_test(tcase, a_late_write_of_our_own_is_recognised);
    tcase_add_test(tcase, a_process_before_this_one_with_the_same_id_is_somebody_else);
    tcase_add_test(tcase, a_refused_write_is_told_and_tried_again);
    tcase_add_test(tcase, what_is_not_wanted_any_more_is_deleted);
    tcase_add_test(tcase, stopping_with_an_unknown_heartbeat_looks_first);
    tcase_add_test(tcase, stopping_without_the_lock_asks_for_nothing);
    tcase_add_test(tcase, the_lock_moves_with_the_tables);
    return suite_run("leader", tcase);
}
