#include "core/consumers.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

/* Consumers "a", "b" and "c" whose only deadline is that their lease runs out: all at 11 s but for
 * what a test changes. */
static struct kh_ctx ctx;
static struct kh_consumers consumers;
static struct kh_consumer *made[3];

static struct kh_consumer *add(const char *key)
{
    struct kh_lease lease = {.counter = 1, .checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END)};
    struct kh_consumer *consumer;

    strcpy(lease.key, key);
    strcpy(lease.owner, "me");
    consumer = kh_consumer_new(&ctx, &lease, 1000, 1000);
    consumer->hold.renew_at_ms = KH_NEVER;
    kh_consumers_add(&consumers, consumer);
    kh_consumers_see(&consumers, consumer);
    return consumer;
}

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_pace_init(&ctx.pace);
    kh_consumers_init(&consumers);
    made[0] = add("a");
    made[1] = add("b");
    made[2] = add("c");
}

static void teardown(void)
{
    kh_consumers_fini(&consumers);
}

START_TEST(the_earliest_deadline_is_known_without_asking_all)
{
    ck_assert_int_eq(consumers.at_ms, 11000);
    made[1]->hold.renew_at_ms = 4000;
    ck_assert_int_eq(consumers.at_ms, 11000); /* nobody has said so */
    kh_consumers_see(&consumers, made[1]);
    ck_assert_int_eq(consumers.at_ms, 4000);
    ck_assert(!kh_consumers_is_due(&consumers, 0, 4000));
    ck_assert(kh_consumers_is_due(&consumers, 1, 4000));
}
END_TEST

START_TEST(what_wants_its_tick_later_than_it_said_is_not_due)
{
    made[1]->hold.renew_at_ms = 4000;
    kh_consumers_see(&consumers, made[1]);
    made[1]->hold.renew_at_ms = 5000;
    ck_assert(!kh_consumers_is_due(&consumers, 1, 4000));
    kh_consumers_all_stepped(&consumers);
    ck_assert_int_eq(consumers.at_ms, 5000);
}
END_TEST

START_TEST(whoever_takes_the_place_of_one_that_is_gone_keeps_its_deadline)
{
    made[2]->hold.renew_at_ms = 4000;
    kh_consumers_see(&consumers, made[2]);
    made[0]->state = KH_CONSUMER_GONE;
    kh_consumers_bury(&consumers); /* nobody has said so */
    ck_assert_uint_eq(kh_consumers_n(&consumers), 3);
    kh_consumers_see(&consumers, made[0]);
    kh_consumers_bury(&consumers);
    ck_assert_uint_eq(kh_consumers_n(&consumers), 2);
    ck_assert_ptr_null(kh_consumers_get(&consumers, kh_str("a")));
    ck_assert_ptr_eq(kh_consumers_at(&consumers, 0), made[2]);
    ck_assert(kh_consumers_is_due(&consumers, 0, 4000));
    ck_assert(!kh_consumers_is_due(&consumers, 1, 4000));
    made[2]->hold.renew_at_ms = KH_NEVER;
    kh_consumers_see(&consumers, made[2]);
    kh_consumers_all_stepped(&consumers);
    ck_assert_int_eq(consumers.at_ms, 11000);
}
END_TEST

START_TEST(all_may_be_gone_at_once)
{
    for (int i = 0; i < 3; i++) {
        made[i]->state = KH_CONSUMER_GONE;
        kh_consumers_see(&consumers, made[i]);
    }
    kh_consumers_bury(&consumers);
    kh_consumers_all_stepped(&consumers);
    ck_assert_uint_eq(kh_consumers_n(&consumers), 0);
    ck_assert_int_eq(consumers.at_ms, KH_NEVER);
    ck_assert_ptr_eq(kh_consumers_get(&consumers, kh_str("d")), NULL);
    add("d");
    ck_assert_int_eq(consumers.at_ms, 11000);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("consumers");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_earliest_deadline_is_known_without_asking_all);
    tcase_add_test(tcase, what_wants_its_tick_later_than_it_said_is_not_due);
    tcase_add_test(tcase, whoever_takes_the_place_of_one_that_is_gone_keeps_its_deadline);
    tcase_add_test(tcase, all_may_be_gone_at_once);
    return suite_run("consumers", tcase);
}
