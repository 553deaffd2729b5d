#include "core/consumer.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

/* A consumer of shard p, taken with a write sent at 1000 ms, without parents, at TRIM_HORIZON. */
static struct kh_ctx ctx;
static struct kh_consumer *consumer;
static struct kh_cmds out;
static struct kh_lease row; /* as the table has it */

static void start_at(struct kh_lease given, kh_ms begin_at_ms)
{
    kh_consumer_free(consumer);
    row = given;
    consumer = kh_consumer_new(&ctx, &row, 1000, begin_at_ms);
}

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_cmds_init(&out);
    consumer = NULL;
    start_at((struct kh_lease){.key = "p",
                               .owner = "me",
                               .counter = 7,
                               .checkpoint = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON)},
             1000);
}

static void teardown(void)
{
    kh_consumer_free(consumer);
    kh_cmds_fini(&out);
}

static void step(struct kh_event event, kh_ms now_ms)
{
    event.key = KH_STR("p");
    kh_cmds_reset(&out);
    kh_consumer_step(consumer, &event, now_ms, &out);
}

static void tick(kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_TICK}, now_ms);
}

static void status(const char *name, kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_CHILD_STATUS,
                           .child = consumer->dialog.child,
                           .action_name = kh_str(name)},
         now_ms);
}

static void exited(kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_CHILD_EXITED, .child = consumer->dialog.child}, now_ms);
}

static void checkpoint(kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_CHILD_CHECKPOINT, .child = consumer->dialog.child},
         now_ms);
}

static void opened(kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_OPENED, .ticket = consumer->fetch.ticket}, now_ms);
}

static void fetched(struct kh_fetched brought, kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_FETCHED,
                           .ticket = consumer->fetch.ticket,
                           .fetched = &brought},
         now_ms);
}

/* One batch whose last record is seq. */
static struct kh_fetched batch(uint64_t number, const char *seq)
{
    struct kh_fetched brought = {.batch = number, .records_n = 3};

    ck_assert(kh_extseq_set(&brought.last, kh_str(seq), 0));
    return brought;
}

/* The store carries out what was asked last. */
static void stored(kh_ms now_ms)
{
    struct kh_lease_answer answer = {.outcome = KH_LEASE_DONE, .found = true};
    const struct kh_lease_op *op = cmds_op(&out);
    bool exists = true;

    ck_assert_ptr_nonnull(op);
    answer.id = op->id;
    answer.verb = op->verb;
    if (op->verb == KH_LEASE_UPDATE) {
        ck_assert_int_eq(kh_lease_op_apply(op, &exists, &row), KH_LEASE_DONE);
        answer.lease = row;
    }
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &answer}, now_ms);
}

/* The last write, carried out, though other steps came in between. */
static const struct kh_lease_answer *answer_to_checkpoint(void)
{
    static struct kh_lease_answer answer;

    row.counter = consumer->hold.lease.counter + 1;
    row.checkpoint = consumer->hold.checkpoint_value;
    answer = (struct kh_lease_answer){
        .id = consumer->hold.op, .outcome = KH_LEASE_DONE, .found = true, .lease = row};
    return &answer;
}

/* The store certainly did not do what was asked last. */
static void refused(enum kh_rc rc, kh_ms now_ms)
{
    const struct kh_lease_answer answer = {
        .id = consumer->hold.op, .outcome = KH_LEASE_FAILED, .rc = rc};

    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &answer}, now_ms);
}

/* Somebody else has taken the lease; the next renewal shows it. */
static void lose(kh_ms now_ms)
{
    struct kh_lease_answer answer = {.outcome = KH_LEASE_CONFLICT, .found = true};

    tick(now_ms);
    strcpy(row.owner, "other");
    row.counter += 1;
    answer.lease = row;
    answer.id = consumer->hold.op;
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &answer}, now_ms + 10);
}

/* Up to the first batch at the child. */
static void process_first_batch(void)
{
    tick(1000);
    opened(1010);
    status("initialize", 1020);
    fetched(batch(1, "500"), 1030);
    ck_assert_str_eq(cmds_action(&out), "processRecords");
}

START_TEST(reading_and_the_child_start_together)
{
    tick(1000);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_OPEN));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_START));
    ck_assert_str_eq(cmds_action(&out), "initialize");
}
END_TEST

