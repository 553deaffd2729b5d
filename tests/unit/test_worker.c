#include "core/worker.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

#define HALF      "170141183460469231731687303715884105727"
#define HALF_NEXT "170141183460469231731687303715884105728"
#define LAST      "340282366920938463463374607431768211455"

/* A fresh worker "me" at 1000 ms that wants to begin at the horizon. */
static struct kh_worker_config config;
static struct kh_worker *worker;
static struct kh_cmds out;

static void make(void)
{
    kh_worker_free(worker);
    worker = kh_worker_new(&config, 1000);
}

static void setup(void)
{
    kh_worker_config_default(&config);
    strcpy(config.worker_id, "me");
    config.initial_position = KH_POSITION_TRIM_HORIZON;
    kh_cmds_init(&out);
    worker = NULL;
    make();
}

static void teardown(void)
{
    kh_worker_free(worker);
    kh_cmds_fini(&out);
}

static void step(struct kh_event event, kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_worker_step(worker, &event, now_ms, &out);
}

static void tick(kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_TICK}, now_ms);
}

/* Answer request op. */
static void answer(uint64_t op, struct kh_lease_answer given, kh_ms now_ms)
{
    given.id = op;
    step((struct kh_event){.type = KH_EVENT_STORE, .answer = &given}, now_ms);
}

static void listed(uint64_t op, const struct kh_lease *leases, size_t n, kh_ms now_ms)
{
    answer(op,
           (struct kh_lease_answer){
               .verb = KH_LEASE_LIST, .outcome = KH_LEASE_DONE, .leases = leases, .leases_n = n},
           now_ms);
}

static struct kh_lease lease(const char *key, const char *owner, const char *start, const char *end)
{
    struct kh_lease made = {.counter = 5, .checkpoint = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON)};

    strcpy(made.key, key);
    strcpy(made.owner, owner);
    strcpy(made.range.start, start);
    strcpy(made.range.end, end);
    return made;
}

/* The first look at a table of one lease that covers everything. */
static void first_look(const struct kh_lease *only)
{
    tick(1000);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_LIST);
    listed(cmds_op(&out)->id, only, 1, 1010);
}

static void taken(struct kh_lease row, kh_ms now_ms)
{
    bool exists = true;
    const struct kh_lease_op *op = cmds_op(&out);

    ck_assert_int_eq(kh_lease_op_apply(op, &exists, &row), KH_LEASE_DONE);
    answer(op->id,
           (struct kh_lease_answer){
               .verb = KH_LEASE_UPDATE, .outcome = KH_LEASE_DONE, .found = true, .lease = row},
           now_ms);
}

START_TEST(a_free_lease_is_taken_and_its_consumer_begins)
{
    struct kh_lease all = lease("s", "", "0", LAST);

    first_look(&all);
    ck_assert(cmds_noted(&out, "worker.take"));
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_UPDATE);
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 5);
    ck_assert_str_eq(cmds_op(&out)->lease.owner, "me");
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_uint_eq(cmds_op(&out)->add_one, 0);
    taken(all, 1020);
    ck_assert(cmds_noted(&out, "worker.lease_taken"));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_START));
    ck_assert_uint_eq(kh_worker_shards_n(worker), 1);
    ck_assert(kh_worker_shard_at(worker, 0, 1020).acts_as_owner);
    ck_assert_int_eq(kh_worker_shard_at(worker, 0, 1020).expires_at_ms, 11010);
}
END_TEST

START_TEST(a_dead_owners_lease_counts_as_a_switch)
{
    struct kh_lease all = lease("s", "dead", "0", LAST);

    config.steal_max = 1;
    first_look(&all);
    ck_assert_ptr_null(cmds_op(&out)); /* alone with one lease it robs nobody */
    tick(12000);
    listed(cmds_op(&out)->id, &all, 1, 12010);
    ck_assert_uint_eq(cmds_op(&out)->add_one, KH_LEASE_SWITCHES);
}
END_TEST

START_TEST(a_conflict_means_that_somebody_else_was_first)
{
    struct kh_lease all = lease("s", "", "0", LAST);

    first_look(&all);
    answer(cmds_op(&out)->id, (struct kh_lease_answer){.outcome = KH_LEASE_CONFLICT}, 1020);
    ck_assert(cmds_noted(&out, "worker.not_taken"));
    ck_assert_uint_eq(kh_worker_shards_n(worker), 0);
}
END_TEST

START_TEST(a_lease_that_carries_our_name_is_ours_only_after_a_write)
{
    struct kh_lease all = lease("s", "me", "0", LAST);

    first_look(&all);
    ck_assert(cmds_noted(&out, "worker.readopt"));
    ck_assert_uint_eq(cmds_op(&out)->expect_counter, 5);
    ck_assert_uint_eq(cmds_op(&out)->add_one, 0);
    ck_assert_uint_eq(kh_worker_shards_n(worker), 0);
    taken(all, 1020);
    ck_assert_uint_eq(kh_worker_shards_n(worker), 1);
}
END_TEST

