#include "config/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "config/settle.h"
#include "config/table.h"
#include "config/take.h"
#include "wire/expand.h"
#include "wire/properties.h"

/* Keys without effect are named together, in one line each class. */
#define NAMES_MAX 2000

/* One reading of all sources. */
struct load {
    struct kh_take take;
    const struct kh_settings_sources *sources;
    struct kh_arena arena;
    struct kh_place places[KH_SETTINGS_N]; /* where a value stands in this source */
    const struct kh_setting_spelling *spelled[KH_SETTINGS_N]; /* and under which name; or NULL */
    char names[KH_SETTING_OTHER_WARN + 1][NAMES_MAX + 1];     /* by enum kh_other_class */
};

/* Does this spelling win over what the same source said before? Says so if there was something. */
static bool outranks(struct load *load, const struct kh_setting_spelling *spelling,
                     struct kh_place place)
{
    const struct kh_setting_spelling *before = load->spelled[spelling->id];
    const struct kh_place *place_before = &load->places[spelling->id];
    struct kh_problems *problems = load->take.problems;
    char room[KH_PLACE_TEXT_MAX + 1];

    if (before == NULL || (before == spelling && place.origin == KH_ORIGIN_OPTION)) {
        return true;
    }
    if (before == spelling && place.origin == KH_ORIGIN_ENVIRONMENT) {
        kh_problem_add(problems, KH_PROBLEM_ERROR, place,
                       "%.*s gives %s a value, too: only one of the two can be set",
                       KH_STR_ARG(place_before->name), spelling->key);
        return false;
    }
    if (before->rank > spelling->rank) {
        kh_problem_add(problems, KH_PROBLEM_WARN, place,
                       "%s is not used: %s %s means the same and counts", spelling->key,
                       before->key, kh_place_text(*place_before, room));
        return false;
    }
    kh_problem_add(problems, KH_PROBLEM_WARN, *place_before,
                   "%s is not used: %s %s means the same and counts", before->key, spelling->key,
                   kh_place_text(place, room));
    return true;
}

/* ${NAME} in a value of the file; false if it cannot be. */
static bool expand(struct load *load, const struct kh_setting_row *row, struct kh_given *given)
{
    struct kh_expanded expanded;
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];
    struct kh_err err;

    if (given->place.origin != KH_ORIGIN_FILE) {
        return true;
    }
    if (kh_expand(&expanded, given->value, load->sources->environment, &load->arena, &err) !=
        KH_OK) {
        kh_problem_quote(quoted, given->value);
        kh_problem_add(load->take.problems, KH_PROBLEM_ERROR, given->place,
                       "%.*s = %s cannot be used: %s", KH_STR_ARG(given->key),
                       kh_setting_is_secret(row) ? "(hidden)" : quoted, err.text);
        return false;
    }
    given->value = expanded.text;
    given->secret = expanded.secret;
    given->place.is_secret = expanded.secret;
    return true;
}

/* Those of the file are named together at the end. */
static void note_without_effect(struct load *load, enum kh_other_class class, const char *key,
                                struct kh_place place)
{
    char *names = load->names[class];
    const size_t n = strlen(names);

    if (place.origin == KH_ORIGIN_FILE) {
        (void)snprintf(names + n, NAMES_MAX + 1 - n, "%s%s", n == 0 ? "" : ", ", key);
    } else {
        kh_problem_add(load->take.problems, KH_PROBLEM_DEBUG, place, "%s has no effect%s", key,
                       class == KH_SETTING_OTHER_LATER ? " in this version" : " and needs none");
    }
}

static void apply(struct load *load, const struct kh_setting_spelling *spelling,
                  struct kh_given *given)
{
    const struct kh_setting_row *row = kh_setting_row(spelling->id);

    if (!outranks(load, spelling, given->place)) {
        return;
    }
    load->spelled[spelling->id] = spelling;
    load->places[spelling->id] = given->place;
    if ((row->rule & KH_SETTING_RULE_LATER) != 0) {
        note_without_effect(load, KH_SETTING_OTHER_LATER, row->key, given->place);
    }
    if (expand(load, row, given)) {
        kh_take_value(&load->take, row, given);
    }
}

