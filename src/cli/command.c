#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static const struct row {
    const char *group;
    const char *name;
    const char *whole;
    const char *words[KH_COMMAND_WORDS_MAX];
} rows[] = {
    [KH_COMMAND_CONFIG] = {"config", NULL, "config", {0}},
    [KH_COMMAND_TABLE_STATUS] = {"table", "status", "table status", {0}},
    [KH_COMMAND_TABLE_MIGRATE] = {"table", "migrate", "table migrate", {0}},
    [KH_COMMAND_TABLE_ROLLBACK] = {"table", "rollback", "table rollback", {0}},
    [KH_COMMAND_TABLE_CLEAN] = {"table", "clean", "table clean", {0}},
    [KH_COMMAND_LEASES_LIST] = {"leases", "list", "leases list", {0}},
    [KH_COMMAND_LEASES_ASSIGN] = {"leases", "assign", "leases assign", {"SHARD", "WORKER"}},
    [KH_COMMAND_LEASES_RELEASE] = {"leases", "release", "leases release", {"SHARD"}},
    [KH_COMMAND_LEASES_RESET] = {"leases", "reset", "leases reset", {0}},
};
#define FIRST  KH_COMMAND_CONFIG
#define ROWS_N (sizeof(rows) / sizeof(rows[0]))

const char kh_command_help[] =
    "Instead of running, all with --properties FILE:\n"
    "  config                  every key's value, and where it is from (--json)\n"
    "  table status            what layout and mode the lease table is in, and who uses it "
    "(--json)\n"
    "  table migrate           let a fleet of KCL 2.x go over to 3.x (--dry-run, --force)\n"
    "  table rollback          take a fleet that is not wholly 3.x back to 2.x (--wait SECONDS)\n"
    "  table clean             delete what a roll-back leaves in the lease table\n"
    "                          (--dry-run, --wait SECONDS)\n"
    "  leases list             every lease, its owner and checkpoint (--json)\n"
    "  leases assign SHARD WORKER   give a lease to a worker\n"
    "  leases release SHARD    take a lease away from a worker that is gone\n"
    "  leases reset            forget all checkpoints of a fleet that is stopped\n"
    "                          (--to TRIM_HORIZON or LATEST, --dry-run)\n"
    "\n";

bool kh_command_is_group(const char *word)
{
    return strcmp(word, "config") == 0 || strcmp(word, "table") == 0 || strcmp(word, "leases") == 0;
}

bool kh_command_has_name(const char *group)
{
    return strcmp(group, "config") != 0;
}

static enum kh_rc refuse(const char *group, const char *name, struct kh_err *err)
{
    char known[100] = "";
    size_t n = 0;

    for (size_t i = FIRST; i < ROWS_N; i++) {
        if (strcmp(rows[i].group, group) == 0) {
            n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n > 0 ? ", " : "",
                                  rows[i].name);
            kh_assert(n < sizeof(known));
        }
    }
    if (name == NULL) {
        return kh_fail(err, KH_INVALID, "%s wants a sub-command: %s", group, known);
    }
    return kh_fail(err, KH_INVALID, "there is no sub-command %s %s; there are %s", group, name,
                   known);
}

enum kh_rc kh_command_find(const char *group, const char *name, enum kh_command *command,
                           struct kh_err *err)
{
    for (size_t i = FIRST; i < ROWS_N; i++) {
        const bool is_name =
            rows[i].name == NULL || (name != NULL && strcmp(rows[i].name, name) == 0);
        if (strcmp(rows[i].group, group) == 0 && is_name) {
            *command = (enum kh_command)i;
            return KH_OK;
        }
    }
    return refuse(group, name, err);
}

const char *kh_command_name(enum kh_command command)
{
    kh_assert(command >= FIRST && command < ROWS_N);
    return rows[command].whole;
}

const char *kh_command_word(enum kh_command command, size_t i)
{
    kh_assert(command < ROWS_N);
    return i < KH_COMMAND_WORDS_MAX ? rows[command].words[i] : NULL;
}

bool kh_command_is_for_tables(enum kh_command command)
{
    kh_assert(command >= FIRST && command < ROWS_N);
    return strcmp(rows[command].group, "table") == 0;
}
