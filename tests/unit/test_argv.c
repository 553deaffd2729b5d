#include "cli/argv.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/lib/suite.h"

static char path[] = "/tmp/kh-test-argv-XXXXXX";
static char at_path[sizeof(path) + 1];
static struct kh_argv argv;
static struct kh_err err;

static void begin(void)
{
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    (void)snprintf(at_path, sizeof(at_path), "@%s", path);
    kh_argv_init(&argv);
}

static void end(void)
{
    kh_argv_fini(&argv);
    (void)unlink(path);
}

static void write_file(struct kh_str text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text.p, 1, text.n, file), text.n);
    ck_assert_int_eq(fclose(file), 0);
}

/* Behind the program's name. */
static enum kh_rc expand(const char *one, const char *two)
{
    static char room[3][100];
    char *words[] = {room[0], room[1], room[2], NULL};

    ck_assert(kh_str_copy(room[0], sizeof(room[0]), kh_str("kcl-host")));
    ck_assert(kh_str_copy(room[1], sizeof(room[1]), kh_str(one)));
    ck_assert(kh_str_copy(room[2], sizeof(room[2]), kh_str(two)));
    return kh_argv_expand(&argv, two == NULL ? 2 : 3, words, &err);
}

/* The words behind the program's name. */
static void assert_words(const char *const expected[], int n)
{
    ck_assert_int_eq(argv.n, n + 1);
    for (int i = 0; i < n; i++) {
        ck_assert_str_eq(argv.words[i + 1], expected[i]);
    }
    ck_assert_ptr_null(argv.words[argv.n]);
}

START_TEST(words_without_at_sign_stay_as_they_are)
{
    ck_assert_int_eq(expand("-p", "a@b"), KH_OK);
    assert_words((const char *const[]){"-p", "a@b"}, 2);
}
END_TEST

/* Seen with the daemon of KCL 3.1.3. */
START_TEST(a_file_has_one_word_a_line_as_jcommander_reads_it)
{
    static const char *const expected[] = {"--adopt", "-p", "name with blanks", "in quotes",
                                           "@more"};

    write_file(
        KH_STR("-p\r\n\n# no word\n   # none either\n  name with blanks \n\"in quotes\"\n@more"));
    ck_assert_int_eq(expand("--adopt", at_path), KH_OK);
    assert_words(expected, 5);
}
END_TEST

START_TEST(a_line_of_blanks_is_no_word)
{
    write_file(KH_STR("   \n\t\n"));
    ck_assert_int_eq(expand(at_path, NULL), KH_OK);
    assert_words(NULL, 0);
}
END_TEST

START_TEST(an_empty_file_has_no_words)
{
    ck_assert_int_eq(expand(at_path, "f"), KH_OK);
    assert_words((const char *const[]){"f"}, 1);
}
END_TEST

START_TEST(behind_two_dashes_a_name_may_begin_with_an_at_sign)
{
    ck_assert_int_eq(expand("--", "@f"), KH_OK);
    assert_words((const char *const[]){"--", "@f"}, 2);
}
END_TEST

START_TEST(the_programs_own_name_is_no_file)
{
    char *words[] = {(char[]){"@kcl-host"}, NULL};

    ck_assert_int_eq(kh_argv_expand(&argv, 1, words, &err), KH_OK);
    ck_assert_str_eq(argv.words[0], "@kcl-host");
}
END_TEST

START_TEST(no_words_at_all_are_none)
{
    char *words[] = {NULL};

    ck_assert_int_eq(kh_argv_expand(&argv, 0, words, &err), KH_OK);
    ck_assert_int_eq(argv.n, 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_had_is_named)
{
    ck_assert_int_eq(expand("@/nowhere/args", NULL), KH_INVALID);
    ck_assert_str_eq(err.text, "argument file: /nowhere/args: No such file or directory");
    kh_argv_fini(&argv);
    kh_argv_init(&argv);
    ck_assert_int_eq(expand("@/", NULL), KH_INVALID);
    ck_assert_str_eq(err.text, "argument file: /: Is a directory");
    kh_argv_fini(&argv);
    kh_argv_init(&argv);
    ck_assert_int_eq(expand("@", NULL), KH_INVALID);
    ck_assert_str_eq(err.text, "argument file: : No such file or directory");
}
END_TEST

START_TEST(a_file_that_cannot_be_one_is_refused)
{
    char expected[200];

    write_file(KH_STR("-p\0f\n"));
    (void)snprintf(expected, sizeof(expected), "argument file: %s: there is a byte 0 in it", path);
    ck_assert_int_eq(expand(at_path, NULL), KH_INVALID);
    ck_assert_str_eq(err.text, expected);

    kh_argv_fini(&argv);
    kh_argv_init(&argv);
    ck_assert_int_eq(truncate(path, (1 << 20) + 1), 0);
    (void)snprintf(expected, sizeof(expected), "argument file: %s: larger than 1048576 bytes",
                   path);
    ck_assert_int_eq(expand(at_path, NULL), KH_INVALID);
    ck_assert_str_eq(err.text, expected);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("argv");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, words_without_at_sign_stay_as_they_are);
    tcase_add_test(tcase, a_file_has_one_word_a_line_as_jcommander_reads_it);
    tcase_add_test(tcase, a_line_of_blanks_is_no_word);
    tcase_add_test(tcase, an_empty_file_has_no_words);
    tcase_add_test(tcase, behind_two_dashes_a_name_may_begin_with_an_at_sign);
    tcase_add_test(tcase, the_programs_own_name_is_no_file);
    tcase_add_test(tcase, no_words_at_all_are_none);
    tcase_add_test(tcase, a_file_that_cannot_be_had_is_named);
    tcase_add_test(tcase, a_file_that_cannot_be_one_is_refused);
    return suite_run("argv", tcase);
}
