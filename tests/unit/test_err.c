#include "base/err.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_err err;

START_TEST(fail_gives_code_and_sentence)
{
    ck_assert_int_eq(kh_fail(&err, KH_INVALID, "lease %s: counter is %d", "shard-1", 7),
                     KH_INVALID);
    ck_assert_int_eq(err.rc, KH_INVALID);
    ck_assert_str_eq(err.text, "lease shard-1: counter is 7");
}
END_TEST

START_TEST(fail_without_err_gives_the_code)
{
    ck_assert_int_eq(kh_fail(NULL, KH_RETRY, "nobody reads this"), KH_RETRY);
    ck_assert_int_eq(kh_fail_errno(NULL, ENOENT, "nor this"), KH_NOTFOUND);
}
END_TEST

START_TEST(fail_with_ok_is_a_mistake)
{
    (void)kh_fail(&err, KH_OK, "well done");
}
END_TEST

START_TEST(text_that_is_too_long_is_cut)
{
    char text[1000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)kh_fail(&err, KH_TOOBIG, "%s", text);
    ck_assert_uint_eq(strlen(err.text), 511);
    ck_assert_int_eq(kh_wrap(&err, "read it"), KH_TOOBIG);
    ck_assert_uint_eq(strlen(err.text), 511);
    ck_assert_int_eq(strncmp(err.text, "read it: xxx", 12), 0);
    (void)kh_fail_errno(&err, ENOENT, "%s", text);
    ck_assert_uint_eq(strlen(err.text), 511);
}
END_TEST

START_TEST(errno_ends_in_its_own_words)
{
    ck_assert_int_eq(kh_fail_errno(&err, ENOENT, "open %s", "app.properties"), KH_NOTFOUND);
    ck_assert_str_eq(err.text, "open app.properties: No such file or directory");
}
END_TEST

START_TEST(errno_tells_what_to_do)
{
    static const struct {
        int errnum;
        enum kh_rc rc;
    } rows[] = {
        {ENOENT, KH_NOTFOUND},   {EACCES, KH_DENIED}, {EPERM, KH_DENIED}, {EPIPE, KH_CLOSED},
        {ECONNRESET, KH_CLOSED}, {EAGAIN, KH_RETRY},  {EINTR, KH_RETRY},  {ENOSPC, KH_RETRY},
        {EMFILE, KH_RETRY},      {ENFILE, KH_RETRY},  {ENOMEM, KH_RETRY}, {EINVAL, KH_INVALID},
        {ENOTDIR, KH_INVALID},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(kh_fail_errno(&err, rows[i].errnum, "x"), rows[i].rc);
    }
}
END_TEST

START_TEST(wrap_puts_context_before_the_cause)
{
    (void)kh_fail(&err, KH_DENIED, "no right to write");
    ck_assert_int_eq(kh_wrap(&err, "update lease %s", "shard-1"), KH_DENIED);
    ck_assert_str_eq(err.text, "update lease shard-1: no right to write");
}
END_TEST

START_TEST(a_cause_may_quote_the_text_it_replaces)
{
    (void)kh_fail(&err, KH_DENIED, "one");
    (void)kh_fail(&err, KH_RETRY, "two after %s", err.text);
    ck_assert_str_eq(err.text, "two after one");
}
END_TEST

START_TEST(every_code_has_a_name)
{
    ck_assert_str_eq(kh_rc_name(KH_OK), "ok");
    ck_assert_str_eq(kh_rc_name(KH_RETRY), "retry");
    ck_assert_str_eq(kh_rc_name(KH_THROTTLED), "throttled");
    ck_assert_str_eq(kh_rc_name(KH_CONFLICT), "conflict");
    ck_assert_str_eq(kh_rc_name(KH_NOTFOUND), "notfound");
    ck_assert_str_eq(kh_rc_name(KH_DENIED), "denied");
    ck_assert_str_eq(kh_rc_name(KH_INVALID), "invalid");
    ck_assert_str_eq(kh_rc_name(KH_TOOBIG), "toobig");
    ck_assert_str_eq(kh_rc_name(KH_CLOSED), "closed");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("err");

    tcase_add_test(tcase, fail_gives_code_and_sentence);
    tcase_add_test(tcase, fail_without_err_gives_the_code);
    tcase_add_test_raise_signal(tcase, fail_with_ok_is_a_mistake, SIGABRT);
    tcase_add_test(tcase, text_that_is_too_long_is_cut);
    tcase_add_test(tcase, errno_ends_in_its_own_words);
    tcase_add_test(tcase, errno_tells_what_to_do);
    tcase_add_test(tcase, wrap_puts_context_before_the_cause);
    tcase_add_test(tcase, a_cause_may_quote_the_text_it_replaces);
    tcase_add_test(tcase, every_code_has_a_name);
    return suite_run("err", tcase);
}
