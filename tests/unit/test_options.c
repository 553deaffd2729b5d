#include "cli/options.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/exit.h"
#include "tests/lib/suite.h"

#define WORDS_MAX 8

static struct kh_options options;
static struct kh_err err;

/* Split line at blanks; it is what stands behind the program's name. */
static enum kh_rc parse(const char *line)
{
    static char room[200];
    char *argv[WORDS_MAX + 2] = {(char[]){"kcl-host"}};
    int argc = 1;

    ck_assert(kh_str_copy(room, sizeof(room), kh_str(line)));
    for (char *word = room; word != NULL && *word != '\0' && argc <= WORDS_MAX;) {
        char *blank = strchr(word, ' ');
        argv[argc++] = word;
        if (blank != NULL) {
            *blank++ = '\0';
        }
        word = blank;
    }
    return kh_options_parse(&options, argc, argv, &err);
}

static void assert_refused(const char *line, const char *sentence)
{
    ck_assert_int_eq(parse(line), KH_INVALID);
    ck_assert_str_eq(err.text, sentence);
}

START_TEST(the_file_can_be_named_in_every_form)
{
    static const char *const lines[] = {
        "--properties f", "--properties=f", "--properties-file f", "-p f", "-pf", "f", "-- f"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(parse(lines[i]) == KH_OK, "%s: %s", lines[i], err.text);
        ck_assert_int_eq(options.wish, KH_WISH_RUN);
        ck_assert_str_eq(options.properties, "f");
        ck_assert(!options.exit_when_done);
        ck_assert(!options.adopt);
        ck_assert(!options.log_level_is_set);
    }
}
END_TEST

START_TEST(a_file_name_may_begin_with_a_dash_or_hold_an_equals_sign)
{
    ck_assert_int_eq(parse("-- -f"), KH_OK);
    ck_assert_str_eq(options.properties, "-f");
    ck_assert_int_eq(parse("--properties=a=b"), KH_OK);
    ck_assert_str_eq(options.properties, "a=b");
}
END_TEST

START_TEST(options_may_stand_before_and_behind_the_file)
{
    ck_assert_int_eq(parse("--exit-when-done f --adopt --log-level=DEBUG"), KH_OK);
    ck_assert_str_eq(options.properties, "f");
    ck_assert(options.exit_when_done);
    ck_assert(options.adopt);
    ck_assert(options.log_level_is_set);
    ck_assert_int_eq(options.log_level, KH_LOG_DEBUG);
}
END_TEST

START_TEST(help_and_version_need_no_file)
{
    ck_assert_int_eq(parse("--help"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_HELP);
    ck_assert_int_eq(parse("-h"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_HELP);
    ck_assert_int_eq(parse("--help-keys"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_HELP_KEYS);
    ck_assert_int_eq(parse("f --version"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_VERSION);
}
END_TEST

START_TEST(mistakes_are_named)
{
    assert_refused("", "no properties file is given: use --properties FILE");
    assert_refused("--propertis f", "there is no option --propertis");
    assert_refused("-x", "there is no option -x");
    assert_refused("-", "there is no option -");
    assert_refused("f g", "one properties file is wanted, not both f and g");
    assert_refused("-p", "option -p needs a value");
    assert_refused("--properties=", "the name of the properties file is empty");
    assert_refused("--exit-when-done=yes f", "option --exit-when-done takes no value");
    assert_refused("f --log-level loud", "--log-level is error, warn, info or debug, not loud");
}
END_TEST

START_TEST(no_arguments_at_all_are_a_mistake)
{
    char *argv[] = {NULL};

    ck_assert_int_eq(kh_options_parse(&options, 0, argv, &err), KH_INVALID);
}
END_TEST

START_TEST(each_code_has_its_status)
{
    ck_assert_int_eq(kh_exit_for(KH_OK), 0);
    ck_assert_int_eq(kh_exit_for(KH_RETRY), 69);
    ck_assert_int_eq(kh_exit_for(KH_NOTFOUND), 69);
    ck_assert_int_eq(kh_exit_for(KH_DENIED), 77);
    ck_assert_int_eq(kh_exit_for(KH_INVALID), 78);
}
END_TEST

static char *read_file(struct kh_buf *text, const char *name)
{
    const char *top = getenv("KH_SRCDIR");
    char path[4096];

    ck_assert_ptr_nonnull(top);
    (void)snprintf(path, sizeof(path), "%s/%s", top, name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    kh_buf_init(text, 1 << 20);
    ck_assert_int_eq(kh_buf_reserve(text, 1 << 20), KH_OK);
    kh_buf_added(text, fread(text->p, 1, (1 << 20) - 1, file));
    ck_assert_int_eq(fclose(file), 0);
    text->p[text->n] = '\0';
    return text->p;
}

/* Help, manual and README tell the same statuses and options. */
START_TEST(what_is_documented_agrees)
{
    static const int statuses[] = {
        KH_EXIT_OK,       KH_EXIT_USAGE, KH_EXIT_DATA,      KH_EXIT_NOINPUT, KH_EXIT_UNAVAILABLE,
        KH_EXIT_SOFTWARE, KH_EXIT_OSERR, KH_EXIT_CANTCREAT, KH_EXIT_NOPERM,  KH_EXIT_CONFIG};
    static const char *const names[] = {"properties", "exit\\-when\\-done", "adopt",  "log\\-level",
                                        "help",       "help\\-keys",        "version"};
    struct kh_buf manual;
    struct kh_buf readme;
    char line[100];

    (void)read_file(&manual, "man/kcl-host.1");
    (void)read_file(&readme, "README.md");
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        (void)snprintf(line, sizeof(line), "\n  %2d  ", statuses[i]);
        ck_assert_msg(strstr(kh_exit_help, line) != NULL, "%d in --help", statuses[i]);
        (void)snprintf(line, sizeof(line), "\n.B %d\n", statuses[i]);
        ck_assert_msg(strstr(manual.p, line) != NULL, "%d in the manual", statuses[i]);
        (void)snprintf(line, sizeof(line), "\n| %d | ", statuses[i]);
        ck_assert_msg(strstr(readme.p, line) != NULL, "%d in the README", statuses[i]);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(line, sizeof(line), "\\-\\-%s", names[i]);
        ck_assert_msg(strstr(manual.p, line) != NULL, "%s in the manual", line);
    }
    kh_buf_fini(&manual);
    kh_buf_fini(&readme);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("options");

    tcase_add_test(tcase, the_file_can_be_named_in_every_form);
    tcase_add_test(tcase, a_file_name_may_begin_with_a_dash_or_hold_an_equals_sign);
    tcase_add_test(tcase, options_may_stand_before_and_behind_the_file);
    tcase_add_test(tcase, help_and_version_need_no_file);
    tcase_add_test(tcase, mistakes_are_named);
    tcase_add_test(tcase, no_arguments_at_all_are_a_mistake);
    tcase_add_test(tcase, each_code_has_its_status);
    tcase_add_test(tcase, what_is_documented_agrees);
    return suite_run("options", tcase);
}
