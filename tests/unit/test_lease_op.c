#include "core/lease_op.h"

#include <check.h>
#include <signal.h>
#include <string.h>

#include "tests/lib/lease_eq.h"
#include "tests/lib/suite.h"

static struct kh_lease row;
static struct kh_lease before;
static bool exists;

/* Every attribute has a value, so that what a request must not touch shows. */
static void setup(void)
{
    row = (struct kh_lease){.key = "shard-1",
                            .owner = "alice",
                            .checkpoint_owner = "bob",
                            .counter = 7,
                            .owner_switches = 2,
                            .checkpoint = {.seq = "100", .sub = 1},
                            .pending = {.seq = "200", .sub = 3},
                            .parents_n = 1,
                            .parents = {"shard-0"},
                            .children_n = 1,
                            .children = {"shard-2"},
                            .range = {.start = "0", .end = "9"},
                            .has_throughput = true,
                            .throughput_kbps = 1.5};
    before = row;
    exists = true;
}

static struct kh_lease_op update(void)
{
    return (struct kh_lease_op){.id = 1, .verb = KH_LEASE_UPDATE, .key = "shard-1"};
}

static enum kh_lease_outcome apply(const struct kh_lease_op *op)
{
    return kh_lease_op_apply(op, &exists, &row);
}

static void row_is(const struct kh_lease *want)
{
    ck_assert(exists);
    test_lease_eq(&row, want);
}

START_TEST(create_writes_the_whole_row_where_there_is_none)
{
    struct kh_lease_op op = {.verb = KH_LEASE_CREATE, .key = "shard-1", .lease = row};

    exists = false;
    memset(&row, 0, sizeof(row));
    ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
    row_is(&before);
}
END_TEST

START_TEST(create_conflicts_with_a_row_that_is_there)
{
    struct kh_lease_op op = {.verb = KH_LEASE_CREATE,
                             .key = "shard-1",
                             .lease = {.key = "shard-1", .checkpoint = {.seq = "LATEST"}}};

    ck_assert_int_eq(apply(&op), KH_LEASE_CONFLICT);
    row_is(&before);
}
END_TEST

START_TEST(update_conflicts_where_there_is_no_row)
{
    struct kh_lease_op op = update();

    op.set = KH_LEASE_COUNTER;
    exists = false;
    ck_assert_int_eq(apply(&op), KH_LEASE_CONFLICT);
    ck_assert(!exists);
}
END_TEST

START_TEST(each_field_is_set_alone)
{
    static const unsigned fields[] = {
        KH_LEASE_COUNTER,  KH_LEASE_OWNER,      KH_LEASE_CHECKPOINT_OWNER,
        KH_LEASE_SWITCHES, KH_LEASE_CHECKPOINT, KH_LEASE_PENDING,
        KH_LEASE_CHILDREN, KH_LEASE_HASH_RANGE, KH_LEASE_THROUGHPUT};
    struct kh_lease_op op = update();

    op.lease = (struct kh_lease){.key = "shard-1",
                                 .owner = "carol",
                                 .checkpoint_owner = "dave",
                                 .counter = 40,
                                 .owner_switches = 50,
                                 .checkpoint = {.seq = "SHARD_END"},
                                 .pending = {.seq = "201", .sub = 9},
                                 .children_n = 2,
                                 .children = {"shard-8", "shard-9"},
                                 .range = {.start = "1", .end = "2"},
                                 .has_throughput = true,
                                 .throughput_kbps = 0.25};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct kh_lease want = before;

        setup();
        op.set = fields[i];
        switch (fields[i]) {
        case KH_LEASE_COUNTER:
            want.counter = 40;
            break;
        case KH_LEASE_OWNER:
            memcpy(want.owner, op.lease.owner, sizeof(want.owner));
            break;
        case KH_LEASE_CHECKPOINT_OWNER:
            memcpy(want.checkpoint_owner, op.lease.checkpoint_owner, sizeof(want.owner));
            break;
        case KH_LEASE_SWITCHES:
            want.owner_switches = 50;
            break;
        case KH_LEASE_CHECKPOINT:
            want.checkpoint = (struct kh_extseq){.seq = "SHARD_END"};
            break;
        case KH_LEASE_PENDING:
            want.pending = (struct kh_extseq){.seq = "201", .sub = 9};
            break;
        case KH_LEASE_CHILDREN:
            want.children_n = 2;
            memcpy(want.children, op.lease.children, sizeof(want.children));
            break;
        case KH_LEASE_HASH_RANGE:
            want.range = op.lease.range;
            break;
        default:
            want.throughput_kbps = 0.25;
            break;
        }
        ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
        row_is(&want);
    }
}
END_TEST

