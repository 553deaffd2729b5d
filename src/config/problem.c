#include "config/problem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"

#define TEXT_MAX 4000

void kh_problems_init(struct kh_problems *problems, const char *file)
{
    kh_assert(file != NULL);
    *problems = (struct kh_problems){.file = file};
}

void kh_problems_fini(struct kh_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        kh_mem_free(problems->items[i].text);
    }
    kh_mem_free(problems->items);
    *problems = (struct kh_problems){0};
}

const char *kh_place_text(struct kh_place place, char room[KH_PLACE_TEXT_MAX + 1])
{
    switch (place.origin) {
    case KH_ORIGIN_FILE:
        (void)snprintf(room, KH_PLACE_TEXT_MAX + 1, "in line %u", place.line);
        break;
    case KH_ORIGIN_ENVIRONMENT:
        (void)snprintf(room, KH_PLACE_TEXT_MAX + 1, "in %.*s", KH_STR_ARG(place.name));
        break;
    case KH_ORIGIN_OPTION:
        return "in --set";
    case KH_ORIGIN_KEY:
        (void)snprintf(room, KH_PLACE_TEXT_MAX + 1, "from %.*s", KH_STR_ARG(place.name));
        break;
    case KH_ORIGIN_DEFAULT:
        return "by default";
    }
    return room;
}

static int print_place(char *text, size_t text_bytes, const struct kh_problems *problems,
                       struct kh_place place)
{
    if (place.origin == KH_ORIGIN_ENVIRONMENT) {
        return snprintf(text, text_bytes, "environment variable %.*s: ", KH_STR_ARG(place.name));
    }
    if (place.origin == KH_ORIGIN_OPTION) {
        return snprintf(text, text_bytes, "--set: ");
    }
    return place.line > 0 ? snprintf(text, text_bytes, "%s:%u: ", problems->file, place.line)
                          : snprintf(text, text_bytes, "%s: ", problems->file);
}

void kh_problem_add(struct kh_problems *problems, enum kh_problem_level level,
                    struct kh_place place, const char *fmt, ...)
{
    char text[TEXT_MAX + 1];
    va_list args;
    int n = print_place(text, sizeof(text), problems, place);

    kh_assert(n > 0);
    if (n < TEXT_MAX) { /* the name of a file may be long */
        va_start(args, fmt);
        (void)vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
        va_end(args);
    }

    if (problems->n == problems->capacity) {
        problems->capacity = kh_mem_grown(problems->capacity, problems->n + 1);
        problems->items =
            kh_mem_resize(problems->items, problems->capacity, sizeof(*problems->items));
    }
    struct kh_str whole = kh_str(text);
    problems->items[problems->n++] =
        (struct kh_problem){.level = level, .place = place, .text = kh_mem_copy(whole.p, whole.n)};
    problems->errors_n += level == KH_PROBLEM_ERROR ? 1 : 0;
}

void kh_problem_quote(char quoted[KH_PROBLEM_QUOTE_MAX + 1], struct kh_str text)
{
    const size_t room = KH_PROBLEM_QUOTE_MAX - sizeof("\\xNN...\"") + 1;
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    size_t i = 0;

    quoted[n++] = '"';
    for (; i < text.n && n <= room; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= ' ' && c != 0x7f && c != '"' && c != '\\') {
            quoted[n++] = (char)c;
            continue;
        }
        if (c == '"' || c == '\\') {
            quoted[n++] = '\\';
            quoted[n++] = (char)c;
            continue;
        }
        quoted[n++] = '\\';
        quoted[n++] = 'x';
        quoted[n++] = digits[c >> 4];
        quoted[n++] = digits[c & 15];
    }
    for (size_t dots = 0; i < text.n && dots < 3; dots++) {
        quoted[n++] = '.';
    }
    quoted[n++] = '"';
    kh_assert(n <= KH_PROBLEM_QUOTE_MAX);
    quoted[n] = '\0';
}
