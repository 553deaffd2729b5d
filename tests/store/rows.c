/* What every store must do. */
#include "tests/store/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/lease_eq.h"
#include "tests/store/fixture.h"

static struct side a;
static struct side b;

static const struct kh_lease fresh = {.key = "shardId-000000000001",
                                      .checkpoint = {.seq = "TRIM_HORIZON"},
                                      .range = {.start = "0", .end = "99"}};

/* Every attribute has a value. */
static const struct kh_lease full = {
    .key = "shardId-000000000001",
    .owner = "alice \xc3\xa9 \"1\"",
    .checkpoint_owner = "bob",
    .handoff_owner = "alice \xc3\xa9 \"1\"",
    .counter = 7,
    .owner_switches = 2,
    .checkpoint = {.seq = "49590338271490256608559692538361571095921575989136588898", .sub = 1},
    .pending = {.seq = "49590338271490256608559692538361571095921575989136588899", .sub = 3},
    .parents_n = 2,
    .parents = {"shardId-000000000000", "shardId-000000000002"},
    .children_n = 2,
    .children = {"shardId-000000000008", "shardId-000000000009"},
    .range = {.start = "0", .end = "340282366920938463463374607431768211455"},
    .has_throughput = true,
    .throughput_kbps = 0.112551};

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

static void stored_is(const struct kh_lease *want)
{
    const struct kh_lease got = get(&a, want->key);

    test_lease_eq(&got, want);
}

static void expect_owner(struct kh_lease_op *op, const char *owner)
{
    op->expect_is |= KH_LEASE_OWNER;
    ck_assert(kh_str_copy(op->expect_owner, sizeof(op->expect_owner), kh_str(owner)));
}

static void expect_checkpoint_owner(struct kh_lease_op *op, const char *owner)
{
    op->expect_is |= KH_LEASE_CHECKPOINT_OWNER;
    ck_assert(kh_str_copy(op->expect_checkpoint_owner, sizeof(op->expect_checkpoint_owner),
                          kh_str(owner)));
}

START_TEST(a_created_lease_is_read_back_the_same)
{
    const struct kh_lease_op op = create_op(&fresh);
    const struct kh_lease_answer *answer = run(&a, &op);

    ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    test_lease_eq(&answer->lease, &fresh);
    stored_is(&fresh);
}
END_TEST

START_TEST(every_attribute_is_kept)
{
    create(&a, &full);
    stored_is(&full);
}
END_TEST

START_TEST(a_lease_that_is_not_there_is_done_and_not_found)
{
    const struct kh_lease_op op = get_op("shardId-000000000404");
    const struct kh_lease_answer *answer = run(&a, &op);

    ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    ck_assert(!answer->found);
}
END_TEST

START_TEST(creating_twice_conflicts_and_shows_the_row)
{
    struct kh_lease_op op = create_op(&fresh);
    const struct kh_lease_answer *answer;

    create(&a, &full);
    answer = run(&a, &op);
    ck_assert_int_eq(answer->outcome, KH_LEASE_CONFLICT);
    ck_assert(answer->found);
    test_lease_eq(&answer->lease, &full);
    stored_is(&full);
}
END_TEST

START_TEST(updating_what_is_not_there_conflicts_and_creates_nothing)
{
    struct kh_lease_op op = update_op("shardId-000000000404");
    const struct kh_lease_answer *answer;

    op.set = KH_LEASE_COUNTER;
    answer = run(&a, &op);
    ck_assert_int_eq(answer->outcome, KH_LEASE_CONFLICT);
    ck_assert(!answer->found);
    op.expect_absent = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER;
    answer = run(&a, &op);
    ck_assert_int_eq(answer->outcome, KH_LEASE_CONFLICT);
    ck_assert(!answer->found);
    ck_assert_uint_eq(list(&a)->leases_n, 0);
}
END_TEST

