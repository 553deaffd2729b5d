#include "core/dialog.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

/* Every test begins with child 1, started at 1000 ms, that was sent initialize; an action may take
 * 30 s. */
static struct kh_ctx ctx;
static struct kh_dialog dialog;
static struct kh_cmds out;

static void setup(void)
{
    struct kh_extseq checkpoint = kh_extseq_sentinel(KH_SEQ_LATEST);

    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    ctx.config.action_ms_max = KH_SECONDS(30);
    kh_cmds_init(&out);
    kh_dialog_init(&dialog, &ctx, "shardId-0");
    kh_dialog_start(&dialog, &checkpoint, 1000, &out);
}

static void teardown(void)
{
    kh_cmds_fini(&out);
}

static enum kh_dialog_outcome status(const char *name, kh_ms now_ms)
{
    struct kh_event event = {
        .type = KH_EVENT_CHILD_STATUS, .child = dialog.child, .action_name = kh_str(name)};

    kh_cmds_reset(&out);
    return kh_dialog_step(&dialog, &event, now_ms, &out);
}

static enum kh_dialog_outcome tick(kh_ms now_ms)
{
    kh_cmds_reset(&out);
    return kh_dialog_step(&dialog, &(struct kh_event){.type = KH_EVENT_TICK}, now_ms, &out);
}

static void process(kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_dialog_send(&dialog, KH_ACTION_PROCESS_RECORDS, 5, now_ms, &out);
}

START_TEST(a_child_is_started_and_initialized)
{
    ck_assert_int_eq(out.items[0].type, KH_CMD_CHILD_START);
    ck_assert_int_eq(out.items[1].type, KH_CMD_CHILD_SEND);
    ck_assert_str_eq(cmds_action(&out), "initialize");
    ck_assert_str_eq(out.items[1].skip_to.seq, "LATEST");
    ck_assert_uint_eq(out.items[1].child, 1);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), 31000);
}
END_TEST

START_TEST(the_right_answer_makes_it_idle)
{
    ck_assert_int_eq(status("initialize", 1500), KH_DIALOG_ANSWERED);
    ck_assert_int_eq(dialog.state, KH_DIALOG_IDLE);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), KH_NEVER);
    process(1600);
    ck_assert_uint_eq(cmds_find(&out, KH_CMD_CHILD_SEND)->batch, 5);
    ck_assert_int_eq(status("processRecords", 1700), KH_DIALOG_ANSWERED);
}
END_TEST

START_TEST(a_wrong_answer_ends_the_child)
{
    ck_assert_int_eq(status("Initialize", 1500), KH_DIALOG_BROKEN);
    ck_assert(cmds_noted(&out, "dialog.wrong_answer"));
    ck_assert(!cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
    ck_assert_int_eq(dialog.state, KH_DIALOG_CLOSING);
    ck_assert_int_eq(status("initialize", 1600), KH_DIALOG_NOTHING);
}
END_TEST

START_TEST(an_answer_to_nothing_is_dropped)
{
    (void)status("initialize", 1500);
    ck_assert_int_eq(status("initialize", 1500), KH_DIALOG_NOTHING);
    ck_assert(cmds_noted(&out, "dialog.answered_twice"));
    ck_assert_int_eq(dialog.state, KH_DIALOG_IDLE);
}
END_TEST

START_TEST(a_late_second_answer_is_not_taken_for_the_next_action)
{
    (void)status("initialize", 1500);
    process(1600);
    (void)status("processRecords", 1700);
    kh_dialog_send(&dialog, KH_ACTION_SHARD_ENDED, 0, 1800, &out);
    ck_assert_int_eq(status("processRecords", 1900), KH_DIALOG_NOTHING);
    ck_assert_int_eq(dialog.state, KH_DIALOG_BUSY);
    ck_assert_int_eq(status("shardEnded", 2000), KH_DIALOG_ANSWERED);
}
END_TEST

START_TEST(a_child_that_does_not_answer_is_ended)
{
    ck_assert_int_eq(tick(30999), KH_DIALOG_NOTHING);
    ck_assert_int_eq(tick(31000), KH_DIALOG_BROKEN);
    ck_assert(cmds_noted(&out, "dialog.timeout"));
    ck_assert(!cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
    ck_assert_int_eq(tick(36000), KH_DIALOG_NOTHING);
    ck_assert(cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), KH_NEVER);
}
END_TEST

START_TEST(each_action_may_have_a_limit_of_its_own)
{
    ctx.config.answer_ms_max[KH_ACTION_PROCESS_RECORDS] = KH_MINUTES(10);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), 31000);
    (void)status("initialize", 2000);
    process(3000);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), 603000);
    (void)status("processRecords", 4000);
    kh_dialog_send(&dialog, KH_ACTION_LEASE_LOST, 0, 5000, &out);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), 35000);
}
END_TEST