/* On the command line a key that does not exist is a slip of the hand and nothing else. */
static void report_unknown(struct load *load, const struct kh_given *given)
{
    const struct kh_setting_spelling *nearest = kh_setting_nearest(given->key);
    const bool typed = given->place.origin == KH_ORIGIN_OPTION;
    const enum kh_problem_level level = typed ? KH_PROBLEM_ERROR : KH_PROBLEM_WARN;
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    kh_problem_quote(quoted, given->key);
    if (nearest != NULL) {
        kh_problem_add(load->take.problems, level, given->place,
                       "unknown key %s%s; did you mean %s?", quoted, typed ? "" : " is ignored",
                       nearest->key);
    } else {
        kh_problem_add(load->take.problems, level, given->place, "unknown key %s%s", quoted,
                       typed ? "; kcl-host --help-keys lists them all" : " is ignored");
    }
}

static void note_other(struct load *load, const struct kh_setting_spelling *spelling,
                       const struct kh_given *given)
{
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    if (spelling->other == KH_SETTING_OTHER_WARN) {
        kh_problem_quote(quoted, given->key);
        kh_problem_add(load->take.problems, KH_PROBLEM_WARN, given->place,
                       "key %s has no effect: %s", quoted, spelling->note);
        return;
    }
    note_without_effect(load, spelling->other, spelling->key, given->place);
}

/* As it stands, else as Java's documentation has it, else with letters in any case. */
static const struct kh_setting_spelling *find(struct kh_str key)
{
    char real[KH_SETTING_KEY_MAX + 1];
    const struct kh_setting_spelling *spelling = kh_setting_find(key, false);

    if (spelling == NULL && kh_setting_real_key(key, real)) {
        spelling = kh_setting_find(kh_str(real), false);
    }
    return spelling != NULL ? spelling : kh_setting_find(key, true);
}

static void take_given(struct load *load, struct kh_given *given)
{
    const struct kh_setting_spelling *spelling = find(given->key);
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    if (spelling == NULL) {
        report_unknown(load, given);
        return;
    }
    if (spelling->id == KH_SETTING_ID_NONE) {
        note_other(load, spelling, given);
        return;
    }
    if (!kh_setting_java_takes(spelling, given->key)) {
        kh_problem_quote(quoted, given->key);
        kh_problem_add(load->take.problems, KH_PROBLEM_NOTICE, given->place,
                       "key %s is taken for %s", quoted, spelling->key);
    }
    apply(load, spelling, given);
}

/* From here on another source speaks: it has nothing to do with how the one before spelled keys. */
static void begin_source(struct load *load)
{
    memset(load->spelled, 0, sizeof(load->spelled));
}

static enum kh_rc take_text(struct load *load, struct kh_str text)
{
    struct kh_properties properties;
    struct kh_err err;

    if (kh_properties_parse(&properties, text, &load->arena, &err) != KH_OK) {
        const struct kh_place place = {.origin = KH_ORIGIN_FILE, .line = properties.bad_line};
        kh_problem_add(load->take.problems, KH_PROBLEM_ERROR, place, "%s", err.text);
        return err.rc;
    }
    if (properties.latin1) {
        kh_problem_add(load->take.problems, KH_PROBLEM_NOTICE, KH_PLACE_FILE,
                       "the file is not UTF-8 and is read as ISO 8859-1");
    }
    begin_source(load);
    for (size_t i = 0; i < properties.n; i++) {
        const struct kh_property *property = &properties.items[i];
        struct kh_given given = {.key = property->key,
                                 .value = property->value,
                                 .place = {.origin = KH_ORIGIN_FILE, .line = property->line},
                                 .trimmed = property->trimmed};
        take_given(load, &given);
    }
    return KH_OK;
}

static bool is_variable_name(struct kh_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.p[i];
        if (c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') &&
            (c < 'a' || c > 'z')) {
            return false;
        }
    }
    return name.n > 0;
}

/* What a kcl-host tells its processors; one that a processor starts is not meant. */
static bool is_of_a_parent(const struct load *load, struct kh_str name)
{
    static const char *const told[] = {"SHARD_ID", "STREAM_NAME", "WORKER_ID"};
    bool is_told = false;
    bool has_parent = false;

    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        is_told = is_told || kh_str_eq(name, kh_str(told[i]));
    }
    for (size_t i = 0; is_told && load->sources->environment[i] != NULL; i++) {
        has_parent = has_parent ||
                     kh_str_starts(kh_str(load->sources->environment[i]), KH_STR("KCL_SHARD_ID="));
    }
    return has_parent;
}

