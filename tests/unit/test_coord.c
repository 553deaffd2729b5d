/* What a request does to one item; stores and simulator follow it. */
#include "core/coord.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

static const struct kh_coord_item mine = {
    .lock = {.owner = "me", .duration_ms = 120000, .version = "v1"}};

static struct kh_coord_op op;
static struct kh_coord_item item;
static bool exists;

static void setup(void)
{
    op = (struct kh_coord_op){
        .verb = KH_COORD_PUT, .kind = KH_COORD_LOCK, .expect = mine, .item = mine};
    memcpy(op.item.lock.version, "v2", sizeof("v2"));
    item = mine;
    exists = true;
}

START_TEST(absent_wants_nothing_there)
{
    op.expect_bits = KH_EXPECT_ABSENT;
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_CONFLICT);
    ck_assert_str_eq(item.lock.version, "v1");
    exists = false;
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_DONE);
    ck_assert(exists);
    ck_assert_str_eq(item.lock.version, "v2");
}
END_TEST

START_TEST(each_expectation_is_compared)
{
    op.expect_bits = KH_EXPECT_RELEASED;
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_CONFLICT);
    op.expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER;
    memcpy(op.expect.lock.owner, "you", sizeof("you"));
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_CONFLICT);
    memcpy(op.expect.lock.owner, "me", sizeof("me"));
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_DONE);
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_CONFLICT); /* it is v2 now */
    exists = false;
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_CONFLICT);
    ck_assert(!exists);
}
END_TEST

START_TEST(an_update_makes_stats_and_nothing_else)
{
    exists = false;
    op.verb = KH_COORD_UPDATE;
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_CONFLICT);
    op = (struct kh_coord_op){.verb = KH_COORD_UPDATE,
                              .kind = KH_COORD_STATS,
                              .key = "me",
                              .item = {.kind = KH_COORD_STATS, .stats = {.worker_id = "me"}}};
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_DONE);
    ck_assert(exists);
}
END_TEST

START_TEST(what_is_gone_is_deleted)
{
    op.verb = KH_COORD_DELETE;
    op.expect_bits = KH_EXPECT_LOCK_VERSION;
    memcpy(op.expect.lock.version, "v0", sizeof("v0"));
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_CONFLICT);
    ck_assert(exists);
    memcpy(op.expect.lock.version, "v1", sizeof("v1"));
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_DONE);
    ck_assert(!exists);
    ck_assert_int_eq(kh_coord_op_apply(&op, &exists, &item), KH_LEASE_DONE);
}
END_TEST

START_TEST(requests_that_no_store_can_carry_out_are_unsound)
{
    ck_assert(kh_coord_op_is_sound(&op));
    op.verb = KH_COORD_UPDATE;
    op.expect_bits = KH_EXPECT_ABSENT; /* nothing is there to be changed */
    ck_assert(!kh_coord_op_is_sound(&op));
    setup();
    op.expect_bits = KH_EXPECT_REPORTED; /* a lock has no lut */
    ck_assert(!kh_coord_op_is_sound(&op));
    setup();
    op.item.kind = KH_COORD_VERSION;
    ck_assert(!kh_coord_op_is_sound(&op));
    setup();
    op.item.lock.version[0] = '\0';
    ck_assert(!kh_coord_op_is_sound(&op));
    op = (struct kh_coord_op){.verb = KH_COORD_GET, .kind = KH_COORD_STATS};
    ck_assert(!kh_coord_op_is_sound(&op)); /* whose? */
    op = (struct kh_coord_op){.verb = KH_COORD_OWNED};
    ck_assert(!kh_coord_op_is_sound(&op));
    op = (struct kh_coord_op){
        .verb = KH_COORD_PUT,
        .kind = KH_COORD_VERSION,
        .item = {.kind = KH_COORD_VERSION, .version = {.now = {.version = KH_VERSION_OTHER}}}};
    ck_assert(!kh_coord_op_is_sound(&op));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("coord");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, absent_wants_nothing_there);
    tcase_add_test(tcase, each_expectation_is_compared);
    tcase_add_test(tcase, an_update_makes_stats_and_nothing_else);
    tcase_add_test(tcase, what_is_gone_is_deleted);
    tcase_add_test(tcase, requests_that_no_store_can_carry_out_are_unsound);
    return suite_run("coord", tcase);
}