START_TEST(nothing_begins_before_a_robbed_worker_must_have_stopped)
{
    start_at(row, 6000);
    tick(5999);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_CHILD_START), 0);
    tick(6000);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_CHILD_START), 1);
}
END_TEST

START_TEST(a_batch_that_came_early_waits_for_initialize)
{
    tick(1000);
    opened(1010);
    fetched(batch(1, "500"), 1020);
    ck_assert_str_eq(cmds_action(&out), "");
    status("initialize", 1030);
    ck_assert_str_eq(cmds_action(&out), "processRecords");
    ck_assert_uint_eq(cmds_find(&out, KH_CMD_CHILD_SEND)->batch, 1);
}
END_TEST

START_TEST(a_batch_is_given_back_when_it_was_answered)
{
    process_first_batch();
    status("processRecords", 1040);
    ck_assert_uint_eq(cmds_find(&out, KH_CMD_DROP_BATCH)->batch, 1);
}
END_TEST

START_TEST(a_checkpoint_is_answered_when_it_is_stored)
{
    process_first_batch();
    checkpoint(1040);
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "500");
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_ACK));
    stored(1050);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_ACK));
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_ACK)->error);
    ck_assert(cmds_noted(&out, "consumer.checkpoint_stored"));
}
END_TEST

START_TEST(a_checkpoint_during_initialize_is_refused)
{
    tick(1000);
    checkpoint(1010);
    ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_ACK)->error, "InvalidStateException");
    ck_assert_ptr_null(cmds_op(&out));
}
END_TEST

START_TEST(a_checkpoint_after_the_loss_is_refused_and_nothing_written)
{
    process_first_batch();
    lose(4400);
    checkpoint(4500);
    ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_ACK)->error, "ShutdownException");
    ck_assert_ptr_null(cmds_op(&out));
}
END_TEST

START_TEST(after_a_loss_the_child_hears_of_it_when_it_has_answered)
{
    process_first_batch();
    lose(4400);
    ck_assert_str_eq(cmds_action(&out), "");
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CLOSE));
    status("processRecords", 4500);
    ck_assert_str_eq(cmds_action(&out), "leaseLost");
    status("leaseLost", 4600);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_CLOSE));
    exited(4700);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_GONE);
}
END_TEST

START_TEST(a_frozen_worker_does_not_act_on_what_waited_for_it)
{
    tick(1000);
    opened(1010);
    status("initialize", 1020);
    fetched(batch(1, "500"), 11000);
    ck_assert(cmds_noted(&out, "hold.expired"));
    ck_assert_str_eq(cmds_action(&out), "leaseLost");
    ck_assert_uint_eq(cmds_find(&out, KH_CMD_DROP_BATCH)->batch, 1);
}
END_TEST

START_TEST(a_dead_child_is_started_again_behind_the_stored_checkpoint)
{
    process_first_batch();
    checkpoint(1040);
    stored(1050);
    tick(1260);
    fetched(batch(2, "600"), 1300);
    status("processRecords", 1310);
    ck_assert_str_eq(cmds_action(&out), "processRecords");
    exited(1400);
    ck_assert(cmds_noted(&out, "consumer.child_failed"));
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_DROP_BATCH), 1);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_PAUSED);
    ck_assert_int_le(kh_consumer_deadline(consumer), 1900);

    tick(kh_consumer_deadline(consumer));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_START));
    ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_SEND)->skip_to.seq, "500");
    ck_assert_str_eq(cmds_find(&out, KH_CMD_OPEN)->position.seq, "500");
    ck_assert_int_eq(cmds_find(&out, KH_CMD_OPEN)->position.type, KH_POSITION_AT_SEQUENCE);
}
END_TEST

START_TEST(a_child_that_keeps_dying_is_started_ever_more_rarely)
{
    kh_ms pause_ms = 0;
    kh_ms now_ms = 1000;

    ctx.config.failover_ms = KH_MINUTES(60);
    start_at(row, 1000);
    tick(now_ms);
    for (int i = 0; i < 9; i++) {
        exited(now_ms);
        pause_ms = consumer->restart_at_ms - now_ms;
        now_ms = consumer->restart_at_ms;
        tick(now_ms);
        ck_assert_int_eq(consumer->state, KH_CONSUMER_STARTING);
    }
    ck_assert_int_gt(pause_ms, 45000);
    ck_assert_int_le(pause_ms, 60000);
}
END_TEST

