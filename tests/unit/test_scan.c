#include "wire/scan.h"

#include <check.h>
#include <stdlib.h>

#include "tests/lib/suite.h"

static struct kh_scan scan;
static struct kh_arena arena;

static void set_up(void)
{
    kh_arena_init(&arena);
}

static void tear_down(void)
{
    kh_arena_fini(&arena);
}

static void begin(const char *text)
{
    kh_scan_init(&scan, kh_str(text), 8);
}

static void assert_failed(const char *expected, size_t at)
{
    ck_assert(kh_scan_failed(&scan));
    ck_assert_str_eq(scan.expected, expected);
    ck_assert_uint_eq((size_t)(scan.at - scan.start), at);
}

START_TEST(an_object_is_walked_member_by_member)
{
    struct kh_scan_text name;
    struct kh_scan_text text;
    struct kh_str token;
    bool first = true;

    begin(" { \"a\" : \"x\\n\" , \"b\":-1.5e+3,\"c\":null } ");
    ck_assert(kh_scan_open(&scan, '{'));
    ck_assert(kh_scan_member(&scan, &first, &name));
    ck_assert(kh_scan_text_is(&name, "a"));
    ck_assert(kh_scan_string(&scan, &text));
    ck_assert(kh_str_eq(text.raw, KH_STR("x\\n")));
    ck_assert(text.escaped);
    ck_assert(kh_scan_member(&scan, &first, &name));
    ck_assert(!kh_scan_null(&scan));
    ck_assert(kh_scan_number(&scan, &token));
    ck_assert(kh_str_eq(token, KH_STR("-1.5e+3")));
    ck_assert(kh_scan_member(&scan, &first, &name));
    ck_assert(kh_scan_null(&scan));
    ck_assert(!kh_scan_member(&scan, &first, &name));
    ck_assert(!kh_scan_failed(&scan));
    ck_assert_uint_eq(scan.depth, 0);
    ck_assert(kh_scan_end(&scan));
}
END_TEST

START_TEST(an_array_is_walked_item_by_item)
{
    bool first = true;
    struct kh_str raw;

    begin("[ [] , {\"a\":[1,{}]} , \"s\"]");
    ck_assert(kh_scan_open(&scan, '['));
    ck_assert(kh_scan_item(&scan, &first));
    ck_assert(kh_scan_skip(&scan, &raw));
    ck_assert(kh_str_eq(raw, KH_STR("[]")));
    ck_assert(kh_scan_item(&scan, &first));
    ck_assert(kh_scan_skip(&scan, &raw));
    ck_assert(kh_str_eq(raw, KH_STR("{\"a\":[1,{}]}")));
    ck_assert(kh_scan_item(&scan, &first));
    ck_assert(kh_scan_skip(&scan, &raw));
    ck_assert(kh_str_eq(raw, KH_STR("\"s\"")));
    ck_assert(!kh_scan_item(&scan, &first));
    ck_assert(kh_scan_end(&scan));
}
END_TEST

START_TEST(the_first_failure_stays_and_stops_everything)
{
    struct kh_scan_text text;
    struct kh_str token;
    struct kh_err err;
    bool first = true;

    begin("[1 2]");
    ck_assert(kh_scan_open(&scan, '['));
    ck_assert(kh_scan_item(&scan, &first));
    ck_assert(kh_scan_skip(&scan, NULL));
    ck_assert(!kh_scan_item(&scan, &first));
    assert_failed("',' or ']'", 3);

    ck_assert_int_eq(kh_scan_peek(&scan), KH_SCAN_NOTHING);
    ck_assert(!kh_scan_open(&scan, '['));
    ck_assert(!kh_scan_item(&scan, &first));
    ck_assert(!kh_scan_member(&scan, &first, &text));
    ck_assert(!kh_scan_string(&scan, &text));
    ck_assert(!kh_scan_optional(&scan, &text));
    ck_assert(!kh_scan_number(&scan, &token));
    ck_assert(!kh_scan_null(&scan));
    ck_assert(!kh_scan_skip(&scan, NULL));
    ck_assert(!kh_scan_end(&scan));
    ck_assert(!kh_scan_refuse(&scan, scan.start, "something else"));
    assert_failed("',' or ']'", 3);
    ck_assert_int_eq(kh_scan_error(&scan, &err, "list"), KH_INVALID);
    ck_assert_str_eq(err.text, "list: expected ',' or ']' at byte 4");
}
END_TEST

START_TEST(values_are_told_by_their_first_byte)
{
    static const struct {
        const char *text;
        enum kh_scan_type type;
    } rows[] = {{" \"", KH_SCAN_STRING}, {"\t-", KH_SCAN_NUMBER},  {"0", KH_SCAN_NUMBER},
                {"t", KH_SCAN_TRUE},     {"f", KH_SCAN_FALSE},     {"n", KH_SCAN_NULL},
                {"{", KH_SCAN_OBJECT},   {"\r\n[", KH_SCAN_ARRAY}, {"", KH_SCAN_NOTHING},
                {"+", KH_SCAN_NOTHING},  {"]", KH_SCAN_NOTHING}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(rows[i].text);
        ck_assert_int_eq(kh_scan_peek(&scan), rows[i].type);
    }
}
END_TEST

