#include "core/hold.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

/* Every test begins with a lease at counter 7, taken with a write sent at 1000 ms; failover is 10
 * s, so a renewal is due at 4308 and the lease runs out at 11000. */
static struct kh_ctx ctx;
static struct kh_hold hold;
static struct kh_cmds out;
static struct kh_lease row; /* as the table has it */

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    row = (struct kh_lease){.key = "shardId-0", .owner = "me", .counter = 7};
    row.checkpoint = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON);
    kh_cmds_init(&out);
    kh_hold_init(&hold, &ctx, &row, 1000);
    ck_assert_int_ge(hold.renew_at_ms,
                     1000 + 3308 * 3 / 4); /* the dice spread the first renewals */
    ck_assert_int_le(hold.renew_at_ms, 4308);
    hold.renew_at_ms = 4308;
}

static void teardown(void)
{
    kh_cmds_fini(&out);
}

static void tick(kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_hold_step(&hold, &(struct kh_event){.type = KH_EVENT_TICK}, now_ms, &out);
}

static void answer(struct kh_lease_answer given, kh_ms now_ms)
{
    given.id = hold.op;
    given.verb = KH_LEASE_UPDATE;
    kh_cmds_reset(&out);
    kh_hold_step(&hold, &(struct kh_event){.type = KH_EVENT_STORE, .answer = &given}, now_ms, &out);
}

/* The store carries the request out and says so. */
static void done(kh_ms now_ms)
{
    bool exists = true;

    ck_assert_int_eq(kh_lease_op_apply(cmds_op(&out), &exists, &row), KH_LEASE_DONE);
    answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE, .found = true, .lease = row}, now_ms);
}

/* The store carries it out, but the answer is lost. */
static void done_unseen(kh_ms now_ms)
{
    bool exists = true;

    ck_assert_int_eq(kh_lease_op_apply(cmds_op(&out), &exists, &row), KH_LEASE_DONE);
    answer((struct kh_lease_answer){.outcome = KH_LEASE_UNKNOWN, .rc = KH_RETRY}, now_ms);
}

static void conflict(kh_ms now_ms)
{
    answer((struct kh_lease_answer){.outcome = KH_LEASE_CONFLICT, .found = true, .lease = row},
           now_ms);
}

static void ask_checkpoint(const char *seq, kh_ms now_ms)
{
    struct kh_extseq value;

    ck_assert(kh_extseq_set(&value, kh_str(seq), 0));
    kh_cmds_reset(&out);
    kh_hold_checkpoint(&hold, &value, now_ms, &out);
}

START_TEST(a_renewal_expects_counter_and_owner_and_no_hand_off)
{
    ck_assert_int_eq(kh_hold_deadline(&hold), 4308);
    tick(4307);
    ck_assert_uint_eq(out.n, 0);
    tick(4308);
    ck_assert_uint_eq(cmds_op(&out)->expect_is, KH_LEASE_COUNTER | KH_LEASE_OWNER);
    ck_assert_str_eq(cmds_op(&out)->expect_owner, "me");
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 7);
    ck_assert_uint_eq(cmds_op(&out)->expect_absent, KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_uint_eq(cmds_op(&out)->set, KH_LEASE_COUNTER);
    ck_assert_uint_eq(cmds_op(&out)->lease.counter, 8);

    done(4400);
    ck_assert_int_eq(hold.state, KH_HOLD_HELD);
    ck_assert_uint_eq(hold.lease.counter, 8);
}
END_TEST

START_TEST(expiry_counts_from_when_the_renewal_was_sent)
{
    tick(4308);
    done(7000);
    ck_assert_int_eq(hold.expires_at_ms, 14308);
    ck_assert_int_eq(kh_hold_deadline(&hold), 7616);
}
END_TEST

START_TEST(an_expired_lease_is_lost_even_if_the_answer_is_good)
{
    tick(4308);
    done(11000);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert(cmds_noted(&out, "hold.expired"));
    ck_assert_int_eq(kh_hold_deadline(&hold), KH_NEVER);
}
END_TEST

START_TEST(an_expired_lease_is_not_renewed)
{
    tick(11000);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 0);
}
END_TEST

