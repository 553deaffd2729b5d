#include "host/notes.h"

#include <string.h>

#include "base/assert.h"
#include "base/log.h"

struct row {
    enum kh_log_level level;
    const char *note;
    const char *value_name;
};

static const struct row rows[] = {
#define KH_NOTE(level, note, value_name) {KH_LOG_##level, note, value_name},
#include "host/notes.def"
};

static const struct {
    const char *note;
    const char *text;
} remedies[] = {
#define KH_REMEDY(note, text) {note, text},
#include "host/notes.def"
};

static const char *remedy_of(const char *note)
{
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
        if (strcmp(remedies[i].note, note) == 0) {
            return remedies[i].text;
        }
    }
    return NULL;
}

enum { ROWS_N = sizeof(rows) / sizeof(rows[0]) };

static uint64_t counts[ROWS_N];

static struct row count_row_of(const char *note)
{
    for (size_t i = 0; i < ROWS_N; i++) {
        if (strcmp(rows[i].note, note) == 0) {
            counts[i]++;
            return rows[i];
        }
    }
    return (struct row){KH_LOG_DEBUG, note, NULL};
}

void kh_notes_log_counts(void)
{
    struct kh_field fields[ROWS_N + 1] = {{0}};
    size_t n = 0;

    for (size_t i = 0; i < ROWS_N; i++) {
        if (counts[i] > 0) {
            fields[n++] = kh_fu(rows[i].note, counts[i]);
        }
    }
    kh_log_fields(KH_LOG_INFO, "host.counted", fields);
}

void kh_notes_log(const struct kh_cmd *cmd)
{
    struct row row = count_row_of(cmd->note);
    const char *remedy = remedy_of(cmd->note);
    struct kh_field fields[4] = {{0}};
    size_t n = 0;

    kh_assert(cmd->type == KH_CMD_NOTE);
    if (cmd->key[0] != '\0') {
        fields[n++] = kh_f("shard", cmd->key);
    }
    if (row.value_name != NULL) {
        fields[n++] = kh_fi(row.value_name, cmd->value);
    }
    if (remedy != NULL) {
        fields[n++] = kh_f("remedy", remedy);
    }
    kh_log_fields(row.level, row.note, fields);
}