START_TEST(a_take_that_is_answered_too_late_is_worth_nothing)
{
    struct kh_lease all = lease("s", "", "0", LAST);

    first_look(&all);
    taken(all, 11010);
    ck_assert(cmds_noted(&out, "worker.taken_too_late"));
    ck_assert_uint_eq(kh_worker_shards_n(worker), 0);
}
END_TEST

START_TEST(a_stolen_shard_waits_for_the_robbed_worker)
{
    struct kh_lease rows[2] = {lease("a", "rich", "0", HALF), lease("b", "rich", HALF_NEXT, LAST)};
    const struct kh_lease_op *op;

    tick(1000);
    listed(cmds_op(&out)->id, rows, 2, 1010);
    ck_assert(cmds_noted(&out, "worker.steal"));
    op = cmds_op(&out);
    taken(strcmp(op->key, "a") == 0 ? rows[0] : rows[1], 1020);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_START));
    ck_assert(!kh_worker_shard_at(worker, 0, 1020).acts_as_owner);
}
END_TEST

START_TEST(a_robbed_worker_looks_for_itself_as_soon_as_the_table_says_so)
{
    struct kh_lease all = lease("s", "", "0", LAST);
    const struct kh_lease_op *renewal;

    first_look(&all);
    taken(all, 1020);
    tick(2000);
    strcpy(all.owner, "thief");
    all.counter = 7;
    listed(cmds_op(&out)->id, &all, 1, 2010);
    renewal = cmds_op(&out);
    ck_assert_int_eq(renewal->verb, KH_LEASE_UPDATE);
    ck_assert_uint_eq(renewal->expect_counter, 6);
    ck_assert_uint_eq(renewal->expect_absent, KH_LEASE_CHECKPOINT_OWNER);
    answer(renewal->id,
           (struct kh_lease_answer){.outcome = KH_LEASE_CONFLICT, .found = true, .lease = all},
           2020);
    ck_assert(cmds_noted(&out, "hold.taken"));
}
END_TEST

START_TEST(an_old_listing_raises_no_doubt)
{
    struct kh_lease all = lease("s", "before", "0", LAST);

    all.counter = 4;
    first_look(&all);
    tick(12000);
    listed(cmds_op(&out)->id, &all, 1, 12010);
    taken(all, 12020);
    tick(13100);
    listed(cmds_op(&out)->id, &all, 1, 13110);
    ck_assert_ptr_null(cmds_op(&out));
}
END_TEST

static const struct kh_shard halves[2] = {{.id = "a", .range = {"0", HALF}, .open = true},
                                          {.id = "b", .range = {HALF_NEXT, LAST}, .open = true}};

static void shards(size_t n, enum kh_rc rc, kh_ms now_ms)
{
    step((struct kh_event){.type = KH_EVENT_SHARDS,
                           .ticket = cmds_find(&out, KH_CMD_LIST_SHARDS)->ticket,
                           .rc = rc,
                           .shards = halves,
                           .shards_n = n},
         now_ms);
}

static void first_look_at_nothing(void)
{
    tick(1000);
    listed(cmds_op(&out)->id, NULL, 0, 1010);
    tick(1010);
}

START_TEST(an_empty_table_is_filled_from_a_filtered_listing)
{
    first_look_at_nothing();
    ck_assert_int_eq(cmds_find(&out, KH_CMD_LIST_SHARDS)->filter, KH_SHARDS_AT_TRIM_HORIZON);
    shards(2, KH_OK, 1020);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_str_eq(cmds_op(&out)->key, "a");
    answer(cmds_op(&out)->id, (struct kh_lease_answer){.outcome = KH_LEASE_DONE}, 1030);
    ck_assert(cmds_noted(&out, "sync.lease_created"));
    ck_assert_str_eq(cmds_op(&out)->key, "b");
    answer(cmds_op(&out)->id, (struct kh_lease_answer){.outcome = KH_LEASE_CONFLICT}, 1040);
    ck_assert_int_eq(kh_worker_deadline(worker), 1040);
}
END_TEST

START_TEST(a_listing_that_does_not_cover_is_asked_again_then_not_trusted)
{
    kh_ms now_ms = 1010;

    first_look_at_nothing();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cmds_find(&out, KH_CMD_LIST_SHARDS)->filter, KH_SHARDS_AT_TRIM_HORIZON);
        shards(1, KH_OK, now_ms);
        ck_assert(cmds_noted(&out, "sync.shards_inconsistent"));
        do {
            now_ms = kh_worker_deadline(worker);
            tick(now_ms);
            if (cmds_op(&out) != NULL) {
                listed(cmds_op(&out)->id, NULL, 0, now_ms);
            }
        } while (cmds_find(&out, KH_CMD_LIST_SHARDS) == NULL);
    }
    ck_assert_int_eq(cmds_find(&out, KH_CMD_LIST_SHARDS)->filter, KH_SHARDS_ALL);
    shards(1, KH_OK, now_ms);
    ck_assert_str_eq(cmds_op(&out)->key, "a");
}
END_TEST

