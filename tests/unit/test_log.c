#include "base/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/lib/nth.h"
#include "tests/lib/suite.h"

static char seen[KH_LOG_LINE_MAX + 1]; /* what the last event looked like as text */
static unsigned seen_n;

static void remember(void *arg, enum kh_log_level level, const char *event,
                     const struct kh_field *fields)
{
    ck_assert_ptr_eq(arg, &seen_n);
    seen_n++;
    seen[kh_log_format(seen, sizeof(seen) - 1, level, event, fields)] = '\0';
}

static void setup(void)
{
    kh_log_set_sink(remember, &seen_n);
}

START_TEST(an_event_is_level_name_and_fields)
{
    kh_log(KH_LOG_INFO, "lease.lost", kh_f("shard", "shardId-3"), kh_fu("counter", 12),
           kh_fi("behind_ms", -1));
    ck_assert_str_eq(seen, "info lease.lost shard=shardId-3 counter=12 behind_ms=-1");
}
END_TEST

START_TEST(an_event_may_have_no_fields)
{
    kh_log(KH_LOG_WARN, "host.stopping");
    ck_assert_str_eq(seen, "warn host.stopping");
}
END_TEST

START_TEST(numbers_are_printed_whole)
{
    kh_log(KH_LOG_ERROR, "x", kh_fu("u", UINT64_MAX), kh_fi("i", INT64_MIN));
    ck_assert_str_eq(seen, "error x u=18446744073709551615 i=-9223372036854775808");
}
END_TEST

START_TEST(values_are_quoted_when_they_could_be_misread)
{
    kh_log(KH_LOG_INFO, "x", kh_f("a", ""), kh_f("b", "two words"), kh_f("c", "k=v"),
           kh_f("d", "say \"hi\""), kh_f("e", "a\\b c"), kh_f("f", "a\\b"), kh_f("g", NULL));
    ck_assert_str_eq(seen, "info x a=\"\" b=\"two words\" c=\"k=v\" d=\"say \\\"hi\\\"\" "
                           "e=\"a\\\\b c\" f=a\\b g=\"\"");
}
END_TEST

START_TEST(a_value_cannot_forge_a_line)
{
    kh_log(KH_LOG_INFO, "x", kh_f("a", "1\nerror y"), kh_f("b", "\b\f\r\t\x1b[0m\x7f"),
           kh_fs("c", KH_STR("a\0b")));
    ck_assert_str_eq(seen, "info x a=\"1\\nerror y\" b=\"\\b\\f\\r\\t\\u001b[0m\\u007f\" "
                           "c=\"a\\u0000b\"");
}
END_TEST

START_TEST(text_above_ascii_is_quoted_and_left_as_it_is)
{
    kh_log(KH_LOG_INFO, "x", kh_f("a", "caf\xc3\xa9"));
    ck_assert_str_eq(seen, "info x a=\"caf\xc3\xa9\"");
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut)
{
    static const char tail[] = "untouched";
    const struct kh_field fields[] = {
        kh_f("a", "0123456789"), kh_f("b", "\n\n"), kh_fu("c", 1), {0}};
    char line[64];

    memcpy(line + 20, tail, sizeof(tail));
    ck_assert_uint_eq(kh_log_format(line, 20, KH_LOG_INFO, "x", fields), 19);
    ck_assert_int_eq(memcmp(line, "info x a=0123456789", 19), 0);
    ck_assert_str_eq(line + 20, tail);
    /* Neither half an escape nor anything after the cut. */
    ck_assert_uint_eq(kh_log_format(line, 26, KH_LOG_INFO, "x", fields), 25);
    ck_assert_int_eq(memcmp(line, "info x a=0123456789 b=\"\\n", 25), 0);
    ck_assert_uint_eq(kh_log_format(line, 0, KH_LOG_INFO, "x", fields), 0);
}
END_TEST

START_TEST(the_level_decides_what_is_seen)
{
    kh_log_set_level(KH_LOG_WARN);
    ck_assert(kh_log_wants(KH_LOG_ERROR));
    ck_assert(kh_log_wants(KH_LOG_WARN));
    ck_assert(!kh_log_wants(KH_LOG_INFO));
    kh_log(KH_LOG_INFO, "x");
    ck_assert_uint_eq(seen_n, 0);
    kh_log_set_level(KH_LOG_DEBUG);
    kh_log(KH_LOG_DEBUG, "x");
    ck_assert_uint_eq(seen_n, 1);
    ck_assert_str_eq(seen, "debug x");
}
END_TEST

START_TEST(at_first_debug_is_not_wanted)
{
    ck_assert(kh_log_wants(KH_LOG_INFO));
    ck_assert(!kh_log_wants(KH_LOG_DEBUG));
}
END_TEST

/* Takes the place of stderr; a packet pipe keeps the bounds of each write. */
START_TEST(the_default_sink_makes_one_write_to_stderr)
{
    char text[KH_LOG_LINE_MAX + 100];
    char large[KH_LOG_LINE_MAX + 1];
    int fds[2];

    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_DIRECT | O_NONBLOCK), 0);
    ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    kh_log_set_sink(NULL, NULL);
    kh_log(KH_LOG_INFO, "a", kh_fi("b", 1));
    kh_log(KH_LOG_INFO, "large", kh_f("c", large));
    ck_assert_int_eq(read(fds[0], text, sizeof(text)), 11);
    ck_assert_int_eq(memcmp(text, "info a b=1\n", 11), 0);
    ck_assert_uint_eq(kh_log_dropped(), 0);
    kh_fd_close(&fds[0]);
    kh_fd_close(&fds[1]);
}
END_TEST

START_TEST(a_line_that_cannot_be_written_is_counted)
{
    kh_log_set_sink(NULL, NULL);
    nth_fail(1, EAGAIN);
    kh_log(KH_LOG_INFO, "a");
    ck_assert(nth_stop());
    ck_assert_uint_eq(kh_log_dropped(), 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("log");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, an_event_is_level_name_and_fields);
    tcase_add_test(tcase, an_event_may_have_no_fields);
    tcase_add_test(tcase, numbers_are_printed_whole);
    tcase_add_test(tcase, values_are_quoted_when_they_could_be_misread);
    tcase_add_test(tcase, a_value_cannot_forge_a_line);
    tcase_add_test(tcase, text_above_ascii_is_quoted_and_left_as_it_is);
    tcase_add_test(tcase, a_line_that_is_too_long_is_cut);
    tcase_add_test(tcase, the_level_decides_what_is_seen);
    tcase_add_test(tcase, at_first_debug_is_not_wanted);
    tcase_add_test(tcase, the_default_sink_makes_one_write_to_stderr);
    tcase_add_test(tcase, a_line_that_cannot_be_written_is_counted);
    return suite_run("log", tcase);
}
