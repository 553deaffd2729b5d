#include "cli/java.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "tests/lib/suite.h"

#define WORDS_MAX 16
#define DAEMON    "software.amazon.kinesis.multilang.MultiLangDaemon"
#define ONLY      "in place of java there is only " DAEMON

static struct kh_java java;
static struct kh_err err;
static char *words[WORDS_MAX + 1];
static int words_n;
static char said[4096];

/* The line is split at blanks; its first word is the name the program was started by. */
static enum kh_rc read_line(const char *line)
{
    static char room[1000];
    char *rest = room;

    ck_assert(kh_str_copy(room, sizeof(room), kh_str(line)));
    for (words_n = 0; rest != NULL && words_n < WORDS_MAX; words_n++) {
        words[words_n] = rest;
        rest = strchr(rest, ' ');
        if (rest != NULL) {
            *rest++ = '\0';
        }
    }
    words[words_n] = NULL;
    return kh_java_read(&java, words_n, words, &err);
}

static void assert_runs(const char *line, const char *first)
{
    ck_assert_msg(read_line(line) == KH_OK, "%s: %s", line, err.text);
    ck_assert_msg(java.wish == KH_JAVA_RUN, "%s", line);
    ck_assert_int_lt(java.class_at + 1, words_n);
    ck_assert_str_eq(words[java.class_at + 1], first);
}

static void assert_wish(const char *line, enum kh_java_wish wish)
{
    ck_assert_msg(read_line(line) == KH_OK, "%s: %s", line, err.text);
    ck_assert_msg(java.wish == wish, "%s: %d", line, java.wish);
}

static void assert_refused(const char *line, const char *sentence)
{
    ck_assert_msg(read_line(line) == KH_INVALID, "%s", line);
    ck_assert_str_eq(err.text, sentence);
}

/* What the helper of the Python client prints, what Ruby's Rakefile and Node's bootstrap run, and
 * what stood in start scripts of KCL 1. */
START_TEST(the_launchers_command_lines_run_the_daemon)
{
    assert_runs("/usr/bin/kcl-host -cp /a/x.jar:/app " DAEMON " --properties-file s.properties",
                "--properties-file");
    assert_runs("/opt/jdk/bin/java -classpath /a.jar:/samples " DAEMON " --properties-file p",
                "--properties-file");
    assert_runs("java -cp a.jar:.:/app " DAEMON " --properties-file p --log-configuration l",
                "--properties-file");
    assert_runs("java -cp a.jar com.amazonaws.services.kinesis.multilang.MultiLangDaemon p", "p");
}
END_TEST

START_TEST(options_of_the_jvm_are_passed_over)
{
    assert_runs("java -server -Xms64m -Xmx1g -XX:+UseG1GC -Dx.y=z -ea -esa -verbose:gc "
                "--add-opens java.base/java.lang=ALL-UNNAMED --add-exports=a/b=c "
                "-javaagent:/agent.jar=x --class-path=/app " DAEMON " p",
                "p");
    ck_assert_str_eq(java.class_path, "/app");
    assert_runs("kcl-host -p /modules -showversion " DAEMON " -p f", "-p");
    ck_assert_ptr_null(java.class_path);
}
END_TEST

START_TEST(other_command_lines_are_our_own)
{
    static const char *const lines[] = {"kcl-host",
                                        "kcl-host --properties f",
                                        "kcl-host -p f",
                                        "kcl-host f",
                                        "kcl-host --help",
                                        "kcl-host -h",
                                        "kcl-host --version",
                                        "javac -p f",
                                        "./kcl-host @args",
                                        ("kcl-host -- " DAEMON),
                                        "kcl-host x.properties -cp"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_wish(lines[i], KH_JAVA_NOT);
    }
    ck_assert_int_eq(kh_java_read(&java, 0, words + words_n, &err), KH_OK);
    ck_assert_int_eq(java.wish, KH_JAVA_NOT);
}
END_TEST

START_TEST(probes_for_a_java_are_answered)
{
    assert_wish("java -version", KH_JAVA_VERSION);
    assert_wish("kcl-host -version", KH_JAVA_VERSION);
    assert_wish("java -XshowSettings:properties -version", KH_JAVA_VERSION);
    assert_wish("java -fullversion", KH_JAVA_VERSION);
    assert_wish("java --version", KH_JAVA_VERSION_OUT);
    assert_wish("java --full-version", KH_JAVA_VERSION_OUT);
    assert_wish("java -help", KH_JAVA_HELP);
    assert_wish("java -h", KH_JAVA_HELP);
    assert_wish("java -?", KH_JAVA_HELP);
    assert_wish("java --help", KH_JAVA_HELP);
    ck_assert(kh_str_starts(kh_str(kh_java_version), KH_STR("java version \"17.0.0\"\n")));
}
END_TEST