START_TEST(a_null_or_a_string_is_told_apart)
{
    struct kh_scan_text text;

    begin("null");
    ck_assert(kh_scan_optional(&scan, &text));
    ck_assert_ptr_null(text.raw.p);
    begin("\"\"");
    ck_assert(kh_scan_optional(&scan, &text));
    ck_assert_ptr_nonnull(text.raw.p);
    ck_assert_uint_eq(text.raw.n, 0);
    begin("nil");
    ck_assert(!kh_scan_optional(&scan, &text));
    assert_failed("a value", 0);
    begin("5");
    ck_assert(!kh_scan_optional(&scan, &text));
    assert_failed("a string", 0);
}
END_TEST

/* Strings are read eight bytes at a time: no place in a word may be overlooked. */
START_TEST(the_end_of_a_string_is_found_wherever_it_stands)
{
    struct kh_scan_text text;
    char bytes[40];

    for (size_t at = 1; at < sizeof(bytes); at++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = i == 0 || i == at ? '"' : (char)('\x7f' + i);
        }
        kh_scan_init(&scan, kh_str_of(bytes, sizeof(bytes)), 8);
        ck_assert(kh_scan_string(&scan, &text));
        ck_assert_uint_eq(text.raw.n, at - 1);
        bytes[at] = '\x1f';
        kh_scan_init(&scan, kh_str_of(bytes, sizeof(bytes)), 8);
        ck_assert(!kh_scan_string(&scan, &text));
        assert_failed("no control character in a string", at);
    }
}
END_TEST

START_TEST(strings_may_be_limited)
{
    struct kh_scan_text text;

    begin("\"abcd\"");
    scan.string_bytes_max = 4;
    ck_assert(kh_scan_string(&scan, &text));
    begin("\"abcde\"");
    scan.string_bytes_max = 4;
    ck_assert(!kh_scan_string(&scan, &text));
    assert_failed("a shorter string", 1);
}
END_TEST

static struct kh_scan_text text_of(const char *quoted)
{
    struct kh_scan_text text;

    begin(quoted);
    ck_assert(kh_scan_string(&scan, &text));
    return text;
}

START_TEST(escapes_are_resolved)
{
    static const struct {
        const char *quoted;
        struct kh_str meant;
    } rows[] = {
        {"\"plain\"", KH_STR("plain")},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", KH_STR("\"\\/\b\f\n\r\t")},
        {"\"a\\u0000b\"", KH_STR("a\0b")},
        {"\"\\u00e4\\u20AC\"", KH_STR("\xc3\xa4\xe2\x82\xac")},
        {"\"\\ud83d\\ude00\"", KH_STR("\xf0\x9f\x98\x80")},
        {"\"\\ud83d\"", KH_STR("\xef\xbf\xbd")},
        {"\"\\ud83dx\\ude00\"", KH_STR("\xef\xbf\xbdx\xef\xbf\xbd")},
        {"\"\\ud83d\\u0041\"", KH_STR("\xef\xbf\xbd"
                                      "A")},
        {"\"\\ude00\\ud83d\"", KH_STR("\xef\xbf\xbd\xef\xbf\xbd")},
        {"\"\xff\\n\"", KH_STR("\xff\n")},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct kh_scan_text text = text_of(rows[i].quoted);
        ck_assert_msg(kh_str_eq(kh_scan_unescape(&text, &arena), rows[i].meant), "%s",
                      rows[i].quoted);
    }
}
END_TEST

START_TEST(texts_are_compared_by_what_they_mean)
{
    const struct kh_scan_text plain = text_of("\"Records\"");
    const struct kh_scan_text escaped = text_of("\"\\u0052ecor\\u0064s\"");

    ck_assert(kh_scan_text_is(&plain, "Records"));
    ck_assert(!kh_scan_text_is(&plain, "Record"));
    ck_assert(!kh_scan_text_is(&plain, "RecordsX"));
    ck_assert(kh_scan_text_is(&escaped, "Records"));
    ck_assert(!kh_scan_text_is(&escaped, "Recor"));
    ck_assert(!kh_scan_text_is(&escaped, "Record"));
    ck_assert(!kh_scan_text_is(&escaped, "RecordsX"));
    ck_assert(!kh_scan_text_is(&escaped, ""));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("scan");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_object_is_walked_member_by_member);
    tcase_add_test(tcase, an_array_is_walked_item_by_item);
    tcase_add_test(tcase, the_first_failure_stays_and_stops_everything);
    tcase_add_test(tcase, values_are_told_by_their_first_byte);
    tcase_add_test(tcase, a_null_or_a_string_is_told_apart);
    tcase_add_test(tcase, the_end_of_a_string_is_found_wherever_it_stands);
    tcase_add_test(tcase, strings_may_be_limited);
    tcase_add_test(tcase, escapes_are_resolved);
    tcase_add_test(tcase, texts_are_compared_by_what_they_mean);
    return suite_run("scan", tcase);
}