START_TEST(a_listing_that_failed_is_made_again)
{
    first_look_at_nothing();
    shards(0, KH_RETRY, 1020);
    ck_assert(cmds_noted(&out, "sync.shards_not_listed"));
    ck_assert_int_lt(kh_worker_deadline(worker), 2100);
}
END_TEST

START_TEST(a_lease_that_could_not_be_created_stops_the_sync_for_now)
{
    first_look_at_nothing();
    shards(2, KH_OK, 1020);
    answer(cmds_op(&out)->id, (struct kh_lease_answer){.outcome = KH_LEASE_UNKNOWN}, 1030);
    ck_assert(cmds_noted(&out, "sync.lease_not_created"));
    ck_assert_ptr_null(cmds_op(&out));
}
END_TEST

/* Frozen between its look at the table and the listing, while others read whole shards and cleaned
 * up. */
START_TEST(leases_are_not_made_from_an_old_look_at_the_table)
{
    first_look_at_nothing();
    shards(2, KH_OK, 1000 + KH_MINUTES(3));
    ck_assert(cmds_noted(&out, "sync.look_too_old"));
    ck_assert_ptr_null(cmds_op(&out));
}
END_TEST

START_TEST(whoever_leads_looks_into_a_hole_at_once)
{
    struct kh_lease half = lease("a", "me", "0", HALF);

    first_look(&half);
    tick(1020);
    ck_assert_int_eq(cmds_find(&out, KH_CMD_LIST_SHARDS)->filter, KH_SHARDS_ALL);
    shards(2, KH_OK, 1030);
    ck_assert_str_eq(cmds_op(&out)->key, "b");
}
END_TEST

START_TEST(others_look_into_a_hole_that_stays)
{
    struct kh_lease half = lease("a", "other", "0", HALF);

    config.audit_ms = 5000;
    config.leases_max = 1;
    make();
    first_look(&half);
    for (kh_ms now_ms = kh_worker_deadline(worker); now_ms < 16010;
         now_ms = kh_worker_deadline(worker)) {
        tick(now_ms);
        ck_assert_ptr_null(cmds_find(&out, KH_CMD_LIST_SHARDS));
        half.counter++;
        listed(cmds_op(&out)->id, &half, 1, now_ms);
    }
    tick(kh_worker_deadline(worker));
    listed(cmds_op(&out)->id, &half, 1, 17000);
    tick(kh_worker_deadline(worker));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_LIST_SHARDS));
}
END_TEST

/* The halves are the children of s, whose end came without them. */
START_TEST(a_finished_lease_learns_its_children_from_a_listing)
{
    struct kh_lease rows[3] = {lease("s", "me", "0", LAST), lease("a", "other", "0", HALF),
                               lease("b", "other", HALF_NEXT, LAST)};
    struct kh_shard two[2] = {halves[0], halves[1]};
    kh_ms now_ms = 1000;

    config.clean_after_ms = KH_SECONDS(20);
    config.failover_ms = KH_MINUTES(10);
    make();
    rows[0].checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    two[0].parents_n = two[1].parents_n = 1;
    strcpy(two[0].parents[0], "s");
    strcpy(two[1].parents[0], "s");
    tick(now_ms);
    listed(cmds_op(&out)->id, rows, 3, 1010);
    taken(rows[0], 1020);
    rows[0].counter = 6;
    do {
        now_ms = kh_worker_deadline(worker);
        tick(now_ms);
        if (cmds_op(&out) != NULL && cmds_op(&out)->verb == KH_LEASE_LIST) {
            listed(cmds_op(&out)->id, rows, 3, now_ms);
        }
    } while (cmds_find(&out, KH_CMD_LIST_SHARDS) == NULL);
    ck_assert_int_ge(now_ms, 1000 + KH_SECONDS(20));
    step((struct kh_event){.type = KH_EVENT_SHARDS,
                           .ticket = cmds_find(&out, KH_CMD_LIST_SHARDS)->ticket,
                           .shards = two,
                           .shards_n = 2},
         now_ms);
    ck_assert_uint_eq(cmds_op(&out)->set, KH_LEASE_CHILDREN);
    ck_assert_str_eq(cmds_op(&out)->key, "s");
    answer(cmds_op(&out)->id,
           (struct kh_lease_answer){.verb = KH_LEASE_UPDATE, .outcome = KH_LEASE_DONE}, now_ms);
    ck_assert(cmds_noted(&out, "family.children_named"));
}
END_TEST

