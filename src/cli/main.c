#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/exit.h"
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

static int usage(const struct kh_err *err)
{
    (void)fprintf(stderr, "kcl-host: %s\nTry kcl-host --help.\n", err->text);
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
        printf("kcl-host %s\n", PACKAGE_VERSION);
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

/* What a sub-command finds stands on standard output; of the log there is only what went wrong. */
static enum kh_log_level log_level(const struct kh_options *options,
                                   const struct kh_settings *settings)
{
    if (options->log_level_is_set) {
        return options->log_level;
    }
    return options->command == KH_COMMAND_RUN ? settings->log_level : KH_LOG_WARN;
}

static int carry_out(const struct kh_settings *settings, const struct kh_problems *problems,
                     const struct kh_options *options)
{
    kh_log_set_level(log_level(options, settings));
    if (settings->log_format == KH_LOG_FORM_JSON) {
        kh_log_set_sink(kh_log_json, NULL);
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

static int run(const struct kh_options *options)
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
    int status = carry_out(&settings, &problems, options);
    if (rc == KH_NOTFOUND || rc == KH_DENIED) { /* no fault of what stands in it */
        status = KH_EXIT_NOINPUT;
    }
    kh_problems_fini(&problems);
    kh_settings_fini(&settings);
    return status;
}

int main(int argc, char *argv[])
{
    struct kh_options options;
    struct kh_err err;

    if (!open_standard_fds()) {
        return KH_EXIT_OSERR;
    }
    ignore_sigpipe();
    kh_fd_limit_raise();
    kh_mem_give_back_large();
    kh_assert_set_hook(kh_flight_dump);
    if (kh_options_parse(&options, argc, argv, &err) != KH_OK) {
        return usage(&err);
    }
    return options.wish == KH_WISH_RUN ? run(&options) : print(options.wish);
}
