#include "core/taking.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

/* This worker leads a fleet of 3.x at 100 s, with its lock's last heartbeat just sent. "a" and "b"
 * report, and so does it. Looks at the table are answered at once. */
#define NOW_MS 100000
#define WALL_S 1000

static struct kh_ctx ctx;
static struct kh_table table;
static struct kh_map held;
static struct kh_pending pending;
static struct kh_fleet fleet;
static struct kh_taking taking;
static struct kh_cmds out;
static struct kh_lease leases[8];
static size_t leases_n;

static void report(const char *worker_id)
{
    fleet.stats = kh_mem_resize(fleet.stats, fleet.stats_n + 1, sizeof(*fleet.stats));
    fleet.stats[fleet.stats_n] = (struct kh_worker_stats){.reported_wall_s = WALL_S};
    strcpy(fleet.stats[fleet.stats_n++].worker_id, worker_id);
}

static void make(void)
{
    kh_taking_init(&taking, &ctx);
    taking.table = &table;
    taking.held = &held;
    taking.pending = &pending;
    taking.fleet = &fleet;
}

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_table_init(&table);
    kh_map_init(&held);
    kh_pending_init(&pending);
    kh_fleet_init(&fleet, &ctx, true, NOW_MS);
    fleet.wall_ms = (int64_t)WALL_S * 1000;
    fleet.version.mode = KH_MODE_3X;
    fleet.leader.wanted = true;
    fleet.leader.held = true;
    fleet.leader.beat_at_ms = NOW_MS;
    fleet.stats_at_ms = NOW_MS;
    report("me");
    report("a");
    report("b");
    kh_cmds_init(&out);
    leases_n = 0;
    make();
}

static void teardown(void)
{
    kh_taking_fini(&taking);
    kh_fleet_fini(&fleet);
    kh_pending_fini(&pending);
    kh_map_fini(&held);
    kh_table_fini(&table);
    kh_cmds_fini(&out);
}

static struct kh_lease *own(const char *owner)
{
    struct kh_lease *lease = &leases[leases_n];

    *lease = (struct kh_lease){.counter = 5, .checkpoint = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON)};
    (void)snprintf(lease->key, sizeof(lease->key), "%zu", leases_n++);
    strcpy(lease->owner, owner);
    return lease;
}

static void look(kh_ms now_ms)
{
    kh_table_update(&table, leases, leases_n, 10000, now_ms);
    taking.seen_at_ms = now_ms;
}

static void decide(kh_ms now_ms)
{
    look(now_ms);
    kh_cmds_reset(&out);
    kh_taking_decide(&taking, now_ms, &out);
}

/* The write for a lease; one that does nothing if there is none. */
static const struct kh_lease_op *op_for(const char *key)
{
    static const struct kh_lease_op none;

    for (size_t i = 0; i < out.n; i++) {
        if (out.items[i].type == KH_CMD_STORE && strcmp(out.items[i].op->key, key) == 0) {
            return out.items[i].op;
        }
    }
    return &none;
}

/* Carry out the write on the row as it is now, and hand over the answer. */
static bool carry_out(const struct kh_lease_op *op, enum kh_pending_who who, kh_ms now_ms)
{
    struct kh_lease_op copy = *op;
    struct kh_pending_entry entry;
    struct kh_lease_answer answer;
    struct kh_lease *row = NULL;
    bool exists = true;

    for (size_t i = 0; i < leases_n; i++) {
        row = strcmp(leases[i].key, copy.key) == 0 ? &leases[i] : row;
    }
    kh_lease_op_answer(&copy, &exists, row, &answer);
    answer.id = copy.id;
    ck_assert(kh_pending_take(&pending, copy.id, &entry));
    ck_assert_int_eq(entry.who, who);
    kh_cmds_reset(&out);
    if (who == KH_PENDING_TAKE) {
        return kh_taking_on_take(&taking, &entry, &answer, now_ms, &out);
    }
    if (who == KH_PENDING_LOOK) {
        kh_taking_on_looked(&taking, &entry, &answer, now_ms, &out);
    } else {
        kh_taking_on_asked(&taking, &entry, &answer, now_ms, &out);
    }
    return false;
}

/* ---- the leader ---- */

