#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/argv.h"
#include "cli/exit.h"
#include "cli/file.h"
#include "cli/java.h"
#include "cli/leases.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/show_config.h"
#include "cli/table.h"
#include "config/settings.h"
#include "host/host.h"
#include "obs/flight.h"
#include "obs/log_json.h"
#include "wire/logback.h"

#define LOGBACK_BYTES_MAX ((size_t)1 << 20)

/* Descriptors 0, 1 and 2 are open from here on, so that no pipe of ours ever gets one of these
 * numbers. */
static bool open_standard_fds(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

/* A child that went away is found out by its exit, not by a signal to us. */
static void ignore_sigpipe(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int failed = sigaction(SIGPIPE, &ignore, NULL);

    kh_assert(failed == 0);
}

static const char license[] = "License Apache-2.0: <https://www.apache.org/licenses/LICENSE-2.0>\n"
                              "There is NO WARRANTY, to the extent permitted by law.\n";

static int usage(const struct kh_err *err)
{
    (void)fprintf(stderr, "kcl-host: %s\nTry 'kcl-host --help' for more information.\n", err->text);
    return KH_EXIT_USAGE;
}

static void print_key(const struct kh_setting_help *help, size_t i)
{
    const char *alias;
    bool beats;

    printf("%s\n    %s\n", help->key, help->help);
    if (help->more[0] != '\0') {
        printf("    more: %s\n", help->more);
    }
    if (help->allowed[0] != '\0') {
        printf("    allowed: %s\n", help->allowed);
    }
    if (help->text[0] != '\0') {
        printf("    default: %s\n", help->text);
    }
    for (size_t nth = 0; (alias = kh_settings_help_alias(i, nth, &beats)) != NULL; nth++) {
        printf("    %s: %s\n", beats ? "also, and beats it" : "also, and yields to it", alias);
    }
}

/* scripts/key-docs reads this. */
static void print_keys(void)
{
    const char *section = "";

    for (size_t i = 0; i < kh_settings_help_n(); i++) {
        char room[KH_PROBLEM_ALLOWED_MAX + 1];
        const struct kh_setting_help help = kh_settings_help_at(i, room);

        if (strcmp(help.section, section) != 0) {
            printf("%s== %s\n\n", section[0] == '\0' ? "" : "\n", help.section);
            section = help.section;
        }
        print_key(&help, i);
    }
}

static int print(enum kh_options_wish wish)
{
    switch (wish) {
    case KH_WISH_HELP:
        printf("%s%s%s", kh_options_help, kh_command_help, kh_exit_help);
        break;
    case KH_WISH_HELP_KEYS:
        print_keys();
        break;
    case KH_WISH_VERSION:
        printf("kcl-host %s\n%s", PACKAGE_VERSION, license);
        break;
    case KH_WISH_RUN:
        kh_assert(false);
        break;
    }
    return fflush(stdout) == 0 ? KH_EXIT_OK : KH_EXIT_OSERR;
}

/* Errors are for the person who started us, so they are plain sentences whatever the log looks
 * like. */
static void report(const struct kh_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const char *text = problems->items[i].text;

        switch (problems->items[i].level) {
        case KH_PROBLEM_DEBUG:
            kh_log(KH_LOG_DEBUG, "config.notice", kh_f("text", text));
            break;
        case KH_PROBLEM_NOTICE:
            kh_log(KH_LOG_INFO, "config.notice", kh_f("text", text));
            break;
        case KH_PROBLEM_WARN:
            kh_log(KH_LOG_WARN, "config.warning", kh_f("text", text));
            break;
        case KH_PROBLEM_ERROR:
            (void)fprintf(stderr, "kcl-host: %s\n", text);
            break;
        }
    }
}

static int run_host(const struct kh_settings *settings, const struct kh_options *options)
{
    const struct kh_host_options host = {
        .settings = settings, .exit_when_done = options->exit_when_done, .adopt = options->adopt};

    return kh_host_run(&host);
}

static int run_command(const struct kh_settings *settings, const struct kh_options *options)
{
    struct kh_session session;
    struct kh_err err;
    int status;

    if (kh_session_open(&session, settings, &err) != KH_OK) {
        status = kh_say_failure(&err);
    } else {
        status = kh_command_is_for_tables(options->command) ? kh_table_run(&session, options)
                                                            : kh_leases_run(&session, options);
    }
    kh_session_close(&session);
    return status;
}

/* Never a reason not to start. */
static void take_logback(const char *path, enum kh_log_level *level)
{
    struct kh_buf text;
    struct kh_err err;

    kh_buf_init(&text, LOGBACK_BYTES_MAX);
    if (kh_file_read(path, &text, &err) != KH_OK) {
        kh_log(KH_LOG_WARN, "log.configuration_ignored", kh_f("why", err.text));
    } else if (!kh_logback_root(kh_buf_str(&text), level)) {
        kh_log(KH_LOG_WARN, "log.configuration_ignored", kh_f("file", path),
               kh_f("why", "its root logger names no level, and nothing else of it counts here"));
    } else {
        kh_log(KH_LOG_INFO, "log.configuration", kh_f("file", path),
               kh_f("level", kh_log_level_name(*level)),
               kh_f("why", "of a logback file only the root level counts"));
    }
    kh_buf_fini(&text);
}

