#include "wire/logback.h"

#include <check.h>

#include "tests/lib/suite.h"

static enum kh_log_level level;

static bool read_root(const char *text)
{
    return kh_logback_root(kh_str(text), &level);
}

START_TEST(the_root_level_is_found_among_everything_else)
{
    ck_assert(read_root(
        "<?xml version=\"1.0\"?>\n"
        "<configuration>\n"
        "  <appender name=\"A\" class=\"x\"><pattern>%-5level %msg%n</pattern></appender>\n"
        "  <logger name=\"software.amazon\" level=\"TRACE\"/>\n"
        "  <root level=\"WARN\">\n"
        "    <appender-ref ref=\"A\"/>\n"
        "  </root>\n"
        "</configuration>\n"));
    ck_assert_int_eq(level, KH_LOG_WARN);
}
END_TEST

START_TEST(each_name_of_a_level_has_a_meaning)
{
    static const struct {
        const char *text;
        enum kh_log_level level;
    } rows[] = {
        {"<root level=\"ALL\"/>", KH_LOG_DEBUG},   {"<root level=\"TRACE\"/>", KH_LOG_DEBUG},
        {"<root level=\"debug\"/>", KH_LOG_DEBUG}, {"<root level=\"Info\"/>", KH_LOG_INFO},
        {"<root level=\"WARN\"/>", KH_LOG_WARN},   {"<root level=\"ERROR\"/>", KH_LOG_ERROR},
        {"<root level=\"OFF\"/>", KH_LOG_ERROR},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(read_root(rows[i].text), "%s", rows[i].text);
        ck_assert_msg(level == rows[i].level, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(quotes_blanks_and_other_attributes_may_be_as_xml_allows)
{
    ck_assert(read_root("<root\n\tadditivity='false'\r\n\tlevel = 'ERROR' >"));
    ck_assert_int_eq(level, KH_LOG_ERROR);
    ck_assert(read_root("<root xlevel=\"DEBUG\" level=\" WARN \"/>"));
    ck_assert_int_eq(level, KH_LOG_WARN);
}
END_TEST

START_TEST(what_stands_in_a_comment_does_not_count)
{
    ck_assert(read_root("<!-- <root level=\"OFF\"> --><root level=\"INFO\"/>"));
    ck_assert_int_eq(level, KH_LOG_INFO);
    ck_assert(!read_root("<!-- <root level=\"INFO\"/>"));
}
END_TEST

START_TEST(without_a_level_there_is_none)
{
    static const char *const texts[] = {"",
                                        "<",
                                        "<root",
                                        "<root >",
                                        "<root level",
                                        "<root level=",
                                        "<root level=\"",
                                        "<root level=\"INFO",
                                        "<root level=INFO>",
                                        "<root level=\"\"/>",
                                        "<root level=\"LOUD\"/>",
                                        "<root level=\"${LEVEL}\"/>",
                                        "<root/><logger level=\"INFO\"/>",
                                        "<rootlevel=\"INFO\"/>",
                                        "<roots level=\"INFO\"/>",
                                        "<root></root level=\"INFO\">"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_msg(!read_root(texts[i]), "%s", texts[i]);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("logback");

    tcase_add_test(tcase, the_root_level_is_found_among_everything_else);
    tcase_add_test(tcase, each_name_of_a_level_has_a_meaning);
    tcase_add_test(tcase, quotes_blanks_and_other_attributes_may_be_as_xml_allows);
    tcase_add_test(tcase, what_stands_in_a_comment_does_not_count);
    tcase_add_test(tcase, without_a_level_there_is_none);
    return suite_run("logback", tcase);
}