START_TEST(an_unknown_renewal_is_tried_again_soon)
{
    tick(4308);
    answer((struct kh_lease_answer){.outcome = KH_LEASE_UNKNOWN, .rc = KH_RETRY}, 4400);
    ck_assert_int_eq(hold.state, KH_HOLD_HELD);
    ck_assert_int_le(kh_hold_deadline(&hold), 4650);
    tick(4650);
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 7);
}
END_TEST

START_TEST(own_lost_write_keeps_the_lease_but_buys_no_time)
{
    tick(4308);
    done_unseen(4400);
    tick(4650);
    conflict(4700);

    ck_assert_int_eq(hold.state, KH_HOLD_WRITING);
    ck_assert_uint_eq(hold.lease.counter, 8);
    ck_assert_int_eq(hold.expires_at_ms, 11000);
    ck_assert(cmds_noted(&out, "hold.own_write_found"));
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 8);
}
END_TEST

START_TEST(a_row_of_somebody_else_means_that_it_is_taken)
{
    tick(4308);
    strcpy(row.owner, "other");
    row.counter = 8;
    conflict(4400);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert(cmds_noted(&out, "hold.taken"));
}
END_TEST

START_TEST(our_row_with_another_counter_is_not_our_write)
{
    tick(4308);
    row.counter = 9;
    conflict(4400);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
}
END_TEST

START_TEST(a_row_that_is_gone_is_lost)
{
    tick(4308);
    answer((struct kh_lease_answer){.outcome = KH_LEASE_CONFLICT, .found = false}, 4400);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert(cmds_noted(&out, "hold.row_gone"));
}
END_TEST

/* A second process with our id renews between each two of our renewals. */
START_TEST(finding_an_own_write_at_every_renewal_means_a_twin)
{
    kh_ms now_ms = 4308;

    for (int i = 0; i < 2; i++) {
        tick(now_ms);
        row.counter++; /* the twin's renewal came first */
        conflict(now_ms + 10);
        ck_assert_int_eq(hold.state, KH_HOLD_WRITING);
        done(now_ms + 20);
        now_ms = kh_hold_deadline(&hold);
    }
    tick(now_ms);
    row.counter++;
    conflict(now_ms + 10);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert(cmds_noted(&out, "hold.twin"));
}
END_TEST

START_TEST(a_checkpoint_is_written_with_the_counter_and_renews)
{
    ask_checkpoint("500", 2000);
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 7);
    ck_assert_uint_eq(cmds_op(&out)->set,
                      KH_LEASE_COUNTER | KH_LEASE_CHECKPOINT | KH_LEASE_SWITCHES);
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_PENDING);
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "500");
    done(2100);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_STORED);
    ck_assert_int_eq(hold.expires_at_ms, 12000);
    ck_assert_int_eq(kh_hold_deadline(&hold), 5308);
}
END_TEST

START_TEST(a_checkpoint_waits_for_the_renewal_under_way)
{
    tick(4308);
    ask_checkpoint("500", 4350);
    ck_assert_uint_eq(out.n, 0);
    kh_cmds_reset(&out);
    row.counter = 8;
    answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE, .found = true, .lease = row}, 4400);
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 8);
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "500");
}
END_TEST

START_TEST(an_unknown_checkpoint_is_written_again_until_it_is_known)
{
    ask_checkpoint("500", 2000);
    done_unseen(2100);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_WAITING);
    tick(kh_hold_deadline(&hold));
    conflict(2500);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_STORED);
    ck_assert_str_eq(hold.lease.checkpoint.seq, "500");
    ck_assert_int_eq(hold.expires_at_ms, 11000);
}
END_TEST

START_TEST(an_own_renewal_found_does_not_count_as_the_checkpoint)
{
    tick(4308);
    done_unseen(4400);
    ask_checkpoint("500", 4410);
    conflict(4500);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_WAITING);
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 8);
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "500");
}
END_TEST

START_TEST(a_throttled_checkpoint_is_tried_four_times_before_the_child_hears_of_it)
{
    ask_checkpoint("500", 2000);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_WAITING);
        ck_assert_ptr_nonnull(cmds_op(&out));
        answer((struct kh_lease_answer){.outcome = KH_LEASE_FAILED, .rc = KH_THROTTLED},
               hold.sent_at_ms + 10);
        if (i < 3) {
            tick(hold.checkpoint_at_ms);
        }
    }
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_THROTTLED);
    ck_assert_int_eq(hold.state, KH_HOLD_HELD);
}
END_TEST