START_TEST(what_is_free_goes_to_all_and_the_leader_takes_its_own_part)
{
    own("");
    own("");
    own("");
    decide(NOW_MS);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 3);
    ck_assert(cmds_noted(&out, "worker.take"));
    ck_assert(cmds_noted(&out, "fleet.assigned"));
    ck_assert_str_eq(op_for("0")->lease.owner, "me"); /* as W3: a counter, and ours */
    ck_assert_uint_eq(op_for("0")->expect_is, KH_LEASE_COUNTER);
    ck_assert(carry_out(op_for("0"), KH_PENDING_TAKE, NOW_MS));
}
END_TEST

START_TEST(the_leader_does_not_take_again_what_it_just_gave_up)
{
    own("");
    fleet.stats_n = 1; /* there is nobody else */
    look(NOW_MS);
    kh_table_find(&table, "0")->shunned_until_ms = NOW_MS + 1000;
    decide(NOW_MS + 999);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 0);
    decide(NOW_MS + 1000);
    ck_assert_str_eq(op_for("0")->lease.owner, "me");
}
END_TEST

START_TEST(what_was_just_given_up_is_not_readopted_when_it_is_assigned_again)
{
    own("me");
    look(NOW_MS);
    kh_table_find(&table, "0")->shunned_until_ms = NOW_MS + 1000;
    kh_taking_readopt(&taking, NOW_MS, &out);
    ck_assert_uint_eq(out.n, 0);
    look(NOW_MS + 1000);
    kh_taking_readopt(&taking, NOW_MS + 1000, &out);
    ck_assert(cmds_noted(&out, "worker.readopt"));
}
END_TEST