/* Children die right after their start until the shard is given up; how many. */
static unsigned die_until_given_up(void)
{
    kh_ms now_ms = 1000;

    ctx.config.failover_ms = KH_MINUTES(600);
    start_at(row, 1000);
    tick(now_ms);
    for (unsigned n = 1; n < 100; n++) {
        exited(now_ms);
        if (cmds_noted(&out, "consumer.given_up")) {
            return n;
        }
        now_ms = consumer->restart_at_ms;
        tick(now_ms);
    }
    return 100;
}

START_TEST(a_shard_whose_child_keeps_failing_is_given_up_and_released)
{
    ck_assert_uint_eq(die_until_given_up(), 10);
    ck_assert(consumer->gave_up);
    ck_assert(!cmds_noted(&out, "consumer.child_failed"));
    ck_assert_int_eq(consumer->state, KH_CONSUMER_RELEASING);
    ck_assert_uint_eq(cmds_op(&out)->remove & KH_LEASE_OWNER, KH_LEASE_OWNER);
}
END_TEST

START_TEST(without_a_limit_no_shard_is_given_up)
{
    ctx.config.restarts_max = 0;
    ck_assert_uint_eq(die_until_given_up(), 100);
}
END_TEST

START_TEST(the_first_failure_releases_the_shard_if_so_wished)
{
    ctx.config.on_failure = KH_FAILURE_RELEASE;
    ck_assert_uint_eq(die_until_given_up(), 1);
}
END_TEST

START_TEST(a_child_that_hangs_makes_no_progress_however_long)
{
    kh_ms now_ms = 1000;

    ctx.config.failover_ms = KH_MINUTES(600);
    ctx.config.action_ms_max = KH_MINUTES(5);
    ctx.config.restarts_max = 3;
    start_at(row, 1000);
    tick(now_ms);
    for (int i = 0; i < 3; i++) {
        ck_assert(!consumer->gave_up);
        status("initialize", now_ms + 10);
        now_ms += KH_MINUTES(6);
        tick(now_ms);
        exited(now_ms + 10);
        now_ms = kh_ms_max(consumer->restart_at_ms, now_ms + 20);
        tick(now_ms);
    }
    ck_assert(consumer->gave_up);
}
END_TEST

START_TEST(a_child_that_worked_for_a_while_is_progress)
{
    ctx.config.failover_ms = KH_MINUTES(600);
    ctx.config.restarts_max = 2;
    start_at(row, 1000);
    process_first_batch();
    exited(1100);
    ck_assert_uint_eq(consumer->restarts_n, 1);
    tick(consumer->restart_at_ms);
    opened(1700);
    status("initialize", 1700);
    fetched(batch(2, "500"), 1710);
    status("processRecords", 90000);
    exited(90010);
    ck_assert(!consumer->gave_up);
    ck_assert_uint_eq(consumer->restarts_n, 1);
}
END_TEST

START_TEST(a_failure_may_be_meant_to_end_the_worker)
{
    ctx.config.on_failure = KH_FAILURE_EXIT;
    process_first_batch();
    exited(1100);
    ck_assert(cmds_noted(&out, "consumer.child_ends_the_worker"));
    ck_assert(consumer->failed);
}
END_TEST

START_TEST(a_death_in_a_planned_stop_is_no_failure)
{
    ctx.config.on_failure = KH_FAILURE_EXIT;
    process_first_batch();
    kh_cmds_reset(&out);
    kh_consumer_stop(consumer, 1050, &out);
    exited(1100);
    ck_assert(!consumer->failed);
}
END_TEST

START_TEST(processors_of_1x_are_stopped_without_being_asked)
{
    ctx.config.shutdown_with_reason = true;
    process_first_batch();
    status("processRecords", 1040);
    kh_cmds_reset(&out);
    kh_consumer_stop(consumer, 1050, &out);
    ck_assert_str_eq(cmds_action(&out), "leaseLost");
    status("shutdown", 1060);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_CLOSE));
}
END_TEST

