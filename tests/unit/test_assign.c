#include "core/assign.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/suite.h"

/* failover is 10 s. Leases are named by number. */
#define LEASES_MAX 20

static struct kh_ctx ctx;
static struct kh_table table;
static struct kh_map held;
static struct kh_wishes wishes;
static struct kh_lease leases[LEASES_MAX];
static size_t leases_n;

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    strcpy(ctx.config.worker_id, "me");
    kh_rand_init(&ctx.rand, 1);
    kh_table_init(&table);
    kh_map_init(&held);
    kh_wishes_init(&wishes);
    leases_n = 0;
}

static void teardown(void)
{
    kh_table_fini(&table);
    kh_map_fini(&held);
    kh_wishes_fini(&wishes);
}

static void own(const char *owner, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct kh_lease *lease = &leases[leases_n];

        *lease = (struct kh_lease){0};
        (void)snprintf(lease->key, sizeof(lease->key), "%02zu", leases_n);
        strcpy(lease->owner, owner);
        leases_n++;
    }
}

static void assign(kh_ms first_seen_ms, kh_ms now_ms)
{
    struct kh_assign_self self = {.ctx = &ctx, .held = &held, .seen_at_ms = now_ms};

    kh_table_update(&table, leases, leases_n, KH_SECONDS(10), first_seen_ms);
    kh_assign_balanced(&table, &(struct kh_assign_workers){0}, &self, &wishes);
}

static size_t wished_from(const char *owner)
{
    size_t n = 0;

    for (size_t i = 0; i < wishes.n; i++) {
        n += strcmp(wishes.items[i].row->lease.owner, owner) == 0;
    }
    return n;
}

START_TEST(a_lone_worker_takes_everything_at_once)
{
    own("", 12);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 12);
    ck_assert(!wishes.items[0].steal);
}
END_TEST

START_TEST(what_was_given_up_a_short_while_ago_is_not_taken_again)
{
    own("", 3);
    own("a", 1);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 2); /* "a" gets one, too */
    kh_table_find(&table, "01")->shunned_until_ms = 90000;
    wishes.n = 0;
    assign(1000, 89999); /* very old by now, and the owner's time is up */
    ck_assert_uint_eq(wishes.n, 3);
    for (size_t i = 0; i < wishes.n; i++) {
        ck_assert_str_ne(wishes.items[i].row->lease.key, "01");
    }
    wishes.n = 0;
    assign(1000, 90000);
    ck_assert_uint_eq(wishes.n, 4);
}
END_TEST

START_TEST(what_was_given_up_is_not_robbed_either)
{
    own("a", 2);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 1);
    kh_table_find(&table, "00")->shunned_until_ms = 2000;
    kh_table_find(&table, "01")->shunned_until_ms = 2000;
    wishes.n = 0;
    assign(1000, 1999);
    ck_assert_uint_eq(wishes.n, 0);
}
END_TEST

START_TEST(with_others_it_takes_its_share)
{
    own("a", 4);
    own("b", 4);
    own("", 4);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 4);
}
END_TEST

START_TEST(what_nobody_came_for_is_taken_up_to_the_share_rounded_up)
{
    own("a", 3);
    own("", 4);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 3); /* then both have three, and "a" comes before "me" */
    wishes.n = 0;
    assign(1000, 3000);
    ck_assert_uint_eq(wishes.n, 3);
    wishes.n = 0;
    assign(1000, 3001);
    ck_assert_uint_eq(wishes.n, 4);
}
END_TEST

START_TEST(workers_that_look_at_the_same_moment_do_not_reach_for_the_same_lease)
{
    bool taken[4] = {false};

    own("a", 4);
    own("b", 4);
    own("", 4);
    for (int i = 0; i < 2; i++) {
        const char *const names[] = {"a", "b"};

        strcpy(ctx.config.worker_id, names[i]);
        kh_rand_init(&ctx.rand, (uint64_t)i);
        wishes.n = 0;
        assign(1000, 1000);
        ck_assert_uint_eq(wishes.n, 2);
        for (size_t w = 0; w < 2; w++) {
            size_t at = (size_t)(wishes.items[w].row->lease.key[1] - '0'); /* "08" to "11" */

            at = wishes.items[w].row->lease.key[0] == '1' ? at + 2 : at - 8;
            ck_assert(!taken[at]);
            taken[at] = true;
        }
    }
}
END_TEST