START_TEST(a_failure_behind_an_unknown_checkpoint_is_not_reported_as_one)
{
    ask_checkpoint("500", 2000);
    done_unseen(2100);
    tick(kh_hold_deadline(&hold));
    answer((struct kh_lease_answer){.outcome = KH_LEASE_FAILED, .rc = KH_DENIED}, 2500);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_WAITING);
}
END_TEST

START_TEST(a_denied_checkpoint_is_refused_at_once)
{
    ask_checkpoint("500", 2000);
    answer((struct kh_lease_answer){.outcome = KH_LEASE_FAILED, .rc = KH_DENIED}, 2100);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_REFUSED);
    ck_assert_int_eq(hold.checkpoint_rc, KH_DENIED);
}
END_TEST

START_TEST(a_checkpoint_of_a_lost_lease_is_lost)
{
    ask_checkpoint("500", 2000);
    strcpy(row.owner, "other");
    row.counter = 8;
    conflict(2100);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_LOST);
}
END_TEST

START_TEST(children_are_stored_with_the_checkpoint_even_after_a_renewal)
{
    hold.children_n = 1;
    strcpy(hold.children[0], "shardId-9");
    tick(4308);
    done(4400);
    ask_checkpoint("500", 4500);
    ck_assert_uint_eq(cmds_op(&out)->set & KH_LEASE_CHILDREN, KH_LEASE_CHILDREN);
    ck_assert_uint_eq(cmds_op(&out)->lease.children_n, 1);
    ck_assert_str_eq(cmds_op(&out)->lease.children[0], "shardId-9");
}
END_TEST

START_TEST(a_release_takes_the_owner_out_and_moves_the_counter)
{
    kh_hold_release(&hold, 2000, &out);
    ck_assert_uint_eq(cmds_op(&out)->expect_is, KH_LEASE_COUNTER | KH_LEASE_OWNER);
    ck_assert_str_eq(cmds_op(&out)->expect_owner, "me");
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_OWNER);
    done(2100);
    ck_assert_int_eq(hold.state, KH_HOLD_RELEASED);
    ck_assert_str_eq(row.owner, "");
    ck_assert_uint_eq(row.counter, 8);
    ck_assert(cmds_noted(&out, "hold.released"));
}
END_TEST

START_TEST(an_unknown_release_is_recognised_when_it_is_made_again)
{
    kh_hold_release(&hold, 2000, &out);
    done_unseen(2100);
    ck_assert(cmds_noted(&out, "hold.write_unknown"));
    tick(kh_hold_deadline(&hold));
    conflict(2500);
    ck_assert_int_eq(hold.state, KH_HOLD_RELEASED);
    ck_assert(cmds_noted(&out, "hold.own_release_found"));
}
END_TEST

/* A 3.x leader gives the lease to B; a checkpoint shows it to us before a renewal does; then we
 * stop. */
START_TEST(a_release_during_a_hand_off_leaves_the_next_owner_in_place)
{
    strcpy(row.owner, "B");
    strcpy(row.checkpoint_owner, "me");
    ask_checkpoint("500", 1500);
    conflict(1505);
    done(1510);
    kh_cmds_reset(&out);
    kh_hold_release(&hold, 1520, &out);
    done_unseen(1530);
    ck_assert_str_eq(row.owner, "B");
    ck_assert_str_eq(row.checkpoint_owner, "");
    tick(kh_hold_deadline(&hold));
    conflict(2500);
    ck_assert_int_eq(hold.state, KH_HOLD_RELEASED);
}
END_TEST

START_TEST(a_renewal_that_certainly_failed_is_tried_again)
{
    tick(4308);
    answer((struct kh_lease_answer){.outcome = KH_LEASE_FAILED, .rc = KH_THROTTLED}, 4400);
    ck_assert(cmds_noted(&out, "hold.write_failed"));
    ck_assert(kh_hold_is_ours(&hold, 10999));
    ck_assert(!kh_hold_is_ours(&hold, 11000));
    tick(kh_hold_deadline(&hold));
    ck_assert_ptr_nonnull(cmds_op(&out));
}
END_TEST