static void report_unknown_variable(struct load *load, struct kh_str name, struct kh_place place)
{
    const struct kh_setting_spelling *nearest = kh_setting_nearest(name);
    char room[KH_SETTING_VARIABLE_MAX + 1];

    if (nearest != NULL) {
        kh_problem_add(load->take.problems, KH_PROBLEM_WARN, place,
                       "no key is called so, it is ignored; did you mean KCL_%s (%s)?",
                       kh_setting_variable(nearest->key, room), nearest->key);
    } else {
        kh_problem_add(load->take.problems, KH_PROBLEM_WARN, place,
                       "no key is called so, it is ignored");
    }
}

static void take_variable(struct load *load, const char *variable)
{
    const struct kh_str prefix = KH_STR("KCL_");
    struct kh_str name;
    struct kh_str value;

    if (!kh_str_starts(kh_str(variable), prefix) ||
        !kh_str_cut(kh_str(variable), '=', &name, &value) || value.n == 0) {
        return;
    }
    const struct kh_place place = {.origin = KH_ORIGIN_ENVIRONMENT, .name = name};
    name = kh_str_of(name.p + prefix.n, name.n - prefix.n);
    if (!is_variable_name(name) || is_of_a_parent(load, name)) {
        return;
    }
    const struct kh_setting_spelling *spelling = kh_setting_find_variable(name);
    struct kh_given given = {.value = value, .place = place};
    if (spelling == NULL) {
        report_unknown_variable(load, name, place);
        return;
    }
    given.key = kh_str(spelling->key);
    if (spelling->id == KH_SETTING_ID_NONE) {
        note_other(load, spelling, &given);
        return;
    }
    apply(load, spelling, &given);
}

static void take_assignment(struct load *load, const char *assignment)
{
    struct kh_given given = {.place = {.origin = KH_ORIGIN_OPTION}};

    const bool has_value = kh_str_cut(kh_str(assignment), '=', &given.key, &given.value);

    kh_assert(has_value); /* cli/options.c saw to it */
    given.key = kh_str_trim(given.key);
    take_given(load, &given);
}

static void report_others(struct load *load)
{
    if (load->names[KH_SETTING_OTHER_LATER][0] != '\0') {
        kh_problem_add(load->take.problems, KH_PROBLEM_DEBUG, KH_PLACE_FILE,
                       "these keys have no effect in this version: %s",
                       load->names[KH_SETTING_OTHER_LATER]);
    }
    if (load->names[KH_SETTING_OTHER_NEEDLESS][0] != '\0') {
        kh_problem_add(load->take.problems, KH_PROBLEM_DEBUG, KH_PLACE_FILE,
                       "these keys have no effect and need none: %s",
                       load->names[KH_SETTING_OTHER_NEEDLESS]);
    }
}

static void free_words(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        kh_mem_free(words[i]);
    }
    kh_mem_free(words);
}

/* Split at blanks, U+0020 alone: quotes, tabs and all else are as good as letters, as in the Java
 * daemon. */
static char **split_words(const char *command)
{
    size_t n = strlen(command);
    char **words = kh_mem_new(n / 2 + 2, sizeof(*words));
    struct kh_str rest = kh_str(command);
    size_t words_n = 0;

    while (rest.n > 0) {
        struct kh_str word;
        (void)kh_str_cut(rest, ' ', &word, &rest);
        if (word.n > 0) {
            words[words_n++] = kh_mem_copy(word.p, word.n);
        }
    }
    kh_assert(words_n <= n / 2 + 1);
    return words;
}

void kh_settings_init(struct kh_settings *settings)
{
    *settings = (struct kh_settings){0};
    for (unsigned id = 0; id < KH_SETTINGS_N; id++) {
        kh_take_default(settings, kh_setting_row(id));
    }
    settings->executable_argv = split_words("");
}

void kh_settings_fini(struct kh_settings *settings)
{
    for (unsigned id = 0; id < KH_SETTINGS_N; id++) {
        const struct kh_setting_row *row = kh_setting_row(id);
        if (kh_take_is_text(row->type)) {
            void *member = (char *)settings + row->at;
            kh_mem_free(*(char **)member);
        }
    }
    free_words(settings->executable_argv);
    *settings = (struct kh_settings){0};
}

enum kh_rc kh_settings_parse(struct kh_settings *settings, struct kh_str text,
                             const struct kh_settings_sources *sources,
                             struct kh_problems *problems)
{
    struct load load = {.take = {settings, problems}, .sources = sources};

