#include "cli/options.h"

#include <string.h>

#include "base/assert.h"
#include "base/str.h"

const char kh_options_help[] =
    "Usage: kcl-host [OPTION…] --properties FILE\n"
    "Run a Kinesis record processor written for the KCL MultiLangDaemon.\n"
    "\n"
    "  -p, --properties FILE   the daemon's .properties file; also --properties-file FILE,\n"
    "                          or FILE alone\n"
    "      --exit-when-done    end with status 0 once every shard is closed and processed\n"
    "      --adopt             keep the leases of another stream, or of one that was deleted and\n"
    "                          made again, for this one\n"
    "      --log-level LEVEL   error, warn, info or debug; beats logLevel of the file\n"
    "      --help              this text\n"
    "      --help-keys         every key of the file, its default and its meaning\n"
    "      --version           the version\n"
    "\n"
    "SIGTERM and SIGINT stop it gracefully, a second one at once.\n"
    "\n";

enum option_id {
    OPTION_PROPERTIES,
    OPTION_EXIT_WHEN_DONE,
    OPTION_ADOPT,
    OPTION_LOG_LEVEL,
    OPTION_HELP,
    OPTION_HELP_KEYS,
    OPTION_VERSION
};

struct option_name {
    const char *name;
    enum option_id id;
    bool takes_value;
};

static const struct option_name names[] = {
    {"-p", OPTION_PROPERTIES, true},
    {"--properties", OPTION_PROPERTIES, true},
    {"--properties-file", OPTION_PROPERTIES, true},
    {"--exit-when-done", OPTION_EXIT_WHEN_DONE, false},
    {"--adopt", OPTION_ADOPT, false},
    {"--log-level", OPTION_LOG_LEVEL, true},
    {"-h", OPTION_HELP, false},
    {"--help", OPTION_HELP, false},
    {"--help-keys", OPTION_HELP_KEYS, false},
    {"--version", OPTION_VERSION, false},
};

/* The words not looked at yet. */
struct words {
    int n;
    char *const *p; /* borrowed */
};

static const struct option_name *find(struct kh_str name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (kh_str_eq(kh_str(names[i].name), name)) {
            return &names[i];
        }
    }
    return NULL;
}

static const char *next(struct words *words)
{
    kh_assert(words->n > 0);
    words->n--;
    return *words->p++;
}

static enum kh_rc take_file(struct kh_options *options, const char *path, struct kh_err *err)
{
    kh_assert(path != NULL);
    if (path[0] == '\0') {
        return kh_fail(err, KH_INVALID, "the name of the properties file is empty");
    }
    if (options->properties != NULL) {
        return kh_fail(err, KH_INVALID, "one properties file is wanted, not both %s and %s",
                       options->properties, path);
    }
    options->properties = path;
    return KH_OK;
}

static enum kh_rc take_level(struct kh_options *options, const char *word, struct kh_err *err)
{
    static const enum kh_log_level levels[] = {KH_LOG_ERROR, KH_LOG_WARN, KH_LOG_INFO,
                                               KH_LOG_DEBUG};

    kh_assert(word != NULL);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (kh_str_eq_nocase(kh_str(word), kh_str(kh_log_level_name(levels[i])))) {
            options->log_level = levels[i];
            options->log_level_is_set = true;
            return KH_OK;
        }
    }
    return kh_fail(err, KH_INVALID, "--log-level is error, warn, info or debug, not %s", word);
}

static enum kh_rc take_option(struct kh_options *options, enum option_id id, const char *value,
                              struct kh_err *err)
{
    switch (id) {
    case OPTION_PROPERTIES:
        return take_file(options, value, err);
    case OPTION_LOG_LEVEL:
        return take_level(options, value, err);
    case OPTION_EXIT_WHEN_DONE:
        options->exit_when_done = true;
        break;
    case OPTION_ADOPT:
        options->adopt = true;
        break;
    case OPTION_HELP:
        options->wish = KH_WISH_HELP;
        break;
    case OPTION_HELP_KEYS:
        options->wish = KH_WISH_HELP_KEYS;
        break;
    case OPTION_VERSION:
        options->wish = KH_WISH_VERSION;
        break;
    }
    return KH_OK;
}

/* One word that begins with '-', and the next one if it is its value. */
static enum kh_rc parse_option(struct kh_options *options, const char *word, struct words *words,
                               struct kh_err *err)
{
    bool is_long = word[1] == '-';
    struct kh_str whole = kh_str(word);
    struct kh_str name = is_long ? kh_str_of(whole.p, kh_str_find(whole, '='))
                                 : kh_str_of(whole.p, whole.n < 2 ? whole.n : 2);
    const char *value = name.n < whole.n ? word + name.n + (is_long ? 1 : 0) : NULL;
    const struct option_name *option = find(name);

    if (option == NULL) {
        return kh_fail(err, KH_INVALID, "there is no option %.*s", KH_STR_ARG(name));
    }
    if (!option->takes_value && value != NULL) {
        return kh_fail(err, KH_INVALID, "option %s takes no value", option->name);
    }
    if (option->takes_value && value == NULL) {
        if (words->n == 0) {
            return kh_fail(err, KH_INVALID, "option %s needs a value", option->name);
        }
        value = next(words);
    }
    return take_option(options, option->id, value, err);
}

enum kh_rc kh_options_parse(struct kh_options *options, int argc, char *const argv[],
                            struct kh_err *err)
{
    struct words words = {argc, argv};
    bool only_files = false; /* "--" was there */
    enum kh_rc rc = KH_OK;

    *options = (struct kh_options){.wish = KH_WISH_RUN, .log_level = KH_LOG_INFO};
    if (words.n > 0) {
        (void)next(&words); /* our own name */
    }
    while (rc == KH_OK && words.n > 0 && options->wish == KH_WISH_RUN) {
        const char *word = next(&words);
        if (!only_files && strcmp(word, "--") == 0) {
            only_files = true;
        } else if (!only_files && word[0] == '-') {
            rc = parse_option(options, word, &words, err);
        } else {
            rc = take_file(options, word, err);
        }
    }
    if (rc == KH_OK && options->wish == KH_WISH_RUN && options->properties == NULL) {
        rc = kh_fail(err, KH_INVALID, "no properties file is given: use --properties FILE");
    }
    return rc;
}