START_TEST(the_next_child_waits_until_the_last_checkpoint_is_known)
{
    process_first_batch();
    checkpoint(1040);
    exited(1050);
    tick(3000);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_START));
    row.counter = 8;
    ck_assert(kh_extseq_set(&row.checkpoint, KH_STR("500"), 0));
    struct kh_lease_answer answer = {
        .id = consumer->hold.op, .outcome = KH_LEASE_DONE, .found = true, .lease = row};
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &answer}, 3100);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_ACK));
    ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_SEND)->skip_to.seq, "500");
}
END_TEST

static const struct kh_shard child = {.id = "c", .parents_n = 1, .parents = {"p"}};

static void reach_the_end(void)
{
    struct kh_fetched end = batch(1, "500");

    end.ended = true;
    end.children = &child;
    end.children_n = 1;
    tick(1000);
    opened(1010);
    status("initialize", 1020);
    fetched(end, 1030);
    status("processRecords", 1040);
}

START_TEST(the_childrens_leases_come_before_shard_ended)
{
    reach_the_end();
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_str_eq(cmds_op(&out)->key, "c");
    ck_assert_str_eq(cmds_action(&out), "");
    stored(1050);
    ck_assert_str_eq(cmds_action(&out), "shardEnded");
}
END_TEST

START_TEST(shard_end_is_stored_with_the_children_and_the_lease_kept)
{
    reach_the_end();
    stored(1050);
    checkpoint(1060);
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "SHARD_END");
    ck_assert_str_eq(cmds_op(&out)->lease.children[0], "c");
    stored(1070);
    ck_assert(cmds_noted(&out, "consumer.shard_end_stored"));
    status("shardEnded", 1080);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_CLOSE));
    exited(1090);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_FINISHED);
    ck_assert(cmds_noted(&out, "consumer.finished"));
    tick(kh_consumer_deadline(consumer));
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_UPDATE);
}
END_TEST

START_TEST(a_forgotten_checkpoint_at_the_end_is_offered_again)
{
    reach_the_end();
    stored(1050);
    status("shardEnded", 1080);
    ck_assert(cmds_noted(&out, "consumer.shard_end_without_checkpoint"));
    exited(1090);
    ck_assert(cmds_noted(&out, "consumer.child_offered_again"));
    tick(consumer->restart_at_ms);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_START));
    ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_SEND)->skip_to.seq, "TRIM_HORIZON");
}
END_TEST

START_TEST(a_forgotten_checkpoint_at_the_end_is_said_once)
{
    reach_the_end();
    stored(1050);
    status("shardEnded", 1080);
    exited(1090);
    tick(consumer->restart_at_ms);
    opened(1800);
    status("initialize", 1810);
    fetched((struct kh_fetched){.ended = true, .children = &child, .children_n = 1}, 1820);
    stored(1830);
    ck_assert_str_eq(cmds_action(&out), "shardEnded");
    status("shardEnded", 1840);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_CLOSE));
    ck_assert(!cmds_noted(&out, "consumer.shard_end_without_checkpoint"));
}
END_TEST

START_TEST(a_forgotten_checkpoint_at_the_end_may_be_stored_for_the_child)
{
    ctx.config.end_for_child = true;
    reach_the_end();
    stored(1050);
    status("shardEnded", 1080);
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "SHARD_END");
    ck_assert_str_eq(cmds_op(&out)->lease.children[0], "c");
    checkpoint(1085);
    ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_ACK)->error, "InvalidStateException");
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_CLOSE));
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = answer_to_checkpoint()}, 1090);
    ck_assert(cmds_noted(&out, "consumer.shard_end_stored"));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_CLOSE));
    exited(1100);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_FINISHED);
}
END_TEST

START_TEST(an_end_that_cannot_be_stored_for_the_child_is_offered_again)
{
    ctx.config.end_for_child = true;
    reach_the_end();
    stored(1050);
    status("shardEnded", 1080);
    refused(KH_DENIED, 1090);
    ck_assert(cmds_noted(&out, "consumer.shard_end_without_checkpoint"));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_CLOSE));
    exited(1100);
    ck_assert(cmds_noted(&out, "consumer.child_offered_again"));
}
END_TEST