static const unsigned single_fields[] = {
    KH_LEASE_COUNTER,    KH_LEASE_OWNER,         KH_LEASE_CHECKPOINT_OWNER, KH_LEASE_SWITCHES,
    KH_LEASE_CHECKPOINT, KH_LEASE_PENDING,       KH_LEASE_CHILDREN,         KH_LEASE_HASH_RANGE,
    KH_LEASE_THROUGHPUT, KH_LEASE_HANDOFF_OWNER, KH_LEASE_FIELDS_ALL};
enum { SINGLE_FIELDS_N = sizeof(single_fields) / sizeof(single_fields[0]) };

/* What core/lease_op.c does to a row is the measure; tests/unit/test_lease_op.c holds it to
 * written-out values. */
static void update_like_core(const struct kh_lease *before, const struct kh_lease_op *op)
{
    struct kh_lease want = *before;
    bool exists = true;
    const struct kh_lease_op drop = delete_op(before->key);
    const struct kh_lease_answer *answer;

    ck_assert_int_eq(run(&a, &drop)->outcome, KH_LEASE_DONE);
    create(&a, before);
    ck_assert_int_eq(kh_lease_op_apply(op, &exists, &want), KH_LEASE_DONE);
    answer = run(&a, op);
    ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    test_lease_eq(&answer->lease, &want);
    stored_is(&want);
}

START_TEST(each_field_is_set_alone_and_all_together)
{
    struct kh_lease_op op = update_op(full.key);

    op.lease = full;
    op.lease.counter = 40;
    memcpy(op.lease.owner, "carol", sizeof("carol"));
    memcpy(op.lease.checkpoint_owner, "dave", sizeof("dave"));
    op.lease.owner_switches = 0;
    op.lease.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    op.lease.pending.sub = 4;
    op.lease.children_n = 1;
    memcpy(op.lease.range.end, "7", sizeof("7"));
    op.lease.throughput_kbps = 12;
    for (size_t i = 0; i < SINGLE_FIELDS_N; i++) {
        op.set = single_fields[i];
        update_like_core(&full, &op);
        update_like_core(&fresh, &op);
    }
}
END_TEST

START_TEST(adding_one_counts_from_what_is_stored)
{
    struct kh_lease_op op = update_op(full.key);

    op.add_one = KH_LEASE_COUNTER;
    update_like_core(&full, &op);
    op.add_one = KH_LEASE_COUNTER | KH_LEASE_SWITCHES;
    update_like_core(&full, &op);
}
END_TEST

START_TEST(removing_leaves_nothing_behind_and_needs_nothing_there)
{
    struct kh_lease_op op = update_op(full.key);

    op.remove = KH_LEASE_OWNER;
    update_like_core(&full, &op);
    op.remove = KH_LEASE_CHECKPOINT_OWNER;
    update_like_core(&full, &op);
    op.remove = KH_LEASE_PENDING;
    update_like_core(&full, &op);
    op.remove = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER | KH_LEASE_PENDING;
    update_like_core(&full, &op);
    update_like_core(&fresh, &op);
}
END_TEST

START_TEST(set_add_and_remove_go_together)
{
    struct kh_lease_op op = update_op(full.key);

    expect_owner(&op, full.owner);
    expect_checkpoint_owner(&op, full.checkpoint_owner);
    op.set = KH_LEASE_OWNER;
    op.add_one = KH_LEASE_COUNTER | KH_LEASE_SWITCHES;
    op.remove = KH_LEASE_CHECKPOINT_OWNER;
    memcpy(op.lease.owner, "carol", sizeof("carol"));
    update_like_core(&full, &op);
}
END_TEST

START_TEST(what_is_as_expected_is_updated)
{
    struct kh_lease_op op = update_op(full.key);

    op.add_one = KH_LEASE_SWITCHES;
    op.expect_is = KH_LEASE_COUNTER;
    op.expect_counter = 7;
    update_like_core(&full, &op);
    expect_owner(&op, full.owner);
    update_like_core(&full, &op);
    expect_checkpoint_owner(&op, full.checkpoint_owner);
    update_like_core(&full, &op);
    op.expect_is = 0;
    op.expect_absent = KH_LEASE_OWNER;
    update_like_core(&fresh, &op);
    op.expect_absent = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER;
    update_like_core(&fresh, &op);
}
END_TEST

