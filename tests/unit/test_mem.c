#include "base/mem.h"

#include <check.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

#include "tests/lib/suite.h"

START_TEST(new_memory_is_zero)
{
    static const char zero[300];
    char *p = kh_mem_new(100, 3);

    ck_assert_mem_eq(p, zero, 300);
    kh_mem_free(p);
}
END_TEST

START_TEST(nothing_can_be_had_too)
{
    void *p = kh_mem_new(0, 8);

    ck_assert_ptr_nonnull(p);
    p = kh_mem_resize(p, 0, 8);
    ck_assert_ptr_nonnull(p);
    kh_mem_free(p);
    kh_mem_free(NULL);
}
END_TEST

START_TEST(resizing_keeps_what_was_there)
{
    char *p = kh_mem_resize(NULL, 4, 1);

    memcpy(p, "abc", 4);
    p = kh_mem_resize(p, 10000, 1);
    ck_assert_str_eq(p, "abc");
    kh_mem_free(p);
}
END_TEST

START_TEST(a_copy_is_terminated)
{
    char *p = kh_mem_copy("abcdef", 3);

    ck_assert_str_eq(p, "abc");
    kh_mem_free(p);
    p = kh_mem_copy(NULL, 0);
    ck_assert_str_eq(p, "");
    kh_mem_free(p);
}
END_TEST

START_TEST(a_product_that_overflows_ends_the_process)
{
    (void)kh_mem_resize(NULL, SIZE_MAX / 2, 4);
}
END_TEST

START_TEST(running_out_ends_the_process)
{
    (void)kh_mem_copy("", SIZE_MAX);
}
END_TEST

START_TEST(capacity_doubles_from_eight)
{
    ck_assert_uint_eq(kh_mem_grown(0, 1), 8);
    ck_assert_uint_eq(kh_mem_grown(0, 9), 9);
    ck_assert_uint_eq(kh_mem_grown(3, 4), 8);
    ck_assert_uint_eq(kh_mem_grown(8, 9), 16);
    ck_assert_uint_eq(kh_mem_grown(16, 100), 100);
}
END_TEST

START_TEST(capacity_that_is_enough_stays)
{
    ck_assert_uint_eq(kh_mem_grown(8, 8), 8);
    ck_assert_uint_eq(kh_mem_grown(8, 0), 8);
}
END_TEST

START_TEST(capacity_does_not_wrap_around)
{
    ck_assert_uint_eq(kh_mem_grown(SIZE_MAX - 1, SIZE_MAX), SIZE_MAX);
}
END_TEST

/* Bytes that glibc has from the kernel; the sanitizers' own allocator says 0. */
static size_t held(void)
{
    struct mallinfo2 now = mallinfo2();

    return now.arena + now.hblkhd;
}

START_TEST(what_large_pieces_took_goes_back_each_time)
{
    size_t before;

    kh_mem_give_back_large();
    before = held();
    for (int i = 0; i < 3; i++) {
        void *large = kh_mem_new(20000000, 1);
        void *behind = kh_mem_new(1000, 1);

        kh_mem_free(large);
        ck_assert_uint_lt(held(), before + 1000000);
        kh_mem_free(behind);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("mem");

    tcase_add_test(tcase, new_memory_is_zero);
    tcase_add_test(tcase, nothing_can_be_had_too);
    tcase_add_test(tcase, resizing_keeps_what_was_there);
    tcase_add_test(tcase, a_copy_is_terminated);
    tcase_add_exit_test(tcase, a_product_that_overflows_ends_the_process, 71);
    tcase_add_exit_test(tcase, running_out_ends_the_process, 71);
    tcase_add_test(tcase, capacity_doubles_from_eight);
    tcase_add_test(tcase, capacity_that_is_enough_stays);
    tcase_add_test(tcase, capacity_does_not_wrap_around);
    tcase_add_test(tcase, what_large_pieces_took_goes_back_each_time);
    return suite_run("mem", tcase);
}
