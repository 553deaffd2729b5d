#include "obs/log_json.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/lib/suite.h"

static struct kh_buf line;

static void setup(void)
{
    kh_buf_init(&line, 1000);
}

static void teardown(void)
{
    kh_buf_fini(&line);
}

static void assert_line(const struct kh_field *fields, const char *expected)
{
    kh_buf_reset(&line);
    ck_assert_int_eq(kh_log_json_format(&line, 1700000000123, KH_LOG_INFO, "lease.lost", fields),
                     KH_OK);
    ck_assert_uint_eq(line.n, strlen(expected));
    ck_assert_mem_eq(line.p, expected, line.n);
}

START_TEST(an_event_is_one_object)
{
    assert_line(
        (const struct kh_field[]){
            kh_f("shard", "shardId-3"), kh_fu("counter", UINT64_MAX), kh_fi("behind_ms", -1), {0}},
        "{\"time_ms\":1700000000123,\"level\":\"info\",\"event\":\"lease.lost\","
        "\"shard\":\"shardId-3\",\"counter\":18446744073709551615,\"behind_ms\":-1}");
    assert_line((const struct kh_field[]){{0}},
                "{\"time_ms\":1700000000123,\"level\":\"info\",\"event\":\"lease.lost\"}");
}
END_TEST

START_TEST(values_are_escaped_and_bad_bytes_replaced)
{
    assert_line((const struct kh_field[]){kh_f("a", "say \"hi\"\n\xff\xc3\xa9"), {0}},
                "{\"time_ms\":1700000000123,\"level\":\"info\",\"event\":\"lease.lost\","
                "\"a\":\"say \\\"hi\\\"\\n\xef\xbf\xbd\xc3\xa9\"}");
}
END_TEST

/* Log one event through the sink, with stderr going to a file; returns what came. */
static size_t log_to_file(const char *value, char *room, size_t room_bytes)
{
    char path[] = "/tmp/kh-log-XXXXXX";
    int file = mkstemp(path);
    int saved = dup(STDERR_FILENO);

    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    kh_log_set_sink(kh_log_json, NULL);
    kh_log(KH_LOG_WARN, "x.y", kh_f("a", value));
    kh_log_set_sink(NULL, NULL);
    ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    ssize_t n = pread(file, room, room_bytes - 1, 0);
    ck_assert_int_ge(n, 0);
    room[n] = '\0';
    ck_assert_int_eq(close(saved), 0);
    ck_assert_int_eq(close(file), 0);
    return (size_t)n;
}

START_TEST(the_sink_writes_a_line_to_stderr)
{
    char room[200];

    ck_assert_uint_gt(log_to_file("b", room, sizeof(room)), 0);
    ck_assert_int_eq(strncmp(room, "{\"time_ms\":", 11), 0);
    ck_assert_ptr_nonnull(strstr(room, ",\"level\":\"warn\",\"event\":\"x.y\",\"a\":\"b\"}\n"));
}
END_TEST

START_TEST(a_line_over_the_limit_is_dropped_whole_and_the_next_one_comes)
{
    char *value = kh_mem_new(KH_LOG_JSON_LINE_MAX + 1, 1);
    char room[200];

    memset(value, 'v', KH_LOG_JSON_LINE_MAX);
    ck_assert_uint_eq(log_to_file(value, room, sizeof(room)), 0);
    ck_assert_uint_gt(log_to_file("b", room, sizeof(room)), 0);
    kh_mem_free(value);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("log_json");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_event_is_one_object);
    tcase_add_test(tcase, values_are_escaped_and_bad_bytes_replaced);
    tcase_add_test(tcase, the_sink_writes_a_line_to_stderr);
    tcase_add_test(tcase, a_line_over_the_limit_is_dropped_whole_and_the_next_one_comes);
    return suite_run("log_json", tcase);
}
