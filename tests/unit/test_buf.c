#include "base/buf.h"

#include <check.h>
#include <signal.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_buf buf;

static void setup(void)
{
    kh_buf_init(&buf, 10);
}

static void teardown(void)
{
    kh_buf_fini(&buf);
}

static void assert_holds(const char *expected)
{
    ck_assert_uint_eq(buf.n, strlen(expected));
    ck_assert(kh_str_eq(kh_buf_str(&buf), kh_str(expected)));
}

START_TEST(a_new_buffer_has_no_memory)
{
    ck_assert_ptr_null(buf.p);
    ck_assert_uint_eq(kh_buf_str(&buf).n, 0);
}
END_TEST

START_TEST(appending_puts_at_the_end)
{
    ck_assert_int_eq(kh_buf_append(&buf, "abc", 2), KH_OK);
    ck_assert_int_eq(kh_buf_append_str(&buf, KH_STR("cd")), KH_OK);
    ck_assert_int_eq(kh_buf_append_char(&buf, 'e'), KH_OK);
    ck_assert_int_eq(kh_buf_appendf(&buf, "%d-%s", 42, "x"), KH_OK);
    assert_holds("abcde42-x");
}
END_TEST

START_TEST(nothing_can_be_appended)
{
    ck_assert_int_eq(kh_buf_append(&buf, NULL, 0), KH_OK);
    ck_assert_int_eq(kh_buf_append_str(&buf, kh_str(NULL)), KH_OK);
    ck_assert_int_eq(kh_buf_appendf(&buf, "%s", ""), KH_OK);
    assert_holds("");
}
END_TEST

START_TEST(the_maximum_can_be_reached_but_not_passed)
{
    ck_assert_int_eq(kh_buf_append(&buf, "0123456789", 10), KH_OK);
    ck_assert_int_eq(kh_buf_append_char(&buf, 'x'), KH_TOOBIG);
    ck_assert_int_eq(kh_buf_appendf(&buf, "x"), KH_TOOBIG);
    ck_assert_int_eq(kh_buf_append(&buf, "x", SIZE_MAX), KH_TOOBIG);
    assert_holds("0123456789");
    ck_assert_uint_eq(buf.capacity, 10);
}
END_TEST

START_TEST(of_an_append_that_is_too_big_nothing_is_kept)
{
    ck_assert_int_eq(kh_buf_append(&buf, "0123", 4), KH_OK);
    ck_assert_int_eq(kh_buf_append(&buf, "4567890", 7), KH_TOOBIG);
    ck_assert_int_eq(kh_buf_appendf(&buf, "%d", 4567890), KH_TOOBIG);
    assert_holds("0123");
    ck_assert_int_eq(kh_buf_appendf(&buf, "%d", 456789), KH_OK);
    assert_holds("0123456789");
}
END_TEST

START_TEST(reserved_room_can_be_written_and_counted)
{
    ck_assert_int_eq(kh_buf_append(&buf, "ab", 2), KH_OK);
    ck_assert_int_eq(kh_buf_reserve(&buf, 5), KH_OK);
    memcpy(buf.p + buf.n, "cdefg", 5);
    kh_buf_added(&buf, 3);
    assert_holds("abcde");
    ck_assert_int_eq(kh_buf_reserve(&buf, 6), KH_TOOBIG);
}
END_TEST

START_TEST(counting_more_than_there_is_room_for_is_a_mistake)
{
    ck_assert_int_eq(kh_buf_reserve(&buf, 5), KH_OK);
    kh_buf_added(&buf, 11);
}
END_TEST

START_TEST(consuming_takes_from_the_front)
{
    ck_assert_int_eq(kh_buf_append(&buf, "abcdef", 6), KH_OK);
    kh_buf_consume(&buf, 0);
    kh_buf_consume(&buf, 2);
    assert_holds("cdef");
    kh_buf_consume(&buf, 4);
    assert_holds("");
}
END_TEST

START_TEST(consuming_more_than_there_is_is_a_mistake)
{
    ck_assert_int_eq(kh_buf_append(&buf, "ab", 2), KH_OK);
    kh_buf_consume(&buf, 3);
}
END_TEST

START_TEST(reset_keeps_the_memory)
{
    char *p;

    ck_assert_int_eq(kh_buf_append(&buf, "ab", 2), KH_OK);
    p = buf.p;
    kh_buf_reset(&buf);
    assert_holds("");
    ck_assert_ptr_eq(buf.p, p);
}
END_TEST

START_TEST(taking_leaves_an_empty_buffer_of_the_same_maximum)
{
    struct kh_buf taken;

    ck_assert_int_eq(kh_buf_append(&buf, "ab", 2), KH_OK);
    taken = kh_buf_take(&buf);
    ck_assert(kh_str_eq(kh_buf_str(&taken), KH_STR("ab")));
    ck_assert_ptr_null(buf.p);
    ck_assert_int_eq(kh_buf_append(&buf, "0123456789", 10), KH_OK);
    ck_assert_int_eq(kh_buf_append_char(&buf, 'x'), KH_TOOBIG);
    kh_buf_fini(&taken);
}
END_TEST

START_TEST(it_grows_while_bytes_come_one_by_one)
{
    struct kh_buf big;

    kh_buf_init(&big, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        ck_assert_int_eq(kh_buf_append_char(&big, (char)('a' + i % 26)), KH_OK);
    }
    ck_assert_int_eq(big.p[99999], 'a' + 99999 % 26);
    ck_assert_int_eq(big.p[26], 'a');
    ck_assert_int_eq(kh_buf_append_char(&big, 'x'), KH_TOOBIG);
    kh_buf_fini(&big);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("buf");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_new_buffer_has_no_memory);
    tcase_add_test(tcase, appending_puts_at_the_end);
    tcase_add_test(tcase, nothing_can_be_appended);
    tcase_add_test(tcase, the_maximum_can_be_reached_but_not_passed);
    tcase_add_test(tcase, of_an_append_that_is_too_big_nothing_is_kept);
    tcase_add_test(tcase, reserved_room_can_be_written_and_counted);
    tcase_add_test_raise_signal(tcase, counting_more_than_there_is_room_for_is_a_mistake, SIGABRT);
    tcase_add_test(tcase, consuming_takes_from_the_front);
    tcase_add_test_raise_signal(tcase, consuming_more_than_there_is_is_a_mistake, SIGABRT);
    tcase_add_test(tcase, reset_keeps_the_memory);
    tcase_add_test(tcase, taking_leaves_an_empty_buffer_of_the_same_maximum);
    tcase_add_test(tcase, it_grows_while_bytes_come_one_by_one);
    return suite_run("buf", tcase);
}
