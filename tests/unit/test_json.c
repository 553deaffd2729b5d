#include "wire/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/suite.h"

static struct kh_json *root;
static struct kh_buf out;
static struct kh_err err;

static void set_up(void)
{
    kh_buf_init(&out, 1 << 20);
}

static void tear_down(void)
{
    kh_json_free(root);
    root = NULL;
    kh_buf_fini(&out);
}

static void parse(const char *text)
{
    ck_assert_int_eq(kh_json_parse(&root, kh_str(text), &err), KH_OK);
}

START_TEST(members_are_found_by_name_and_type)
{
    struct kh_str text = {0};
    int64_t number = 0;
    double real = 0;
    bool yes = false;

    parse(" {\"s\":\"a\\u00e4\\n\",\"i\":-42,\"d\":1.5,\"b\":true,\"o\":{\"in\":\"x\"}} \n");

    ck_assert(kh_json_is_object(root));
    ck_assert(kh_json_str(kh_json_get(root, "s"), &text));
    ck_assert(kh_str_eq(text, KH_STR("a\xc3\xa4\n")));
    ck_assert(kh_json_i64(kh_json_get(root, "i"), &number));
    ck_assert_int_eq(number, -42);
    ck_assert(kh_json_double(kh_json_get(root, "d"), &real));
    ck_assert_double_eq(real, 1.5);
    ck_assert(kh_json_double(kh_json_get(root, "i"), &real));
    ck_assert_double_eq(real, -42);
    ck_assert(kh_json_bool(kh_json_get(root, "b"), &yes));
    ck_assert(yes);
    ck_assert(kh_json_str(kh_json_get(kh_json_get(root, "o"), "in"), &text));
    ck_assert(kh_str_eq(text, KH_STR("x")));
}
END_TEST

START_TEST(absent_null_and_other_types_all_answer_not_there)
{
    struct kh_str text = KH_STR("before");
    int64_t number = 7;
    double real = 7;
    bool yes = true;

    parse("{\"null\":null,\"s\":\"5\",\"d\":5.0,\"i\":5}");

    ck_assert_ptr_null(kh_json_get(root, "null"));
    ck_assert_ptr_null(kh_json_get(root, "nowhere"));
    ck_assert_ptr_null(kh_json_get(NULL, "s"));
    ck_assert_ptr_null(kh_json_get(kh_json_get(root, "s"), "s"));
    ck_assert(!kh_json_str(kh_json_get(root, "i"), &text));
    ck_assert(!kh_json_str(NULL, &text));
    ck_assert(!kh_json_i64(kh_json_get(root, "s"), &number));
    ck_assert(!kh_json_i64(kh_json_get(root, "d"), &number));
    ck_assert(!kh_json_double(kh_json_get(root, "s"), &real));
    ck_assert(!kh_json_bool(kh_json_get(root, "i"), &yes));
    ck_assert(kh_str_eq(text, KH_STR("before")));
    ck_assert_int_eq(number, 7);
    ck_assert_double_eq(real, 7);
    ck_assert(yes);
}
END_TEST

START_TEST(numbers_that_do_not_fit_are_refused)
{
    int64_t number = 7;

    parse("[9223372036854775806, -9223372036854775807, 9223372036854775808, -9223372036854775809,"
          " 99999999999999999999999]");

    ck_assert(kh_json_i64(kh_json_at(root, 0), &number));
    ck_assert_int_eq(number, INT64_C(9223372036854775806));
    ck_assert(kh_json_i64(kh_json_at(root, 1), &number));
    ck_assert_int_eq(number, INT64_C(-9223372036854775807));
    ck_assert(!kh_json_i64(kh_json_at(root, 2), &number));
    ck_assert(!kh_json_i64(kh_json_at(root, 3), &number));
    ck_assert(!kh_json_i64(kh_json_at(root, 4), &number));
}
END_TEST

START_TEST(arrays_are_walked_by_index)
{
    int64_t number = 0;

    parse("[1,null,3]");

    ck_assert(kh_json_is_array(root));
    ck_assert_uint_eq(kh_json_length(root), 3);
    ck_assert(kh_json_i64(kh_json_at(root, 2), &number));
    ck_assert_int_eq(number, 3);
    ck_assert_ptr_null(kh_json_at(root, 1));
    ck_assert_ptr_null(kh_json_at(root, 3));
    ck_assert_uint_eq(kh_json_length(NULL), 0);
    ck_assert(!kh_json_is_object(root));
}
END_TEST