START_TEST(a_table_that_cannot_be_read_is_read_again)
{
    tick(1000);
    answer(cmds_op(&out)->id,
           (struct kh_lease_answer){.verb = KH_LEASE_LIST, .outcome = KH_LEASE_UNKNOWN}, 1010);
    ck_assert(cmds_noted(&out, "worker.table_not_read"));
    tick(kh_worker_deadline(worker));
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_LIST);
}
END_TEST

START_TEST(a_large_table_is_looked_at_less_often)
{
    static struct kh_lease rows[1000];

    config.take_very_old = false;
    config.leases_max = 1;
    make();
    for (int i = 0; i < 1000; i++) {
        char key[8] = {'s', (char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10)};

        rows[i] = lease(key, "other", "0", LAST);
    }
    tick(1000);
    listed(cmds_op(&out)->id, rows, 1000, 1010);
    /* 51 read units at 5 a second: about 10 s, of which the dice may take a quarter. */
    ck_assert_int_gt(kh_worker_deadline(worker), 1010 + 7600);
    ck_assert_int_le(kh_worker_deadline(worker), 1010 + 10200);
}
END_TEST

START_TEST(stopping_with_nothing_held_is_at_once)
{
    step((struct kh_event){.type = KH_EVENT_STOP}, 1000);
    ck_assert(cmds_noted(&out, "worker.stopping"));
    ck_assert_int_eq(cmds_find(&out, KH_CMD_STOPPED)->why, KH_STOP_ASKED);
    ck_assert_int_eq(kh_worker_deadline(worker), KH_NEVER);
}
END_TEST

START_TEST(a_take_under_way_at_a_stop_is_given_back)
{
    struct kh_lease all = lease("s", "", "0", LAST);
    uint64_t take;

    first_look(&all);
    take = cmds_op(&out)->id;
    step((struct kh_event){.type = KH_EVENT_STOP}, 1015);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_STOPPED));
    strcpy(all.owner, "me");
    all.counter = 6;
    answer(take, (struct kh_lease_answer){.outcome = KH_LEASE_DONE, .found = true, .lease = all},
           1020);
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_OWNER);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_START));
    taken(all, 1030);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_STOPPED));
}
END_TEST

START_TEST(children_that_take_too_long_are_killed_and_then_nothing_is_waited_for)
{
    struct kh_lease all = lease("s", "", "0", LAST);

    first_look(&all);
    taken(all, 1020);
    step((struct kh_event){.type = KH_EVENT_STOP}, 2000);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_SIGNAL));
    tick(7000);
    ck_assert(cmds_noted(&out, "worker.grace_over"));
    ck_assert(cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_STOPPED));
    tick(9000);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_STOPPED));
}
END_TEST

/* The child of the only lease, all, dies right after its start. */
static void die_at_once(const struct kh_lease *all)
{
    const struct kh_cmd *start;

    first_look(all);
    taken(*all, 1020);
    start = cmds_find(&out, KH_CMD_CHILD_START);
    step(
        (struct kh_event){.type = KH_EVENT_CHILD_EXITED, .key = KH_STR("s"), .child = start->child},
        1030);
}

START_TEST(a_shard_that_was_given_up_is_left_to_others_for_a_while)
{
    struct kh_lease all = lease("s", "", "0", LAST);
    bool exists = true;
    kh_ms taken_at_ms = 0;

    config.on_failure = KH_FAILURE_RELEASE;
    config.retry_ms = KH_SECONDS(60);
    make();
    die_at_once(&all);
    ck_assert(cmds_noted(&out, "consumer.given_up"));
    strcpy(all.owner, "me");
    all.counter = 6;
    ck_assert_int_eq(kh_lease_op_apply(cmds_op(&out), &exists, &all), KH_LEASE_DONE);
    ck_assert_str_eq(all.owner, "");
    answer(cmds_op(&out)->id,
           (struct kh_lease_answer){.outcome = KH_LEASE_DONE, .found = true, .lease = all}, 1040);
    for (kh_ms now_ms = 1500; taken_at_ms == 0 && now_ms < 100000; now_ms += 100) {
        tick(now_ms);
        if (cmds_op(&out) != NULL && cmds_op(&out)->verb == KH_LEASE_LIST) {
            listed(cmds_op(&out)->id, &all, 1, now_ms + 10);
        }
        taken_at_ms = cmds_noted(&out, "worker.take") ? now_ms : 0;
    }
    ck_assert_int_ge(taken_at_ms, 61030);
    ck_assert_int_lt(taken_at_ms, 63000);
}
END_TEST

START_TEST(a_failed_child_may_end_the_worker_which_says_so)
{
    struct kh_lease all = lease("s", "", "0", LAST);

    config.on_failure = KH_FAILURE_EXIT;
    make();
    die_at_once(&all);
    ck_assert(cmds_noted(&out, "worker.stopping"));
    strcpy(all.owner, "me");
    all.counter = 6;
    taken(all, 1040); /* the release */
    ck_assert_int_eq(cmds_find(&out, KH_CMD_STOPPED)->why, KH_STOP_FAILED);
}
END_TEST