static void conflicts(const struct kh_lease_op *op, const struct kh_lease *row)
{
    const struct kh_lease_answer *answer = run(&a, op);

    ck_assert_int_eq(answer->outcome, KH_LEASE_CONFLICT);
    ck_assert(answer->found);
    test_lease_eq(&answer->lease, row);
    stored_is(row);
}

START_TEST(what_is_not_as_expected_stays_and_is_shown)
{
    struct kh_lease_op op = update_op(full.key);

    create(&a, &full);
    op.set = KH_LEASE_COUNTER;
    op.lease.counter = 8;
    op.expect_is = KH_LEASE_COUNTER;
    op.expect_counter = 6;
    conflicts(&op, &full);
    op.expect_is = 0;
    expect_owner(&op, "Alice");
    conflicts(&op, &full);
    op.expect_is = 0;
    expect_checkpoint_owner(&op, "bo");
    conflicts(&op, &full);
    op.expect_is = 0;
    op.expect_absent = KH_LEASE_OWNER;
    conflicts(&op, &full);
    op.expect_absent = KH_LEASE_CHECKPOINT_OWNER;
    conflicts(&op, &full);
    op.expect_is = KH_LEASE_COUNTER; /* one of two is enough */
    op.expect_counter = 7;
    conflicts(&op, &full);
}
END_TEST

START_TEST(an_absent_owner_is_equal_to_none)
{
    struct kh_lease_op op = update_op(fresh.key);

    create(&a, &fresh);
    op.add_one = KH_LEASE_COUNTER;
    expect_owner(&op, "alice");
    conflicts(&op, &fresh);
    op.expect_is = 0;
    expect_checkpoint_owner(&op, "alice");
    conflicts(&op, &fresh);
}
END_TEST

START_TEST(deleting_is_done_whether_it_was_there_or_not)
{
    const struct kh_lease_op op = delete_op(fresh.key);
    const struct kh_lease_op look = get_op(fresh.key);

    create(&a, &fresh);
    ck_assert_int_eq(run(&a, &op)->outcome, KH_LEASE_DONE);
    ck_assert(!run(&a, &look)->found);
    ck_assert_int_eq(run(&a, &op)->outcome, KH_LEASE_DONE);
    create(&a, &full);
    stored_is(&full);
}
END_TEST

START_TEST(sequence_numbers_have_up_to_129_digits)
{
    struct kh_lease lease = fresh;

    memset(lease.checkpoint.seq, '9', 129);
    lease.checkpoint.sub = INT64_MAX;
    lease.pending = lease.checkpoint;
    lease.pending.seq[128] = '8';
    lease.counter = INT64_MAX;
    create(&a, &lease);
    stored_is(&lease);
}
END_TEST

START_TEST(names_have_up_to_128_bytes)
{
    struct kh_lease lease = full;

    memset(lease.key, 'k', KH_LEASE_KEY_MAX);
    memset(lease.owner, 'o', KH_WORKER_ID_MAX);
    memset(lease.checkpoint_owner, '"', KH_WORKER_ID_MAX);
    memset(lease.handoff_owner, 'h', KH_WORKER_ID_MAX);
    memset(lease.parents[0], 'p', KH_SHARD_ID_MAX);
    memset(lease.children[0], 'c', KH_SHARD_ID_MAX);
    create(&a, &lease);
    stored_is(&lease);
}
END_TEST

static int by_key(const void *left, const void *right)
{
    return strcmp(((const struct kh_lease *)left)->key, ((const struct kh_lease *)right)->key);
}

START_TEST(a_list_has_every_lease_once)
{
    const struct kh_lease_answer *answer = list(&a);

    ck_assert_uint_eq(answer->leases_n, 0);
    ck_assert_uint_eq(answer->malformed_n, 0);
    for (int i = 9; i >= 0; i--) {
        struct kh_lease lease = full;

        (void)snprintf(lease.key, sizeof(lease.key), "shardId-%012d", i);
        lease.counter = (uint64_t)i;
        create(&a, &lease);
    }
    answer = list(&a);
    ck_assert_uint_eq(answer->leases_n, 10);
    qsort(a.leases, 10, sizeof(*a.leases), by_key);
    for (int i = 0; i < 10; i++) {
        struct kh_lease want = full;

        (void)snprintf(want.key, sizeof(want.key), "shardId-%012d", i);
        want.counter = (uint64_t)i;
        test_lease_eq(&a.leases[i], &want);
    }
}
END_TEST

