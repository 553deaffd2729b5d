#include "cli/java.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/str.h"

#define DAEMON_CLASS     "software.amazon.kinesis.multilang.MultiLangDaemon"
#define OLD_DAEMON_CLASS "com.amazonaws.services.kinesis.multilang.MultiLangDaemon"

/* The client libraries want 8 or later; 17 is what KCL 3 is tested with. */
const char kh_java_version[] =
    "java version \"17.0.0\"\n"
    "kcl-host " PACKAGE_VERSION " in place of java: it runs " DAEMON_CLASS "\n"
    "and no other class\n";

enum kind {
    JVM_ALONE,      /* the whole word */
    JVM_BEGINNING,  /* the word begins so: its value is in it */
    JVM_WITH_VALUE, /* the value is the next word, or stands behind '=' if the name has two
                     * dashes */
    JVM_CLASS_PATH, /* the same */
    JVM_HELP,
    JVM_VERSION,
    JVM_VERSION_OUT,
    JVM_OTHER_PROGRAM /* asks for something else than the class */
};

struct jvm_option {
    const char *name;
    enum kind kind;
    bool ours_too; /* what it means is certain only behind the name "java" */
};

static const struct jvm_option options[] = {
    {"-cp", JVM_CLASS_PATH, false},
    {"-classpath", JVM_CLASS_PATH, false},
    {"--class-path", JVM_CLASS_PATH, false},
    {"-p", JVM_WITH_VALUE, true},
    {"--module-path", JVM_WITH_VALUE, false},
    {"--upgrade-module-path", JVM_WITH_VALUE, false},
    {"--add-modules", JVM_WITH_VALUE, false},
    {"--limit-modules", JVM_WITH_VALUE, false},
    {"--add-reads", JVM_WITH_VALUE, false},
    {"--add-exports", JVM_WITH_VALUE, false},
    {"--add-opens", JVM_WITH_VALUE, false},
    {"--patch-module", JVM_WITH_VALUE, false},
    {"--enable-native-access", JVM_WITH_VALUE, false},
    {"--illegal-access=", JVM_BEGINNING, false},
    {"--enable-preview", JVM_ALONE, false},
    {"-D", JVM_BEGINNING, false},
    {"-X", JVM_BEGINNING, false},
    {"-ea", JVM_BEGINNING, false},
    {"-da", JVM_BEGINNING, false},
    {"-enableassertions", JVM_BEGINNING, false},
    {"-disableassertions", JVM_BEGINNING, false},
    {"-esa", JVM_ALONE, false},
    {"-dsa", JVM_ALONE, false},
    {"-enablesystemassertions", JVM_ALONE, false},
    {"-disablesystemassertions", JVM_ALONE, false},
    {"-verbose", JVM_BEGINNING, false},
    {"-agentlib:", JVM_BEGINNING, false},
    {"-agentpath:", JVM_BEGINNING, false},
    {"-javaagent:", JVM_BEGINNING, false},
    {"-splash:", JVM_BEGINNING, false},
    {"-server", JVM_ALONE, false},
    {"-client", JVM_ALONE, false},
    {"-d32", JVM_ALONE, false},
    {"-d64", JVM_ALONE, false},
    {"-showversion", JVM_ALONE, false},
    {"--show-version", JVM_ALONE, false},
    {"-version", JVM_VERSION, false},
    {"-fullversion", JVM_VERSION, false},
    {"--version", JVM_VERSION_OUT, true},
    {"--full-version", JVM_VERSION_OUT, false},
    {"-help", JVM_HELP, false},
    {"-?", JVM_HELP, false},
    {"-h", JVM_HELP, true},
    {"--help", JVM_HELP, true},
    {"--help-extra", JVM_HELP, false},
    {"-jar", JVM_OTHER_PROGRAM, false},
    {"-m", JVM_OTHER_PROGRAM, true},
    {"--module", JVM_OTHER_PROGRAM, false},
    {"--source", JVM_OTHER_PROGRAM, false},
};

static bool matches(const struct jvm_option *option, struct kh_str word)
{
    struct kh_str name = kh_str(option->name);

    if (option->kind == JVM_BEGINNING) {
        return kh_str_starts(word, name);
    }
    if (kh_str_starts(name, KH_STR("--"))) {
        word.n = kh_str_find(word, '=');
    }
    return kh_str_eq(word, name);
}

static const struct jvm_option *find(const char *word)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (matches(&options[i], kh_str(word))) {
            return &options[i];
        }
    }
    return NULL;
}

static bool is_daemon(const char *word)
{
    return strcmp(word, DAEMON_CLASS) == 0 || strcmp(word, OLD_DAEMON_CLASS) == 0;
}

static bool is_for_java(int argc, char *const argv[])
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const struct jvm_option *first = argc > 1 ? find(argv[1]) : NULL;

    if (argc > 0 && strcmp(slash != NULL ? slash + 1 : argv[0], "java") == 0) {
        return true;
    }
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_daemon(argv[i])) {
            return true;
        }
    }
    return first != NULL && !first->ours_too;
}

