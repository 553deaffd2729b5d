#include "cli/options.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/exit.h"
#include "tests/lib/suite.h"

#define WORDS_MAX 10

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

START_TEST(keys_can_be_set_as_often_as_wanted)
{
    ck_assert_int_eq(parse("--set streamName=s f --set=a=b=c --set workerId="), KH_OK);
    ck_assert_uint_eq(options.assignments_n, 3);
    ck_assert_str_eq(options.assignments[0], "streamName=s");
    ck_assert_str_eq(options.assignments[1], "a=b=c");
    ck_assert_str_eq(options.assignments[2], "workerId=");
    assert_refused("f --set streamName", "--set wants KEY=VALUE, not streamName");
    assert_refused("f --set =x", "--set wants KEY=VALUE, not =x");
}
END_TEST

START_TEST(a_dash_is_standard_input)
{
    static const char *const forms[] = {"--properties -", "-", "-p -", "-p-"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        ck_assert_msg(parse(forms[i]) == KH_OK, "%s: %s", forms[i], err.text);
        ck_assert_str_eq(options.properties, "-");
    }
}
END_TEST

START_TEST(config_is_one_word_and_takes_the_file_like_a_run)
{
    ck_assert_int_eq(parse("config f --json --set a=b"), KH_OK);
    ck_assert_int_eq(options.command, KH_COMMAND_CONFIG);
    ck_assert_str_eq(options.properties, "f");
    ck_assert(options.json);
    ck_assert_int_eq(parse("config --help"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_HELP);
    assert_refused("config", "no properties file is given: use --properties FILE");
    assert_refused("config f --adopt", "option --adopt is not for config");
}
END_TEST

/* As the Java daemon does. */
START_TEST(a_file_alone_gives_way_to_the_option)
{
    static const char *const lines[] = {"f -p g", "-p g f"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_int_eq(parse(lines[i]), KH_OK);
        ck_assert_str_eq(options.properties, "g");
        ck_assert_str_eq(options.overridden, "f");
    }
    ck_assert_int_eq(parse("f"), KH_OK);
    ck_assert_ptr_null(options.overridden);
}
END_TEST

START_TEST(a_logback_file_can_be_named)
{
    static const char *const lines[] = {"-l x f", "f -lx", "--log-configuration x f",
                                        "--log-configuration=x f"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_int_eq(parse(lines[i]), KH_OK);
        ck_assert_str_eq(options.properties, "f");
        ck_assert_str_eq(options.log_configuration, "x");
    }
    ck_assert_int_eq(parse("f"), KH_OK);
    ck_assert_ptr_null(options.log_configuration);
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
    ck_assert_int_eq(parse("-V"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_VERSION);
}
END_TEST

static const struct {
    const char *words;
    enum kh_command command;
} commands[] = {
    {"config", KH_COMMAND_CONFIG},
    {"table status", KH_COMMAND_TABLE_STATUS},
    {"table migrate", KH_COMMAND_TABLE_MIGRATE},
    {"table rollback", KH_COMMAND_TABLE_ROLLBACK},
    {"table clean", KH_COMMAND_TABLE_CLEAN},
    {"leases list", KH_COMMAND_LEASES_LIST},
    {"leases assign S W", KH_COMMAND_LEASES_ASSIGN},
    {"leases release S", KH_COMMAND_LEASES_RELEASE},
    {"leases reset", KH_COMMAND_LEASES_RESET},
};
enum { COMMANDS_N = sizeof(commands) / sizeof(commands[0]) };

START_TEST(each_sub_command_is_known)
{
    char line[100];

    (void)snprintf(line, sizeof(line), "%s --properties f", commands[_i].words);
    ck_assert_msg(parse(line) == KH_OK, "%s: %s", line, err.text);
    ck_assert_int_eq(options.command, commands[_i].command);
    ck_assert_str_eq(options.properties, "f");
    (void)snprintf(line, sizeof(line), "%s f", commands[_i].words);
    ck_assert_msg(parse(line) == KH_OK, "%s: %s", line, err.text);
    ck_assert_str_eq(options.properties, "f");
}
END_TEST

START_TEST(a_sub_command_takes_its_words_and_options)
{
    ck_assert_int_eq(parse("leases assign shardId-0 -p f worker"), KH_OK);
    ck_assert_uint_eq(options.words_n, 2);
    ck_assert_str_eq(options.words[0], "shardId-0");
    ck_assert_str_eq(options.words[1], "worker");
    ck_assert_int_eq(parse("leases reset -p f --to LATEST --dry-run"), KH_OK);
    ck_assert_str_eq(options.to, "LATEST");
    ck_assert(options.dry_run);
    ck_assert_int_eq(parse("table rollback -p f"), KH_OK);
    ck_assert_uint_eq(options.wait_s, 120);
    ck_assert_int_eq(parse("table rollback -p f --wait=0"), KH_OK);
    ck_assert_uint_eq(options.wait_s, 0);
    ck_assert_int_eq(parse("table migrate -p f --force"), KH_OK);
    ck_assert(options.force);
    ck_assert_int_eq(parse("table status -p f --json"), KH_OK);
    ck_assert(options.json);
    ck_assert_int_eq(parse("table --help"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_HELP);
    ck_assert_int_eq(parse("leases list --help"), KH_OK);
    ck_assert_int_eq(options.wish, KH_WISH_HELP);
}
END_TEST

START_TEST(mistakes_in_sub_commands_are_named)
{
    assert_refused("table", "table wants a sub-command: status, migrate, rollback, clean");
    assert_refused(
        "table drop f",
        "there is no sub-command table drop; there are status, migrate, rollback, clean");
    assert_refused("leases show",
                   "there is no sub-command leases show; there are list, assign, release, reset");
    assert_refused("table status", "no properties file is given: use --properties FILE");
    assert_refused("leases assign -p f", "leases assign: SHARD is missing");
    assert_refused("leases assign -p f s", "leases assign: WORKER is missing");
    assert_refused("leases release -p f s x", "one properties file is wanted, not both f and x");
    assert_refused("table migrate --json f", "option --json is not for table migrate");
    assert_refused("leases list --adopt f", "option --adopt is not for leases list");
    assert_refused("--dry-run f", "option --dry-run is for sub-commands");
    assert_refused("leases reset f --to 5", "--to is TRIM_HORIZON or LATEST, not 5");
    assert_refused("table rollback f --wait=-1",
                   "--wait is a number of seconds up to 86400, not -1");
    assert_refused("table rollback f --wait 86401",
                   "--wait is a number of seconds up to 86400, not 86401");
}
END_TEST

START_TEST(a_file_named_like_a_sub_command_needs_the_option)
{
    ck_assert_int_eq(parse("-p table"), KH_OK);
    ck_assert_str_eq(options.properties, "table");
    ck_assert_int_eq(options.command, KH_COMMAND_RUN);
    ck_assert_int_eq(parse("./table"), KH_OK);
    ck_assert_str_eq(options.properties, "./table");
}
END_TEST

START_TEST(mistakes_are_named)
{
    assert_refused("", "no properties file is given: use --properties FILE");
    assert_refused("--propertis f", "there is no option --propertis");
    assert_refused("-x", "there is no option -x");
    assert_refused("f g", "one properties file is wanted, not both f and g");
    assert_refused("-p f --properties g", "one properties file is wanted, not both f and g");
    assert_refused("-l x -l y f", "one log configuration file is wanted, not both x and y");
    assert_refused("f -l", "option -l needs a value");
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
    static const int statuses[] = {KH_EXIT_OK,       KH_EXIT_PROCESSOR, KH_EXIT_USAGE,
                                   KH_EXIT_DATA,     KH_EXIT_NOINPUT,   KH_EXIT_UNAVAILABLE,
                                   KH_EXIT_SOFTWARE, KH_EXIT_OSERR,     KH_EXIT_CANTCREAT,
                                   KH_EXIT_TEMPFAIL, KH_EXIT_NOPERM,    KH_EXIT_CONFIG};
    static const char *const names[] = {"set",
                                        "properties",
                                        "exit\\-when\\-done",
                                        "log\\-configuration",
                                        "adopt",
                                        "log\\-level",
                                        "json",
                                        "dry\\-run",
                                        "force",
                                        "wait",
                                        "to",
                                        "help",
                                        "help\\-keys",
                                        "version"};
    struct kh_buf manual;
    struct kh_buf readme;
    char line[100];

    for (size_t i = 0; i < COMMANDS_N; i++) {
        const char *name = kh_command_name(commands[i].command);

        ck_assert_msg(strstr(kh_command_help, name) != NULL, "%s in --help", name);
    }
    (void)read_file(&manual, "man/kcl-host.1");
    for (size_t i = 0; i < COMMANDS_N; i++) {
        (void)snprintf(line, sizeof(line), "\n.B %s\n", kh_command_name(commands[i].command));
        if (strstr(manual.p, line) == NULL) {
            (void)snprintf(line, sizeof(line), "\n.BI \"%s", kh_command_name(commands[i].command));
        }
        ck_assert_msg(strstr(manual.p, line) != NULL, "%s in the manual", line);
    }
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
    tcase_add_test(tcase, keys_can_be_set_as_often_as_wanted);
    tcase_add_test(tcase, a_dash_is_standard_input);
    tcase_add_test(tcase, config_is_one_word_and_takes_the_file_like_a_run);
    tcase_add_test(tcase, a_file_alone_gives_way_to_the_option);
    tcase_add_test(tcase, a_logback_file_can_be_named);
    tcase_add_test(tcase, help_and_version_need_no_file);
    tcase_add_loop_test(tcase, each_sub_command_is_known, 0, COMMANDS_N);
    tcase_add_test(tcase, a_sub_command_takes_its_words_and_options);
    tcase_add_test(tcase, mistakes_in_sub_commands_are_named);
    tcase_add_test(tcase, a_file_named_like_a_sub_command_needs_the_option);
    tcase_add_test(tcase, mistakes_are_named);
    tcase_add_test(tcase, no_arguments_at_all_are_a_mistake);
    tcase_add_test(tcase, each_code_has_its_status);
    tcase_add_test(tcase, what_is_documented_agrees);
    return suite_run("options", tcase);
}
