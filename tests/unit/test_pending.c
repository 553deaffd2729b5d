#include "core/pending.h"

#include <check.h>
#include <stdio.h>

#include "tests/lib/suite.h"

static struct kh_pending pending;
static struct kh_pending_entry entry;

static void setup(void)
{
    kh_pending_init(&pending);
}

static void teardown(void)
{
    kh_pending_fini(&pending);
}

START_TEST(an_answer_finds_who_asked_once)
{
    (void)kh_pending_add(&pending, 3, KH_PENDING_LIST, "", 100);
    (void)kh_pending_add(&pending, 7, KH_PENDING_SHARD, "shardId-7", 200);

    ck_assert(kh_pending_take(&pending, 7, &entry));
    ck_assert_int_eq(entry.who, KH_PENDING_SHARD);
    ck_assert_str_eq(entry.key, "shardId-7");
    ck_assert_int_eq(entry.sent_at_ms, 200);
    ck_assert(!kh_pending_take(&pending, 7, &entry));
    ck_assert(!kh_pending_take(&pending, 5, &entry));
    ck_assert(kh_pending_take(&pending, 3, &entry));
}
END_TEST

START_TEST(answers_may_come_in_any_order)
{
    for (uint64_t op = 1; op <= 1000; op++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "%d", (int)op);
        (void)kh_pending_add(&pending, op, KH_PENDING_SHARD, key, 0);
    }
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t op = 1 + i * 7 % 1000; /* 7 and 1000 have no common divisor: each once */
        char key[16];

        (void)snprintf(key, sizeof(key), "%d", (int)op);
        ck_assert(kh_pending_take(&pending, op, &entry));
        ck_assert_str_eq(entry.key, key);
    }
    ck_assert_uint_eq(pending.n, 0);
}
END_TEST

START_TEST(takes_under_way_can_be_counted)
{
    (void)kh_pending_add(&pending, 1, KH_PENDING_TAKE, "a", 0);
    (void)kh_pending_add(&pending, 2, KH_PENDING_TAKE, "b", 0);
    (void)kh_pending_add(&pending, 3, KH_PENDING_SHARD, "c", 0);
    ck_assert_uint_eq(kh_pending_count(&pending, KH_PENDING_TAKE), 2);
    ck_assert(kh_pending_take(&pending, 1, &entry));
    ck_assert_uint_eq(kh_pending_count(&pending, KH_PENDING_TAKE), 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("pending");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_answer_finds_who_asked_once);
    tcase_add_test(tcase, answers_may_come_in_any_order);
    tcase_add_test(tcase, takes_under_way_can_be_counted);
    return suite_run("pending", tcase);
}
