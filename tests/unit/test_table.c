#include "core/table.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_table table;

static void setup(void)
{
    kh_table_init(&table);
}

static void teardown(void)
{
    kh_table_fini(&table);
}

static struct kh_lease lease(const char *key, const char *owner, uint64_t counter)
{
    struct kh_lease made = {.counter = counter};

    strcpy(made.key, key);
    strcpy(made.owner, owner);
    return made;
}

static void see(const char *owner, uint64_t counter, kh_ms now_ms)
{
    struct kh_lease seen = lease("a", owner, counter);

    kh_table_update(&table, &seen, 1, KH_SECONDS(10), now_ms);
}

static bool available(kh_ms now_ms)
{
    return kh_table_row_available(kh_table_find(&table, "a"), now_ms, 10000);
}

START_TEST(an_owned_lease_counts_as_alive_when_first_seen)
{
    see("other", 7, 5000);
    ck_assert(!available(15000));
    ck_assert(available(15001));
}
END_TEST

START_TEST(a_counter_that_moves_in_any_direction_is_a_sign_of_life)
{
    see("other", 7, 5000);
    see("other", 8, 14000);
    ck_assert(!available(24000));
    see("other", 8, 20000);
    ck_assert(available(24001));
    see("other", 3, 25000);
    ck_assert(!available(35000));
}
END_TEST

START_TEST(a_lease_of_nobody_is_available_at_once)
{
    see("", 0, 5000);
    ck_assert(available(5000));
}
END_TEST

START_TEST(what_a_listing_does_not_show_is_forgotten_unless_it_is_being_taken)
{
    struct kh_lease seen[3] = {lease("a", "x", 1), lease("b", "x", 1), lease("c", "x", 1)};

    kh_table_update(&table, seen, 3, KH_SECONDS(10), 1000);
    kh_table_find(&table, "b")->taking = true;
    kh_table_update(&table, &seen[2], 1, KH_SECONDS(10), 2000);
    ck_assert_uint_eq(kh_table_n(&table), 2);
    ck_assert_ptr_null(kh_table_find(&table, "a"));
    ck_assert_ptr_nonnull(kh_table_find(&table, "b"));
    ck_assert_ptr_nonnull(kh_table_find(&table, "c"));
}
END_TEST

static kh_ms free_at(void)
{
    return kh_table_find(&table, "a")->free_at_ms;
}

static void see_pair(const char *owner, const char *checkpoint_owner, uint64_t counter,
                     kh_ms now_ms)
{
    struct kh_lease seen = lease("a", owner, counter);

    strcpy(seen.checkpoint_owner, checkpoint_owner);
    kh_table_update(&table, &seen, 1, KH_SECONDS(10), now_ms);
}

START_TEST(a_lease_that_nobody_had_is_its_takers_alone_at_once)
{
    see("", 7, 1000);
    see("new", 8, 2000);
    ck_assert_int_eq(free_at(), 2000);
}
END_TEST

START_TEST(a_lease_that_changed_hands_more_than_once_since_nobody_had_it_is_not)
{
    see("", 7, 1000);
    see("new", 9, 2000);
    ck_assert_int_eq(free_at(), 12000);
}
END_TEST

START_TEST(a_lease_taken_from_a_living_owner_is_his_until_he_must_have_noticed)
{
    see("old", 7, 1000);
    see("new", 8, 2000);
    ck_assert_int_eq(free_at(), 12000);
}
END_TEST

START_TEST(a_lease_that_ran_out_is_its_takers_alone_at_once)
{
    see("old", 7, 1000);
    see("new", 8, 11001);
    ck_assert_int_eq(free_at(), 11001);
}
END_TEST

START_TEST(a_lease_that_was_handed_over_is_its_next_owners_alone_at_once)
{
    see("old", 7, 1000);
    see_pair("new", "old", 7, 2000);
    see_pair("new", "old", 8, 3000);
    see_pair("new", "", 10, 4000);
    ck_assert_int_eq(free_at(), 4000);
}
END_TEST

START_TEST(a_hand_off_that_was_not_watched_to_its_end_is_not_believed)
{
    see_pair("new", "old", 7, 2000);
    see_pair("new", "", 9, 12000); /* another may have had it in between */
    ck_assert_int_eq(free_at(), 22000);
}
END_TEST

START_TEST(a_lease_stolen_first_seen_waits_unless_a_checkpoint_came_since)
{
    struct kh_lease seen = lease("a", "new", 3);

    seen.owner_switches = 1;
    kh_table_update(&table, &seen, 1, KH_SECONDS(10), 1000);
    ck_assert_int_eq(free_at(), 11000);
}
END_TEST

START_TEST(a_hand_off_is_overdue_when_its_old_owner_had_all_its_time)
{
    see("old", 7, 1000);
    see_pair("new", "old", 7, 2000);
    see_pair("new", "old", 9, 30000);
    ck_assert(!kh_table_row_is_overdue(kh_table_find(&table, "a"), 42000, 10000, 30000));
    ck_assert(kh_table_row_is_overdue(kh_table_find(&table, "a"), 42001, 10000, 30000));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("table");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_owned_lease_counts_as_alive_when_first_seen);
    tcase_add_test(tcase, a_counter_that_moves_in_any_direction_is_a_sign_of_life);
    tcase_add_test(tcase, a_lease_of_nobody_is_available_at_once);
    tcase_add_test(tcase, what_a_listing_does_not_show_is_forgotten_unless_it_is_being_taken);
    tcase_add_test(tcase, a_lease_that_nobody_had_is_its_takers_alone_at_once);
    tcase_add_test(tcase, a_lease_that_changed_hands_more_than_once_since_nobody_had_it_is_not);
    tcase_add_test(tcase, a_lease_taken_from_a_living_owner_is_his_until_he_must_have_noticed);
    tcase_add_test(tcase, a_lease_that_ran_out_is_its_takers_alone_at_once);
    tcase_add_test(tcase, a_lease_that_was_handed_over_is_its_next_owners_alone_at_once);
    tcase_add_test(tcase, a_hand_off_that_was_not_watched_to_its_end_is_not_believed);
    tcase_add_test(tcase, a_lease_stolen_first_seen_waits_unless_a_checkpoint_came_since);
    tcase_add_test(tcase, a_hand_off_is_overdue_when_its_old_owner_had_all_its_time);
    return suite_run("table", tcase);
}