/* At about 300 bytes each, DynamoDB needs several pages. */
START_TEST(ten_thousand_leases_are_listed)
{
    enum { LEASES = 10000, AT_ONCE = 100 };

    for (int i = 0; i < LEASES; i += AT_ONCE) {
        a.answers_n = 0;
        for (int j = i; j < i + AT_ONCE; j++) {
            struct kh_lease lease = full;
            struct kh_lease_op op;

            (void)snprintf(lease.key, sizeof(lease.key), "shardId-%012d", j);
            op = create_op(&lease);
            submit(&a, &op);
        }
        wait_for(&a, AT_ONCE);
        for (int j = 0; j < AT_ONCE; j++) {
            ck_assert_int_eq(a.answers[j].outcome, KH_LEASE_DONE);
        }
    }
    ck_assert_uint_eq(list(&a)->leases_n, LEASES);
    qsort(a.leases, LEASES, sizeof(*a.leases), by_key);
    for (int i = 0; i < LEASES; i++) {
        char key[KH_LEASE_KEY_MAX + 1];

        (void)snprintf(key, sizeof(key), "shardId-%012d", i);
        ck_assert_str_eq(a.leases[i].key, key);
    }
}
END_TEST

START_TEST(many_requests_at_once_are_each_answered_once)
{
    enum { REQUESTS = 200 };
    bool seen[REQUESTS] = {false};

    create(&a, &fresh);
    a.answers_n = 0;
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct kh_lease_op op = i % 2 == 0 ? get_op(fresh.key) : update_op(fresh.key);

        op.id = i;
        op.add_one = i % 2 == 0 ? 0 : KH_LEASE_COUNTER;
        submit(&a, &op);
    }
    wait_for(&a, REQUESTS);
    for (unsigned i = 0; i < REQUESTS; i++) {
        const struct kh_lease_answer *answer = &a.answers[i];

        ck_assert_uint_lt(answer->id, REQUESTS);
        ck_assert(!seen[answer->id]);
        seen[answer->id] = true;
        ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    }
    ck_assert_uint_eq(get(&a, fresh.key).counter, REQUESTS / 2);
}
END_TEST

START_TEST(of_two_workers_that_take_a_lease_exactly_one_wins)
{
    enum { ROUNDS = 200 };
    struct kh_lease_op op = update_op(fresh.key);
    int won_a = 0;

    side_open(&b);
    create(&a, &fresh);
    op.set = KH_LEASE_COUNTER | KH_LEASE_OWNER;
    op.expect_is = KH_LEASE_COUNTER;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        const struct kh_lease_answer *winner;
        const struct kh_lease_answer *loser;

        op.expect_counter = round;
        op.lease.counter = round + 1;
        a.answers_n = 0;
        b.answers_n = 0;
        for (int i = 0; i < 2; i++) {
            struct side *side = (round + (uint64_t)i) % 2 == 0 ? &a : &b;

            memcpy(op.lease.owner, side == &a ? "a" : "b", 2);
            submit(side, &op);
        }
        wait_for(&a, 1);
        wait_for(&b, 1);
        winner = a.answers[0].outcome == KH_LEASE_DONE ? &a.answers[0] : &b.answers[0];
        loser = winner == &a.answers[0] ? &b.answers[0] : &a.answers[0];
        ck_assert_int_eq(winner->outcome, KH_LEASE_DONE);
        ck_assert_int_eq(loser->outcome, KH_LEASE_CONFLICT);
        ck_assert(loser->found);
        test_lease_eq(&loser->lease, &winner->lease);
        ck_assert_str_eq(winner->lease.owner, winner == &a.answers[0] ? "a" : "b");
        ck_assert_uint_eq(winner->lease.counter, round + 1);
        won_a += winner == &a.answers[0] ? 1 : 0;
    }
    ck_assert_int_gt(won_a, 0);
    ck_assert_int_lt(won_a, ROUNDS);
    side_close(&b);
}
END_TEST

