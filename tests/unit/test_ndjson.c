#include "wire/ndjson.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_arena arena;
static struct kh_record record;
static struct kh_err err;

static void set_up(void)
{
    kh_arena_init(&arena);
}

static void tear_down(void)
{
    kh_arena_fini(&arena);
}

static void accept(const char *line)
{
    enum kh_rc rc = kh_ndjson_record(kh_str(line), &arena, &record, &err);

    ck_assert_msg(rc == KH_OK, "%s: %s", line, err.text);
}

static void refuse(const char *line, const char *why)
{
    ck_assert_int_eq(kh_ndjson_record(kh_str(line), &arena, &record, &err), KH_INVALID);
    ck_assert_str_eq(err.text, why);
}

static int64_t arrival_of(const char *value)
{
    char line[256];

    (void)snprintf(line, sizeof(line),
                   "{\"SequenceNumber\":\"1\",\"ApproximateArrivalTimestamp\":%s,\"Data\":\"\"}",
                   value);
    accept(line);
    return record.arrival_ms;
}

START_TEST(a_line_as_the_aws_cli_prints_it)
{
    static const char line[] =
        "{\"SequenceNumber\": \"49680476274227139390134733225825313838539627679105155074\", "
        "\"ApproximateArrivalTimestamp\": \"2026-11-23T05:18:39.123000+00:00\", "
        "\"Data\": \"aGVsbG8=\", \"PartitionKey\": \"user-\\u00e4\\\"\xc3\xa4\", "
        "\"EncryptionType\": \"KMS\"}";

    accept(line);

    ck_assert(
        kh_str_eq(record.seq, KH_STR("49680476274227139390134733225825313838539627679105155074")));
    ck_assert(kh_str_eq(record.data, KH_STR("aGVsbG8=")));
    ck_assert(kh_str_eq(record.partition_key, KH_STR("user-\\u00e4\\\"\xc3\xa4")));
    ck_assert_int_eq(record.arrival_ms, INT64_C(1795411119123));
    ck_assert_int_eq(record.sub, 0);
    ck_assert(record.data.p >= line); /* a slice of the line, not a copy */
    ck_assert(record.data.p < line + sizeof(line));
}
END_TEST

START_TEST(seconds_in_any_form_become_ms)
{
    ck_assert_int_eq(arrival_of("1795395719"), INT64_C(1795395719000));
    ck_assert_int_eq(arrival_of("1795395719.123"), INT64_C(1795395719123));
    ck_assert_int_eq(arrival_of("1795395719.1234"), INT64_C(1795395719123));
    ck_assert_int_eq(arrival_of("1795395719.1235"), INT64_C(1795395719124));
    ck_assert_int_eq(arrival_of("1795395719.9996"), INT64_C(1795395720000));
    ck_assert_int_eq(arrival_of("1.795395719123E9"), INT64_C(1795395719123));
    ck_assert_int_eq(arrival_of("1795395719123e-3"), INT64_C(1795395719123));
    ck_assert_int_eq(arrival_of("17953957.19123e+2"), INT64_C(1795395719123));
    ck_assert_int_eq(arrival_of("0"), 0);
    ck_assert_int_eq(arrival_of("-0.0005"), -1);
    ck_assert_int_eq(arrival_of("0.0004"), 0);
    ck_assert_int_eq(arrival_of("4e-400"), 0);
    ck_assert_int_eq(arrival_of("0e999999999999999999999"), 0);
    ck_assert_int_eq(arrival_of("9223372036854775.807"), INT64_MAX);
    ck_assert_int_eq(arrival_of("-9223372036854775.808"), INT64_MIN);
}
END_TEST

START_TEST(iso_8601_text_becomes_ms)
{
    ck_assert_int_eq(arrival_of("\"1970-01-01T00:00:00Z\""), 0);
    ck_assert_int_eq(arrival_of("\"1970-01-01T01:00:00.5+01:00\""), 500);
    ck_assert_int_eq(arrival_of("\"1969-12-31T23:59:59-00:01\""), 59000);
    ck_assert_int_eq(arrival_of("\"2024-02-29T12:30:15.0625-0530\""), INT64_C(1709229615063));
    ck_assert_int_eq(arrival_of("\"2000-03-01T00:00:00+00:00\""), INT64_C(951868800000));
    ck_assert_int_eq(arrival_of("\"2026-11-23T05:18:39.999500Z\""), INT64_C(1795411120000));
}
END_TEST

START_TEST(no_time_counts_as_0)
{
    ck_assert_int_eq(arrival_of("null"), 0);
    accept("{\"SequenceNumber\":\"1\",\"Data\":\"\"}");
    ck_assert_int_eq(record.arrival_ms, 0);
}
END_TEST

START_TEST(times_that_are_none_are_refused)
{
    static const char *const bad[] = {"\"\"",
                                      "\"yesterday\"",
                                      "\"2026-11-23\"",
                                      "\"2026-11-23T05:18:39\"",
                                      "\"2026-11-23 05:18:39Z\"",
                                      "\"2026-13-01T00:00:00Z\"",
                                      "\"2026-02-29T00:00:00Z\"",
                                      "\"2026-01-00T00:00:00Z\"",
                                      "\"2026-01-01T24:00:00Z\"",
                                      "\"2026-01-01T00:60:00Z\"",
                                      "\"2026-01-01T00:00:00.Z\"",
                                      "\"2026-01-01T00:00:00+1:00\"",
                                      "\"2026-01-01T00:00:00+01:00x\"",
                                      "\"2026-01-01T00:00:00+25:00\"",
                                      "\"0000-01-01T00:00:00Z\"",
                                      "1e300",
                                      "9223372036854775.8075",
                                      "\"2100-02-29T00:00:00Z\"",
                                      "9223372036854775.808",
                                      "true",
                                      "{}"};
    char line[256];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(
            line, sizeof(line),
            "{\"ApproximateArrivalTimestamp\":%s,\"SequenceNumber\":\"1\",\"Data\":\"\"}", bad[i]);
        ck_assert_msg(kh_ndjson_record(kh_str(line), &arena, &record, &err) == KH_INVALID, "%s",
                      line);
    }
}
END_TEST

