#include "wire/properties.h"

#include <check.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/suite.h"

static struct kh_arena arena;
static struct kh_properties properties;
static struct kh_err err;

static void setup(void)
{
    kh_arena_init(&arena);
}

static void teardown(void)
{
    kh_arena_fini(&arena);
}

static void parse(struct kh_str text)
{
    ck_assert_int_eq(kh_properties_parse(&properties, text, &arena, &err), KH_OK);
}

static void assert_str(struct kh_str got, const char *expected)
{
    ck_assert_msg(kh_str_eq(got, kh_str(expected)), "\"%.*s\" is not \"%s\"", KH_STR_ARG(got),
                  expected);
}

static void assert_entry(size_t i, const char *key, const char *value)
{
    ck_assert_uint_lt(i, properties.n);
    assert_str(properties.items[i].key, key);
    assert_str(properties.items[i].value, value);
}

/* The one entry of a text. */
static void assert_only(struct kh_str text, const char *key, const char *value)
{
    parse(text);
    ck_assert_uint_eq(properties.n, 1);
    assert_entry(0, key, value);
}

START_TEST(a_key_ends_at_the_first_separator)
{
    assert_only(KH_STR("a=b"), "a", "b");
    assert_only(KH_STR("a:b"), "a", "b");
    assert_only(KH_STR("a b"), "a", "b");
    assert_only(KH_STR("a\tb"), "a", "b");
    assert_only(KH_STR("a\fb"), "a", "b");
    assert_only(KH_STR("  a  =  b"), "a", "b");
    assert_only(KH_STR("a : b"), "a", "b");
}
END_TEST

START_TEST(only_one_separator_is_taken)
{
    assert_only(KH_STR("a == b"), "a", "= b");
    assert_only(KH_STR("a =: b"), "a", ": b");
    assert_only(KH_STR("a b = c"), "a", "b = c");
}
END_TEST

START_TEST(key_and_value_may_be_empty)
{
    assert_only(KH_STR("a"), "a", "");
    assert_only(KH_STR("a="), "a", "");
    assert_only(KH_STR("=b"), "", "b");
}
END_TEST

START_TEST(blank_lines_and_comments_are_nothing)
{
    parse(KH_STR("\n  \t\n# a=1\n  ! b=2\n\f\n"));
    ck_assert_uint_eq(properties.n, 0);
    parse(KH_STR(""));
    ck_assert_uint_eq(properties.n, 0);
}
END_TEST

START_TEST(a_comment_is_never_continued)
{
    assert_only(KH_STR("# one \\\na=b"), "a", "b");
}
END_TEST

START_TEST(there_are_no_comments_behind_a_value)
{
    assert_only(KH_STR("a=b#c"), "a", "b#c");
    assert_only(KH_STR("a=b !c"), "a", "b !c");
}
END_TEST

START_TEST(lines_end_in_three_ways_and_each_counts_once)
{
    parse(KH_STR("a=1\nb=2\r\nc=3\rd=4"));
    ck_assert_uint_eq(properties.n, 4);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(properties.items[i].line, i + 1);
    }
    assert_entry(1, "b", "2");
    assert_entry(3, "d", "4");
}
END_TEST

START_TEST(a_backslash_at_the_line_end_joins_the_next_line_without_its_blanks)
{
    assert_only(KH_STR("a=b\\\n   c"), "a", "bc");
    assert_only(KH_STR("a=b\\\r\n\tc"), "a", "bc");
    assert_only(KH_STR("a=b\\\n#c"), "a", "b#c");
    assert_only(KH_STR("a\\\n=b"), "a", "b");
    assert_only(KH_STR("a=b\\\\\\\nc"), "a", "b\\c");
}
END_TEST

START_TEST(two_backslashes_at_the_line_end_are_one_and_join_nothing)
{
    parse(KH_STR("a=b\\\\\nc=d"));
    ck_assert_uint_eq(properties.n, 2);
    assert_entry(0, "a", "b\\");
    assert_entry(1, "c", "d");
}
END_TEST

START_TEST(a_blank_line_ends_what_was_continued)
{
    parse(KH_STR("a=b\\\n\nc=d"));
    ck_assert_uint_eq(properties.n, 2);
    assert_entry(0, "a", "b");
    assert_entry(1, "c", "d");
    ck_assert_uint_eq(properties.items[1].line, 3);
}
END_TEST

