/* The parser against java.util.Properties itself: 12,000 files made of pieces that mean something
 * to it, from a fixed seed; a third of them with bytes above ASCII, which make some of them UTF-8
 * and some Latin-1. Left out is a chosen difference: a backslash as a file's last byte. The other
 * two are made by PropertiesDump.java: UTF-8, and no blanks at the end of values. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rand.h"
#include "tests/lib/suite.h"
#include "wire/properties.h"

#define TEXTS_N     12000
#define PIECES_MAX  25
#define ENTRIES_MAX (PIECES_MAX + 2)
#define SKIP_STATUS 77
#define LINE_ROOM   4096

static struct kh_str texts[TEXTS_N];
static struct kh_buf all; /* the texts, a NUL behind each */

static void make_texts(void)
{
    static const char *const pieces[] = {
        "a",
        "b",
        "x",
        "u",
        "=",
        ":",
        " ",
        "\t",
        "\f",
        "\\",
        "\\\n",
        "#",
        "!",
        "\n",
        "\r",
        "\r\n",
        "k=",
        "\\t",
        "\\=",
        "\\\\",
        "\\ ",
        "\\u0041",
        "=",
        "\n",
        "k=v",
        "\\u00e9",
        "\\u20AC",
        "#k",
        "\\u",
        "\\r",
        "\\uD83D\\ude00",
        "  \n",
        "\001",
        "\177",
        "key.with.dots = ${VALUE:-x}",
        /* From here on bytes above ASCII. */
        "\xc3\xa9",
        "\xf0\x9f\x98\x80",
        "\xe9",
        "\xc3\xa9=",
        "\xe2\x82\xac",
        "\xed\xa0\x80",
        "\\\xc3\xa9",
        "\xef\xbb\xbf",
    };
    const size_t all_n = sizeof(pieces) / sizeof(pieces[0]);
    const size_t ascii_n = all_n - 8;
    size_t starts[TEXTS_N + 1] = {0};
    struct kh_rand rand;

    kh_rand_init(&rand, 1);
    kh_buf_init(&all, (size_t)4 << 20);
    for (size_t i = 0; i < TEXTS_N; i++) {
        uint64_t n = 1 + kh_rand_below(&rand, PIECES_MAX);
        for (uint64_t j = 0; j < n; j++) {
            const char *piece = pieces[kh_rand_below(&rand, i % 3 == 0 ? all_n : ascii_n)];
            ck_assert_int_eq(kh_buf_append_str(&all, kh_str(piece)), KH_OK);
        }
        ck_assert_int_eq(kh_buf_append(&all, "\nend\0", 5), KH_OK);
        starts[i + 1] = all.n;
    }
    for (size_t i = 0; i < TEXTS_N; i++) {
        texts[i] = kh_str_of(all.p + starts[i], starts[i + 1] - starts[i] - 1);
    }
}

static char *put_hex(char *at, struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        at += sprintf(at, "%02x", (unsigned)(unsigned char)text.p[i]);
    }
    return at;
}

static bool is_overruled(const struct kh_properties *properties, size_t i)
{
    for (size_t j = i + 1; j < properties->n; j++) {
        if (kh_str_eq(properties->items[i].key, properties->items[j].key)) {
            return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The same as PropertiesDump.dump. */
static void dump(struct kh_str text, char line[LINE_ROOM])
{
    static char entries[ENTRIES_MAX][LINE_ROOM];
    struct kh_properties properties;
    struct kh_arena arena;
    size_t entries_n = 0;

    kh_arena_init(&arena);
    line[0] = '\0';
    if (kh_properties_parse(&properties, text, &arena, NULL) != KH_OK) {
        (void)strcpy(line, "refused");
    }
    for (size_t i = 0; i < properties.n && line[0] == '\0'; i++) {
        struct kh_str value = properties.items[i].value;

        ck_assert_uint_lt(entries_n, ENTRIES_MAX);
        while (value.n > 0 && strchr(" \t\f", value.p[value.n - 1]) != NULL) {
            value.n--;
        }
        if (!is_overruled(&properties, i)) {
            char *at = put_hex(entries[entries_n++], properties.items[i].key);
            *at++ = '=';
            *put_hex(at, value) = '\0';
        }
    }
    qsort(entries, entries_n, LINE_ROOM, compare);
    for (size_t i = 0; i < entries_n; i++) {
        (void)strcat(strcat(line, i == 0 ? "" : " "), entries[i]);
    }
    kh_arena_fini(&arena);
}

START_TEST(java_reads_the_same)
{
    char path[] = "/tmp/kh-properties-XXXXXX";
    char command[LINE_ROOM];
    char expected[LINE_ROOM];
    char line[LINE_ROOM];
    int fd = mkstemp(path);

    make_texts();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, all.p, all.n), (ssize_t)all.n);
    ck_assert_int_eq(close(fd), 0);
    (void)snprintf(command, sizeof(command), "java '%s/tests/unit/java/PropertiesDump.java' %s",
                   getenv("KH_SRCDIR"), path);
    FILE *java = popen(command, "r");
    ck_assert_ptr_nonnull(java);
    for (size_t i = 0; i < TEXTS_N; i++) {
        ck_assert_ptr_nonnull(fgets(expected, sizeof(expected), java));
        expected[strcspn(expected, "\n")] = '\0';
        dump(texts[i], line);
        ck_assert_msg(strcmp(line, expected) == 0, "text %zu:\n%.*s\nhere: %s\nJava: %s", i,
                      KH_STR_ARG(texts[i]), line, expected);
    }
    ck_assert_int_eq(pclose(java), 0);
    ck_assert_int_eq(unlink(path), 0);
    kh_buf_fini(&all);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("properties_java");

    /* The compiler is part of a JDK, not of a JRE, and "java FILE.java" needs it. */
    if (getenv("KH_SRCDIR") == NULL || system("command -v javac >/dev/null 2>&1") != 0) {
        return SKIP_STATUS;
    }
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, java_reads_the_same);
    return suite_run("properties_java", tcase);
}
