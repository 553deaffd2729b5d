#include "config/value.h"

#include <check.h>

#include "base/mem.h"
#include "tests/lib/suite.h"

START_TEST(a_number_is_decimal_with_an_optional_sign)
{
    static const struct {
        const char *text;
        int64_t number;
    } right[] = {{"0", 0},     {"010", 10},  {"+7", 7},
                 {"-12", -12}, {" 5 \t", 5}, {"9223372036854775807", INT64_MAX}};
    static const char *const wrong[] = {"",     " ",   "1,000", "0x10", "1e3",
                                        "12.7", "20L", "+-1",   "+",    "9223372036854775808"};
    int64_t number;

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert(kh_value_number(kh_str(right[i].text), &number));
        ck_assert_int_eq(number, right[i].number);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!kh_value_number(kh_str(wrong[i]), &number), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(a_truth_is_one_of_ten_words)
{
    static const char *const yes[] = {"true", "TRUE", "Yes", "y", "on", "1", " true "};
    static const char *const no[] = {"false", "No", "n", "OFF", "0"};
    static const char *const wrong[] = {"", "t", "maybe", "2", "tru"};
    bool value;

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        ck_assert(kh_value_bool(kh_str(yes[i]), &value) && value);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        ck_assert(kh_value_bool(kh_str(no[i]), &value) && !value);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!kh_value_bool(kh_str(wrong[i]), &value), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(a_choice_is_found_in_any_case)
{
    static const char *const choices[] = {"LATEST", "TRIM_HORIZON", NULL};
    unsigned choice;

    ck_assert(kh_value_choice(KH_STR("TriM_Horizon "), choices, &choice));
    ck_assert_uint_eq(choice, 1);
    ck_assert(!kh_value_choice(KH_STR("TRIM"), choices, &choice));
    ck_assert(!kh_value_choice(KH_STR(""), choices, &choice));
}
END_TEST

START_TEST(a_decimal_has_a_fraction_and_an_exponent_or_not)
{
    static const struct {
        const char *text;
        double number;
    } right[] = {{"0.2", 0.2},  {".5", 0.5}, {"1e4", 10000},
                 {" -3. ", -3}, {"+7", 7},   {"2E-1", 0.2}};
    static const char *const wrong[] = {"",    " ",  ".",  "e4",  "1,5", "0x10", "nan",
                                        "inf", "1e", "1f", "1 2", "--1", "1e999"};
    double number;

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert_msg(kh_value_decimal(kh_str(right[i].text), &number), "%s", right[i].text);
        ck_assert_double_eq(number, right[i].number);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!kh_value_decimal(kh_str(wrong[i]), &number), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(a_time_span_is_days_hours_minutes_seconds)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {
        {"P1D", 86400000},  {"PT15M", 900000},   {"PT1.5S", 1500},   {"p2dt3h4m5.006s", 183845006},
        {" PT0S ", 0},      {"PT1.0009S", 1000}, {"PT90M", 5400000}, {"P0D", 0},
        {"PT1H1S", 3601000}};
    static const char *const wrong[] = {"",
                                        "P",
                                        "PT",
                                        "1D",
                                        "86400",
                                        "P1",
                                        "PT1D",
                                        "P1H",
                                        "P1DT",
                                        "PT-1H",
                                        "-P1D",
                                        "P1W",
                                        "PT1.5M",
                                        "PT1S1M",
                                        "PT1M1M",
                                        "PT1..5S",
                                        "PTS",
                                        "PT1H T1M",
                                        "P99999999999D",
                                        "PT1.1234567891S",
                                        "P1DT1D"};
    int64_t ms;

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert_msg(kh_value_duration(kh_str(right[i].text), &ms), "%s", right[i].text);
        ck_assert_int_eq(ms, right[i].ms);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!kh_value_duration(kh_str(wrong[i]), &ms), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(an_instant_is_seconds_milliseconds_or_iso_8601)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {{"0", 0},
                 {"1700000000", 1700000000000},
                 {"99999999999", 99999999999000},
                 {"100000000000", 100000000000},
                 {"1700000000123", 1700000000123},
                 {"2024-02-29T12:00:00Z", 1709208000000},
                 {" 2024-02-29T12:00:00.5+01:00", 1709204400500}};
    static const char *const wrong[] = {
        "", "-1", "1.5", "2024-02-29", "now", "2023-02-29T12:00:00Z", "2024-02-29T12:00:00"};
    int64_t ms;

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        ck_assert_msg(kh_value_instant(kh_str(right[i].text), &ms), "%s", right[i].text);
        ck_assert_int_eq(ms, right[i].ms);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!kh_value_instant(kh_str(wrong[i]), &ms), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(a_url_has_a_host_and_may_lack_its_scheme)
{
    static const char *const wrong[] = {"",     "http://", "http:///x", "ftp://h",
                                        "://h", "a b",     "http://:80"};
    struct kh_str url;
    bool has_scheme;

    ck_assert(kh_value_url(KH_STR(" http://localhost:4567// "), &url, &has_scheme));
    ck_assert(kh_str_eq(url, KH_STR("http://localhost:4567")));
    ck_assert(has_scheme);
    ck_assert(kh_value_url(KH_STR("HTTPS://h"), &url, &has_scheme));
    ck_assert(kh_value_url(KH_STR("localhost:4567"), &url, &has_scheme));
    ck_assert(!has_scheme);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!kh_value_url(kh_str(wrong[i]), &url, &has_scheme), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(an_arn_gives_region_and_name_of_its_stream)
{
    struct kh_value_arn arn;

    ck_assert(
        kh_value_arn(KH_STR(" arn:aws-cn:kinesis:cn-north-1:123456789012:stream/orders"), &arn));
    ck_assert(kh_str_eq(arn.region, KH_STR("cn-north-1")));
    ck_assert(kh_str_eq(arn.name, KH_STR("orders")));
    ck_assert(
        kh_str_eq(arn.arn, KH_STR("arn:aws-cn:kinesis:cn-north-1:123456789012:stream/orders")));
}
END_TEST

START_TEST(a_consumers_arn_gives_its_stream)
{
    struct kh_value_arn arn;

    ck_assert(kh_value_arn(
        KH_STR("arn:aws:kinesis:us-east-1:123456789012:stream/orders/consumer/c:1700000000"),
        &arn));
    ck_assert(kh_str_eq(arn.name, KH_STR("orders")));
    ck_assert(kh_str_eq(arn.arn, KH_STR("arn:aws:kinesis:us-east-1:123456789012:stream/orders")));
}
END_TEST

START_TEST(an_arn_of_anything_else_is_none)
{
    static const char *const wrong[] = {
        "orders",
        "arn:aws:kinesis:us-east-1:123456789012:stream/",
        "arn:aws:kinesis:us-east-1:123456789012:stream//x",
        "arn:aws:kinesis:us-east-1:12345678901:stream/orders",
        "arn:aws:kinesis:us-east-1:12345678901x:stream/orders",
        "arn:aws:kinesis::123456789012:stream/orders",
        "arn:aws:kinesis:US-EAST-1:123456789012:stream/orders",
        "arn:aws:dynamodb:us-east-1:123456789012:stream/orders",
        "arn:gcp:kinesis:us-east-1:123456789012:stream/orders",
        "arn:aws:kinesis:us-east-1:123456789012:table/orders",
    };
    struct kh_value_arn arn;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(!kh_value_arn(kh_str(wrong[i]), &arn), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(a_text_may_be_replaced_by_a_part_of_itself)
{
    char *text = NULL;

    kh_value_set_text(&text, KH_STR("abc"));
    kh_value_set_text(&text, kh_str_of(text + 1, 2));
    ck_assert_str_eq(text, "bc");
    kh_mem_free(text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("value");

    tcase_add_test(tcase, a_number_is_decimal_with_an_optional_sign);
    tcase_add_test(tcase, a_truth_is_one_of_ten_words);
    tcase_add_test(tcase, a_choice_is_found_in_any_case);
    tcase_add_test(tcase, a_decimal_has_a_fraction_and_an_exponent_or_not);
    tcase_add_test(tcase, a_time_span_is_days_hours_minutes_seconds);
    tcase_add_test(tcase, an_instant_is_seconds_milliseconds_or_iso_8601);
    tcase_add_test(tcase, a_url_has_a_host_and_may_lack_its_scheme);
    tcase_add_test(tcase, an_arn_gives_region_and_name_of_its_stream);
    tcase_add_test(tcase, a_consumers_arn_gives_its_stream);
    tcase_add_test(tcase, an_arn_of_anything_else_is_none);
    tcase_add_test(tcase, a_text_may_be_replaced_by_a_part_of_itself);
    return suite_run("value", tcase);
}
