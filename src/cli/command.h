/* command: the sub-commands there are.
 *
 * Shape   a row each: its two words (config has one), and the words that follow. Which options it
 *         takes stands with the options (cli/options.c), what it does in cli/show_config.c, table.c
 *         and leases.c.
 * Units   none.
 * Errors  INVALID with one sentence.
 * Memory  constants.
 * Truth   own design; --help and man/kcl-host.1 list the same ones, held together by
 *         tests/unit/test_options.c.
 */
#ifndef KH_CLI_COMMAND_H
#define KH_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define KH_COMMAND_WORDS_MAX 2

enum kh_command {
    KH_COMMAND_RUN, /* none: run a record processor */
    KH_COMMAND_CONFIG,
    KH_COMMAND_TABLE_STATUS,
    KH_COMMAND_TABLE_MIGRATE,
    KH_COMMAND_TABLE_ROLLBACK,
    KH_COMMAND_TABLE_CLEAN,
    KH_COMMAND_LEASES_LIST,
    KH_COMMAND_LEASES_ASSIGN,
    KH_COMMAND_LEASES_RELEASE,
    KH_COMMAND_LEASES_RESET
};

/* name may be NULL. INVALID lists those of the group. */
enum kh_rc kh_command_find(const char *group, const char *name, enum kh_command *command,
                           struct kh_err *err) KH_MUST_USE;

bool kh_command_is_group(const char *word);
bool kh_command_has_name(const char *group); /* a second word */
bool kh_command_is_for_tables(enum kh_command command);

/* "table status", and the words it wants: "SHARD", "WORKER"; NULL: no more. */
const char *kh_command_name(enum kh_command command);
const char *kh_command_word(enum kh_command command, size_t i);

/* A line each, for --help. */
extern const char kh_command_help[];

#endif