START_TEST(throughput_is_stored_with_renewals_once_something_was_delivered)
{
    tick(4308);
    ck_assert_uint_eq(cmds_op(&out)->set, KH_LEASE_COUNTER);
    done(4400);
    kh_hold_delivered(&hold, 3308 * 1024); /* 500 KiB a second since 1000 ms */
    tick(7616);
    ck_assert_uint_eq(cmds_op(&out)->set, KH_LEASE_COUNTER | KH_LEASE_THROUGHPUT);
    ck_assert_double_eq_tol(cmds_op(&out)->lease.throughput_kbps, 500, 0.001);
    done(7700);
    tick(10924); /* idle: half of it */
    ck_assert_double_eq_tol(cmds_op(&out)->lease.throughput_kbps, 250, 0.001);
    done(11000);
}
END_TEST

START_TEST(throughput_goes_with_a_checkpoint_when_those_are_all_there_is)
{
    kh_hold_delivered(&hold, 4096 * 1024);
    ask_checkpoint("500", 3000);
    ck_assert_uint_eq(cmds_op(&out)->set & KH_LEASE_THROUGHPUT, 0); /* too soon to measure */
    done(3010);
    hold.checkpoint = KH_CHECKPOINT_NONE;
    ask_checkpoint("501", 5096);
    ck_assert_double_eq_tol(cmds_op(&out)->lease.throughput_kbps, 1000, 0.001);
}
END_TEST

/* Somebody deleted the row under us, and another worker has made and taken it anew. */
START_TEST(a_row_of_somebody_else_that_came_to_our_counter_is_not_written)
{
    ask_checkpoint("500", 2000);
    strcpy(row.owner, "other");
    ck_assert_int_eq(kh_lease_op_apply(cmds_op(&out), &(bool){true}, &row), KH_LEASE_CONFLICT);
    conflict(2100);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_LOST);
}
END_TEST

static void ask_for_it(const char *who)
{
    strcpy(row.checkpoint_owner, row.owner);
    strcpy(row.owner, who);
}

START_TEST(a_renewal_that_meets_a_hand_off_goes_on_without_that_condition)
{
    ask_for_it("next");
    tick(4308);
    conflict(4400);
    ck_assert(cmds_noted(&out, "hold.asked_for"));
    ck_assert(kh_hold_is_asked_for(&hold));
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 7);
    ck_assert_uint_eq(cmds_op(&out)->expect_absent, 0);
    ck_assert_int_eq(hold.expires_at_ms, 11000); /* being asked buys no time */
    done(4500);
    ck_assert(kh_hold_is_asked_for(&hold));
    ck_assert_int_eq(hold.expires_at_ms, 14400);
}
END_TEST

START_TEST(a_checkpoint_is_still_stored_during_a_hand_off_and_shows_it)
{
    ask_for_it("next");
    ask_checkpoint("500", 2000);
    conflict(2050);
    ck_assert(cmds_noted(&out, "hold.asked_for"));
    done(2100);
    ck_assert_int_eq(hold.checkpoint, KH_CHECKPOINT_STORED);
    ck_assert(kh_hold_is_asked_for(&hold));
}
END_TEST

START_TEST(a_release_that_meets_a_hand_off_passes_the_lease_on)
{
    ask_for_it("next");
    kh_cmds_reset(&out);
    kh_hold_release(&hold, 2000, &out);
    conflict(2100);
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_CHECKPOINT_OWNER);
    done(2200);
    ck_assert_int_eq(hold.state, KH_HOLD_RELEASED);
    ck_assert_str_eq(row.owner, "next");
    ck_assert_str_eq(row.checkpoint_owner, "");
}
END_TEST

START_TEST(a_hand_off_that_is_taken_back_leaves_a_plain_release)
{
    ask_for_it("next");
    tick(4308);
    conflict(4400);
    done(4500);
    strcpy(row.owner, "me");
    row.checkpoint_owner[0] = '\0';
    kh_cmds_reset(&out);
    kh_hold_release(&hold, 5000, &out);
    conflict(5100);
    ck_assert(!kh_hold_is_asked_for(&hold));
    done(5200);
    ck_assert_int_eq(hold.state, KH_HOLD_RELEASED);
    ck_assert_str_eq(row.owner, "");
}
END_TEST