START_TEST(a_checkpoint_that_is_not_stored_has_its_names)
{
    static const struct {
        enum kh_rc rc;
        const char *name;
    } rows[] = {{KH_THROTTLED, "ThrottlingException"},
                {KH_RETRY, "KinesisClientLibDependencyException"},
                {KH_DENIED, "KinesisClientLibDependencyException"},
                {KH_NOTFOUND, "InvalidStateException"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_at(row, 1000);
        process_first_batch();
        checkpoint(1040);
        for (kh_ms at_ms = 1050; cmds_find(&out, KH_CMD_CHILD_ACK) == NULL; at_ms += 10) {
            ck_assert_int_lt(at_ms, 9000);
            if (cmds_op(&out) != NULL) {
                refused(rows[i].rc, at_ms);
            } else {
                tick(at_ms);
            }
        }
        ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_ACK)->error, rows[i].name);
    }
}
END_TEST

START_TEST(a_finished_lease_starts_no_child)
{
    row.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    start_at(row, 1000);
    tick(1000);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_FINISHED);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(a_finished_lease_is_cleaned_up_after_five_minutes)
{
    ctx.config.failover_ms = KH_MINUTES(60);
    row.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    start_at(row, 1000);
    tick(1000 + KH_MINUTES(5) - 1);
    ck_assert(!consumer->wants_sync);
    tick(1000 + KH_MINUTES(5)); /* its children are not known: it stays */
    ck_assert_ptr_null(cmds_op(&out));
    ck_assert(consumer->wants_sync);

    row.children_n = 1;
    strcpy(row.children[0], "c");
    start_at(row, 1000);
    tick(1000 + KH_MINUTES(5) - 1);
    ck_assert_ptr_null(cmds_op(&out));
    tick(1000 + KH_MINUTES(5));
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_GET);
    struct kh_lease_answer begun = {.id = consumer->family.op,
                                    .verb = KH_LEASE_GET,
                                    .outcome = KH_LEASE_DONE,
                                    .found = true,
                                    .lease = {.checkpoint = {.seq = "77"}}};
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &begun}, KH_MINUTES(6));
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_DELETE);
    stored(KH_MINUTES(6));
    ck_assert_int_eq(consumer->state, KH_CONSUMER_GONE);
}
END_TEST

static void listed(const struct kh_shard *shards, size_t n, kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_consumer_listed(consumer, shards, n, now_ms, &out);
}

/* Nobody has read the shard until it passed retention. */
START_TEST(the_lease_of_a_shard_that_is_gone_is_finished_and_in_the_end_deleted)
{
    static const struct kh_shard another = {.id = "q"};
    kh_ms later_ms;

    ctx.config.failover_ms = KH_MINUTES(60);
    start_at(row, 1000);
    tick(1000);
    step((struct kh_event){.type = KH_EVENT_OPENED,
                           .ticket = consumer->fetch.ticket,
                           .rc = KH_NOTFOUND},
         1010);
    ck_assert(cmds_noted(&out, "fetch.shard_gone"));
    listed(&another, 1, 1020); /* not while it is being read */
    ck_assert_int_eq(consumer->family.absent_since_ms, KH_NEVER);
    status("initialize", 1030);
    ck_assert_str_eq(cmds_action(&out), "shardEnded");
    checkpoint(1040);
    stored(1050);
    status("shardEnded", 1060);
    exited(1070);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_FINISHED);

    later_ms = 1070 + KH_MINUTES(5);
    tick(later_ms);
    ck_assert(consumer->wants_sync);
    listed(&another, 1, later_ms);
    ck_assert_uint_eq(out.n, 0);
    later_ms += KH_MINUTES(5);
    tick(later_ms);
    listed(&another, 1, later_ms);
    tick(later_ms);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_DELETE);
    stored(later_ms);
    ck_assert(cmds_noted(&out, "family.gone_lease_deleted"));
    ck_assert_int_eq(consumer->state, KH_CONSUMER_GONE);
}
END_TEST

START_TEST(a_planned_stop_asks_takes_the_checkpoint_and_releases_last)
{
    process_first_batch();
    kh_cmds_reset(&out);
    kh_consumer_stop(consumer, 1035, &out);
    ck_assert_str_eq(cmds_action(&out), "");
    status("processRecords", 1040);
    ck_assert_str_eq(cmds_action(&out), "shutdownRequested");
    checkpoint(1050);
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "500");
    stored(1060);
    status("shutdownRequested", 1070);
    ck_assert_str_eq(cmds_action(&out), "leaseLost");
    status("leaseLost", 1080);
    ck_assert_ptr_null(cmds_op(&out));
    exited(1090);
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_OWNER);
    stored(1100);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_GONE);
    ck_assert_str_eq(row.owner, "");
}
END_TEST

