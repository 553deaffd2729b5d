#include "base/map.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>

#include "base/rand.h"
#include "tests/lib/suite.h"

#define KEYS_N 200

static struct kh_map map;
static char names[KEYS_N][16]; /* the values too: each name is its own */

static void setup(void)
{
    kh_map_init(&map);
    for (unsigned i = 0; i < KEYS_N; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "shard-%u", i);
    }
}

static void teardown(void)
{
    kh_map_fini(&map);
}

static void add(unsigned i)
{
    kh_map_add(&map, kh_str(names[i]), names[i]);
}

static void *get(unsigned i)
{
    return kh_map_get(&map, kh_str(names[i]));
}

START_TEST(an_empty_map_has_nothing)
{
    ck_assert_ptr_null(get(0));
    ck_assert_ptr_null(kh_map_remove(&map, KH_STR("")));
    ck_assert_uint_eq(map.n, 0);
}
END_TEST

START_TEST(what_was_added_is_found)
{
    for (unsigned i = 0; i < KEYS_N; i++) {
        add(i);
    }
    for (unsigned i = 0; i < KEYS_N; i++) {
        ck_assert_ptr_eq(get(i), names[i]);
    }
    ck_assert_ptr_null(kh_map_get(&map, KH_STR("shard-")));
    ck_assert_ptr_null(kh_map_get(&map, KH_STR("shard-200")));
    ck_assert_uint_eq(map.n, KEYS_N);
}
END_TEST

START_TEST(iteration_is_in_order_of_insertion)
{
    add(7);
    add(3);
    add(5);
    ck_assert_ptr_eq(map.entries[0].value, names[7]);
    ck_assert_ptr_eq(map.entries[1].value, names[3]);
    ck_assert_ptr_eq(map.entries[2].value, names[5]);
}
END_TEST

START_TEST(the_last_entry_takes_the_place_of_a_removed_one)
{
    add(0);
    add(1);
    add(2);
    ck_assert_ptr_eq(kh_map_remove(&map, KH_STR("shard-0")), names[0]);
    ck_assert_uint_eq(map.n, 2);
    ck_assert_ptr_eq(map.entries[0].value, names[2]);
    ck_assert_ptr_eq(map.entries[1].value, names[1]);
    ck_assert_ptr_null(get(0));
    ck_assert_ptr_eq(get(2), names[2]);
    ck_assert_ptr_null(kh_map_remove(&map, KH_STR("shard-0")));
}
END_TEST

START_TEST(the_empty_key_is_a_key)
{
    kh_map_add(&map, KH_STR(""), names[0]);
    ck_assert_ptr_eq(kh_map_get(&map, kh_str(NULL)), names[0]);
}
END_TEST

START_TEST(a_key_cannot_be_added_twice)
{
    add(1);
    add(1);
}
END_TEST

START_TEST(null_is_no_value)
{
    kh_map_add(&map, KH_STR("a"), NULL);
}
END_TEST

/* A plain array says what must be in the map, through many removals among colliding slots. */
START_TEST(adding_and_removing_at_random_agrees_with_a_list)
{
    bool in[KEYS_N] = {false};
    size_t n = 0;
    struct kh_rand rand;

    kh_rand_init(&rand, 1);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned i = (unsigned)kh_rand_below(&rand, KEYS_N);

        if (in[i]) {
            ck_assert_ptr_eq(kh_map_remove(&map, kh_str(names[i])), names[i]);
            n--;
        } else {
            ck_assert_ptr_null(kh_map_remove(&map, kh_str(names[i])));
            add(i);
            n++;
        }
        in[i] = !in[i];
        ck_assert_uint_eq(map.n, n);
        if (round % 100 == 0) {
            for (unsigned k = 0; k < KEYS_N; k++) {
                ck_assert_ptr_eq(get(k), in[k] ? names[k] : NULL);
            }
        }
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("map");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_empty_map_has_nothing);
    tcase_add_test(tcase, what_was_added_is_found);
    tcase_add_test(tcase, iteration_is_in_order_of_insertion);
    tcase_add_test(tcase, the_last_entry_takes_the_place_of_a_removed_one);
    tcase_add_test(tcase, the_empty_key_is_a_key);
    tcase_add_test_raise_signal(tcase, a_key_cannot_be_added_twice, SIGABRT);
    tcase_add_test_raise_signal(tcase, null_is_no_value, SIGABRT);
    tcase_add_test(tcase, adding_and_removing_at_random_agrees_with_a_list);
    return suite_run("map", tcase);
}