START_TEST(add_one_counts_from_what_is_stored)
{
    struct kh_lease_op op = update();

    op.add_one = KH_LEASE_COUNTER | KH_LEASE_SWITCHES;
    op.lease.counter = 1000; /* not a value of this request */
    ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
    ck_assert_uint_eq(row.counter, 8);
    ck_assert_uint_eq(row.owner_switches, 3);
}
END_TEST

START_TEST(remove_leaves_nothing_behind)
{
    struct kh_lease_op op = update();
    struct kh_lease want = before;

    op.remove = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER | KH_LEASE_PENDING;
    memset(want.owner, 0, sizeof(want.owner));
    memset(want.checkpoint_owner, 0, sizeof(want.checkpoint_owner));
    memset(&want.pending, 0, sizeof(want.pending));
    ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
    row_is(&want);
}
END_TEST

START_TEST(each_expectation_that_is_met_lets_the_update_through)
{
    struct kh_lease_op op = update();

    op.set = KH_LEASE_COUNTER;
    op.lease.counter = 8;
    op.expect_is = KH_LEASE_COUNTER | KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER;
    op.expect_counter = 7;
    memcpy(op.expect_owner, "alice", sizeof("alice"));
    memcpy(op.expect_checkpoint_owner, "bob", sizeof("bob"));
    ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
    ck_assert_uint_eq(row.counter, 8);

    setup();
    memset(row.owner, 0, sizeof(row.owner));
    memset(row.checkpoint_owner, 0, sizeof(row.checkpoint_owner));
    op.expect_is = 0;
    op.expect_absent = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER;
    ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
    ck_assert_uint_eq(row.counter, 8);
}
END_TEST

START_TEST(each_expectation_that_is_not_met_stops_the_update)
{
    struct kh_lease_op op = update();

    op.set = KH_LEASE_COUNTER;
    op.lease.counter = 8;
    op.expect_counter = 6;
    memcpy(op.expect_owner, "alic", sizeof("alic"));
    memcpy(op.expect_checkpoint_owner, "bobby", sizeof("bobby"));

    op.expect_is = KH_LEASE_COUNTER;
    ck_assert_int_eq(apply(&op), KH_LEASE_CONFLICT);
    op.expect_is = KH_LEASE_OWNER;
    ck_assert_int_eq(apply(&op), KH_LEASE_CONFLICT);
    op.expect_is = KH_LEASE_CHECKPOINT_OWNER;
    ck_assert_int_eq(apply(&op), KH_LEASE_CONFLICT);
    op.expect_is = 0;
    op.expect_absent = KH_LEASE_OWNER;
    ck_assert_int_eq(apply(&op), KH_LEASE_CONFLICT);
    op.expect_absent = KH_LEASE_CHECKPOINT_OWNER;
    ck_assert_int_eq(apply(&op), KH_LEASE_CONFLICT);
    row_is(&before);
}
END_TEST

START_TEST(delete_is_done_whether_there_is_a_row_or_not)
{
    struct kh_lease_op op = {.verb = KH_LEASE_DELETE, .key = "shard-1"};

    ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
    ck_assert(!exists);
    ck_assert_int_eq(apply(&op), KH_LEASE_DONE);
    ck_assert(!exists);
}
END_TEST

START_TEST(an_answer_says_what_was_found_or_stored)
{
    struct kh_lease_op op = {.id = 9, .verb = KH_LEASE_GET, .key = "shard-1"};
    struct kh_lease_answer answer;

    kh_lease_op_answer(&op, &exists, &row, &answer);
    ck_assert_uint_eq(answer.id, 9);
    ck_assert_int_eq(answer.verb, KH_LEASE_GET);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert(answer.found);
    test_lease_eq(&answer.lease, &before);

    op = update();
    op.add_one = KH_LEASE_COUNTER;
    op.expect_is = KH_LEASE_COUNTER;
    op.expect_counter = 6;
    kh_lease_op_answer(&op, &exists, &row, &answer);
    ck_assert_int_eq(answer.outcome, KH_LEASE_CONFLICT);
    ck_assert(answer.found);
    test_lease_eq(&answer.lease, &before);

    op.expect_counter = 7;
    kh_lease_op_answer(&op, &exists, &row, &answer);
    ck_assert_int_eq(answer.outcome, KH_LEASE_DONE);
    ck_assert(!answer.found);
    ck_assert_uint_eq(answer.lease.counter, 8);

    exists = false;
    kh_lease_op_answer(&op, &exists, &row, &answer);
    ck_assert_int_eq(answer.outcome, KH_LEASE_CONFLICT);
    ck_assert(!answer.found);
}
END_TEST

