#include "base/arena.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_arena arena;

static void setup(void)
{
    kh_arena_init(&arena);
}

static void teardown(void)
{
    kh_arena_fini(&arena);
}

START_TEST(pieces_are_zero_and_aligned)
{
    for (size_t bytes = 0; bytes < 3000; bytes += 7) {
        char *p = kh_arena_new(&arena, bytes);

        ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++) {
            ck_assert_int_eq(p[i], 0);
        }
        memset(p, 0xff, bytes);
    }
}
END_TEST

START_TEST(pieces_do_not_overlap)
{
    unsigned char *pieces[500];

    for (unsigned i = 0; i < 500; i++) {
        pieces[i] = kh_arena_new(&arena, i * 13 % 2000 + 1);
        memset(pieces[i], (int)(i % 256), i * 13 % 2000 + 1);
    }
    for (unsigned i = 0; i < 500; i++) {
        ck_assert_uint_eq(pieces[i][0], i % 256);
        ck_assert_uint_eq(pieces[i][i * 13 % 2000], i % 256);
    }
}
END_TEST

START_TEST(a_large_piece_leaves_the_rest_of_the_chunk_in_use)
{
    char *first = kh_arena_new(&arena, 16);
    char *large = kh_arena_new(&arena, 1000000);
    char *second = kh_arena_new(&arena, 16);

    large[999999] = 'x';
    ck_assert_ptr_eq(second, first + 16);
    ck_assert_uint_eq(arena.total_bytes, 4096 + 1000000);
}
END_TEST

START_TEST(a_first_piece_may_be_large)
{
    char *large = kh_arena_new(&arena, 1000000);

    large[999999] = 'x';
    ck_assert_uint_eq(arena.total_bytes, 1000000);
}
END_TEST

START_TEST(chunks_grow_with_the_arena_up_to_a_limit)
{
    ck_assert_uint_eq(arena.total_bytes, 0);
    (void)kh_arena_new(&arena, 1);
    ck_assert_uint_eq(arena.total_bytes, 4096);
    for (unsigned i = 0; i < 10000; i++) {
        (void)kh_arena_new(&arena, 112);
    }
    /* 4 + 4 + 8 + … + 256 KiB, and 256 KiB for each further chunk. */
    ck_assert_uint_eq(arena.total_bytes % 262144, 0);
    ck_assert_uint_lt(arena.total_bytes, 10000 * 112 + 2 * 262144);
}
END_TEST

START_TEST(a_copy_is_terminated)
{
    struct kh_str copy = kh_arena_copy(&arena, kh_str_of("abcdef", 3));

    ck_assert_uint_eq(copy.n, 3);
    ck_assert_str_eq(copy.p, "abc");
    copy = kh_arena_copy(&arena, kh_str(NULL));
    ck_assert_uint_eq(copy.n, 0);
    ck_assert_str_eq(copy.p, "");
}
END_TEST

START_TEST(after_fini_it_can_be_used_again)
{
    (void)kh_arena_new(&arena, 100);
    kh_arena_fini(&arena);
    ck_assert_uint_eq(arena.total_bytes, 0);
    ck_assert_str_eq(kh_arena_copy(&arena, KH_STR("x")).p, "x");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("arena");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, pieces_are_zero_and_aligned);
    tcase_add_test(tcase, pieces_do_not_overlap);
    tcase_add_test(tcase, a_large_piece_leaves_the_rest_of_the_chunk_in_use);
    tcase_add_test(tcase, a_first_piece_may_be_large);
    tcase_add_test(tcase, chunks_grow_with_the_arena_up_to_a_limit);
    tcase_add_test(tcase, a_copy_is_terminated);
    tcase_add_test(tcase, after_fini_it_can_be_used_again);
    return suite_run("arena", tcase);
}