START_TEST(what_only_a_real_java_can_do_is_named)
{
    assert_refused("java org.example.Main x",
                   "java class org.example.Main is asked for, but " ONLY);
    assert_refused("kcl-host -cp x org.example.Main",
                   "java class org.example.Main is asked for, but " ONLY);
    assert_refused("java -jar app.jar", "java -jar app.jar is asked for, but " ONLY);
    assert_refused("java -m a/b", "java -m a/b is asked for, but " ONLY);
    assert_refused("java @args " DAEMON " p",
                   "argument files for java itself are not read (@args): write its words out");
    assert_refused("java", "no class is named: in place of java there is " DAEMON);
    assert_refused("java -cp x", "no class is named: in place of java there is " DAEMON);
    assert_refused("java -cp", "java option -cp needs a value");
    assert_refused("java --add-opens", "java option --add-opens needs a value");
    assert_refused("java --properties f",
                   "in place of java there is no option --properties before the class");
}
END_TEST

START_TEST(properties_of_the_aws_sdk_are_taken)
{
    assert_runs("java -Daws.region=eu-west-1 -Daws.accessKeyId=I -Daws.secretKey=old "
                "-Daws.secretAccessKey=S=1 -Daws.sessionToken -Daws.profile=p -Duser.dir=/x " DAEMON
                " f",
                "f");
    ck_assert_ptr_null(kh_java_property(KH_JAVA_REGION));
    kh_java_use(&java);
    ck_assert_str_eq(kh_java_property(KH_JAVA_REGION), "eu-west-1");
    ck_assert_str_eq(kh_java_property(KH_JAVA_ACCESS_KEY_ID), "I");
    ck_assert_str_eq(kh_java_property(KH_JAVA_SECRET_ACCESS_KEY), "S=1");
    ck_assert_str_eq(kh_java_property(KH_JAVA_SESSION_TOKEN), "");
    ck_assert_str_eq(kh_java_property(KH_JAVA_PROFILE), "p");
    ck_assert_ptr_null(kh_java_property(KH_JAVA_CONFIG_FILE));
    ck_assert_ptr_null(kh_java_property(KH_JAVA_CREDENTIALS_FILE));
}
END_TEST

static void keep(void *arg, enum kh_log_level level, const char *event,
                 const struct kh_field *fields)
{
    size_t n = strlen(said);

    (void)arg;
    (void)kh_log_format(said + n, sizeof(said) - n - 1, level, event, fields);
    (void)strncat(said, "\n", sizeof(said) - strlen(said) - 1);
}

START_TEST(options_without_effect_are_named_without_their_values)
{
    assert_runs("java -Xmx1g -Ddb.password=secret -Daws.secretAccessKey=secret -cp x " DAEMON " f",
                "f");
    said[0] = '\0';
    kh_log_set_level(KH_LOG_DEBUG);
    kh_log_set_sink(keep, NULL);
    kh_java_log(&java);
    kh_log_set_sink(NULL, NULL);
    ck_assert_str_eq(said, "debug java.option_without_effect option=-Xmx1g\n"
                           "debug java.option_without_effect option=-Ddb.password\n"
                           "debug java.option_without_effect option=-cp\n");
}
END_TEST

START_TEST(the_file_is_looked_for_along_the_class_path)
{
    char folder[] = "/tmp/kh-test-java-XXXXXX";
    char line[200];
    char file[100];
    char path[PATH_MAX];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(file, sizeof(file), "%s/kh-app.properties", folder);
    FILE *made = fopen(file, "w");
    ck_assert_ptr_nonnull(made);
    ck_assert_int_eq(fclose(made), 0);
    (void)snprintf(line, sizeof(line), "java -cp /nowhere/*:/x.jar:%s " DAEMON " f", folder);
    assert_runs(line, "f");
    ck_assert(kh_java_find(&java, "kh-app.properties", path));
    ck_assert_str_eq(path, file);
    ck_assert(!kh_java_find(&java, "other.properties", path));
    ck_assert(!kh_java_find(&java, "-", path));
    ck_assert(!kh_java_find(&java, ".", path));
    ck_assert(!kh_java_find(&java, file, path));
    assert_runs("java " DAEMON " f", "f");
    ck_assert(!kh_java_find(&java, "kh-app.properties", path));
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("java");

    tcase_add_test(tcase, the_launchers_command_lines_run_the_daemon);
    tcase_add_test(tcase, options_of_the_jvm_are_passed_over);
    tcase_add_test(tcase, other_command_lines_are_our_own);
    tcase_add_test(tcase, probes_for_a_java_are_answered);
    tcase_add_test(tcase, what_only_a_real_java_can_do_is_named);
    tcase_add_test(tcase, properties_of_the_aws_sdk_are_taken);
    tcase_add_test(tcase, options_without_effect_are_named_without_their_values);
    tcase_add_test(tcase, the_file_is_looked_for_along_the_class_path);
    return suite_run("java", tcase);
}
