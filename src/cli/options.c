#include "cli/options.h"

#include <string.h>

#include "base/assert.h"
#include "base/str.h"

#define WAIT_S_MAX 86400

const char kh_options_help[] =
    "Usage: kcl-host [OPTION…] --properties FILE\n"
    "       kcl-host SUB-COMMAND [OPTION…] --properties FILE\n"
    "Run a Kinesis record processor written for the KCL MultiLangDaemon.\n"
    "\n"
    "  -p, --properties FILE   the daemon's .properties file; also --properties-file FILE,\n"
    "                          or FILE alone; - is standard input\n"
    "      --set KEY=VALUE     beats the file and the environment; as often as you like\n"
    "  -l, --log-configuration FILE\n"
    "                          a logback.xml: the level of its root logger, and no more\n"
    "      --exit-when-done    end with status 0 once every shard is closed and processed\n"
    "      --adopt             keep the leases of another stream, or of one that was deleted and\n"
    "                          made again, for this one\n"
    "      --log-level LEVEL   error, warn, info or debug; beats logLevel of the file\n"
    "  -h, --help              this text\n"
    "      --help-keys         every key of the file, its default and its meaning\n"
    "  -V, --version           the version\n"
    "  @FILE                   more of these words, one a line\n"
    "\n"
    "In place of java, with its options and the MultiLangDaemon's class before its arguments, it\n"
    "does what the daemon would: link bin/java of a JAVA_HOME to it, or name it to a launcher.\n"
    "\n"
    "A key can also be given by the environment, which beats the file: KCL_STREAM_NAME is\n"
    "streamName.\n"
    "\n"
    "SIGTERM and SIGINT stop it gracefully, a second one at once.\n"
    "\n";

enum option_id {
    OPTION_PROPERTIES,
    OPTION_LOG_CONFIGURATION,
    OPTION_EXIT_WHEN_DONE,
    OPTION_ADOPT,
    OPTION_JSON,
    OPTION_DRY_RUN,
    OPTION_FORCE,
    OPTION_WAIT,
    OPTION_TO,
    OPTION_LOG_LEVEL,
    OPTION_SET,
    OPTION_HELP,
    OPTION_HELP_KEYS,
    OPTION_VERSION
};

/* Which commands an option is for. */
#define FOR(command) (1u << (command))
#define FOR_ALL      (~0u)

struct option_name {
    const char *name;
    enum option_id id;
    bool takes_value;
    unsigned commands;
};