static void take_property(struct kh_java *java, const char *definition)
{
    struct kh_str name = kh_str(definition);
    enum kh_java_property property;

    name.n = kh_str_find(name, '=');
    if (kh_java_property_find(name, &property)) {
        java->properties[property] = definition[name.n] == '=' ? definition + name.n + 1 : "";
    }
}

/* The option at argv[*at]; *at moves to its value, if that is the next word. */
static enum kh_rc take_option(struct kh_java *java, int *at, char *const argv[], struct kh_err *err)
{
    const char *word = argv[*at];
    const struct jvm_option *option = find(word);
    const char *value = NULL;

    if (option == NULL) {
        return kh_fail(err, KH_INVALID, "in place of java there is no option %s before the class",
                       word);
    }
    switch (option->kind) {
    case JVM_ALONE:
        break;
    case JVM_BEGINNING:
        if (word[1] == 'D') {
            take_property(java, word + 2);
        }
        break;
    case JVM_WITH_VALUE:
    case JVM_CLASS_PATH:
        value = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
        value = value != NULL ? value + 1 : argv[++*at];
        if (value == NULL) {
            return kh_fail(err, KH_INVALID, "java option %s needs a value", option->name);
        }
        java->class_path = option->kind == JVM_CLASS_PATH ? value : java->class_path;
        break;
    case JVM_HELP:
        java->wish = KH_JAVA_HELP;
        break;
    case JVM_VERSION:
        java->wish = KH_JAVA_VERSION;
        break;
    case JVM_VERSION_OUT:
        java->wish = KH_JAVA_VERSION_OUT;
        break;
    case JVM_OTHER_PROGRAM:
        return kh_fail(err, KH_INVALID,
                       "java %s %s is asked for, but in place of java there is only " DAEMON_CLASS,
                       word, argv[*at + 1] != NULL ? argv[*at + 1] : "");
    }
    return KH_OK;
}

static enum kh_rc take_class(struct kh_java *java, int at, char *const argv[], struct kh_err *err)
{
    const char *word = argv[at];

    if (word[0] == '@') {
        return kh_fail(err, KH_INVALID,
                       "argument files for java itself are not read (%s): write its words out",
                       word);
    }
    if (!is_daemon(word)) {
        return kh_fail(err, KH_INVALID,
                       "java class %s is asked for, but in place of java there is "
                       "only " DAEMON_CLASS,
                       word);
    }
    java->wish = KH_JAVA_RUN;
    java->class_at = at;
    return KH_OK;
}

enum kh_rc kh_java_read(struct kh_java *java, int argc, char *const argv[], struct kh_err *err)
{
    *java = (struct kh_java){.wish = KH_JAVA_NOT, .argv = argv};
    if (!is_for_java(argc, argv)) {
        return KH_OK;
    }
    for (int at = 1; at < argc && java->wish == KH_JAVA_NOT; at++) {
        enum kh_rc rc = argv[at][0] == '-' ? take_option(java, &at, argv, err)
                                           : take_class(java, at, argv, err);
        if (rc != KH_OK) {
            return rc;
        }
    }
    if (java->wish == KH_JAVA_NOT) {
        return kh_fail(err, KH_INVALID,
                       "no class is named: in place of java there is " DAEMON_CLASS);
    }
    return KH_OK;
}

static bool has_effect(const char *word)
{
    enum kh_java_property property;
    struct kh_str name = kh_str(word);

    name.n = kh_str_find(name, '=');
    return kh_str_starts(name, KH_STR("-D")) &&
           kh_java_property_find(kh_str_of(name.p + 2, name.n - 2), &property);
}

void kh_java_use(const struct kh_java *java)
{
    kh_assert(java->wish == KH_JAVA_RUN);
    for (int i = 0; i < KH_JAVA_PROPERTIES; i++) {
        if (java->properties[i] != NULL) {
            kh_java_property_set((enum kh_java_property)i, java->properties[i]);
        }
    }
}

void kh_java_log(const struct kh_java *java)
{
    kh_assert(java->wish == KH_JAVA_RUN);
    for (int at = 1; at < java->class_at; at++) {
        struct kh_str name = kh_str(java->argv[at]);
        if (name.p[0] == '-' && !has_effect(name.p)) {
            name.n = kh_str_find(name, '='); /* no value: it may be a secret */
            kh_log(KH_LOG_DEBUG, "java.option_without_effect", kh_fs("option", name));
        }
    }
}

bool kh_java_find(const struct kh_java *java, const char *name, char path[PATH_MAX])
{
    struct kh_str rest = kh_str(java->class_path);
    bool more = java->class_path != NULL && name[0] != '/' && strcmp(name, "-") != 0;

    while (more) {
        struct kh_str folder;
        struct stat found;
        more = kh_str_cut(rest, ':', &folder, &rest);
        int n =
            snprintf(path, PATH_MAX, "%.*s%s%s", KH_STR_ARG(folder), folder.n > 0 ? "/" : "", name);
        if (n > 0 && n < PATH_MAX && stat(path, &found) == 0 && S_ISREG(found.st_mode)) {
            return true;
        }
    }
    return false;
}
