#include "wire/utf8.h"

#include <check.h>
#include <stdlib.h>

#include "tests/lib/suite.h"

START_TEST(characters_go_both_ways)
{
    static const struct {
        struct kh_str bytes;
        uint32_t character;
        struct kh_str escape;
    } rows[] = {
        {KH_STR("\0"), 0, KH_STR("\\u0000")},
        {KH_STR("\x7f"), 0x7f, KH_STR("\\u007F")},
        {KH_STR("\xc2\x80"), 0x80, KH_STR("\\u0080")},
        {KH_STR("\xdf\xbf"), 0x7ff, KH_STR("\\u07FF")},
        {KH_STR("\xe0\xa0\x80"), 0x800, KH_STR("\\u0800")},
        {KH_STR("\xed\x9f\xbf"), 0xd7ff, KH_STR("\\uD7FF")},
        {KH_STR("\xee\x80\x80"), 0xe000, KH_STR("\\uE000")},
        {KH_STR("\xef\xbf\xbf"), 0xffff, KH_STR("\\uFFFF")},
        {KH_STR("\xf0\x90\x80\x80"), 0x10000, KH_STR("\\uD800\\uDC00")},
        {KH_STR("\xf4\x8f\xbf\xbf"), 0x10ffff, KH_STR("\\uDBFF\\uDFFF")},
    };
    char bytes[KH_UTF8_BYTES_MAX];
    char escape[KH_UTF8_ESCAPE_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t character = 0xffffffff;
        ck_assert_uint_eq(kh_utf8_decode(rows[i].bytes, &character), rows[i].bytes.n);
        ck_assert_uint_eq(character, rows[i].character);
        ck_assert(kh_str_eq(kh_str_of(bytes, kh_utf8_encode(character, bytes)), rows[i].bytes));
        ck_assert(kh_str_eq(kh_str_of(escape, kh_utf8_escape(character, escape)), rows[i].escape));
        ck_assert(kh_utf8_valid(rows[i].bytes));
    }
}
END_TEST

START_TEST(malformed_sequences_are_refused)
{
    static const struct kh_str bad[] = {
        KH_STR("\x80"),             /* a continuation by itself */
        KH_STR("\xc3"),             /* cut */
        KH_STR("\xe2\x82"),         /* cut */
        KH_STR("\xf0\x9f\x98"),     /* cut */
        KH_STR("\xc3("),            /* no continuation */
        KH_STR("\xe2\x82("),        /* no continuation */
        KH_STR("\xc0\xaf"),         /* overlong */
        KH_STR("\xc1\xbf"),         /* overlong */
        KH_STR("\xe0\x9f\xbf"),     /* overlong */
        KH_STR("\xf0\x8f\xbf\xbf"), /* overlong */
        KH_STR("\xed\xa0\x80"),     /* a surrogate */
        KH_STR("\xf4\x90\x80\x80"), /* above U+10FFFF */
        KH_STR("\xf5\x80\x80\x80"),
        KH_STR("\xff"),
    };
    uint32_t character = 7;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_uint_eq(kh_utf8_decode(bad[i], &character), 0);
        ck_assert(!kh_utf8_valid(bad[i]));
    }
    ck_assert_uint_eq(kh_utf8_decode(KH_STR(""), &character), 0);
    ck_assert_uint_eq(character, 7);
    ck_assert(kh_utf8_valid(KH_STR("")));
    ck_assert(!kh_utf8_valid(KH_STR("a long text that is good until its very end: \xc3")));
}
END_TEST

START_TEST(what_is_no_character_is_written_as_the_replacement)
{
    char bytes[KH_UTF8_BYTES_MAX];

    ck_assert(kh_str_eq(kh_str_of(bytes, kh_utf8_encode(0xd800, bytes)), KH_STR("\xef\xbf\xbd")));
    ck_assert(kh_str_eq(kh_str_of(bytes, kh_utf8_encode(0x110000, bytes)), KH_STR("\xef\xbf\xbd")));
}
END_TEST

START_TEST(the_ascii_prefix_ends_at_the_first_other_byte)
{
    char text[40];

    for (size_t n = 0; n < sizeof(text); n++) {
        for (size_t i = 0; i < sizeof(text); i++) {
            text[i] = i == n ? '\x80' : 'a';
        }
        ck_assert_uint_eq(kh_utf8_ascii_prefix(kh_str_of(text, sizeof(text))), n);
        ck_assert_uint_eq(kh_utf8_ascii_prefix(kh_str_of(text, n)), n);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("utf8");

    tcase_add_test(tcase, characters_go_both_ways);
    tcase_add_test(tcase, malformed_sequences_are_refused);
    tcase_add_test(tcase, what_is_no_character_is_written_as_the_replacement);
    tcase_add_test(tcase, the_ascii_prefix_ends_at_the_first_other_byte);
    return suite_run("utf8", tcase);
}