START_TEST(an_entry_counts_for_the_line_it_begins_in)
{
    parse(KH_STR("\n# x\n  a=b\\\n  c\\\n  d\nz=1"));
    ck_assert_uint_eq(properties.n, 2);
    assert_entry(0, "a", "bcd");
    ck_assert_uint_eq(properties.items[0].line, 3);
    ck_assert_uint_eq(properties.items[1].line, 6);
}
END_TEST

START_TEST(a_lone_backslash_at_the_end_is_dropped)
{
    assert_only(KH_STR("a=b\\"), "a", "b");
    parse(KH_STR("\\"));
    ck_assert_uint_eq(properties.n, 0);
    parse(KH_STR("\\\n"));
    ck_assert_uint_eq(properties.n, 0);
}
END_TEST

START_TEST(a_backslash_makes_separators_part_of_the_key)
{
    assert_only(KH_STR("a\\=b=c"), "a=b", "c");
    assert_only(KH_STR("a\\:b:c"), "a:b", "c");
    assert_only(KH_STR("a\\ b c"), "a b", "c");
    assert_only(KH_STR("\\#a=b"), "#a", "b");
    assert_only(KH_STR("a\\\\=b"), "a\\", "b");
}
END_TEST

START_TEST(escapes_stand_for_white_space_or_themselves)
{
    assert_only(KH_STR("a=\\t\\n\\r\\f\\q\\\\\\U"), "a", "\t\n\r\fq\\U");
    assert_only(KH_STR("a=\\  b"), "a", "  b");
}
END_TEST

START_TEST(unicode_escapes_become_utf8)
{
    assert_only(KH_STR("a=\\u0041\\u00e9\\u20AC"), "a", "A\xc3\xa9\xe2\x82\xac");
    assert_only(KH_STR("\\u0061=b"), "a", "b");
    assert_only(KH_STR("a=\\u003d"), "a", "=");
}
END_TEST

START_TEST(a_surrogate_pair_is_one_character_and_half_of_one_is_replaced)
{
    assert_only(KH_STR("a=\\ud83d\\ude00"), "a", "\xf0\x9f\x98\x80");
    assert_only(KH_STR("a=\\ud83d\\\n  \\ude00"), "a", "\xf0\x9f\x98\x80");
    assert_only(KH_STR("a=\\ud83dx"), "a", "\xef\xbf\xbdx");
    assert_only(KH_STR("a=\\ude00"), "a", "\xef\xbf\xbd");
    assert_only(KH_STR("a=\\ud83d\\ud83d\\ude00"), "a", "\xef\xbf\xbd\xf0\x9f\x98\x80");
    assert_only(KH_STR("a=\\ud83d"), "a", "\xef\xbf\xbd");
}
END_TEST

START_TEST(a_malformed_unicode_escape_is_refused_with_its_line)
{
    static const char *const wrong[] = {"\n\na=\\u12g4", "\n\na=\\u12", "\n\na=\\u",
                                        "\n\na\\uxyzw=b"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_int_eq(kh_properties_parse(&properties, kh_str(wrong[i]), &arena, &err),
                         KH_INVALID);
        ck_assert_str_eq(err.text, "\\u is not followed by four hexadecimal digits");
        ck_assert_uint_eq(properties.bad_line, 3);
    }
}
END_TEST

START_TEST(nul_and_control_characters_are_kept)
{
    parse(KH_STR("a=b\0c\001\\u0000"));
    ck_assert_uint_eq(properties.n, 1);
    ck_assert_uint_eq(properties.items[0].value.n, 5);
    ck_assert_mem_eq(properties.items[0].value.p, "b\0c\001\0", 5);
}
END_TEST

START_TEST(blanks_at_the_end_of_a_value_are_dropped_and_told)
{
    parse(KH_STR("a=b \t\nc=d"));
    assert_entry(0, "a", "b");
    ck_assert(properties.items[0].trimmed);
    ck_assert(!properties.items[1].trimmed);
}
END_TEST

START_TEST(an_escaped_blank_at_the_end_is_meant)
{
    assert_only(KH_STR("a=b\\ "), "a", "b ");
    ck_assert(!properties.items[0].trimmed);
    assert_only(KH_STR("a=b\\  "), "a", "b ");
    ck_assert(properties.items[0].trimmed);
    assert_only(KH_STR("a=b\\\\ "), "a", "b\\");
    ck_assert(properties.items[0].trimmed);
}
END_TEST

