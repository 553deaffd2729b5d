#include "cli/argv.h"

#include <limits.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/file.h"

void kh_argv_init(struct kh_argv *argv)
{
    *argv = (struct kh_argv){.words = NULL};
    kh_arena_init(&argv->arena);
}

void kh_argv_fini(struct kh_argv *argv)
{
    kh_mem_free(argv->words);
    argv->words = NULL;
    argv->n = 0;
    kh_arena_fini(&argv->arena);
}

static void add(struct kh_argv *argv, char *word)
{
    size_t need = (size_t)argv->n + 2;

    kh_assert(argv->n < INT_MAX - 2);
    if (need > argv->capacity) {
        argv->capacity = kh_mem_grown(argv->capacity, need);
        argv->words = kh_mem_resize(argv->words, argv->capacity, sizeof(*argv->words));
    }
    argv->words[argv->n++] = word;
    argv->words[argv->n] = NULL;
}

static void add_line(struct kh_argv *argv, struct kh_str line)
{
    line = kh_str_trim(line);
    if (line.n == 0 || line.p[0] == '#') {
        return;
    }
    if (line.n > 1 && line.p[0] == '"' && line.p[line.n - 1] == '"') {
        line = kh_str_of(line.p + 1, line.n - 2);
    }
    char *word = kh_arena_new(&argv->arena, line.n + 1);
    if (line.n > 0) {
        memcpy(word, line.p, line.n);
    }
    add(argv, word);
}

static enum kh_rc add_file(struct kh_argv *argv, const char *path, struct kh_err *err)
{
    struct kh_buf text;
    enum kh_rc rc;

    kh_buf_init(&text, KH_ARGV_FILE_BYTES_MAX);
    rc = kh_file_read(path, &text, err);
    if (rc != KH_OK) {
        (void)kh_wrap(err, "argument file");
        rc = KH_INVALID;
    } else if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL) {
        rc = kh_fail(err, KH_INVALID, "argument file: %s: there is a byte 0 in it", path);
    } else {
        struct kh_str rest = kh_buf_str(&text);
        bool more = true;
        while (more) {
            struct kh_str line;
            more = kh_str_cut(rest, '\n', &line, &rest);
            add_line(argv, line);
        }
    }
    kh_buf_fini(&text);
    return rc;
}

enum kh_rc kh_argv_expand(struct kh_argv *argv, int n, char *const words[], struct kh_err *err)
{
    bool as_it_is = false; /* "--" was there */

    kh_assert(argv->n == 0);
    for (int i = 0; i < n; i++) {
        if (i > 0 && !as_it_is && words[i][0] == '@') {
            enum kh_rc rc = add_file(argv, words[i] + 1, err);
            if (rc != KH_OK) {
                return rc;
            }
        } else {
            add(argv, words[i]);
        }
        as_it_is = as_it_is || (i > 0 && strcmp(words[i], "--") == 0);
    }
    return KH_OK;
}