START_TEST(attributes_that_nobody_knows_survive_an_update)
{
    struct kh_lease_op op = update_op(full.key);

    create(&a, &full);
    if (!plant_attribute(full.key)) {
        return;
    }
    ck_assert(has_planted_attribute(full.key));
    op.lease = full;
    op.set = KH_LEASE_FIELDS_ALL;
    ck_assert_int_eq(run(&a, &op)->outcome, KH_LEASE_DONE);
    ck_assert(has_planted_attribute(full.key));
    stored_is(&full);
}
END_TEST

START_TEST(malformed_rows_are_counted_and_left_alone)
{
    struct kh_lease_op op = update_op("broken");
    const struct kh_lease_op look = get_op("broken");
    const struct kh_lease_op drop = delete_op("broken");
    const struct kh_lease_answer *answer;

    create(&a, &fresh);
    if (!plant_malformed("broken")) {
        return;
    }
    answer = list(&a);
    ck_assert_uint_eq(answer->leases_n, 1);
    ck_assert_uint_eq(answer->malformed_n, 1);
    test_lease_eq(&answer->leases[0], &fresh);

    answer = run(&a, &look);
    ck_assert_int_eq(answer->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer->rc, KH_INVALID);

    op.add_one = KH_LEASE_COUNTER;
    op.expect_is = KH_LEASE_COUNTER;
    op.expect_counter = 2;
    answer = run(&a, &op);
    ck_assert_int_eq(answer->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer->rc, KH_INVALID);

    ck_assert_int_eq(run(&a, &drop)->outcome, KH_LEASE_DONE);
    ck_assert_uint_eq(list(&a)->malformed_n, 0);
}
END_TEST

START_TEST(items_of_other_kinds_are_passed_over)
{
    const struct kh_lease_answer *answer;
    const struct kh_lease_op look = get_op("a worker");

    create(&a, &fresh);
    if (!plant_foreign("a worker")) {
        return;
    }
    answer = list(&a);
    ck_assert_uint_eq(answer->leases_n, 1);
    ck_assert_uint_eq(answer->malformed_n, 0);
    answer = run(&a, &look);
    ck_assert_int_eq(answer->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer->rc, KH_INVALID);
}
END_TEST

START_TEST(what_was_stored_is_there_when_opened_again)
{
    create(&a, &full);
    side_close(&a);
    side_open(&a);
    if (kind == KIND_MEMORY) {
        ck_assert_uint_eq(list(&a)->leases_n, 0); /* nothing outlives its last store */
        return;
    }
    stored_is(&full);
}
END_TEST

START_TEST(a_table_that_is_there_is_left_as_it_is)
{
    create(&a, &full);
    side_open(&b);
    side_close(&b);
    stored_is(&full);
}
END_TEST

START_TEST(a_missing_table_is_not_created_unless_asked)
{
    struct kh_store_config config = side_config(&b);
    struct kh_err err;

    config.table = "kh-store.nobody-made-this";
    config.create_if_missing = false;
    for (int i = 0; i < 2; i++) { /* the second time shows that the first created nothing */
        ck_assert_int_eq(side_try(&b, &config, &err), KH_OK);
        ck_assert_int_eq(side_ensure(&b), KH_NOTFOUND);
        ck_assert_ptr_nonnull(strstr(b.ensure_err.text, config.table));
        side_close(&b);
    }
}
END_TEST

START_TEST(two_tables_do_not_see_each_other)
{
    struct kh_store_config config = side_config(&b);
    char other[80];
    struct kh_err err;

    create(&a, &full);
    (void)snprintf(other, sizeof(other), "%s-other", table_name);
    config.table = other;
    ck_assert_int_eq(side_try(&b, &config, &err), KH_OK);
    ck_assert_msg(side_ensure(&b) == KH_OK, "%s", b.ensure_err.text);
    ck_assert_uint_eq(list(&b)->leases_n, 0);
    create(&b, &fresh);
    stored_is(&full);
    side_close(&b);
}
END_TEST