START_TEST(members_are_walked_in_their_order)
{
    struct kh_json_member member = {0};

    parse("{\"b\":1,\"a\":null}");

    ck_assert(kh_json_next(root, &member));
    ck_assert(kh_str_eq(member.name, KH_STR("b")));
    ck_assert_ptr_nonnull(member.value);
    ck_assert(kh_json_next(root, &member));
    ck_assert(kh_str_eq(member.name, KH_STR("a")));
    ck_assert_ptr_null(member.value);
    ck_assert(!kh_json_next(root, &member));

    member = (struct kh_json_member){0};
    ck_assert(!kh_json_next(NULL, &member));
}
END_TEST

START_TEST(of_two_members_with_one_name_the_last_wins)
{
    int64_t number = 0;

    parse("{\"a\":1,\"a\":2}");

    ck_assert(kh_json_i64(kh_json_get(root, "a"), &number));
    ck_assert_int_eq(number, 2);
}
END_TEST

START_TEST(what_is_not_json_is_refused_with_its_place)
{
    static const char *const bad[] = {"",          " ",
                                      "{",         "{\"a\":}",
                                      "{\"a\" 1}", "{\"a\":1,}",
                                      "[1,]",      "[1 2]",
                                      "'a'",       "{'a':1}",
                                      "nul",       "nulls",
                                      "{} {}",     "{}x",
                                      "01",        "1.",
                                      ".5",        "+1",
                                      "1e",        "-",
                                      "NaN",       "Infinity",
                                      "\"a",       "\"\n\"",
                                      "\"\\x\"",   "\"\\u12g4\"",
                                      "// c\n1",   "\xef\xbb\xbf{}",
                                      "\"\xff\"",  "\"\xed\xa0\x80\"",
                                      "[}",        "{]"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(kh_json_parse(&root, kh_str(bad[i]), &err) == KH_INVALID, "%s", bad[i]);
        ck_assert_ptr_null(root);
    }
    ck_assert_int_eq(kh_json_parse(&root, KH_STR("{\"a\":1,,}"), &err), KH_INVALID);
    ck_assert_str_eq(err.text, "JSON: expected a member's name at byte 8");
    ck_assert_int_eq(kh_json_parse(&root, KH_STR("{}\0{}"), &err), KH_INVALID);
    ck_assert_str_eq(err.text, "JSON: expected nothing more at byte 3");
}
END_TEST

START_TEST(depth_and_size_are_limited)
{
    char nested[2 * (KH_JSON_DEPTH_MAX + 1)];
    const size_t n = KH_JSON_DEPTH_MAX;

    memset(nested, '[', n);
    memset(nested + n, ']', n);
    ck_assert_int_eq(kh_json_parse(&root, kh_str_of(nested, 2 * n), &err), KH_OK);
    kh_json_free(root);
    root = NULL;

    memset(nested, '[', n + 1);
    memset(nested + n + 1, ']', n + 1);
    ck_assert_int_eq(kh_json_parse(&root, kh_str_of(nested, 2 * (n + 1)), &err), KH_INVALID);
    ck_assert_str_eq(err.text, "JSON: expected less nesting at byte 33");

    char *large = kh_mem_new(KH_JSON_BYTES_MAX + 1, 1);
    memset(large, ' ', KH_JSON_BYTES_MAX + 1);
    ck_assert_int_eq(kh_json_parse(&root, kh_str_of(large, KH_JSON_BYTES_MAX + 1), &err),
                     KH_TOOBIG);
    kh_mem_free(large);
}
END_TEST

START_TEST(scalars_are_documents_too)
{
    int64_t number = 0;

    parse(" 12");
    ck_assert(kh_json_i64(root, &number));
    ck_assert_int_eq(number, 12);
    kh_json_free(root);
    root = NULL;

    parse("null");
    ck_assert_ptr_null(root);
}
END_TEST