START_TEST(sound_requests_are_told_from_mistakes)
{
    struct kh_lease_op op = update();

    ck_assert(!kh_lease_op_is_sound(&op)); /* changes nothing */
    op.add_one = KH_LEASE_COUNTER;
    ck_assert(kh_lease_op_is_sound(&op));
    op.set = KH_LEASE_COUNTER; /* two ways at once */
    ck_assert(!kh_lease_op_is_sound(&op));
    op.set = KH_LEASE_OWNER; /* without an owner */
    ck_assert(!kh_lease_op_is_sound(&op));
    op.lease.owner[0] = 'x';
    ck_assert(kh_lease_op_is_sound(&op));
    op.remove = KH_LEASE_COUNTER;
    ck_assert(!kh_lease_op_is_sound(&op));
    op.remove = 0;
    op.add_one = KH_LEASE_CHECKPOINT;
    ck_assert(!kh_lease_op_is_sound(&op));
    op.add_one = 0;
    op.expect_is = KH_LEASE_OWNER; /* an owner without a name */
    ck_assert(!kh_lease_op_is_sound(&op));
    op.expect_owner[0] = 'x';
    ck_assert(kh_lease_op_is_sound(&op));
    op.expect_absent = KH_LEASE_OWNER; /* is and is not */
    ck_assert(!kh_lease_op_is_sound(&op));
    op.expect_absent = KH_LEASE_COUNTER;
    ck_assert(!kh_lease_op_is_sound(&op));
    op.expect_absent = 0;
    op.set = 1u << 9;
    ck_assert(!kh_lease_op_is_sound(&op));
    op = update();
    op.set = KH_LEASE_CHILDREN; /* a set is never empty */
    ck_assert(!kh_lease_op_is_sound(&op));
    op = (struct kh_lease_op){.verb = KH_LEASE_CREATE, .key = "a", .lease = {.key = "b"}};
    ck_assert(!kh_lease_op_is_sound(&op));
    op = (struct kh_lease_op){.verb = KH_LEASE_GET};
    ck_assert(!kh_lease_op_is_sound(&op));
    op.verb = KH_LEASE_LIST;
    ck_assert(kh_lease_op_is_sound(&op));
}
END_TEST

START_TEST(a_request_that_is_not_sound_stops_the_program)
{
    struct kh_lease_op op = update();

    (void)apply(&op);
}
END_TEST

START_TEST(a_row_shows_a_write_only_if_every_part_of_it_is_there)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .key = "s",
                             .set = KH_LEASE_COUNTER | KH_LEASE_OWNER | KH_LEASE_CHECKPOINT,
                             .remove = KH_LEASE_CHECKPOINT_OWNER,
                             .lease = {.owner = "me", .counter = 8, .checkpoint = {.seq = "500"}}};
    const struct kh_lease shown = {
        .key = "s", .owner = "me", .counter = 8, .checkpoint = {.seq = "500"}};
    struct kh_lease found = shown;

    ck_assert(kh_lease_op_shows(&op, &found));
    found.counter = 7;
    ck_assert(!kh_lease_op_shows(&op, &found));
    found = shown;
    memcpy(found.owner, "it", 3);
    ck_assert(!kh_lease_op_shows(&op, &found));
    found = shown;
    memcpy(found.checkpoint.seq, "499", 4);
    ck_assert(!kh_lease_op_shows(&op, &found));
    found = shown;
    memcpy(found.checkpoint_owner, "it", 3);
    ck_assert(!kh_lease_op_shows(&op, &found));
    found = shown;
    memcpy(found.key, "t", 2);
    ck_assert(!kh_lease_op_shows(&op, &found));
    found = shown;
    op.set = KH_LEASE_COUNTER;
    op.remove = KH_LEASE_OWNER;
    ck_assert(!kh_lease_op_shows(&op, &found));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("lease_op");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, create_writes_the_whole_row_where_there_is_none);
    tcase_add_test(tcase, create_conflicts_with_a_row_that_is_there);
    tcase_add_test(tcase, update_conflicts_where_there_is_no_row);
    tcase_add_test(tcase, each_field_is_set_alone);
    tcase_add_test(tcase, add_one_counts_from_what_is_stored);
    tcase_add_test(tcase, remove_leaves_nothing_behind);
    tcase_add_test(tcase, each_expectation_that_is_met_lets_the_update_through);
    tcase_add_test(tcase, each_expectation_that_is_not_met_stops_the_update);
    tcase_add_test(tcase, delete_is_done_whether_there_is_a_row_or_not);
    tcase_add_test(tcase, an_answer_says_what_was_found_or_stored);
    tcase_add_test(tcase, sound_requests_are_told_from_mistakes);
    tcase_add_test(tcase, a_row_shows_a_write_only_if_every_part_of_it_is_there);
    tcase_add_test_raise_signal(tcase, a_request_that_is_not_sound_stops_the_program, SIGABRT);
    return suite_run("lease_op", tcase);
}