START_TEST(a_dead_workers_lease_is_assigned_as_w5)
{
    struct kh_lease *lease = own("dead");
    const struct kh_lease_op *op;

    fleet.stats_n = 2; /* "me" and "a" */
    strcpy(fleet.stats[0].worker_id, "b");
    strcpy(lease->checkpoint_owner, "older");
    look(NOW_MS - 10001);
    decide(NOW_MS);
    op = op_for("0");
    ck_assert_uint_eq(op->expect_is, KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_str_eq(op->expect_owner, "dead");
    ck_assert_str_eq(op->expect_checkpoint_owner, "older");
    ck_assert_uint_eq(op->set, KH_LEASE_OWNER);
    ck_assert_str_eq(op->lease.owner, "b");
    ck_assert_uint_eq(op->remove, KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_uint_eq(op->add_one, KH_LEASE_COUNTER | KH_LEASE_SWITCHES);
    carry_out(op, KH_PENDING_GIVE, NOW_MS + 10);
    ck_assert_str_eq(kh_table_find(&table, "0")->lease.owner, "b");
    decide(NOW_MS + 1000);
    ck_assert_uint_eq(op_for("0")->id, 0); /* b has time to find it */
}
END_TEST

START_TEST(a_lease_that_goes_back_to_who_worked_on_it_counts_as_a_switch)
{
    const struct kh_lease_op *op;

    fleet.stats_n = 1;
    strcpy(fleet.stats[0].worker_id, "a");
    strcpy(own("a")->checkpoint_owner, "a");
    look(NOW_MS - 10001);
    decide(NOW_MS);
    op = op_for("0");
    ck_assert_uint_eq(op->add_one, KH_LEASE_COUNTER | KH_LEASE_SWITCHES);
}
END_TEST

START_TEST(a_living_owner_hands_over_and_its_counter_stays)
{
    const struct kh_lease_op *op;

    own("a");
    own("a");
    own("a");
    fleet.stats_n = 2; /* me and a: one of three is to be ours */
    decide(NOW_MS);
    ck_assert(cmds_noted(&out, "fleet.handoff_begun"));
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 1);
    op = cmds_op(&out);
    ck_assert_uint_eq(op->expect_is, KH_LEASE_OWNER);
    ck_assert_str_eq(op->expect_owner, "a");
    ck_assert_uint_eq(op->expect_absent, KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_uint_eq(op->set, KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_str_eq(op->lease.owner, "me");
    ck_assert_str_eq(op->lease.checkpoint_owner, "a");
    ck_assert_uint_eq(op->add_one | op->remove, 0);
    carry_out(op, KH_PENDING_GIVE, NOW_MS + 10);
    decide(NOW_MS + 61000 - 1000);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 0); /* it is waited for */
}
END_TEST

START_TEST(without_hand_offs_a_living_owner_is_robbed_by_w5)
{
    const struct kh_lease_op *op;

    ctx.config.hand_over = false;
    own("a");
    own("a");
    fleet.stats_n = 2;
    decide(NOW_MS);
    ck_assert(cmds_noted(&out, "fleet.assigned"));
    op = cmds_op(&out);
    ck_assert_uint_eq(op->add_one, KH_LEASE_COUNTER | KH_LEASE_SWITCHES);
    ck_assert_uint_eq(op->set, KH_LEASE_OWNER);
}
END_TEST

START_TEST(who_does_not_lead_gives_and_takes_nothing)
{
    own("");
    fleet.leader.held = false;
    decide(NOW_MS);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(a_lock_that_may_have_run_out_leads_no_more)
{
    own("");
    fleet.leader.beat_at_ms = NOW_MS - 120001;
    decide(NOW_MS);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(nothing_is_taken_before_the_mode_is_known)
{
    own("");
    fleet.version.mode = KH_MODE_UNKNOWN;
    decide(NOW_MS);
    ck_assert_uint_eq(out.n, 0);
    fleet.version.mode = KH_MODE_2X;
    decide(NOW_MS);
    ck_assert(cmds_noted(&out, "worker.take"));
}
END_TEST

START_TEST(reports_that_are_too_old_are_asked_for_first)
{
    own("");
    fleet.stats_at_ms = NOW_MS - 3001;
    decide(NOW_MS);
    ck_assert_uint_eq(out.n, 0);
    ck_assert(fleet.stats_wanted);
}
END_TEST

START_TEST(owned_leases_are_evened_out_every_so_often_and_when_somebody_joins)
{
    own("a");
    own("a");
    fleet.stats_n = 1;
    strcpy(fleet.stats[0].worker_id, "a");
    decide(NOW_MS); /* the first time; nobody to give to */
    fleet.stats_n = 2;
    strcpy(fleet.stats[1].worker_id, "b");
    fleet.stats_came = true;
    fleet.stats_at_ms = NOW_MS + 19000;
    fleet.leader.beat_at_ms = NOW_MS + 19000;
    leases[0].counter++;
    leases[1].counter++;
    decide(NOW_MS + 19000); /* too soon after that */
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 0);
    decide(NOW_MS + 20000);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 1);
}
END_TEST

START_TEST(a_write_that_failed_is_told_and_wished_for_again)
{
    own("dead");
    fleet.stats_n = 1;
    strcpy(fleet.stats[0].worker_id, "a");
    look(NOW_MS - 10001);
    decide(NOW_MS);
    strcpy(leases[0].owner, "c"); /* somebody was faster */
    carry_out(op_for("0"), KH_PENDING_GIVE, NOW_MS + 10);
    ck_assert(cmds_noted(&out, "fleet.not_assigned"));
    ck_assert(!kh_table_find(&table, "0")->taking);
}
END_TEST

START_TEST(pinned_workers_take_for_themselves_under_any_leader)
{
    own("");
    own("");
    kh_taking_fini(&taking);
    strcpy(ctx.config.assignment, "pinned:1");
    make();
    fleet.leader.held = false;
    decide(NOW_MS);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 1);
    ck_assert_str_eq(op_for("1")->lease.owner, "me");
}
END_TEST

/* ---- what is ours ---- */

START_TEST(what_was_assigned_to_us_counts_only_after_a_write_of_our_own)
{
    const struct kh_lease_op *op;

    own("me");
    look(NOW_MS);
    kh_cmds_reset(&out);
    kh_taking_readopt(&taking, NOW_MS, &out);
    op = op_for("0");
    ck_assert_uint_eq(op->expect_is, KH_LEASE_COUNTER | KH_LEASE_OWNER);
    ck_assert_uint_eq(op->expect_counter, 5);
    ck_assert_str_eq(op->expect_owner, "me");
    ck_assert_uint_eq(op->expect_absent, KH_LEASE_CHECKPOINT_OWNER);
    strcpy(leases[0].owner, "a"); /* a hand-off, with the counter as it was */
    strcpy(leases[0].checkpoint_owner, "me");
    ck_assert(!carry_out(op, KH_PENDING_TAKE, NOW_MS + 10));
    ck_assert(cmds_noted(&out, "worker.not_taken"));
}
END_TEST

START_TEST(what_somebody_still_works_on_is_waited_for)
{
    strcpy(own("me")->checkpoint_owner, "a");
    look(NOW_MS);
    kh_cmds_reset(&out);
    kh_taking_readopt(&taking, NOW_MS, &out);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

static const struct kh_lease_op *look_into(const char *key)
{
    struct kh_coord_key found;

    strcpy(found.key, key);
    kh_cmds_reset(&out);
    kh_taking_look_into(&taking, &found, 1, NOW_MS, &out);
    return cmds_op(&out);
}

START_TEST(what_the_index_says_is_looked_into_and_then_adopted)
{
    const struct kh_lease_op *op;

    own("dead");
    look(NOW_MS - 10001);
    strcpy(leases[0].owner, "me"); /* the leader has assigned it */
    leases[0].counter++;
    op = look_into("0");
    ck_assert_int_eq(op->verb, KH_LEASE_GET);
    carry_out(op, KH_PENDING_LOOK, NOW_MS);
    op = op_for("0");
    ck_assert_int_eq(op->verb, KH_LEASE_UPDATE);
    ck_assert_uint_eq(op->expect_counter, 6);
    ck_assert(carry_out(op, KH_PENDING_TAKE, NOW_MS + 10));
}
END_TEST

START_TEST(an_index_that_is_late_makes_nothing_ours)
{
    own("a");
    look(NOW_MS);
    carry_out(look_into("0"), KH_PENDING_LOOK, NOW_MS);
    ck_assert_uint_eq(out.n, 0);
    strcpy(leases[0].owner, "me"); /* and being handed over it is not ours yet */
    strcpy(leases[0].checkpoint_owner, "a");
    carry_out(look_into("0"), KH_PENDING_LOOK, NOW_MS);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(a_lease_that_the_table_has_not_shown_yet_is_looked_for_there)
{
    own("me");
    carry_out(look_into("0"), KH_PENDING_LOOK, NOW_MS);
    ck_assert_uint_eq(out.n, 0);
    ck_assert(taking.look_soon);
}
END_TEST

START_TEST(what_is_held_or_known_is_not_asked_for)
{
    own("me");
    look(NOW_MS);
    ck_assert_ptr_null(look_into("0"));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("taking");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_free_goes_to_all_and_the_leader_takes_its_own_part);
    tcase_add_test(tcase, the_leader_does_not_take_again_what_it_just_gave_up);
    tcase_add_test(tcase, what_was_just_given_up_is_not_readopted_when_it_is_assigned_again);
    tcase_add_test(tcase, a_dead_workers_lease_is_assigned_as_w5);
    tcase_add_test(tcase, a_lease_that_goes_back_to_who_worked_on_it_counts_as_a_switch);
    tcase_add_test(tcase, a_living_owner_hands_over_and_its_counter_stays);
    tcase_add_test(tcase, without_hand_offs_a_living_owner_is_robbed_by_w5);
    tcase_add_test(tcase, who_does_not_lead_gives_and_takes_nothing);
    tcase_add_test(tcase, a_lock_that_may_have_run_out_leads_no_more);
    tcase_add_test(tcase, nothing_is_taken_before_the_mode_is_known);
    tcase_add_test(tcase, reports_that_are_too_old_are_asked_for_first);
    tcase_add_test(tcase, owned_leases_are_evened_out_every_so_often_and_when_somebody_joins);
    tcase_add_test(tcase, a_write_that_failed_is_told_and_wished_for_again);
    tcase_add_test(tcase, pinned_workers_take_for_themselves_under_any_leader);
    tcase_add_test(tcase, what_was_assigned_to_us_counts_only_after_a_write_of_our_own);
    tcase_add_test(tcase, what_somebody_still_works_on_is_waited_for);
    tcase_add_test(tcase, what_the_index_says_is_looked_into_and_then_adopted);
    tcase_add_test(tcase, an_index_that_is_late_makes_nothing_ours);
    tcase_add_test(tcase, a_lease_that_the_table_has_not_shown_yet_is_looked_for_there);
    tcase_add_test(tcase, what_is_held_or_known_is_not_asked_for);
    return suite_run("taking", tcase);
}