    settings->file = problems->file;

    kh_arena_init(&load.arena);
    enum kh_rc rc = take_text(&load, text);
    begin_source(&load);
    for (size_t i = 0; rc == KH_OK && sources->environment[i] != NULL; i++) {
        take_variable(&load, sources->environment[i]);
    }
    begin_source(&load);
    for (size_t i = 0; rc == KH_OK && i < sources->assignments_n; i++) {
        take_assignment(&load, sources->assignments[i]);
    }
    if (rc == KH_OK) {
        report_others(&load);
        kh_settings_settle(settings, problems);
        free_words(settings->executable_argv);
        settings->executable_argv = split_words(settings->executable_name);
        rc = problems->errors_n > 0 ? KH_INVALID : KH_OK;
    }
    kh_arena_fini(&load.arena);
    return rc;
}

enum kh_rc kh_settings_blame(const struct kh_settings *settings, struct kh_place place,
                             struct kh_err *err)
{
    switch (place.origin) {
    case KH_ORIGIN_FILE:
        kh_assert(settings->file != NULL);
        return kh_wrap(err, "%s:%u", settings->file, place.line);
    case KH_ORIGIN_ENVIRONMENT:
        return kh_wrap(err, "environment variable %.*s", KH_STR_ARG(place.name));
    case KH_ORIGIN_OPTION:
        return kh_wrap(err, "--set");
    case KH_ORIGIN_DEFAULT:
    case KH_ORIGIN_KEY:
        break;
    }
    return err->rc;
}

/* All of a file, or a little more than a properties file may have, which kh_properties_parse then
 * refuses. */
static enum kh_rc read_file(const char *path, struct kh_buf *text, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    const bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;

    if (fd < 0) {
        rc = kh_fail_errno(err, errno, "cannot be opened");
        return rc == KH_DENIED ? rc : KH_NOTFOUND;
    }
    while (got > 0 && text->n <= KH_PROPERTIES_BYTES_MAX) {
        size_t room = KH_PROPERTIES_BYTES_MAX + 1 - text->n;
        room = room < 4096 ? room : 4096;
        rc = kh_buf_reserve(text, room);
        kh_assert(rc == KH_OK);
        got = read(fd, text->p + text->n, room);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        if (got < 0) { /* a directory, most likely */
            rc = kh_fail(err, KH_NOTFOUND, "cannot be read: %s", strerror(errno));
            break;
        }
        kh_buf_added(text, (size_t)got);
    }
    kh_fd_close(&fd);
    return rc;
}

enum kh_rc kh_settings_load(struct kh_settings *settings, const struct kh_settings_sources *sources,
                            struct kh_problems *problems)
{
    struct kh_buf text;
    struct kh_err err;

    kh_buf_init(&text, KH_PROPERTIES_BYTES_MAX + 1);
    enum kh_rc rc = read_file(sources->path, &text, &err);
    if (rc == KH_OK) {
        rc = kh_settings_parse(settings, kh_buf_str(&text), sources, problems);
    } else {
        kh_problem_add(problems, KH_PROBLEM_ERROR, KH_PLACE_FILE, "%s", err.text);
    }
    kh_buf_fini(&text);
    return rc;
}

size_t kh_settings_help_n(void)
{
    return KH_SETTINGS_N;
}

struct kh_setting_help kh_settings_help_at(size_t i, char room[KH_PROBLEM_ALLOWED_MAX + 1])
{
    kh_assert(i < KH_SETTINGS_N);
    const struct kh_setting_row *row = kh_setting_row((enum kh_setting_id)i);

    return (struct kh_setting_help){
        .key = row->key,
        .text = row->text,
        .allowed = row->type == KH_SETTING_TYPE_TEXT ? "" : kh_setting_allowed(row, room),
        .help = row->help,
        .more = kh_setting_more((enum kh_setting_id)i),
        .section = kh_setting_section((enum kh_setting_id)i)};
}

const char *kh_settings_help_alias(size_t i, size_t nth, bool *beats)
{
    for (size_t j = 0; j < kh_setting_spellings_n(); j++) {
        const struct kh_setting_spelling *spelling = kh_setting_spelling_at(j);

        if (spelling->id == (enum kh_setting_id)i && spelling->rank != 1 && nth-- == 0) {
            *beats = spelling->rank > 1;
            return spelling->key;
        }
    }
    return NULL;
}