/* Somebody asks for the lease; the next renewal shows it. */
static void be_asked(kh_ms now_ms)
{
    struct kh_lease_answer answer = {.outcome = KH_LEASE_CONFLICT, .found = true};

    tick(now_ms);
    strcpy(row.owner, "next");
    strcpy(row.checkpoint_owner, "me");
    answer.lease = row;
    answer.id = consumer->hold.op;
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &answer}, now_ms + 10);
}

START_TEST(who_is_asked_for_the_lease_finishes_stores_and_passes_it_on)
{
    process_first_batch();
    be_asked(4400);
    ck_assert_uint_eq(cmds_op(&out)->expect_absent, 0); /* still ours, and renewed */
    stored(4500);
    status("processRecords", 5000);
    ck_assert_str_eq(cmds_action(&out), "shutdownRequested");
    checkpoint(5100);
    stored(5200);
    status("shutdownRequested", 5300);
    ck_assert_str_eq(cmds_action(&out), "leaseLost");
    status("leaseLost", 5400);
    ck_assert_str_eq(row.owner, "next");
    ck_assert_str_eq(row.checkpoint_owner, "me");
    exited(5500);
    stored(5600);
    ck_assert_str_eq(row.owner, "next");
    ck_assert_str_eq(row.checkpoint_owner, "");
    ck_assert_str_eq(row.checkpoint.seq, "500");
    ck_assert_int_eq(consumer->state, KH_CONSUMER_GONE);
}
END_TEST

START_TEST(a_child_that_takes_too_long_over_a_hand_off_is_killed)
{
    process_first_batch();
    be_asked(4400);
    stored(4500);
    while (kh_consumer_deadline(consumer) < 34410) {
        kh_ms now_ms = kh_consumer_deadline(consumer);

        tick(now_ms);
        ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_SIGNAL));
        stored(now_ms + 10);
    }
    tick(34410);
    ck_assert(cmds_noted(&out, "consumer.hand_over_overdue"));
    ck_assert(cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
    exited(34500);
    stored(34600);
    ck_assert_str_eq(row.checkpoint_owner, "");
}
END_TEST

START_TEST(a_shard_without_child_is_released_at_once)
{
    kh_consumer_stop(consumer, 1000, &out);
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_OWNER);
    ck_assert_int_eq(consumer->state, KH_CONSUMER_RELEASING);
}
END_TEST

START_TEST(a_killed_childs_lease_is_released_after_its_exit)
{
    process_first_batch();
    kh_cmds_reset(&out);
    kh_consumer_kill(consumer, 1040, &out);
    ck_assert(cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
    ck_assert_ptr_null(cmds_op(&out));
    exited(1050);
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_OWNER);
}
END_TEST

/* Somebody else with our id wrote before our renewal, and left this checkpoint. */
static void meet_a_twin(const char *left, kh_ms now_ms)
{
    struct kh_lease_answer answer = {.outcome = KH_LEASE_CONFLICT, .found = true};

    tick(now_ms);
    row.counter += 1;
    ck_assert(kh_extseq_set(&row.checkpoint, kh_str(left), 0));
    answer.lease = row;
    answer.id = consumer->hold.op;
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &answer}, now_ms + 10);
}

START_TEST(a_checkpoint_that_is_not_ours_shows_a_twin_and_is_not_written_over)
{
    process_first_batch();
    meet_a_twin("9000", 4400);
    ck_assert(cmds_noted(&out, "hold.twin"));
    checkpoint(4500);
    ck_assert_str_eq(cmds_find(&out, KH_CMD_CHILD_ACK)->error, "ShutdownException");
    ck_assert_ptr_null(cmds_op(&out));
}
END_TEST

START_TEST(a_shard_ended_by_hand_is_finished_when_its_child_is_gone)
{
    process_first_batch();
    tick(4400);
    row.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    stored(4410);
    exited(4500);
    tick(kh_consumer_deadline(consumer));
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_START));
    ck_assert_int_eq(consumer->state, KH_CONSUMER_FINISHED);
}
END_TEST