/* The option beats the properties, they beat the logback file, and that beats the default. What a
 * sub-command finds stands on standard output; of the log there is only what went wrong. */
static void set_log_level(const struct kh_options *options, const struct kh_settings *settings)
{
    enum kh_log_level level = settings->log_level;

    if (options->log_configuration != NULL) {
        take_logback(options->log_configuration, &level);
    }
    if (settings->log_level_is_set) {
        level = settings->log_level;
    }
    if (options->command != KH_COMMAND_RUN) {
        level = KH_LOG_WARN;
    }
    kh_log_set_level(options->log_level_is_set ? options->log_level : level);
}

static int carry_out(const struct kh_settings *settings, const struct kh_problems *problems,
                     const struct kh_options *options, const struct kh_java *java)
{
    if (settings->log_format == KH_LOG_FORM_JSON) {
        kh_log_set_sink(kh_log_json, NULL);
    }
    set_log_level(options, settings);
    if (java->wish == KH_JAVA_RUN) {
        kh_java_log(java);
    }
    if (options->overridden != NULL) {
        kh_log(KH_LOG_WARN, "options.file_overridden", kh_f("file", options->overridden),
               kh_f("by", options->properties));
    }
    if (options->command == KH_COMMAND_CONFIG && problems->errors_n == 0) {
        return kh_show_config(settings, problems, options->json);
    }
    report(problems);
    if (problems->errors_n > 0) {
        return KH_EXIT_CONFIG;
    }
    return options->command == KH_COMMAND_RUN ? run_host(settings, options)
                                              : run_command(settings, options);
}

static int run(const struct kh_options *options, const struct kh_java *java)
{
    const struct kh_settings_sources sources = {.path = options->properties,
                                                .environment = (const char *const *)environ,
                                                .assignments = options->assignments,
                                                .assignments_n = options->assignments_n};
    const bool is_stdin = strcmp(options->properties, "-") == 0;
    struct kh_settings settings;
    struct kh_problems problems;

    kh_settings_init(&settings);
    kh_problems_init(&problems, is_stdin ? "standard input" : options->properties);
    const enum kh_rc rc = kh_settings_load(&settings, &sources, &problems);
    int status = carry_out(&settings, &problems, options, java);
    if (rc == KH_NOTFOUND || rc == KH_DENIED) { /* no fault of what stands in it */
        status = KH_EXIT_NOINPUT;
    }
    kh_problems_fini(&problems);
    kh_settings_fini(&settings);
    return status;
}

/* A launcher may name the file relative to a folder of the class path. */
static int run_for(const struct kh_java *java, const struct kh_options *options)
{
    char path[PATH_MAX];
    struct kh_options found = *options;

    if (java->wish == KH_JAVA_RUN) {
        if (kh_java_find(java, options->properties, path)) {
            found.properties = path;
        }
        kh_java_use(java);
    }
    return run(&found, java);
}

/* The words are ours, or those behind the class of java's. */
static int start(const struct kh_java *java, int argc, char *const argv[])
{
    struct kh_argv words;
    struct kh_options options;
    struct kh_err err;
    int first = java->wish == KH_JAVA_RUN ? java->class_at : 0;
    int status;

    kh_argv_init(&words);
    if (kh_argv_expand(&words, argc - first, argv + first, &err) != KH_OK ||
        kh_options_parse(&options, words.n, words.words, &err) != KH_OK) {
        status = usage(&err);
    } else if (options.wish == KH_WISH_RUN) {
        status = run_for(java, &options);
    } else {
        status = print(options.wish);
    }
    kh_argv_fini(&words);
    return status;
}

int main(int argc, char *argv[])
{
    struct kh_java java;
    struct kh_err err;

    if (!open_standard_fds()) {
        return KH_EXIT_OSERR;
    }
    ignore_sigpipe();
    kh_fd_limit_raise();
    kh_mem_give_back_large();
    kh_assert_set_hook(kh_flight_dump);
    if (kh_java_read(&java, argc, argv, &err) != KH_OK) {
        return usage(&err);
    }
    switch (java.wish) {
    case KH_JAVA_NOT:
    case KH_JAVA_RUN:
        break;
    case KH_JAVA_HELP:
        return print(KH_WISH_HELP);
    case KH_JAVA_VERSION:
        return fputs(kh_java_version, stderr) < 0 ? KH_EXIT_OSERR : KH_EXIT_OK;
    case KH_JAVA_VERSION_OUT:
        return fputs(kh_java_version, stdout) < 0 || fflush(stdout) != 0 ? KH_EXIT_OSERR
                                                                         : KH_EXIT_OK;
    }
    return start(&java, argc, argv);
}