START_TEST(a_processor_of_1x_answers_with_shutdown)
{
    ctx.config.shutdown_with_reason = true;
    (void)status("initialize", 2000);
    kh_dialog_send(&dialog, KH_ACTION_SHARD_ENDED, 0, 3000, &out);
    ck_assert_int_eq(status("shutdown", 4000), KH_DIALOG_ANSWERED);
    kh_dialog_close(&dialog, 5000, &out);
    ck_assert_int_eq(status("shutdown", 5010), KH_DIALOG_NOTHING);
    ck_assert(cmds_noted(&out, "dialog.answered_twice"));
}
END_TEST

START_TEST(a_sign_of_life_gives_it_new_time)
{
    kh_dialog_alive(&dialog, 20000);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), 50000);
}
END_TEST

START_TEST(without_a_limit_it_may_take_for_ever)
{
    (void)status("initialize", 1500);
    ctx.config.action_ms_max = KH_NEVER;
    process(1600);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), KH_NEVER);
}
END_TEST

START_TEST(a_child_that_does_not_leave_is_told_then_killed)
{
    (void)status("initialize", 1500);
    kh_cmds_reset(&out);
    kh_dialog_close(&dialog, 2000, &out);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_CLOSE));
    (void)tick(12000);
    ck_assert(cmds_noted(&out, "dialog.does_not_leave"));
    ck_assert(!cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
    (void)tick(17000);
    ck_assert(cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
}
END_TEST

START_TEST(its_exit_is_the_end_and_an_older_childs_is_not)
{
    struct kh_event exited = {.type = KH_EVENT_CHILD_EXITED, .child = 7};

    ck_assert_int_eq(kh_dialog_step(&dialog, &exited, 1500, &out), KH_DIALOG_NOTHING);
    exited.child = 1;
    ck_assert_int_eq(kh_dialog_step(&dialog, &exited, 1500, &out), KH_DIALOG_EXITED);
    ck_assert_int_eq(dialog.state, KH_DIALOG_NONE);
    ck_assert_int_eq(kh_dialog_deadline(&dialog), KH_NEVER);
    ck_assert_int_eq(status("initialize", 1600), KH_DIALOG_NOTHING);
}
END_TEST

START_TEST(kill_means_at_once_and_once)
{
    kh_cmds_reset(&out);
    kh_dialog_kill(&dialog, &out);
    kh_dialog_kill(&dialog, &out);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_CHILD_SIGNAL), 1);
    ck_assert(cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("dialog");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_child_is_started_and_initialized);
    tcase_add_test(tcase, the_right_answer_makes_it_idle);
    tcase_add_test(tcase, a_wrong_answer_ends_the_child);
    tcase_add_test(tcase, an_answer_to_nothing_is_dropped);
    tcase_add_test(tcase, a_late_second_answer_is_not_taken_for_the_next_action);
    tcase_add_test(tcase, a_child_that_does_not_answer_is_ended);
    tcase_add_test(tcase, each_action_may_have_a_limit_of_its_own);
    tcase_add_test(tcase, a_processor_of_1x_answers_with_shutdown);
    tcase_add_test(tcase, a_sign_of_life_gives_it_new_time);
    tcase_add_test(tcase, without_a_limit_it_may_take_for_ever);
    tcase_add_test(tcase, a_child_that_does_not_leave_is_told_then_killed);
    tcase_add_test(tcase, its_exit_is_the_end_and_an_older_childs_is_not);
    tcase_add_test(tcase, kill_means_at_once_and_once);
    return suite_run("dialog", tcase);
}
