#include "wire/expand.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

static const char *environment[] = {"APP=orders",
                                    "EMPTY=",
                                    "HOME=/root",
                                    "DB_PASSWORD=x",
                                    "LONG="
                                    "0123456789",
                                    NULL};
static struct kh_arena arena;
static struct kh_expanded expanded;
static struct kh_err err;

static void setup(void)
{
    kh_arena_init(&arena);
}

static void teardown(void)
{
    kh_arena_fini(&arena);
}

static void assert_expands(const char *value, const char *text)
{
    ck_assert_msg(kh_expand(&expanded, kh_str(value), environment, &arena, &err) == KH_OK, "%s: %s",
                  value, err.text);
    ck_assert_msg(kh_str_eq(expanded.text, kh_str(text)), "%s: %.*s", value,
                  KH_STR_ARG(expanded.text));
}

static void assert_refused(const char *value, enum kh_rc rc, const char *sentence)
{
    ck_assert_int_eq(kh_expand(&expanded, kh_str(value), environment, &arena, &err), rc);
    ck_assert_str_eq(err.text, sentence);
}

START_TEST(a_value_without_a_reference_is_untouched)
{
    static const char *const values[] = {"",        "a",    "$",      "$$",   "a$b$", "$HOME",
                                         "$(date)", "{a}$", "%{APP}", "\\$x", "}",    "$ {APP}"};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_expands(values[i], values[i]);
        ck_assert_ptr_eq(expanded.text.p, values[i]);
    }
}
END_TEST

START_TEST(a_variable_is_put_in_wherever_it_stands)
{
    assert_expands("${APP}", "orders");
    assert_expands("a-${APP}-b-${APP}", "a-orders-b-orders");
    assert_expands("${EMPTY}", "");
    assert_expands("$$x${APP}$", "$$xorders$");
}
END_TEST

START_TEST(a_default_stands_in_for_what_is_not_set_or_empty)
{
    assert_expands("${NO:-x y}", "x y");
    assert_expands("${EMPTY:-x}", "x");
    assert_expands("${APP:-x}", "orders");
    assert_expands("${NO:-}", "");
    assert_expands("${NO:-a:-b$c}", "a:-b$c");
}
END_TEST

START_TEST(two_dollars_make_a_literal_one)
{
    assert_expands("$${APP}", "${APP}");
    assert_expands("a$${b${APP}", "a${borders");
    assert_expands("$$${APP}", "$${APP}");
}
END_TEST

START_TEST(what_a_variable_holds_is_not_looked_into)
{
    const char *odd[] = {"A=${B}", "B=x", NULL};

    ck_assert_int_eq(kh_expand(&expanded, KH_STR("${A}"), odd, &arena, &err), KH_OK);
    ck_assert(kh_str_eq(expanded.text, KH_STR("${B}")));
}
END_TEST

START_TEST(a_variable_that_is_not_set_is_named)
{
    assert_refused("x${AP}", KH_INVALID,
                   "the environment variable AP is not set; set it, or write ${AP:-default}");
    assert_refused("${APPS}", KH_INVALID,
                   "the environment variable APPS is not set; set it, or write ${APPS:-default}");
}
END_TEST

START_TEST(what_is_no_reference_is_refused)
{
    static const char *const wrong[] = {"${}",    "${a b}",     "${1A}", "${A-x}",   "${A:x}",
                                        "${:-x}", "${A:-${B}}", "${A:}", "${${APP}}"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_refused(wrong[i], KH_INVALID,
                       "only ${NAME} and ${NAME:-default} can be; a literal ${ is written $${");
    }
    assert_refused("a${APP", KH_INVALID, "${ has no } behind it; a literal ${ is written $${");
}
END_TEST

START_TEST(more_than_the_limit_is_refused)
{
    char value[9 * 7000 + 1];

    value[0] = '\0';
    for (size_t i = 0; i < 7000; i++) {
        memcpy(value + 7 * i, "${LONG}", 8);
    }
    assert_refused(value, KH_TOOBIG, "with its variables it has more than 65536 bytes");
}
END_TEST

START_TEST(a_name_that_speaks_of_secrets_is_told)
{
    assert_expands("x${DB_PASSWORD}", "xx");
    ck_assert(expanded.secret);
    assert_expands("x${APP}", "xorders");
    ck_assert(!expanded.secret);
    ck_assert(kh_expand_is_secret(KH_STR("AWS_SECRET_ACCESS_KEY")));
    ck_assert(kh_expand_is_secret(KH_STR("redis_token")));
    ck_assert(!kh_expand_is_secret(KH_STR("STREAM_NAME")));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("expand");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_value_without_a_reference_is_untouched);
    tcase_add_test(tcase, a_variable_is_put_in_wherever_it_stands);
    tcase_add_test(tcase, a_default_stands_in_for_what_is_not_set_or_empty);
    tcase_add_test(tcase, two_dollars_make_a_literal_one);
    tcase_add_test(tcase, what_a_variable_holds_is_not_looked_into);
    tcase_add_test(tcase, a_variable_that_is_not_set_is_named);
    tcase_add_test(tcase, what_is_no_reference_is_refused);
    tcase_add_test(tcase, more_than_the_limit_is_refused);
    tcase_add_test(tcase, a_name_that_speaks_of_secrets_is_told);
    return suite_run("expand", tcase);
}