START_TEST(a_worker_that_gives_its_leases_up_gets_none_and_keeps_nobody_waiting)
{
    own("me", 4);
    own("a", 4);
    own("leaving", 4);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 0);
    leases[8].owner[0] = '\0';
    leases[9].owner[0] = '\0';
    leases[8].counter++;
    leases[9].counter++;
    assign(2000, 2000);
    ck_assert_uint_eq(wishes.n, 1); /* one for "a", one for us, none for who has only two left */
}
END_TEST

START_TEST(the_configured_maximum_holds)
{
    ctx.config.leases_max = 3;
    own("", 12);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 3);
}
END_TEST

START_TEST(leases_of_its_own_count_and_are_not_wished_for)
{
    own("me", 2);
    own("a", 2);
    own("", 2);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 1);
    ck_assert_str_eq(wishes.items[0].row->lease.owner, "");
}
END_TEST

START_TEST(a_lease_it_holds_already_counts_whatever_an_old_listing_says)
{
    static int consumer;

    own("", 2);
    own("a", 2);
    kh_map_add(&held, KH_STR("00"), &consumer);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 1);
    ck_assert_str_eq(wishes.items[0].row->lease.key, "01");
}
END_TEST

START_TEST(with_nothing_free_it_steals_one_from_the_busiest)
{
    own("a", 5);
    own("b", 7);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 1);
    ck_assert(wishes.items[0].steal);
    ck_assert_str_eq(wishes.items[0].row->lease.owner, "b");
}
END_TEST

START_TEST(more_than_one_is_stolen_only_if_allowed)
{
    ctx.config.steal_max = 10;
    own("a", 12);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 6);
}
END_TEST

START_TEST(a_balanced_fleet_is_left_alone)
{
    own("a", 4);
    own("me", 4);
    own("b", 4);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 0);
}
END_TEST

START_TEST(nobody_is_robbed_of_what_it_needs)
{
    own("a", 1);
    own("b", 1);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 0);
}
END_TEST

START_TEST(a_dead_owners_leases_are_free_and_it_counts_no_more)
{
    own("dead", 6);
    assign(1000, 11000);
    ck_assert_uint_eq(wishes.n, 0 + 1); /* not yet: it may steal one */
    ck_assert(wishes.items[0].steal);
    wishes.n = 0;
    assign(1000, 11001);
    ck_assert_uint_eq(wishes.n, 6);
    ck_assert(!wishes.items[0].steal);
}
END_TEST

START_TEST(very_old_leases_are_taken_beyond_the_target)
{
    own("dead", 4);
    assign(1000, 1000);
    wishes.n = 0;
    own("a", 4);
    own("b", 4);
    assign(30000, 31001);
    ck_assert_uint_eq(wishes.n, 4);
    ck_assert_str_eq(wishes.items[0].row->lease.owner, "dead");
}
END_TEST

START_TEST(without_priority_old_leases_are_like_others)
{
    ctx.config.take_very_old = false;
    own("dead", 8);
    assign(1000, 1000);
    wishes.n = 0;
    own("a", 4);
    assign(30000, 31001);
    ck_assert_uint_eq(wishes.n, 6);
}
END_TEST

START_TEST(a_finished_lease_does_not_fill_the_only_place)
{
    ctx.config.leases_max = 1;
    own("me", 1);
    leases[0].checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    own("", 1);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 1);
    ck_assert_str_eq(wishes.items[0].row->lease.key, "01");
}
END_TEST

START_TEST(an_empty_table_gives_nothing_to_wish_for)
{
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 0);
}
END_TEST