START_TEST(any_order_blanks_and_unknown_members_are_fine)
{
    accept("\t{ \"X\" : { \"Data\" : [ 1 , { } ] } , \"PartitionKey\":null,\"Data\" : \"QQ==\" ,"
           "\"SequenceNumber\":\"1\", \"Y\":[[]] } \r");

    ck_assert(kh_str_eq(record.data, KH_STR("QQ==")));
    ck_assert_uint_eq(record.partition_key.n, 0);
}
END_TEST

START_TEST(of_two_members_with_one_name_the_last_wins)
{
    accept("{\"SequenceNumber\":\"1\",\"Data\":\"QQ==\",\"Data\":\"Qg==\",\"SequenceNumber\":\"2\","
           "\"PartitionKey\":\"a\",\"PartitionKey\":null}");

    ck_assert(kh_str_eq(record.data, KH_STR("Qg==")));
    ck_assert(kh_str_eq(record.seq, KH_STR("2")));
    ck_assert_uint_eq(record.partition_key.n, 0);
}
END_TEST

START_TEST(escapes_are_resolved_where_they_must_be)
{
    accept("{\"Sequence\\u004eumber\":\"\\u0031\\u0032\",\"\\u0044ata\":\"A\\/"
           "\\u002b=\",\"PartitionKey\":"
           "\"\\/\\ud83d\\ude00\"}");

    ck_assert(kh_str_eq(record.seq, KH_STR("12")));
    ck_assert(kh_str_eq(record.data, KH_STR("A/+=")));
    ck_assert(kh_str_eq(record.partition_key, KH_STR("\\/\\ud83d\\ude00")));
}
END_TEST

START_TEST(a_sequence_number_has_up_to_129_digits)
{
    char line[256];
    char digits[131];

    memset(digits, '7', sizeof(digits));
    (void)snprintf(line, sizeof(line), "{\"SequenceNumber\":\"%.129s\",\"Data\":\"\"}", digits);
    accept(line);
    (void)snprintf(line, sizeof(line), "{\"SequenceNumber\":\"%.130s\",\"Data\":\"\"}", digits);
    refuse(line, "expected a sequence number at column 19");
    refuse("{\"SequenceNumber\":\"\",\"Data\":\"\"}", "expected a sequence number at column 19");
    refuse("{\"SequenceNumber\":\"12x\",\"Data\":\"\"}", "expected a sequence number at column 19");
    refuse("{\"SequenceNumber\":\"-1\",\"Data\":\"\"}", "expected a sequence number at column 19");
    refuse("{\"SequenceNumber\":12,\"Data\":\"\"}", "expected a string at column 19");
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_column)
{
    refuse("", "expected an object at column 1");
    refuse("hello", "expected an object at column 1");
    refuse("[]", "expected an object at column 1");
    refuse("  {}", "expected a record with a SequenceNumber at column 3");
    refuse("{\"SequenceNumber\":\"1\"}", "expected a record with Data at column 1");
    refuse("{\"SequenceNumber\":\"1\",\"Data\":null}", "expected a record with Data at column 1");
    refuse("{\"SequenceNumber\":\"1\",\"Data\":\"QQ\"}", "expected base64 at column 30");
    refuse("{\"SequenceNumber\":\"1\",\"Data\":\"Q Q=\"}", "expected base64 at column 30");
    refuse("{\"SequenceNumber\":\"1\",\"Data\":\"QQ==\"", "expected ',' or '}' at column 36");
    refuse("{\"SequenceNumber\":\"1\",\"Data\":\"QQ==",
           "expected the end of a string at column 35");
    refuse("{\"SequenceNumber\":\"1\",\"Data\":\"QQ==\"}{", "expected nothing more at column 37");
    refuse("{\"PartitionKey\":\"\xc3\"}", "expected a partition key in UTF-8 at column 17");
    refuse("{\"PartitionKey\":\"a\tb\"}", "expected no control character in a string at column 19");
    refuse("{\"PartitionKey\":\"\\q\"}", "expected a valid escape at column 19");
    refuse("{\"PartitionKey\":\"\\u12\"}", "expected a hex digit at column 22");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("ndjson");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_line_as_the_aws_cli_prints_it);
    tcase_add_test(tcase, seconds_in_any_form_become_ms);
    tcase_add_test(tcase, iso_8601_text_becomes_ms);
    tcase_add_test(tcase, no_time_counts_as_0);
    tcase_add_test(tcase, times_that_are_none_are_refused);
    tcase_add_test(tcase, any_order_blanks_and_unknown_members_are_fine);
    tcase_add_test(tcase, of_two_members_with_one_name_the_last_wins);
    tcase_add_test(tcase, escapes_are_resolved_where_they_must_be);
    tcase_add_test(tcase, a_sequence_number_has_up_to_129_digits);
    tcase_add_test(tcase, what_is_wrong_is_said_with_its_column);
    return suite_run("ndjson", tcase);
}