START_TEST(a_second_signal_kills_at_once)
{
    struct kh_lease all = lease("s", "", "0", LAST);

    first_look(&all);
    taken(all, 1020);
    step((struct kh_event){.type = KH_EVENT_STOP}, 2000);
    step((struct kh_event){.type = KH_EVENT_STOP_NOW}, 2100);
    ck_assert(cmds_find(&out, KH_CMD_CHILD_SIGNAL)->kill);
}
END_TEST

START_TEST(a_hand_off_to_us_that_nobody_goes_on_with_is_ended)
{
    struct kh_lease all = lease("s", "me", "0", LAST);

    strcpy(all.checkpoint_owner, "dead");
    first_look(&all);
    ck_assert_ptr_null(cmds_op(&out));
    tick(12000);
    listed(cmds_op(&out)->id, &all, 1, 12010);
    ck_assert(cmds_noted(&out, "worker.readopt"));
    ck_assert_uint_eq(cmds_op(&out)->remove, KH_LEASE_CHECKPOINT_OWNER);
}
END_TEST

/* Two leases of a worker that hands them over; we ask for one of them, and row is that one. */
static const struct kh_lease_op *ask_for_one(struct kh_lease rows[2], struct kh_lease **row)
{
    rows[0] = lease("a", "kind", "0", HALF);
    rows[1] = lease("b", "kind", HALF_NEXT, LAST);
    strcpy(rows[0].handoff_owner, "kind");
    strcpy(rows[1].handoff_owner, "kind");
    tick(1000);
    listed(cmds_op(&out)->id, rows, 2, 1010);
    ck_assert(cmds_noted(&out, "worker.ask_for"));
    *row = &rows[strcmp(cmds_op(&out)->key, "a") == 0 ? 0 : 1];
    return cmds_op(&out);
}

START_TEST(a_kind_owner_is_asked_and_the_counter_left_to_it)
{
    struct kh_lease rows[2];
    struct kh_lease *row;
    const struct kh_lease_op *op = ask_for_one(rows, &row);

    ck_assert_uint_eq(op->expect_is, KH_LEASE_OWNER);
    ck_assert_str_eq(op->expect_owner, "kind");
    ck_assert_uint_eq(op->expect_absent, KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_uint_eq(op->set, KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_str_eq(op->lease.owner, "me");
    ck_assert_str_eq(op->lease.checkpoint_owner, "kind");
}
END_TEST

START_TEST(what_was_handed_over_begins_at_once)
{
    struct kh_lease rows[2];
    struct kh_lease *row;
    const struct kh_lease_op *op = ask_for_one(rows, &row);
    bool exists = true;

    ck_assert_int_eq(kh_lease_op_apply(op, &exists, row), KH_LEASE_DONE);
    answer(op->id, (struct kh_lease_answer){.outcome = KH_LEASE_DONE, .found = true, .lease = *row},
           1020);
    tick(2000);
    listed(cmds_op(&out)->id, rows, 2, 2010);
    ck_assert_ptr_null(cmds_op(&out));                  /* its owner is not done yet */
    ck_assert_int_le(kh_worker_deadline(worker), 2210); /* so look again soon */
    row->checkpoint_owner[0] = '\0';
    row->counter = 7;
    tick(2300);
    listed(cmds_op(&out)->id, rows, 2, 2310);
    taken(*row, 2320);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_CHILD_START));
}
END_TEST

START_TEST(whoever_was_asked_and_took_no_notice_is_robbed_in_the_end)
{
    struct kh_lease all = lease("s", "me", "0", LAST);

    strcpy(all.checkpoint_owner, "deaf");
    for (kh_ms now_ms = 1000; now_ms <= 41000; now_ms += 2000) {
        tick(now_ms);
        listed(cmds_op(&out)->id, &all, 1, now_ms + 10);
        ck_assert_ptr_null(cmds_op(&out));
        all.counter++;
    }
    tick(42000);
    listed(cmds_op(&out)->id, &all, 1, 42010);
    taken(all, 42020);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_CHILD_START)); /* it must have noticed first */
    ck_assert_uint_eq(kh_worker_shards_n(worker), 1);
}
END_TEST

START_TEST(a_question_that_came_too_late_changes_nothing)
{
    struct kh_lease rows[2];
    struct kh_lease *row;
    const struct kh_lease_op *op = ask_for_one(rows, &row);

    answer(op->id, (struct kh_lease_answer){.outcome = KH_LEASE_CONFLICT}, 1020);
    ck_assert(cmds_noted(&out, "worker.not_asked_for"));
    ck_assert_str_eq(cmds_find(&out, KH_CMD_NOTE)->key, row->key); /* not what was there before */
    ck_assert_uint_eq(kh_worker_shards_n(worker), 0);
}
END_TEST