/* Nothing comes after it, and nothing is leaked (the sanitizers look). */
START_TEST(closing_ends_what_is_under_way)
{
    side_open(&b);
    for (unsigned i = 0; i < 50; i++) {
        struct kh_lease lease = fresh;
        struct kh_lease_op op;

        (void)snprintf(lease.key, sizeof(lease.key), "shardId-%012u", i);
        op = i % 10 == 0 ? (struct kh_lease_op){.verb = KH_LEASE_LIST} : create_op(&lease);
        submit(&b, &op);
    }
    side_close(&b);
    (void)list(&a); /* the loop goes on */
    ck_assert_uint_eq(b.answers_n, 0);
}
END_TEST

static struct kh_store *closed_in_answer;

static void close_in_answer(void *arg, const struct kh_lease_answer *answer)
{
    (void)arg;
    (void)answer;
    ck_assert_ptr_nonnull(closed_in_answer); /* only one answer */
    kh_store_close(closed_in_answer);
    closed_in_answer = NULL;
}

START_TEST(a_store_may_be_closed_in_its_own_answer)
{
    struct kh_store_config config = side_config(&b);
    const struct kh_lease_op op = get_op("x");
    struct kh_err err;

    config.answered = close_in_answer;
    ck_assert_int_eq(side_try(&b, &config, &err), KH_OK);
    ck_assert_int_eq(side_ensure(&b), KH_OK);
    closed_in_answer = b.store;
    submit(&b, &op);
    submit(&b, &op);
    for (int i = 0; i < 100 && closed_in_answer != NULL; i++) {
        (void)list(&a);
    }
    ck_assert_ptr_null(closed_in_answer);
    (void)list(&a);
}
END_TEST

void add_rows(TCase *tcase)
{
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_created_lease_is_read_back_the_same);
    tcase_add_test(tcase, every_attribute_is_kept);
    tcase_add_test(tcase, a_lease_that_is_not_there_is_done_and_not_found);
    tcase_add_test(tcase, creating_twice_conflicts_and_shows_the_row);
    tcase_add_test(tcase, updating_what_is_not_there_conflicts_and_creates_nothing);
    tcase_add_test(tcase, each_field_is_set_alone_and_all_together);
    tcase_add_test(tcase, adding_one_counts_from_what_is_stored);
    tcase_add_test(tcase, removing_leaves_nothing_behind_and_needs_nothing_there);
    tcase_add_test(tcase, set_add_and_remove_go_together);
    tcase_add_test(tcase, what_is_as_expected_is_updated);
    tcase_add_test(tcase, what_is_not_as_expected_stays_and_is_shown);
    tcase_add_test(tcase, an_absent_owner_is_equal_to_none);
    tcase_add_test(tcase, deleting_is_done_whether_it_was_there_or_not);
    tcase_add_test(tcase, sequence_numbers_have_up_to_129_digits);
    tcase_add_test(tcase, names_have_up_to_128_bytes);
    tcase_add_test(tcase, a_list_has_every_lease_once);
    tcase_add_test(tcase, ten_thousand_leases_are_listed);
    tcase_add_test(tcase, many_requests_at_once_are_each_answered_once);
    tcase_add_test(tcase, of_two_workers_that_take_a_lease_exactly_one_wins);
    tcase_add_test(tcase, attributes_that_nobody_knows_survive_an_update);
    tcase_add_test(tcase, malformed_rows_are_counted_and_left_alone);
    tcase_add_test(tcase, items_of_other_kinds_are_passed_over);
    tcase_add_test(tcase, what_was_stored_is_there_when_opened_again);
    tcase_add_test(tcase, a_table_that_is_there_is_left_as_it_is);
    tcase_add_test(tcase, a_missing_table_is_not_created_unless_asked);
    tcase_add_test(tcase, two_tables_do_not_see_each_other);
    tcase_add_test(tcase, closing_ends_what_is_under_way);
    tcase_add_test(tcase, a_store_may_be_closed_in_its_own_answer);
}