START_TEST(a_writer_puts_the_commas)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, &out);
    kh_json_open_object(&writer);
    kh_json_key(&writer, "s");
    kh_json_put_str(&writer, KH_STR("a\"b"));
    kh_json_key(&writer, "list");
    kh_json_open_array(&writer);
    kh_json_put_i64(&writer, INT64_MIN);
    kh_json_put_u64(&writer, UINT64_MAX);
    kh_json_open_object(&writer);
    kh_json_close_object(&writer);
    kh_json_open_array(&writer);
    kh_json_close_array(&writer);
    kh_json_put_bool(&writer, true);
    kh_json_close_array(&writer);
    kh_json_key_str(&writer, KH_STR("k\n"));
    kh_json_put_null(&writer);
    kh_json_key(&writer, "raw");
    kh_json_put_raw(&writer, KH_STR("1.250"));
    kh_json_close_object(&writer);

    ck_assert_int_eq(kh_json_end(&writer), KH_OK);
    ck_assert(
        kh_str_eq(kh_buf_str(&out),
                  KH_STR("{\"s\":\"a\\\"b\",\"list\":[-9223372036854775808,18446744073709551615,"
                         "{},[],true],\"k\\n\":null,\"raw\":1.250}")));
}
END_TEST

START_TEST(a_writer_out_of_room_leaves_nothing_behind)
{
    struct kh_buf small;
    struct kh_json_writer writer;

    kh_buf_init(&small, 8);
    ck_assert_int_eq(kh_buf_append_char(&small, '#'), KH_OK);
    kh_json_begin(&writer, &small);
    kh_json_open_array(&writer);
    kh_json_put_str(&writer, KH_STR("far too long"));
    kh_json_put_i64(&writer, 1);
    kh_json_close_array(&writer);

    ck_assert_int_eq(kh_json_end(&writer), KH_TOOBIG);
    ck_assert(kh_str_eq(kh_buf_str(&small), KH_STR("#")));
    kh_buf_fini(&small);
}
END_TEST

static void assert_strings(struct kh_str s, const char *utf8, const char *ascii)
{
    kh_buf_reset(&out);
    ck_assert_int_eq(kh_json_append_string(&out, s), KH_OK);
    ck_assert(kh_str_eq(kh_buf_str(&out), kh_str(utf8)));
    kh_buf_reset(&out);
    ck_assert_int_eq(kh_json_append_ascii(&out, s), KH_OK);
    ck_assert(kh_str_eq(kh_buf_str(&out), kh_str(ascii)));
}

START_TEST(strings_are_escaped_as_jackson_does)
{
    assert_strings(KH_STR(""), "\"\"", "\"\"");
    assert_strings(KH_STR("\"\\/\b\t\n\f\r"), "\"\\\"\\\\/\\b\\t\\n\\f\\r\"",
                   "\"\\\"\\\\/\\b\\t\\n\\f\\r\"");
    assert_strings(KH_STR("\0\x1f\x7f"), "\"\\u0000\\u001F\x7f\"", "\"\\u0000\\u001F\x7f\"");
    assert_strings(KH_STR("\xc3\xa4\xe2\x80\xa8\xf0\x9f\x98\x80"),
                   "\"\xc3\xa4\xe2\x80\xa8\xf0\x9f\x98\x80\"", "\"\\u00E4\\u2028\\uD83D\\uDE00\"");
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_replaced_one_by_one)
{
    assert_strings(KH_STR("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"", "\"a\\uFFFD\\uFFFD\"");
    assert_strings(KH_STR("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\\uFFFD\\uFFFD\"");
}
END_TEST

START_TEST(a_string_without_room_leaves_nothing_behind)
{
    struct kh_buf small;

    kh_buf_init(&small, 4);
    ck_assert_int_eq(kh_json_append_string(&small, KH_STR("abc")), KH_TOOBIG);
    ck_assert_uint_eq(small.n, 0);
    kh_buf_fini(&small);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("json");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, members_are_found_by_name_and_type);
    tcase_add_test(tcase, absent_null_and_other_types_all_answer_not_there);
    tcase_add_test(tcase, numbers_that_do_not_fit_are_refused);
    tcase_add_test(tcase, arrays_are_walked_by_index);
    tcase_add_test(tcase, members_are_walked_in_their_order);
    tcase_add_test(tcase, of_two_members_with_one_name_the_last_wins);
    tcase_add_test(tcase, what_is_not_json_is_refused_with_its_place);
    tcase_add_test(tcase, depth_and_size_are_limited);
    tcase_add_test(tcase, scalars_are_documents_too);
    tcase_add_test(tcase, a_writer_puts_the_commas);
    tcase_add_test(tcase, a_writer_out_of_room_leaves_nothing_behind);
    tcase_add_test(tcase, strings_are_escaped_as_jackson_does);
    tcase_add_test(tcase, bytes_that_are_not_utf8_are_replaced_one_by_one);
    tcase_add_test(tcase, a_string_without_room_leaves_nothing_behind);
    return suite_run("json", tcase);
}