START_TEST(whoever_stops_before_a_lease_came_asks_for_it_no_more)
{
    struct kh_lease all = lease("s", "me", "0", LAST);
    const struct kh_lease_op *op;

    strcpy(all.checkpoint_owner, "kind");
    first_look(&all);
    step((struct kh_event){.type = KH_EVENT_STOP}, 1020);
    op = cmds_op(&out);
    ck_assert_uint_eq(op->expect_is, KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_str_eq(op->lease.owner, "kind");
    ck_assert_uint_eq(op->remove, KH_LEASE_CHECKPOINT_OWNER);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_STOPPED));
    answer(op->id, (struct kh_lease_answer){.outcome = KH_LEASE_CONFLICT}, 1030);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_STOPPED));
}
END_TEST

START_TEST(the_table_is_looked_at_when_a_lease_may_run_out)
{
    struct kh_lease all = lease("s", "other", "0", LAST);

    config.list_ms = KH_SECONDS(8);
    make();
    first_look(&all);
    tick(kh_worker_deadline(worker));
    listed(cmds_op(&out)->id, &all, 1, 8000);
    ck_assert_int_eq(kh_worker_deadline(worker), 11011);
}
END_TEST

static struct kh_lease large[21];

static void look_at_large(kh_ms now_ms)
{
    tick(kh_worker_deadline(worker));
    listed(cmds_op(&out)->id, large, 21, now_ms);
}

static void all_renewed(void)
{
    for (size_t i = 0; i < 21; i++) {
        large[i].counter++;
    }
}

/* So many rows that a look costs two read units, of one a second: 2 s. */
static void make_large(kh_ms list_ms)
{
    config.read_units_per_s = 1;
    config.list_ms = list_ms;
    strcpy(config.assignment, "none");
    for (size_t i = 0; i < 21; i++) {
        large[i] = lease("s", "other", "", "");
        large[i].key[0] = (char)('A' + i);
    }
    make();
    look_at_large(1010);
    all_renewed();
    look_at_large(10900);
}

START_TEST(a_large_table_is_looked_at_sooner_when_a_lease_did_not_move)
{
    make_large(KH_SECONDS(8));
    all_renewed();
    large[0].counter--; /* runs out at 20901; half a second is enough here */
    look_at_large(20800);
    ck_assert_int_eq(kh_worker_deadline(worker), 20800 + 500);
}
END_TEST

START_TEST(a_large_table_is_not_looked_at_sooner_for_leases_whose_owners_live)
{
    make_large(KH_SECONDS(20)); /* they would run out at 20901 */
    ck_assert_int_ge(kh_worker_deadline(worker), 10900 + 15000);
}
END_TEST

/* The requests of the last step, n of them. */
static void stores(struct kh_lease_op *ops, size_t n)
{
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), n);
    for (size_t i = 0; i < out.n; i++) {
        if (out.items[i].type == KH_CMD_STORE) {
            *ops++ = *out.items[i].op;
        }
    }
}

/* Rows "a" and "b", of which the request wrote one. */
static void stored(const struct kh_lease_op *op, const struct kh_lease rows[2], kh_ms now_ms)
{
    answer(op->id,
           (struct kh_lease_answer){.outcome = KH_LEASE_DONE,
                                    .found = true,
                                    .lease = rows[strcmp(op->key, "a") == 0 ? 0 : 1]},
           now_ms);
}

START_TEST(while_the_store_throttles_the_lease_that_runs_out_first_is_renewed_first)
{
    struct kh_lease rows[2] = {lease("a", "", "0", HALF), lease("b", "", HALF_NEXT, LAST)};
    struct kh_lease_op ops[2];

    config.list_ms = KH_SECONDS(20);
    make();
    tick(1000);
    listed(cmds_op(&out)->id, rows, 2, 1010);
    stores(ops, 2);
    for (int i = 0; i < 2; i++) {
        strcpy(rows[i].owner, "me");
        rows[i].counter = 6;
    }
    stored(&ops[0], rows, 1020);
    stored(&ops[1], rows, 1020);
    tick(4400);
    stores(ops, 2);
    rows[0].counter = 7;
    rows[1].counter = 7;
    stored(&ops[0], rows, 4410);
    answer(ops[1].id, (struct kh_lease_answer){.outcome = KH_LEASE_FAILED, .rc = KH_THROTTLED},
           4420);
    tick(9000); /* both are due, the throttled one runs out first */
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 1);
    ck_assert_str_eq(cmds_op(&out)->key, ops[1].key);
    tick(9000);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_STORE), 0);
    tick(9005);
    ck_assert_str_eq(cmds_op(&out)->key, ops[0].key);
}
END_TEST