START_TEST(repeated_keys_are_all_there)
{
    parse(KH_STR("a=1\na=2"));
    ck_assert_uint_eq(properties.n, 2);
    assert_entry(0, "a", "1");
    assert_entry(1, "a", "2");
}
END_TEST

START_TEST(a_byte_order_mark_is_skipped)
{
    assert_only(KH_STR("\xef\xbb\xbf"
                       "a=b"),
                "a", "b");
}
END_TEST

START_TEST(utf8_stays_and_anything_else_is_latin1)
{
    assert_only(KH_STR("a=\xc3\xa9"), "a", "\xc3\xa9");
    ck_assert(!properties.latin1);
    assert_only(KH_STR("a=\xe9"), "a", "\xc3\xa9");
    ck_assert(properties.latin1);
    assert_only(KH_STR("\xff=\x80"), "\xc3\xbf", "\xc2\x80");
}
END_TEST

START_TEST(many_entries_fit)
{
    char *text = kh_mem_new(2000, 2);

    for (size_t i = 0; i < 2000; i++) {
        memcpy(text + 2 * i, "k\n", 2);
    }
    parse(kh_str_of(text, 4000));
    kh_mem_free(text);
    ck_assert_uint_eq(properties.n, 2000);
    assert_entry(1999, "k", "");
    ck_assert_uint_eq(properties.items[1999].line, 2000);
}
END_TEST

START_TEST(a_text_over_the_limit_is_refused)
{
    char *text = kh_mem_new(KH_PROPERTIES_BYTES_MAX + 1, 1);

    memset(text, '\n', KH_PROPERTIES_BYTES_MAX + 1);
    ck_assert_int_eq(kh_properties_parse(&properties, kh_str_of(text, KH_PROPERTIES_BYTES_MAX + 1),
                                         &arena, &err),
                     KH_TOOBIG);
    parse(kh_str_of(text, KH_PROPERTIES_BYTES_MAX));
    ck_assert_uint_eq(properties.n, 0);
    kh_mem_free(text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("properties");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_key_ends_at_the_first_separator);
    tcase_add_test(tcase, only_one_separator_is_taken);
    tcase_add_test(tcase, key_and_value_may_be_empty);
    tcase_add_test(tcase, blank_lines_and_comments_are_nothing);
    tcase_add_test(tcase, a_comment_is_never_continued);
    tcase_add_test(tcase, there_are_no_comments_behind_a_value);
    tcase_add_test(tcase, lines_end_in_three_ways_and_each_counts_once);
    tcase_add_test(tcase, a_backslash_at_the_line_end_joins_the_next_line_without_its_blanks);
    tcase_add_test(tcase, two_backslashes_at_the_line_end_are_one_and_join_nothing);
    tcase_add_test(tcase, a_blank_line_ends_what_was_continued);
    tcase_add_test(tcase, an_entry_counts_for_the_line_it_begins_in);
    tcase_add_test(tcase, a_lone_backslash_at_the_end_is_dropped);
    tcase_add_test(tcase, a_backslash_makes_separators_part_of_the_key);
    tcase_add_test(tcase, escapes_stand_for_white_space_or_themselves);
    tcase_add_test(tcase, unicode_escapes_become_utf8);
    tcase_add_test(tcase, a_surrogate_pair_is_one_character_and_half_of_one_is_replaced);
    tcase_add_test(tcase, a_malformed_unicode_escape_is_refused_with_its_line);
    tcase_add_test(tcase, nul_and_control_characters_are_kept);
    tcase_add_test(tcase, blanks_at_the_end_of_a_value_are_dropped_and_told);
    tcase_add_test(tcase, an_escaped_blank_at_the_end_is_meant);
    tcase_add_test(tcase, repeated_keys_are_all_there);
    tcase_add_test(tcase, a_byte_order_mark_is_skipped);
    tcase_add_test(tcase, utf8_stays_and_anything_else_is_latin1);
    tcase_add_test(tcase, many_entries_fit);
    tcase_add_test(tcase, a_text_over_the_limit_is_refused);
    return suite_run("properties", tcase);
}
