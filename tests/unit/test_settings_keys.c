/* Every key of the Java daemon, one by one, from tests/data/java-keys.tsv: known, with its default,
 * taken, refused where the value is wrong, and told where it has no effect. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"
#include "config/show.h"
#include "config/table.h"
#include "tests/lib/suite.h"

#define KEYS_MAX    300
#define COLUMNS_N   7
#define LINE_ROOM   600
#define TEXT_ROOM   1000
#define FIRST_LINES "executableName=run it\napplicationName=app\nstreamName=orders\n"
#define LINE_OF_KEY "f:4: "

enum column { KEY, TYPE, DEFAULT, HERE, VALUE, REFUSED, BECAUSE };

static char lines[KEYS_MAX][LINE_ROOM];
static const char *keys[KEYS_MAX][COLUMNS_N]; /* parts of lines */
static int keys_n;
static const char *no_environment[] = {NULL};
static struct kh_settings settings;
static struct kh_problems problems;

static void read_line(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < COLUMNS_N; i++) {
        keys[keys_n][i] = line;
        line += strcspn(line, "\t");
        if (*line != '\0') {
            *line++ = '\0';
        }
    }
    keys_n++;
}

static void read_keys(void)
{
    char path[4096];
    char title[LINE_ROOM] = "#";

    (void)snprintf(path, sizeof(path), "%s/tests/data/java-keys.tsv", getenv("KH_SRCDIR"));
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    while (title[0] == '#' && fgets(title, sizeof(title), file) != NULL) {
    }
    while (keys_n < KEYS_MAX && fgets(lines[keys_n], LINE_ROOM, file) != NULL) {
        read_line(lines[keys_n]);
    }
    (void)fclose(file);
}

static void setup(void)
{
    kh_settings_init(&settings);
    kh_problems_init(&problems, "f");
}

static void teardown(void)
{
    kh_settings_fini(&settings);
    kh_problems_fini(&problems);
}

/* Key i with a value, behind what every file needs. */
static enum kh_rc parse(int i, const char *value)
{
    static const struct kh_settings_sources sources = {.environment = no_environment};
    char text[TEXT_ROOM];

    (void)snprintf(text, sizeof(text), "%s%s = %s\n", FIRST_LINES, keys[i][KEY], value);
    return kh_settings_parse(&settings, kh_str(text), &sources, &problems);
}

static bool is_here(int i, const char *what)
{
    return strcmp(keys[i][HERE], what) == 0;
}

static const struct kh_setting_spelling *find(int i)
{
    char real[KH_SETTING_KEY_MAX + 1];
    const struct kh_str key = kh_str(keys[i][KEY]);
    const struct kh_setting_spelling *found =
        kh_setting_find(kh_setting_real_key(key, real) ? kh_str(real) : key, false);

    ck_assert_msg(found != NULL, "%s is not known", keys[i][KEY]);
    return found;
}

/* Is there a problem of this level that has both words? */
static bool is_told(enum kh_problem_level level, const char *word, const char *key)
{
    for (size_t i = 0; i < problems.n; i++) {
        if (problems.items[i].level == level && strstr(problems.items[i].text, word) != NULL &&
            strstr(problems.items[i].text, key) != NULL) {
            return true;
        }
    }
    return false;
}

START_TEST(a_key_is_known_and_has_java_s_default_or_a_reason)
{
    const struct kh_setting_spelling *found = find(_i);

    ck_assert_int_eq(found->other == KH_SETTING_OTHER_NEEDLESS, is_here(_i, "none"));
    ck_assert_int_eq(found->other == KH_SETTING_OTHER_WARN, is_here(_i, "old"));
    if (found->id == KH_SETTING_ID_NONE) {
        return;
    }
    const struct kh_setting_row *row = kh_setting_row(found->id);
    const char *expected = strcmp(keys[_i][DEFAULT], "-") == 0 ? "" : keys[_i][DEFAULT];
    const bool is_java_s = strcmp(row->text, expected) == 0;
    ck_assert_int_eq((row->rule & KH_SETTING_RULE_LATER) != 0, is_here(_i, "later"));
    ck_assert_msg(is_java_s == (strcmp(keys[_i][BECAUSE], "-") == 0), "%s: default %s, in Java %s",
                  keys[_i][KEY], row->text, expected);
}
END_TEST

START_TEST(a_key_takes_effect_or_is_told_to_have_none)
{
    const struct kh_setting_spelling *found = find(_i);
    const char *key = found->id == KH_SETTING_ID_NONE ? keys[_i][KEY] : kh_show_key(found->id);
    const enum kh_rc rc = parse(_i, keys[_i][VALUE]);

    ck_assert_msg(rc == KH_OK, "%s", problems.n > 0 ? problems.items[0].text : "");
    if (found->id != KH_SETTING_ID_NONE) {
        const struct kh_place *place = kh_show_place(&settings, found->id);
        ck_assert_int_eq(place->origin, KH_ORIGIN_FILE);
        ck_assert_uint_eq(place->line, 4);
    }
    ck_assert_int_eq(is_told(KH_PROBLEM_DEBUG, "have no effect in this version", key),
                     is_here(_i, "later"));
    ck_assert_int_eq(is_told(KH_PROBLEM_DEBUG, "have no effect and need none", key),
                     is_here(_i, "none"));
    ck_assert_int_eq(is_told(KH_PROBLEM_WARN, "has no effect: ", key), is_here(_i, "old"));
}
END_TEST

START_TEST(a_wrong_value_is_refused_with_what_is_allowed)
{
    char begin[TEXT_ROOM];

    if (strcmp(keys[_i][REFUSED], "-") == 0) {
        return;
    }
    ck_assert_int_eq(parse(_i, keys[_i][REFUSED]), KH_INVALID);
    ck_assert_uint_eq(problems.errors_n, 1);
    (void)snprintf(begin, sizeof(begin), "%s%s = \"%s\" cannot be used; allowed: ", LINE_OF_KEY,
                   keys[_i][KEY], keys[_i][REFUSED]);
    ck_assert_msg(is_told(KH_PROBLEM_ERROR, begin, ""), "%s", problems.items[0].text);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("settings_keys");

    read_keys();
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_key_is_known_and_has_java_s_default_or_a_reason, 0, keys_n);
    tcase_add_loop_test(tcase, a_key_takes_effect_or_is_told_to_have_none, 0, keys_n);
    tcase_add_loop_test(tcase, a_wrong_value_is_refused_with_what_is_allowed, 0, keys_n);
    return suite_run("settings_keys", tcase);
}