START_TEST(in_a_large_table_what_is_on_its_way_is_looked_at_by_itself)
{
    static struct kh_lease rows[200];

    config.leases_max = 1;
    make();
    for (int i = 0; i < 200; i++) {
        char key[8] = {'s', (char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10)};

        rows[i] = lease(key, "kind", "0", LAST);
    }
    strcpy(rows[7].owner, "me");
    strcpy(rows[7].checkpoint_owner, "kind");
    tick(1000);
    listed(cmds_op(&out)->id, rows, 200, 1010);
    ck_assert_int_le(kh_worker_deadline(worker), 1410); /* the table itself not before 2700 */
    tick(1410);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_GET);
    ck_assert_str_eq(cmds_op(&out)->key, "s007");
    rows[7].checkpoint_owner[0] = '\0';
    rows[7].counter = 6;
    answer(cmds_op(&out)->id,
           (struct kh_lease_answer){
               .verb = KH_LEASE_GET, .outcome = KH_LEASE_DONE, .found = true, .lease = rows[7]},
           1420);
    ck_assert(cmds_noted(&out, "worker.readopt"));
}
END_TEST

START_TEST(a_third_signal_waits_for_nothing)
{
    struct kh_lease all = lease("s", "", "0", LAST);

    first_look(&all);
    taken(all, 1020);
    step((struct kh_event){.type = KH_EVENT_STOP}, 2000);
    step((struct kh_event){.type = KH_EVENT_STOP_NOW}, 2100);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_STOPPED));
    step((struct kh_event){.type = KH_EVENT_STOP_NOW}, 2200);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_STOPPED));
}
END_TEST

START_TEST(a_row_that_cannot_be_read_keeps_children_from_being_put_at_the_tip)
{
    struct kh_lease half = lease("a", "other", "0", HALF);

    config.initial_position = KH_POSITION_LATEST;
    make();
    tick(1000);
    answer(cmds_op(&out)->id,
           (struct kh_lease_answer){.verb = KH_LEASE_LIST,
                                    .outcome = KH_LEASE_DONE,
                                    .leases = &half,
                                    .leases_n = 1,
                                    .malformed_n = 1},
           1010);
    ck_assert(cmds_noted(&out, "worker.table_not_whole"));
    tick(1020);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_LIST_SHARDS));
}
END_TEST

START_TEST(at_the_horizon_a_row_that_cannot_be_read_only_makes_the_sync_wait)
{
    struct kh_lease half = lease("a", "me", "0", HALF);

    tick(1000);
    answer(cmds_op(&out)->id,
           (struct kh_lease_answer){.verb = KH_LEASE_LIST,
                                    .outcome = KH_LEASE_DONE,
                                    .leases = &half,
                                    .leases_n = 1,
                                    .malformed_n = 1},
           1010);
    tick(1020);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_LIST_SHARDS));
    tick(kh_worker_deadline(worker));
    listed(cmds_op(&out)->id, &half, 1, 3000); /* now it can be read, or is gone */
    tick(3010);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_LIST_SHARDS));
}
END_TEST

START_TEST(with_nothing_to_read_it_says_so_and_ends)
{
    kh_ms now_ms = 1000;
    bool said = false;

    config.exit_when_done = true;
    config.initial_position = KH_POSITION_LATEST;
    make();
    for (int i = 0; i < 100 && cmds_find(&out, KH_CMD_STOPPED) == NULL; i++) {
        tick(now_ms);
        if (cmds_find(&out, KH_CMD_LIST_SHARDS) != NULL) {
            shards(0, KH_OK, now_ms);
            said = said || cmds_noted(&out, "sync.nothing_to_read");
        } else if (cmds_op(&out) != NULL) {
            listed(cmds_op(&out)->id, NULL, 0, now_ms);
        }
        now_ms = kh_worker_deadline(worker);
    }
    ck_assert(said);
    ck_assert_int_eq(cmds_find(&out, KH_CMD_STOPPED)->why, KH_STOP_DONE);
}
END_TEST

START_TEST(a_finished_parent_without_its_child_in_the_listing_is_not_the_end)
{
    struct kh_lease all = lease("a", "me", "0", LAST);

    config.exit_when_done = true;
    make();
    all.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    all.children_n = 1;
    strcpy(all.children[0], "b");
    first_look(&all);
    taken(all, 1020);
    all.counter = 6;
    tick(1030);
    shards(0, KH_OK, 1040);
    tick(1040);
    listed(cmds_op(&out)->id, &all, 1, 1050);
    ck_assert(!cmds_noted(&out, "worker.stopping"));
}
END_TEST

START_TEST(a_table_that_stays_unreadable_is_tried_ever_more_rarely)
{
    kh_ms now_ms = 1000;
    kh_ms pause_ms = 0;

    for (int i = 0; i < 10; i++) {
        tick(now_ms);
        answer(cmds_op(&out)->id,
               (struct kh_lease_answer){.verb = KH_LEASE_LIST, .outcome = KH_LEASE_UNKNOWN},
               now_ms);
        pause_ms = kh_worker_deadline(worker) - now_ms;
        now_ms += pause_ms;
    }
    ck_assert_int_gt(pause_ms, 7000);
    ck_assert_int_le(pause_ms, 10000);
}
END_TEST