/* The owner is a kcl-host that hands its leases over when they are asked for. */
static void own_kindly(const char *owner, size_t n)
{
    own(owner, n);
    for (size_t i = leases_n - n; i < leases_n; i++) {
        strcpy(leases[i].handoff_owner, owner);
    }
}

START_TEST(what_is_handed_over_is_asked_for_all_at_once_and_from_everybody)
{
    own_kindly("a", 6);
    own_kindly("b", 6);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 4);
    ck_assert_uint_eq(wished_from("a"), 2);
    ck_assert_uint_eq(wished_from("b"), 2);
}
END_TEST

START_TEST(from_a_worker_that_hands_nothing_over_one_is_taken_at_a_time)
{
    own("java", 6);
    own_kindly("b", 6);
    assign(1000, 1000);
    ck_assert_uint_eq(wished_from("java"), 1);
    ck_assert_uint_eq(wished_from("b"), 2);
}
END_TEST

START_TEST(a_lease_that_was_asked_for_counts_as_its_next_owners_and_is_let_alone)
{
    own_kindly("a", 6);
    for (int i = 0; i < 3; i++) {
        strcpy(leases[i].owner, "b");
        strcpy(leases[i].checkpoint_owner, "a");
    }
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 1); /* 3, 3 and none: one of a's own three */
    ck_assert_uint_eq(wished_from("a"), 1);
}
END_TEST

START_TEST(what_it_finishes_for_another_counts_as_the_others)
{
    static int consumer;

    own("me", 4);
    for (int i = 0; i < 2; i++) {
        strcpy(leases[i].owner, "b");
        strcpy(leases[i].checkpoint_owner, "me");
        kh_map_add(&held, kh_str(leases[i].key), &consumer);
    }
    own("", 2);
    assign(1000, 1000);
    ck_assert_uint_eq(wishes.n, 1); /* 2, 2 and 2 free: 3 each */
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("assign");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_lone_worker_takes_everything_at_once);
    tcase_add_test(tcase, what_was_given_up_a_short_while_ago_is_not_taken_again);
    tcase_add_test(tcase, what_was_given_up_is_not_robbed_either);
    tcase_add_test(tcase, with_others_it_takes_its_share);
    tcase_add_test(tcase, what_nobody_came_for_is_taken_up_to_the_share_rounded_up);
    tcase_add_test(tcase, workers_that_look_at_the_same_moment_do_not_reach_for_the_same_lease);
    tcase_add_test(tcase, a_worker_that_gives_its_leases_up_gets_none_and_keeps_nobody_waiting);
    tcase_add_test(tcase, the_configured_maximum_holds);
    tcase_add_test(tcase, leases_of_its_own_count_and_are_not_wished_for);
    tcase_add_test(tcase, a_lease_it_holds_already_counts_whatever_an_old_listing_says);
    tcase_add_test(tcase, with_nothing_free_it_steals_one_from_the_busiest);
    tcase_add_test(tcase, more_than_one_is_stolen_only_if_allowed);
    tcase_add_test(tcase, a_balanced_fleet_is_left_alone);
    tcase_add_test(tcase, nobody_is_robbed_of_what_it_needs);
    tcase_add_test(tcase, a_dead_owners_leases_are_free_and_it_counts_no_more);
    tcase_add_test(tcase, very_old_leases_are_taken_beyond_the_target);
    tcase_add_test(tcase, without_priority_old_leases_are_like_others);
    tcase_add_test(tcase, a_finished_lease_does_not_fill_the_only_place);
    tcase_add_test(tcase, an_empty_table_gives_nothing_to_wish_for);
    tcase_add_test(tcase, what_is_handed_over_is_asked_for_all_at_once_and_from_everybody);
    tcase_add_test(tcase, from_a_worker_that_hands_nothing_over_one_is_taken_at_a_time);
    tcase_add_test(tcase, a_lease_that_was_asked_for_counts_as_its_next_owners_and_is_let_alone);
    tcase_add_test(tcase, what_it_finishes_for_another_counts_as_the_others);
    return suite_run("assign", tcase);
}