START_TEST(a_shard_ended_by_hand_while_it_waits_starts_no_child)
{
    row.parents_n = 1;
    strcpy(row.parents[0], "q");
    start_at(row, 1000);
    tick(1000);
    struct kh_lease_answer parent = {.id = consumer->family.op,
                                     .verb = KH_LEASE_GET,
                                     .outcome = KH_LEASE_DONE,
                                     .found = true,
                                     .lease = {.checkpoint = {.seq = "SHARD_END"}}};
    consumer->hold.lease.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &parent}, 1010);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_START));
    ck_assert_int_eq(consumer->state, KH_CONSUMER_FINISHED);
}
END_TEST

START_TEST(a_finished_lease_that_was_edited_is_not_cleaned_up)
{
    ctx.config.failover_ms = KH_MINUTES(60);
    row.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    row.children_n = 1;
    strcpy(row.children[0], "c");
    start_at(row, 1000);
    row.checkpoint = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON);
    consumer->hold.renew_at_ms = 2000;
    tick(2000);
    stored(2010);
    tick(1000 + KH_MINUTES(5));
    ck_assert_ptr_null(cmds_op(&out));
}
END_TEST

START_TEST(no_action_overtakes_the_answer_to_a_checkpoint)
{
    struct kh_lease_answer made = {.verb = KH_LEASE_CREATE, .outcome = KH_LEASE_DONE};

    reach_the_end();
    made.id = cmds_op(&out)->id;
    checkpoint(1045); /* between two actions */
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_ACK));
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &made}, 1050);
    ck_assert_str_eq(cmds_action(&out), "");

    row.counter += 1;
    row.checkpoint = consumer->hold.checkpoint_value;
    struct kh_lease_answer written = {
        .id = consumer->hold.op, .outcome = KH_LEASE_DONE, .found = true, .lease = row};
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &written}, 1060);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_ACK));
    ck_assert_str_eq(cmds_action(&out), "shardEnded");
}
END_TEST

START_TEST(a_slow_store_is_not_the_childs_fault)
{
    ctx.config.action_ms_max = 1000;
    process_first_batch();
    checkpoint(1100);
    uint64_t op = cmds_op(&out)->id;
    tick(2500);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_SIGNAL));
    row.counter += 1;
    ck_assert(kh_extseq_set(&row.checkpoint, KH_STR("500"), 0));
    struct kh_lease_answer late = {.id = op, .outcome = KH_LEASE_DONE, .found = true, .lease = row};
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &late}, 2600);
    tick(3599);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_SIGNAL));
    tick(3600);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_SIGNAL));
}
END_TEST

START_TEST(a_parent_that_ended_while_it_was_asked_about_is_asked_about_again)
{
    row.parents_n = 1;
    strcpy(row.parents[0], "q");
    start_at(row, 1000);
    tick(1000);
    struct kh_lease_answer old = {.id = cmds_op(&out)->id,
                                  .verb = KH_LEASE_GET,
                                  .outcome = KH_LEASE_DONE,
                                  .found = true,
                                  .lease = {.checkpoint = {.seq = "5"}}};
    kh_consumer_poke(consumer, 1005);
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &old}, 1010);
    ck_assert_int_le(kh_consumer_deadline(consumer), 1010);
}
END_TEST

START_TEST(a_failed_read_is_not_the_end_of_what_there_is)
{
    tick(1000);
    opened(1010);
    status("initialize", 1020);
    fetched((struct kh_fetched){.has_millis_behind = true}, 1030);
    ck_assert(kh_consumer_is_caught_up(consumer));
    tick(2510);
    step((struct kh_event){.type = KH_EVENT_FETCHED,
                           .ticket = consumer->fetch.ticket,
                           .rc = KH_RETRY},
         3000);
    ck_assert(!kh_consumer_is_caught_up(consumer));
}
END_TEST

