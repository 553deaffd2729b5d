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
#include "config/value.h"
#include "wire/properties.h"

/* Keys without effect are named together, in one line each class. */
#define NAMES_MAX 2000

/* One reading of a file. */
struct load {
    struct kh_settings *settings;
    struct kh_problems *problems;
    unsigned lines[KH_SETTINGS_N]; /* where the setting's value stands; 0: nowhere */
    const struct kh_setting_spelling *spelled[KH_SETTINGS_N]; /* and under which name */
    char names[KH_SETTING_OTHER_WARN + 1][NAMES_MAX + 1];     /* by enum kh_other_class */
};

static void refuse(struct load *load, const struct kh_setting_row *row,
                   const struct kh_property *property)
{
    char allowed[KH_PROBLEM_ALLOWED_MAX + 1];
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    kh_problem_quote(quoted, property->value);
    kh_problem_add(load->problems, KH_PROBLEM_ERROR, property->line,
                   "%.*s = %s cannot be used; allowed: %s", KH_STR_ARG(property->key), quoted,
                   kh_setting_allowed(row, allowed));
}

static bool is_limited(enum kh_setting_type type)
{
    return type == KH_SETTING_TYPE_COUNT || type == KH_SETTING_TYPE_MILLIS ||
           type == KH_SETTING_TYPE_SECONDS;
}

static bool is_text(enum kh_setting_type type)
{
    return type == KH_SETTING_TYPE_TEXT || type == KH_SETTING_TYPE_URL;
}

static void set_number(void *member, enum kh_setting_type type, int64_t number)
{
    if (type == KH_SETTING_TYPE_MILLIS || type == KH_SETTING_TYPE_SECONDS ||
        type == KH_SETTING_TYPE_INSTANT || type == KH_SETTING_TYPE_DURATION) {
        *(int64_t *)member = number;
    } else if (type == KH_SETTING_TYPE_COUNT) {
        *(uint32_t *)member = (uint32_t)number;
    } else if (type == KH_SETTING_TYPE_BOOL) {
        *(bool *)member = number != 0;
    } else {
        unsigned choice = (unsigned)number;
        _Static_assert(sizeof(choice) == sizeof(enum kh_start), "enums are as wide as unsigned");
        kh_assert(kh_setting_choices(type) != NULL);
        memcpy(member, &choice, sizeof(choice));
    }
}

static void warn_of_zero(struct load *load, const struct kh_setting_row *row,
                         const struct kh_property *property)
{
    const bool has_text = row->text[0] != '\0';

    kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line,
                   "%.*s = 0 stands for the default, as in the Java daemon%s%s%s",
                   KH_STR_ARG(property->key), has_text ? ": " : "", row->text,
                   has_text ? " is used" : "");
}

/* A number against its limits; false if it is not to be set. */
static bool limit(struct load *load, const struct kh_setting_row *row,
                  const struct kh_property *property, int64_t *number)
{
    unsigned rule = row->rule;

    if (*number == 0 && (rule & KH_SETTING_RULE_ZERO_UNSET) != 0) {
        warn_of_zero(load, row, property);
        return false;
    }
    if (*number < row->low && (rule & KH_SETTING_RULE_RAISE) != 0) {
        kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line,
                       "%.*s = %lld is too low: %lld is used", KH_STR_ARG(property->key),
                       (long long)*number, (long long)row->low);
        *number = row->low;
    }
    if (*number < row->low || *number > row->high) {
        refuse(load, row, property);
        return false;
    }
    return true;
}

/* Numbers, instants, booleans and choices are all one number in the end. */
static bool parse_number(enum kh_setting_type type, struct kh_str text, int64_t *number)
{
    const char *const *choices = kh_setting_choices(type);
    bool understood;

    if (choices != NULL) {
        unsigned choice = 0;
        understood = kh_value_choice(text, choices, &choice);
        *number = choice;
    } else if (type == KH_SETTING_TYPE_BOOL) {
        bool truth = false;
        understood = kh_value_bool(text, &truth);
        *number = truth ? 1 : 0;
    } else if (type == KH_SETTING_TYPE_INSTANT) {
        understood = kh_value_instant(text, number);
    } else if (type == KH_SETTING_TYPE_DURATION) {
        understood = kh_value_duration(text, number);
    } else {
        understood = kh_value_number(text, number);
    }
    return understood;
}

static void warn_of_milliseconds(struct load *load, const struct kh_property *property)
{
    int64_t number;

    if (kh_value_number(property->value, &number) && number >= KH_VALUE_MILLIS_FROM) {
        kh_problem_add(
            load->problems, KH_PROBLEM_WARN, property->line,
            "%.*s = %lld is taken as milliseconds: as seconds it would be after the year "
            "5000",
            KH_STR_ARG(property->key), (long long)number);
    }
}