static const struct option_name names[] = {
    {"-p", OPTION_PROPERTIES, true, FOR_ALL},
    {"--properties", OPTION_PROPERTIES, true, FOR_ALL},
    {"--properties-file", OPTION_PROPERTIES, true, FOR_ALL},
    {"-l", OPTION_LOG_CONFIGURATION, true, FOR(KH_COMMAND_RUN)},
    {"--log-configuration", OPTION_LOG_CONFIGURATION, true, FOR(KH_COMMAND_RUN)},
    {"--exit-when-done", OPTION_EXIT_WHEN_DONE, false, FOR(KH_COMMAND_RUN)},
    {"--adopt", OPTION_ADOPT, false, FOR(KH_COMMAND_RUN)},
    {"--json", OPTION_JSON, false,
     FOR(KH_COMMAND_CONFIG) | FOR(KH_COMMAND_TABLE_STATUS) | FOR(KH_COMMAND_LEASES_LIST)},
    {"--dry-run", OPTION_DRY_RUN, false,
     FOR(KH_COMMAND_TABLE_MIGRATE) | FOR(KH_COMMAND_TABLE_CLEAN) | FOR(KH_COMMAND_LEASES_RESET)},
    {"--force", OPTION_FORCE, false, FOR(KH_COMMAND_TABLE_MIGRATE)},
    {"--wait", OPTION_WAIT, true,
     FOR(KH_COMMAND_TABLE_STATUS) | FOR(KH_COMMAND_TABLE_ROLLBACK) | FOR(KH_COMMAND_TABLE_CLEAN)},
    {"--to", OPTION_TO, true, FOR(KH_COMMAND_LEASES_RESET)},
    {"--log-level", OPTION_LOG_LEVEL, true, FOR_ALL},
    {"--set", OPTION_SET, true, FOR_ALL},
    {"-h", OPTION_HELP, false, FOR_ALL},
    {"--help", OPTION_HELP, false, FOR_ALL},
    {"--help-keys", OPTION_HELP_KEYS, false, FOR_ALL},
    {"-V", OPTION_VERSION, false, FOR_ALL},
    {"--version", OPTION_VERSION, false, FOR_ALL},
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

static enum kh_rc take_file(const char **file, const char *path, const char *what,
                            struct kh_err *err)
{
    kh_assert(path != NULL);
    if (path[0] == '\0') {
        return kh_fail(err, KH_INVALID, "the name of the %s file is empty", what);
    }
    if (*file != NULL) {
        return kh_fail(err, KH_INVALID, "one %s file is wanted, not both %s and %s", what, *file,
                       path);
    }
    *file = path;
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

static enum kh_rc take_wait(struct kh_options *options, const char *word, struct kh_err *err)
{
    kh_assert(word != NULL);
    if (!kh_str_u64(kh_str(word), &options->wait_s) || options->wait_s > WAIT_S_MAX) {
        return kh_fail(err, KH_INVALID, "--wait is a number of seconds up to %d, not %s",
                       WAIT_S_MAX, word);
    }
    options->wait_is_set = true;
    return KH_OK;
}

static enum kh_rc take_to(struct kh_options *options, const char *word, struct kh_err *err)
{
    kh_assert(word != NULL);
    if (strcmp(word, "TRIM_HORIZON") != 0 && strcmp(word, "LATEST") != 0) {
        return kh_fail(err, KH_INVALID, "--to is TRIM_HORIZON or LATEST, not %s", word);
    }
    options->to = word;
    return KH_OK;
}

static enum kh_rc take_set(struct kh_options *options, const char *word, struct kh_err *err)
{
    struct kh_str key;
    struct kh_str value;

    kh_assert(word != NULL);
    if (!kh_str_cut(kh_str(word), '=', &key, &value) || kh_str_trim(key).n == 0) {
        return kh_fail(err, KH_INVALID, "--set wants KEY=VALUE, not %s", word);
    }
    if (options->assignments_n == KH_OPTIONS_SETS_MAX) {
        return kh_fail(err, KH_INVALID, "--set can be given %d times", KH_OPTIONS_SETS_MAX);
    }
    options->assignments[options->assignments_n++] = word;
    return KH_OK;
}

static enum kh_rc take_option(struct kh_options *options, enum option_id id, const char *value,
                              struct kh_err *err)
{
    switch (id) {
    case OPTION_PROPERTIES:
        return take_file(&options->properties, value, "properties", err);
    case OPTION_LOG_CONFIGURATION:
        return take_file(&options->log_configuration, value, "log configuration", err);
    case OPTION_LOG_LEVEL:
        return take_level(options, value, err);
    case OPTION_SET:
        return take_set(options, value, err);
    case OPTION_EXIT_WHEN_DONE:
        options->exit_when_done = true;
        break;
    case OPTION_ADOPT:
        options->adopt = true;
        break;
    case OPTION_JSON:
        options->json = true;
        break;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        break;
    case OPTION_FORCE:
        options->force = true;
        break;
    case OPTION_WAIT:
        return take_wait(options, value, err);
    case OPTION_TO:
        return take_to(options, value, err);
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
    if ((option->commands & FOR(options->command)) == 0) {
        return options->command == KH_COMMAND_RUN
                   ? kh_fail(err, KH_INVALID, "option %s is for sub-commands", option->name)
                   : kh_fail(err, KH_INVALID, "option %s is not for %s", option->name,
                             kh_command_name(options->command));
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

/* A word that is no option: one the sub-command wants, else the file. */
static enum kh_rc take_word(struct kh_options *options, const char *word, struct kh_err *err)
{
    const char *wanted = kh_command_word(options->command, options->words_n);

    if (wanted == NULL) {
        return take_file(&options->overridden, word, "properties", err);
    }
    if (word[0] == '\0') {
        return kh_fail(err, KH_INVALID, "%s: %s is empty", kh_command_name(options->command),
                       wanted);
    }
    options->words[options->words_n++] = word;
    return KH_OK;
}

/* Before all others: "config", or "table", "leases", and what follows. */
static enum kh_rc take_command(struct kh_options *options, struct words *words, struct kh_err *err)
{
    const char *group;

    if (words->n == 0 || !kh_command_is_group(*words->p)) {
        return KH_OK;
    }
    group = next(words);
    if (words->n > 0 && (strcmp(*words->p, "--help") == 0 || strcmp(*words->p, "-h") == 0)) {
        return KH_OK;
    }
    const bool has_name = words->n > 0 && kh_command_has_name(group);
    return kh_command_find(group, has_name ? next(words) : NULL, &options->command, err);
}

static enum kh_rc check_complete(struct kh_options *options, struct kh_err *err)
{
    const char *missing = kh_command_word(options->command, options->words_n);

    if (options->properties == NULL) {
        options->properties = options->overridden;
        options->overridden = NULL;
    }
    if (options->overridden != NULL && options->command != KH_COMMAND_RUN) {
        return kh_fail(err, KH_INVALID, "one properties file is wanted, not both %s and %s",
                       options->properties, options->overridden);
    }
    if (missing != NULL) {
        return kh_fail(err, KH_INVALID, "%s: %s is missing", kh_command_name(options->command),
                       missing);
    }
    if (options->properties == NULL) {
        return kh_fail(err, KH_INVALID, "no properties file is given: use --properties FILE");
    }
    return KH_OK;
}

enum kh_rc kh_options_parse(struct kh_options *options, int argc, char *const argv[],
                            struct kh_err *err)
{
    struct words words = {argc, argv};
    bool only_words = false; /* "--" was there */
    enum kh_rc rc;

    *options = (struct kh_options){
        .wish = KH_WISH_RUN, .log_level = KH_LOG_INFO, .wait_s = KH_OPTIONS_WAIT_S};
    if (words.n > 0) {
        (void)next(&words); /* our own name */
    }
    rc = take_command(options, &words, err);
    while (rc == KH_OK && words.n > 0 && options->wish == KH_WISH_RUN) {
        const char *word = next(&words);
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && word[0] == '-' && word[1] != '\0') {
            rc = parse_option(options, word, &words, err);
        } else {
            rc = take_word(options, word, err);
        }
    }
    if (rc == KH_OK && options->wish == KH_WISH_RUN) {
        rc = check_complete(options, err);
    }
    return rc;
}