START_TEST(every_state_but_the_last_leads_somewhere_and_all_may_end)
{
    for (int from = 0; from < KH_CONSUMER_GONE; from++) {
        ck_assert(kh_consumer_may_become((enum kh_consumer_state)from, KH_CONSUMER_GONE));
    }
    for (int to = 0; to <= KH_CONSUMER_GONE; to++) {
        ck_assert(!kh_consumer_may_become(KH_CONSUMER_GONE, (enum kh_consumer_state)to));
    }
    ck_assert_str_eq(kh_consumer_state_name(KH_CONSUMER_PARTING), "parting");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("consumer");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, reading_and_the_child_start_together);
    tcase_add_test(tcase, nothing_begins_before_a_robbed_worker_must_have_stopped);
    tcase_add_test(tcase, a_batch_that_came_early_waits_for_initialize);
    tcase_add_test(tcase, a_batch_is_given_back_when_it_was_answered);
    tcase_add_test(tcase, a_checkpoint_is_answered_when_it_is_stored);
    tcase_add_test(tcase, a_checkpoint_during_initialize_is_refused);
    tcase_add_test(tcase, a_checkpoint_after_the_loss_is_refused_and_nothing_written);
    tcase_add_test(tcase, after_a_loss_the_child_hears_of_it_when_it_has_answered);
    tcase_add_test(tcase, a_frozen_worker_does_not_act_on_what_waited_for_it);
    tcase_add_test(tcase, a_dead_child_is_started_again_behind_the_stored_checkpoint);
    tcase_add_test(tcase, a_child_that_keeps_dying_is_started_ever_more_rarely);
    tcase_add_test(tcase, a_shard_whose_child_keeps_failing_is_given_up_and_released);
    tcase_add_test(tcase, without_a_limit_no_shard_is_given_up);
    tcase_add_test(tcase, the_first_failure_releases_the_shard_if_so_wished);
    tcase_add_test(tcase, a_child_that_hangs_makes_no_progress_however_long);
    tcase_add_test(tcase, a_child_that_worked_for_a_while_is_progress);
    tcase_add_test(tcase, a_failure_may_be_meant_to_end_the_worker);
    tcase_add_test(tcase, a_death_in_a_planned_stop_is_no_failure);
    tcase_add_test(tcase, processors_of_1x_are_stopped_without_being_asked);
    tcase_add_test(tcase, the_next_child_waits_until_the_last_checkpoint_is_known);
    tcase_add_test(tcase, the_childrens_leases_come_before_shard_ended);
    tcase_add_test(tcase, shard_end_is_stored_with_the_children_and_the_lease_kept);
    tcase_add_test(tcase, a_forgotten_checkpoint_at_the_end_is_offered_again);
    tcase_add_test(tcase, a_forgotten_checkpoint_at_the_end_is_said_once);
    tcase_add_test(tcase, a_forgotten_checkpoint_at_the_end_may_be_stored_for_the_child);
    tcase_add_test(tcase, an_end_that_cannot_be_stored_for_the_child_is_offered_again);
    tcase_add_test(tcase, a_checkpoint_that_is_not_stored_has_its_names);
    tcase_add_test(tcase, a_finished_lease_starts_no_child);
    tcase_add_test(tcase, a_finished_lease_is_cleaned_up_after_five_minutes);
    tcase_add_test(tcase, the_lease_of_a_shard_that_is_gone_is_finished_and_in_the_end_deleted);
    tcase_add_test(tcase, a_planned_stop_asks_takes_the_checkpoint_and_releases_last);
    tcase_add_test(tcase, who_is_asked_for_the_lease_finishes_stores_and_passes_it_on);
    tcase_add_test(tcase, a_child_that_takes_too_long_over_a_hand_off_is_killed);
    tcase_add_test(tcase, a_shard_without_child_is_released_at_once);
    tcase_add_test(tcase, a_killed_childs_lease_is_released_after_its_exit);
    tcase_add_test(tcase, a_checkpoint_that_is_not_ours_shows_a_twin_and_is_not_written_over);
    tcase_add_test(tcase, a_shard_ended_by_hand_is_finished_when_its_child_is_gone);
    tcase_add_test(tcase, a_shard_ended_by_hand_while_it_waits_starts_no_child);
    tcase_add_test(tcase, a_finished_lease_that_was_edited_is_not_cleaned_up);
    tcase_add_test(tcase, no_action_overtakes_the_answer_to_a_checkpoint);
    tcase_add_test(tcase, a_slow_store_is_not_the_childs_fault);
    tcase_add_test(tcase, a_parent_that_ended_while_it_was_asked_about_is_asked_about_again);
    tcase_add_test(tcase, a_failed_read_is_not_the_end_of_what_there_is);
    tcase_add_test(tcase, every_state_but_the_last_leads_somewhere_and_all_may_end);
    return suite_run("consumer", tcase);
}