/* False if the number is not to be set. */
static bool take_number(struct load *load, const struct kh_setting_row *row,
                        const struct kh_property *property, int64_t *number)
{
    if (!parse_number(row->type, property->value, number)) {
        refuse(load, row, property);
        return false;
    }
    if (row->type == KH_SETTING_TYPE_INSTANT) {
        warn_of_milliseconds(load, property);
    }
    return !is_limited(row->type) || limit(load, row, property, number);
}

static bool take_decimal(struct load *load, const struct kh_setting_row *row,
                         const struct kh_property *property, double *member)
{
    double number;

    if (!kh_value_decimal(property->value, &number) || number < (double)row->low ||
        number > (double)row->high) {
        refuse(load, row, property);
        return false;
    }
    if (number == 0 && (row->rule & KH_SETTING_RULE_ZERO_UNSET) != 0) {
        warn_of_zero(load, row, property);
        return false;
    }
    *member = number;
    return true;
}

static bool take_url(struct load *load, const struct kh_setting_row *row,
                     const struct kh_property *property, void *member)
{
    struct kh_str url;
    bool has_scheme;

    if (!kh_value_url(property->value, &url, &has_scheme) || url.n > (size_t)row->high) {
        refuse(load, row, property);
        return false;
    }
    if (has_scheme) {
        kh_value_set_text(member, url);
        return true;
    }
    struct kh_buf whole;
    kh_buf_init(&whole, (size_t)row->high + sizeof("https://"));
    enum kh_rc rc = kh_buf_appendf(&whole, "https://%.*s", KH_STR_ARG(url));
    kh_assert(rc == KH_OK);
    kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line,
                   "%.*s has no scheme: https is used, write http:// if that is meant",
                   KH_STR_ARG(property->key));
    kh_value_set_text(member, kh_buf_str(&whole));
    kh_buf_fini(&whole);
    return true;
}

/* Put the value where it belongs; false if it cannot be used, or means the default. */
static bool take_value(struct load *load, const struct kh_setting_row *row,
                       const struct kh_property *property)
{
    void *member = (char *)load->settings + row->at;
    int64_t number;

    if (row->type == KH_SETTING_TYPE_URL) {
        return take_url(load, row, property, member);
    }
    if (row->type == KH_SETTING_TYPE_DECIMAL) {
        return take_decimal(load, row, property, member);
    }
    if (row->type != KH_SETTING_TYPE_TEXT) {
        if (!take_number(load, row, property, &number)) {
            return false;
        }
        set_number(member, row->type, number);
        return true;
    }
    if (property->value.n > (size_t)row->high ||
        kh_str_find(property->value, '\0') != property->value.n) {
        refuse(load, row, property);
        return false;
    }
    kh_value_set_text(member, property->value);
    return true;
}

/* Does this spelling win over what the file said before? Says so if there was something. */
static bool outranks(struct load *load, const struct kh_setting_spelling *spelling, unsigned line)
{
    const struct kh_setting_spelling *before = load->spelled[spelling->id];

    if (before == NULL) {
        return true;
    }
    if (before->rank > spelling->rank) {
        kh_problem_add(load->problems, KH_PROBLEM_WARN, line,
                       "%s is not used: %s in line %u means the same and counts", spelling->key,
                       before->key, load->lines[spelling->id]);
        return false;
    }
    kh_problem_add(load->problems, KH_PROBLEM_WARN, load->lines[spelling->id],
                   "%s is not used: %s in line %u means the same and counts", before->key,
                   spelling->key, line);
    return true;
}

static void apply(struct load *load, const struct kh_setting_spelling *spelling,
                  const struct kh_property *property)
{
    const struct kh_setting_row *row = kh_setting_row(spelling->id);

    if (!outranks(load, spelling, property->line)) {
        return;
    }
    load->spelled[spelling->id] = spelling;
    load->lines[spelling->id] = property->line;
    if (property->trimmed && !is_limited(row->type)) {
        kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line,
                       "%.*s: the blanks at the end of the value are dropped",
                       KH_STR_ARG(property->key));
    }
    if (kh_str_trim(property->value).n == 0) {
        if (row->type != KH_SETTING_TYPE_TEXT || row->text[0] != '\0') {
            kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line,
                           "%.*s has no value: it counts as not given", KH_STR_ARG(property->key));
        }
        return;
    }
    bool is_set = take_value(load, row, property);
    set_number((char *)load->settings + row->is_set_at, KH_SETTING_TYPE_BOOL, is_set ? 1 : 0);
}

static void report_unknown(struct load *load, const struct kh_property *property)
{
    const struct kh_setting_spelling *nearest = kh_setting_nearest(property->key);
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    kh_problem_quote(quoted, property->key);
    if (nearest != NULL) {
        kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line,
                       "unknown key %s is ignored; did you mean %s?", quoted, nearest->key);
    } else {
        kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line, "unknown key %s is ignored",
                       quoted);
    }
}