START_TEST(a_lease_taken_in_a_hand_off_by_a_worker_that_knows_none_is_lost)
{
    ask_for_it("next");
    tick(4308);
    conflict(4400);
    strcpy(row.owner, "java"); /* and checkpointOwner stays ours */
    row.counter = 8;
    conflict(4500);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
    ck_assert(cmds_noted(&out, "hold.taken"));
}
END_TEST

START_TEST(a_stale_mark_of_ours_on_a_lease_of_another_is_no_hand_off)
{
    ask_for_it("java");
    row.counter = 8; /* asked for and taken: the counter alone tells */
    tick(4308);
    conflict(4400);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
}
END_TEST

START_TEST(a_row_that_names_us_as_old_and_new_owner_is_lost)
{
    strcpy(row.checkpoint_owner, "me");
    tick(4308);
    conflict(4400);
    ck_assert_int_eq(hold.state, KH_HOLD_LOST);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("hold");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_renewal_expects_counter_and_owner_and_no_hand_off);
    tcase_add_test(tcase, expiry_counts_from_when_the_renewal_was_sent);
    tcase_add_test(tcase, an_expired_lease_is_lost_even_if_the_answer_is_good);
    tcase_add_test(tcase, an_expired_lease_is_not_renewed);
    tcase_add_test(tcase, an_unknown_renewal_is_tried_again_soon);
    tcase_add_test(tcase, own_lost_write_keeps_the_lease_but_buys_no_time);
    tcase_add_test(tcase, a_row_of_somebody_else_means_that_it_is_taken);
    tcase_add_test(tcase, our_row_with_another_counter_is_not_our_write);
    tcase_add_test(tcase, a_row_that_is_gone_is_lost);
    tcase_add_test(tcase, finding_an_own_write_at_every_renewal_means_a_twin);
    tcase_add_test(tcase, a_checkpoint_is_written_with_the_counter_and_renews);
    tcase_add_test(tcase, a_checkpoint_waits_for_the_renewal_under_way);
    tcase_add_test(tcase, an_unknown_checkpoint_is_written_again_until_it_is_known);
    tcase_add_test(tcase, an_own_renewal_found_does_not_count_as_the_checkpoint);
    tcase_add_test(tcase, a_throttled_checkpoint_is_tried_four_times_before_the_child_hears_of_it);
    tcase_add_test(tcase, a_failure_behind_an_unknown_checkpoint_is_not_reported_as_one);
    tcase_add_test(tcase, a_denied_checkpoint_is_refused_at_once);
    tcase_add_test(tcase, a_checkpoint_of_a_lost_lease_is_lost);
    tcase_add_test(tcase, children_are_stored_with_the_checkpoint_even_after_a_renewal);
    tcase_add_test(tcase, a_release_takes_the_owner_out_and_moves_the_counter);
    tcase_add_test(tcase, an_unknown_release_is_recognised_when_it_is_made_again);
    tcase_add_test(tcase, a_release_during_a_hand_off_leaves_the_next_owner_in_place);
    tcase_add_test(tcase, a_renewal_that_certainly_failed_is_tried_again);
    tcase_add_test(tcase, throughput_is_stored_with_renewals_once_something_was_delivered);
    tcase_add_test(tcase, throughput_goes_with_a_checkpoint_when_those_are_all_there_is);
    tcase_add_test(tcase, a_row_of_somebody_else_that_came_to_our_counter_is_not_written);
    tcase_add_test(tcase, a_renewal_that_meets_a_hand_off_goes_on_without_that_condition);
    tcase_add_test(tcase, a_checkpoint_is_still_stored_during_a_hand_off_and_shows_it);
    tcase_add_test(tcase, a_release_that_meets_a_hand_off_passes_the_lease_on);
    tcase_add_test(tcase, a_hand_off_that_is_taken_back_leaves_a_plain_release);
    tcase_add_test(tcase, a_lease_taken_in_a_hand_off_by_a_worker_that_knows_none_is_lost);
    tcase_add_test(tcase, a_stale_mark_of_ours_on_a_lease_of_another_is_no_hand_off);
    tcase_add_test(tcase, a_row_that_names_us_as_old_and_new_owner_is_lost);
    return suite_run("hold", tcase);
}
