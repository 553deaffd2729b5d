#include "wire/base64.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/suite.h"

static struct kh_buf out;

static void set_up(void)
{
    kh_buf_init(&out, 1 << 20);
}

static void tear_down(void)
{
    kh_buf_fini(&out);
}

static void assert_encodes(struct kh_str bytes, const char *text)
{
    size_t n = 99;

    kh_buf_reset(&out);
    ck_assert_int_eq(kh_base64_encode(&out, bytes), KH_OK);
    ck_assert(kh_str_eq(kh_buf_str(&out), kh_str(text)));
    kh_buf_reset(&out);
    ck_assert_int_eq(kh_base64_decode(&out, kh_str(text)), KH_OK);
    ck_assert(kh_str_eq(kh_buf_str(&out), bytes));
    ck_assert(kh_base64_check(kh_str(text), &n));
    ck_assert_uint_eq(n, bytes.n);
}

START_TEST(the_vectors_of_the_rfc_go_both_ways)
{
    assert_encodes(KH_STR(""), "");
    assert_encodes(KH_STR("f"), "Zg==");
    assert_encodes(KH_STR("fo"), "Zm8=");
    assert_encodes(KH_STR("foo"), "Zm9v");
    assert_encodes(KH_STR("foob"), "Zm9vYg==");
    assert_encodes(KH_STR("fooba"), "Zm9vYmE=");
    assert_encodes(KH_STR("foobar"), "Zm9vYmFy");
}
END_TEST

START_TEST(every_letter_of_the_alphabet_is_known)
{
    assert_encodes(KH_STR("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97"
                          "\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf"
                          "\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf"),
                   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}
END_TEST

START_TEST(bits_left_over_by_padding_may_be_anything)
{
    ck_assert_int_eq(kh_base64_decode(&out, KH_STR("Zh==")), KH_OK);
    ck_assert(kh_str_eq(kh_buf_str(&out), KH_STR("f")));
}
END_TEST

START_TEST(what_is_not_base64_is_refused)
{
    static const char *const bad[] = {
        "Z",    "Zg",    "Zg=",  "=",         "====", "Z===",       "Zg=v",     "Zm9v=",
        "Z g=", "Zm9\n", "Zm-_", "Zm9v\\/==", "=Zg=", "Zm\xc3\xa4", "Zg==Zg==", "Zm9vYg==\n"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!kh_base64_check(kh_str(bad[i]), NULL), "%s", bad[i]);
        ck_assert_int_eq(kh_base64_decode(&out, kh_str(bad[i])), KH_INVALID);
    }
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

/* Long texts are judged in blocks: no place in a block may be overlooked. */
START_TEST(a_stranger_is_found_wherever_it_stands)
{
    enum { N = 200 };
    char text[N];

    memset(text, 'A', sizeof(text));
    ck_assert(kh_base64_check(kh_str_of(text, N), NULL));
    for (size_t i = 0; i < N - 2; i++) {
        for (int c = 0; c < 256; c++) {
            bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || c == '+' || c == '/';
            text[i] = (char)c;
            ck_assert(kh_base64_check(kh_str_of(text, N), NULL) == letter);
        }
        text[i] = 'A';
    }
}
END_TEST

START_TEST(a_full_buffer_takes_nothing)
{
    struct kh_buf small;

    kh_buf_init(&small, 3);
    ck_assert_int_eq(kh_base64_encode(&small, KH_STR("f")), KH_TOOBIG);
    ck_assert_int_eq(kh_base64_decode(&small, KH_STR("Zm9vYg==")), KH_TOOBIG);
    ck_assert_uint_eq(small.n, 0);
    kh_buf_fini(&small);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("base64");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_vectors_of_the_rfc_go_both_ways);
    tcase_add_test(tcase, every_letter_of_the_alphabet_is_known);
    tcase_add_test(tcase, bits_left_over_by_padding_may_be_anything);
    tcase_add_test(tcase, what_is_not_base64_is_refused);
    tcase_add_test(tcase, a_stranger_is_found_wherever_it_stands);
    tcase_add_test(tcase, a_full_buffer_takes_nothing);
    return suite_run("base64", tcase);
}