static void note_other(struct load *load, const struct kh_setting_spelling *spelling,
                       const struct kh_property *property)
{
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];
    char *names = load->names[spelling->other];
    size_t n = strlen(names);

    if (spelling->other == KH_SETTING_OTHER_WARN) {
        kh_problem_quote(quoted, property->key);
        kh_problem_add(load->problems, KH_PROBLEM_WARN, property->line, "key %s has no effect: %s",
                       quoted, spelling->note);
        return;
    }
    (void)snprintf(names + n, NAMES_MAX + 1 - n, "%s%s", n == 0 ? "" : ", ", spelling->key);
}

static void take_property(struct load *load, const struct kh_property *property)
{
    const struct kh_setting_spelling *spelling = kh_setting_find(property->key, false);
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    if (spelling == NULL) {
        spelling = kh_setting_find(property->key, true);
    }
    if (spelling == NULL) {
        report_unknown(load, property);
        return;
    }
    if (spelling->id == KH_SETTING_ID_NONE) {
        note_other(load, spelling, property);
        return;
    }
    if (!kh_setting_java_takes(spelling, property->key)) {
        kh_problem_quote(quoted, property->key);
        kh_problem_add(load->problems, KH_PROBLEM_NOTICE, property->line, "key %s is taken for %s",
                       quoted, spelling->key);
    }
    apply(load, spelling, property);
}

static void report_others(struct load *load)
{
    if (load->names[KH_SETTING_OTHER_LATER][0] != '\0') {
        kh_problem_add(load->problems, KH_PROBLEM_NOTICE, 0,
                       "these keys have no effect in this version: %s",
                       load->names[KH_SETTING_OTHER_LATER]);
    }
    if (load->names[KH_SETTING_OTHER_NEEDLESS][0] != '\0') {
        kh_problem_add(load->problems, KH_PROBLEM_NOTICE, 0,
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
        const struct kh_setting_row *row = kh_setting_row(id);
        void *member = (char *)settings + row->at;
        int64_t number = 0;

        if (is_text(row->type)) {
            kh_value_set_text(member, kh_str(row->text));
        } else if (row->type == KH_SETTING_TYPE_DECIMAL && row->text[0] != '\0') {
            const bool understood = kh_value_decimal(kh_str(row->text), member);

            kh_assert(understood);
        } else if (row->text[0] != '\0') {
            bool understood = parse_number(row->type, kh_str(row->text), &number);
            kh_assert(understood);
            set_number(member, row->type, number);
        }
    }
    settings->executable_argv = split_words("");
}

void kh_settings_fini(struct kh_settings *settings)
{
    for (unsigned id = 0; id < KH_SETTINGS_N; id++) {
        const struct kh_setting_row *row = kh_setting_row(id);
        if (is_text(row->type)) {
            void *member = (char *)settings + row->at;
            kh_mem_free(*(char **)member);
        }
    }
    free_words(settings->executable_argv);
    *settings = (struct kh_settings){0};
}

enum kh_rc kh_settings_parse(struct kh_settings *settings, struct kh_str text,
                             struct kh_problems *problems)
{
    struct load load = {.settings = settings, .problems = problems};
    struct kh_properties properties;
    struct kh_arena arena;
    struct kh_err err;

    kh_arena_init(&arena);
    if (kh_properties_parse(&properties, text, &arena, &err) != KH_OK) {
        kh_problem_add(problems, KH_PROBLEM_ERROR, properties.bad_line, "%s", err.text);
        kh_arena_fini(&arena);
        return err.rc;
    }
    if (properties.latin1) {
        kh_problem_add(problems, KH_PROBLEM_NOTICE, 0,
                       "the file is not UTF-8 and is read as ISO 8859-1");
    }
    for (size_t i = 0; i < properties.n; i++) {
        take_property(&load, &properties.items[i]);
    }
    kh_arena_fini(&arena);
    report_others(&load);
    kh_settings_settle(&(struct kh_settle){settings, problems, load.lines});
    free_words(settings->executable_argv);
    settings->executable_argv = split_words(settings->executable_name);
    return problems->errors_n > 0 ? KH_INVALID : KH_OK;
}

/* All of a file, or a little more than a properties file may have, which kh_properties_parse then
 * refuses. */
static enum kh_rc read_file(const char *path, struct kh_buf *text, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;

    if (fd < 0) {
        return kh_fail_errno(err, errno, "cannot be opened");
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

enum kh_rc kh_settings_load(struct kh_settings *settings, const char *path,
                            struct kh_problems *problems)
{
    struct kh_buf text;
    struct kh_err err;

    kh_buf_init(&text, KH_PROPERTIES_BYTES_MAX + 1);
    enum kh_rc rc = read_file(path, &text, &err);
    if (rc == KH_OK) {
        rc = kh_settings_parse(settings, kh_buf_str(&text), problems);
    } else {
        kh_problem_add(problems, KH_PROBLEM_ERROR, 0, "%s", err.text);
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
        .help = row->help};
}