START_TEST(when_all_is_done_it_ends_only_after_a_full_listing)
{
    struct kh_lease all = lease("a", "", "0", LAST);

    config.exit_when_done = true;
    make();
    all.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    first_look(&all);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_STOPPED));
    taken(all, 1020);
    tick(1020);
    ck_assert_int_eq(cmds_find(&out, KH_CMD_LIST_SHARDS)->filter, KH_SHARDS_ALL);
    shards(0, KH_OK, 1030);
    strcpy(all.owner, "me");
    all.counter = 6;
    tick(kh_worker_deadline(worker));
    listed(cmds_op(&out)->id, &all, 1, 1050);
    taken(all, 1060);
    ck_assert_int_eq(cmds_find(&out, KH_CMD_STOPPED)->why, KH_STOP_DONE);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("worker");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_free_lease_is_taken_and_its_consumer_begins);
    tcase_add_test(tcase, a_dead_owners_lease_counts_as_a_switch);
    tcase_add_test(tcase, a_conflict_means_that_somebody_else_was_first);
    tcase_add_test(tcase, a_lease_that_carries_our_name_is_ours_only_after_a_write);
    tcase_add_test(tcase, a_take_that_is_answered_too_late_is_worth_nothing);
    tcase_add_test(tcase, a_stolen_shard_waits_for_the_robbed_worker);
    tcase_add_test(tcase, a_robbed_worker_looks_for_itself_as_soon_as_the_table_says_so);
    tcase_add_test(tcase, an_old_listing_raises_no_doubt);
    tcase_add_test(tcase, an_empty_table_is_filled_from_a_filtered_listing);
    tcase_add_test(tcase, a_listing_that_does_not_cover_is_asked_again_then_not_trusted);
    tcase_add_test(tcase, a_listing_that_failed_is_made_again);
    tcase_add_test(tcase, a_lease_that_could_not_be_created_stops_the_sync_for_now);
    tcase_add_test(tcase, leases_are_not_made_from_an_old_look_at_the_table);
    tcase_add_test(tcase, whoever_leads_looks_into_a_hole_at_once);
    tcase_add_test(tcase, others_look_into_a_hole_that_stays);
    tcase_add_test(tcase, a_finished_lease_learns_its_children_from_a_listing);
    tcase_add_test(tcase, a_table_that_cannot_be_read_is_read_again);
    tcase_add_test(tcase, a_large_table_is_looked_at_less_often);
    tcase_add_test(tcase, stopping_with_nothing_held_is_at_once);
    tcase_add_test(tcase, a_take_under_way_at_a_stop_is_given_back);
    tcase_add_test(tcase, children_that_take_too_long_are_killed_and_then_nothing_is_waited_for);
    tcase_add_test(tcase, a_shard_that_was_given_up_is_left_to_others_for_a_while);
    tcase_add_test(tcase, a_failed_child_may_end_the_worker_which_says_so);
    tcase_add_test(tcase, a_second_signal_kills_at_once);
    tcase_add_test(tcase, a_hand_off_to_us_that_nobody_goes_on_with_is_ended);
    tcase_add_test(tcase, a_kind_owner_is_asked_and_the_counter_left_to_it);
    tcase_add_test(tcase, what_was_handed_over_begins_at_once);
    tcase_add_test(tcase, whoever_was_asked_and_took_no_notice_is_robbed_in_the_end);
    tcase_add_test(tcase, a_question_that_came_too_late_changes_nothing);
    tcase_add_test(tcase, whoever_stops_before_a_lease_came_asks_for_it_no_more);
    tcase_add_test(tcase, the_table_is_looked_at_when_a_lease_may_run_out);
    tcase_add_test(tcase, a_large_table_is_looked_at_sooner_when_a_lease_did_not_move);
    tcase_add_test(tcase, a_large_table_is_not_looked_at_sooner_for_leases_whose_owners_live);
    tcase_add_test(tcase, while_the_store_throttles_the_lease_that_runs_out_first_is_renewed_first);
    tcase_add_test(tcase, in_a_large_table_what_is_on_its_way_is_looked_at_by_itself);
    tcase_add_test(tcase, a_third_signal_waits_for_nothing);
    tcase_add_test(tcase, a_row_that_cannot_be_read_keeps_children_from_being_put_at_the_tip);
    tcase_add_test(tcase, at_the_horizon_a_row_that_cannot_be_read_only_makes_the_sync_wait);
    tcase_add_test(tcase, with_nothing_to_read_it_says_so_and_ends);
    tcase_add_test(tcase, a_finished_parent_without_its_child_in_the_listing_is_not_the_end);
    tcase_add_test(tcase, a_table_that_stays_unreadable_is_tried_ever_more_rarely);
    tcase_add_test(tcase, when_all_is_done_it_ends_only_after_a_full_listing);
    return suite_run("worker", tcase);
}
