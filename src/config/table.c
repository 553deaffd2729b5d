#include "config/table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "config/settings.h"

static const struct kh_setting_row rows[] = {
#define KH_SETTING(type, field, key, text, low, high, rule, help) \
    {KH_SETTING_TYPE_##type,                                      \
     key,                                                         \
     text,                                                        \
     low,                                                         \
     high,                                                        \
     KH_SETTING_RULE_##rule,                                      \
     help,                                                        \
     offsetof(struct kh_settings, field),                         \
     offsetof(struct kh_settings, field##_is_set),                \
     offsetof(struct kh_settings, field##_place)},
#include "config/settings.def"
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == KH_SETTINGS_N, "one id a row");

static const struct kh_setting_spelling spellings[] = {
#define KH_SETTING(type, field, key, text, low, high, rule, help) \
    {key, KH_SETTING_ID_##field, 1, KH_SETTING_OTHER_NONE, NULL},
#define KH_ALIAS(field, key, wins) \
    {key, KH_SETTING_ID_##field, (wins) ? 2 : 0, KH_SETTING_OTHER_NONE, NULL},
#define KH_OTHER(class, key, note) {key, KH_SETTING_ID_NONE, 0, KH_SETTING_OTHER_##class, note},
#include "config/settings.def"
};

#define FOLDED_MAX  128 /* longer than every key */
#define SPELLINGS_N (sizeof(spellings) / sizeof(spellings[0]))

/* Titles and what is below them. */
static const struct {
    const char *title; /* or NULL */
    enum kh_setting_id id;
} outline[] = {
#define KH_SECTION(title)                                         {title, KH_SETTING_ID_NONE},
#define KH_SETTING(type, field, key, text, low, high, rule, help) {NULL, KH_SETTING_ID_##field},
#include "config/settings.def"
};

static const struct {
    enum kh_setting_id id;
    const char *sentences;
} more[] = {
#define KH_MORE(field, sentences) {KH_SETTING_ID_##field, sentences},
#include "config/settings.def"
};

const char *kh_setting_section(enum kh_setting_id id)
{
    const char *title = "";

    for (size_t i = 0; i < sizeof(outline) / sizeof(outline[0]) && outline[i].id != id; i++) {
        title = outline[i].title != NULL ? outline[i].title : title;
    }
    return title;
}

const char *kh_setting_more(enum kh_setting_id id)
{
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i].id == id) {
            return more[i].sentences;
        }
    }
    return "";
}

size_t kh_setting_spellings_n(void)
{
    return SPELLINGS_N;
}

const struct kh_setting_spelling *kh_setting_spelling_at(size_t i)
{
    kh_assert(i < SPELLINGS_N);
    return &spellings[i];
}

const struct kh_setting_row *kh_setting_row(enum kh_setting_id id)
{
    kh_assert(id < KH_SETTINGS_N);
    return &rows[id];
}

static const struct {
    const char *documented;
    const char *real;
} beans[] = {
#define KH_BEAN(documented, real) {documented, real},
#include "config/settings.def"
};

bool kh_setting_real_key(struct kh_str key, char real[KH_SETTING_KEY_MAX + 1])
{
    for (size_t i = 0; i < sizeof(beans) / sizeof(beans[0]); i++) {
        const struct kh_str documented = kh_str(beans[i].documented);

        if (kh_str_starts(key, documented)) {
            const int n = snprintf(real, KH_SETTING_KEY_MAX + 1, "%s%.*s", beans[i].real,
                                   (int)(key.n - documented.n), key.p + documented.n);
            return n >= 0 && n <= KH_SETTING_KEY_MAX;
        }
    }
    return false;
}

/* "prefix." stands for every key that begins so; otherwise all of it has to match. */
static bool spells(const struct kh_setting_spelling *spelling, struct kh_str key, bool any_case)
{
    struct kh_str name = kh_str(spelling->key);

    if (kh_str_ends(name, KH_STR(".")) && key.n > name.n) {
        key.n = name.n;
    }
    return any_case ? kh_str_eq_nocase(name, key) : kh_str_eq(name, key);
}

const struct kh_setting_spelling *kh_setting_find(struct kh_str key, bool any_case)
{
    for (size_t i = 0; i < SPELLINGS_N; i++) {
        if (spells(&spellings[i], key, any_case)) {
            return &spellings[i];
        }
    }
    return NULL;
}

bool kh_setting_java_takes(const struct kh_setting_spelling *spelling, struct kh_str key)
{
    const struct kh_str prefix = KH_STR("AwsCredentialsProvider");
    struct kh_str name = kh_str(spelling->key);

    return kh_str_eq(name, key) ||
           (name.n == key.n && kh_str_starts(name, prefix) &&
            memcmp(name.p + prefix.n, key.p + prefix.n, key.n - prefix.n) == 0);
}

/* Small letters, and without what a variable's name has or lacks. */
static struct kh_str folded(struct kh_str key, char room[FOLDED_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < key.n && n < FOLDED_MAX; i++) {
        const char c = key.p[i];
        if (c != '_' && c != '.') {
            room[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
    }
    return kh_str_of(room, n);
}

const struct kh_setting_spelling *kh_setting_find_variable(struct kh_str name)
{
    const struct kh_setting_spelling *beginning = NULL;
    char name_room[FOLDED_MAX];
    char key_room[FOLDED_MAX];
    const struct kh_str wanted = folded(name, name_room);

    for (size_t i = 0; i < SPELLINGS_N; i++) {
        const struct kh_str key = kh_str(spellings[i].key);
        const struct kh_str known = folded(key, key_room);

        if (kh_str_eq(known, wanted)) {
            return &spellings[i];
        }
        if (kh_str_ends(key, KH_STR(".")) && kh_str_starts(wanted, known)) {
            beginning = &spellings[i];
        }
    }
    return beginning;
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

const char *kh_setting_variable(const char *key, char room[KH_SETTING_VARIABLE_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; key[i] != '\0' && n + 2 <= KH_SETTING_VARIABLE_MAX; i++) {
        const bool begins_word =
            i > 0 && is_capital(key[i]) &&
            (!is_capital(key[i - 1]) || (key[i + 1] >= 'a' && key[i + 1] <= 'z'));
        if (begins_word && key[i - 1] != '.') {
            room[n++] = '_';
        }
        room[n++] = key[i] == '.'                    ? '_'
                    : key[i] >= 'a' && key[i] <= 'z' ? (char)(key[i] - 'a' + 'A')
                                                     : key[i];
    }
    room[n] = '\0';
    return room;
}

bool kh_setting_is_secret(const struct kh_setting_row *row)
{
    return kh_str_starts(kh_str(row->key), KH_STR("AwsCredentialsProvider"));
}

const struct kh_setting_spelling *kh_setting_nearest(struct kh_str key)
{
    const struct kh_setting_spelling *nearest = NULL;
    char wanted_room[FOLDED_MAX];
    char known_room[FOLDED_MAX];
    const struct kh_str wanted = folded(key, wanted_room);
    size_t least = 2 + wanted.n / 4; /* farther than that is no typing mistake */

    for (size_t i = 0; i < SPELLINGS_N; i++) {
        const struct kh_str known = folded(kh_str(spellings[i].key), known_room);
        const size_t distance = kh_str_distance(wanted, known);
        if (distance < least) {
            least = distance;
            nearest = &spellings[i];
        }
    }
    return nearest;
}

const char *const *kh_setting_choices(enum kh_setting_type type)
{
    static const char *const start[] = {"LATEST", "TRIM_HORIZON", NULL};
    static const char *const retrieval[] = {"DEFAULT", "POLLING", "FANOUT", NULL};
    static const char *const metrics[] = {"NONE", "SUMMARY", "DETAILED", NULL};
    static const char *const version[] = {"AUTO", "CLIENT_VERSION_CONFIG_3X",
                                          "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X",
                                          "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X_PHASE1", NULL};
    static const char *const failure[] = {"restart", "release", "exit", NULL};
    static const char *const shard_end[] = {"require", "auto", NULL};
    static const char *const log_level[] = {"error", "warn", "info", "debug", NULL};
    static const char *const log_format[] = {"text", "json", NULL};

    switch (type) {
    case KH_SETTING_TYPE_START:
        return start;
    case KH_SETTING_TYPE_RETRIEVAL:
        return retrieval;
    case KH_SETTING_TYPE_METRICS:
        return metrics;
    case KH_SETTING_TYPE_VERSION:
        return version;
    case KH_SETTING_TYPE_FAILURE:
        return failure;
    case KH_SETTING_TYPE_SHARD_END:
        return shard_end;
    case KH_SETTING_TYPE_LOG_LEVEL:
        return log_level;
    case KH_SETTING_TYPE_LOG_FORMAT:
        return log_format;
    case KH_SETTING_TYPE_TEXT:
    case KH_SETTING_TYPE_URL:
    case KH_SETTING_TYPE_BOOL:
    case KH_SETTING_TYPE_COUNT:
    case KH_SETTING_TYPE_MILLIS:
    case KH_SETTING_TYPE_SECONDS:
    case KH_SETTING_TYPE_INSTANT:
    case KH_SETTING_TYPE_DURATION:
    case KH_SETTING_TYPE_DECIMAL:
        break;
    }
    return NULL;
}

const char *kh_setting_allowed(const struct kh_setting_row *row,
                               char room[KH_PROBLEM_ALLOWED_MAX + 1])
{
    const char *const *choices = kh_setting_choices(row->type);
    int n = 0;

    room[0] = '\0';
    if (choices != NULL) {
        for (size_t i = 0; choices[i] != NULL; i++) {
            n += snprintf(room + n, (size_t)(KH_PROBLEM_ALLOWED_MAX + 1 - n), "%s%s",
                          i == 0 ? "" : ", ", choices[i]);
            kh_assert(n <= KH_PROBLEM_ALLOWED_MAX);
        }
        return room;
    }
    if (row->type == KH_SETTING_TYPE_BOOL) {
        return "true or false";
    }
    if (row->type == KH_SETTING_TYPE_INSTANT) {
        return "whole seconds since 1970, or a time like 2024-02-29T12:00:00Z";
    }
    if (row->type == KH_SETTING_TYPE_DURATION) {
        return "a time span as in ISO 8601: P1D, PT12H, PT1M30.5S";
    }
    if (row->type == KH_SETTING_TYPE_DECIMAL) {
        (void)snprintf(room, KH_PROBLEM_ALLOWED_MAX + 1, "a number from %lld to %lld",
                       (long long)row->low, (long long)row->high);
        return room;
    }
    if (row->type == KH_SETTING_TYPE_URL) {
        return "a URL like https://host:port";
    }
    if (row->type == KH_SETTING_TYPE_TEXT) {
        (void)snprintf(room, KH_PROBLEM_ALLOWED_MAX + 1, "text of at most %lld bytes without NUL",
                       (long long)row->high);
        return room;
    }
    (void)snprintf(room, KH_PROBLEM_ALLOWED_MAX + 1, "a whole number from %lld to %lld",
                   (long long)row->low, (long long)row->high);
    return room;
}
