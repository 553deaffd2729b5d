/* options: the command line as a struct.
 *
 * Shape   kh_options_parse looks at argv only; it prints nothing and ends nothing.
 * Units   none.
 * Errors  INVALID with one sentence; the status for it is KH_EXIT_USAGE.
 * Memory  borrows from argv.
 * Truth   GNU conventions: --name=value or --name value, -p value or -pvalue, "--" ends the
 *         options. As the Java daemon does, an argument that is no option is the properties file;
 *         but behind a first word "config", "table" or "leases", which is a sub-command
 *         (cli/command.h), the sub-command's own arguments come first. The file gives way to
 *         --properties. @FILE is read before (cli/argv.h).
 */
#ifndef KH_CLI_OPTIONS_H
#define KH_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/command.h"

enum kh_options_wish { KH_WISH_RUN, KH_WISH_HELP, KH_WISH_HELP_KEYS, KH_WISH_VERSION };

/* KclMigrationTool's: Java workers look every 60 to 90 s. */
#define KH_OPTIONS_WAIT_S 120

#define KH_OPTIONS_SETS_MAX 200

struct kh_options {
    enum kh_options_wish wish;
    enum kh_command command;                 /* RUN */
    const char *words[KH_COMMAND_WORDS_MAX]; /* what the sub-command is about: SHARD, WORKER */
    size_t words_n;
    bool json;
    bool dry_run;
    bool force;
    bool wait_is_set;
    uint64_t wait_s;
    const char *to;         /* "TRIM_HORIZON", "LATEST"; NULL: not given */
    const char *properties; /* RUN: path, "-" for standard input; never NULL then */
    const char *assignments[KH_OPTIONS_SETS_MAX]; /* --set: KEY=VALUE */
    size_t assignments_n;
    const char *overridden;        /* a file that gave way to the option; NULL: none */
    const char *log_configuration; /* path of a logback.xml; NULL: none */
    bool exit_when_done;
    bool adopt;
    bool log_level_is_set; /* then log_level beats logLevel of the file */
    enum kh_log_level log_level;
};

enum kh_rc kh_options_parse(struct kh_options *options, int argc, char *const argv[],
                            struct kh_err *err) KH_MUST_USE;

extern const char kh_options_help[];

#endif
