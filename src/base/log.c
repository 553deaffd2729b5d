#include "base/log.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/stderr.h"

static void write_line(void *arg, enum kh_log_level level, const char *event,
                       const struct kh_field *fields);

static const char *const level_names[] = {
    [KH_LOG_ERROR] = "error",
    [KH_LOG_WARN] = "warn",
    [KH_LOG_INFO] = "info",
    [KH_LOG_DEBUG] = "debug",
};

/* One program, one thread that logs, one log. */
static struct {
    enum kh_log_level level;
    kh_log_sink *sink;
    void *arg;
    uint64_t dropped;
} log_state = {.level = KH_LOG_INFO, .sink = write_line};

/* A line that is being put together. What does not fit is left out, and everything after it. */
struct line {
    char *p;
    size_t n;
    size_t max_bytes;
    bool full;
};

static void put(struct line *line, struct kh_str s)
{
    if (s.n > line->max_bytes - line->n) {
        line->full = true;
    }
    if (!line->full && s.n > 0) {
        memcpy(line->p + line->n, s.p, s.n);
        line->n += s.n;
    }
}

/* Bytes above ASCII are mostly UTF-8 and readable: they are quoted, but left as they are. */
static bool wants_quotes(struct kh_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c <= ' ' || c == '"' || c == '=' || c >= 0x7f) {
            return true;
        }
    }
    return value.n == 0;
}

static void put_escaped(struct line *line, char c)
{
    static const char short_for[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = c == '\0' ? NULL : strchr(short_for, c);
    char text[sizeof("\\u0000")];

    if (at != NULL) {
        put(line, kh_str_of((const char[]){'\\', letters[at - short_for]}, 2));
    } else if ((unsigned char)c < ' ' || c == 0x7f) {
        (void)snprintf(text, sizeof(text), "\\u%04x", (unsigned)(unsigned char)c);
        put(line, kh_str(text));
    } else {
        put(line, kh_str_of(&c, 1));
    }
}

static void put_value(struct line *line, struct kh_str value)
{
    if (!wants_quotes(value)) {
        put(line, value);
        return;
    }
    put(line, KH_STR("\""));
    for (size_t i = 0; i < value.n && !line->full; i++) {
        put_escaped(line, value.p[i]);
    }
    put(line, KH_STR("\""));
}

static void put_field(struct line *line, const struct kh_field *field)
{
    char number[sizeof("-9223372036854775808")];

    if (strlen(field->name) + 2 > line->max_bytes - line->n) {
        line->full = true; /* not even its name fits: no half of it either */
    }
    put(line, KH_STR(" "));
    put(line, kh_str(field->name));
    put(line, KH_STR("="));
    switch (field->type) {
    case KH_FIELD_END:
        break;
    case KH_FIELD_STR:
        put_value(line, field->str);
        break;
    case KH_FIELD_I64:
        (void)snprintf(number, sizeof(number), "%lld", (long long)field->i64);
        put(line, kh_str(number));
        break;
    case KH_FIELD_U64:
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)field->u64);
        put(line, kh_str(number));
        break;
    }
}

/* The default sink. One write, so that lines of several processes on one stderr stay whole. */
static void write_line(void *arg, enum kh_log_level level, const char *event,
                       const struct kh_field *fields)
{
    char line[KH_LOG_LINE_MAX];
    size_t n = kh_log_format(line, sizeof(line) - 1, level, event, fields);

    (void)arg;
    line[n] = '\n';
    if (!kh_stderr_write(&(struct kh_str){line, n + 1}, 1)) {
        log_state.dropped++;
    }
}

struct kh_field kh_f(const char *name, const char *terminated)
{
    return kh_fs(name, kh_str(terminated));
}

struct kh_field kh_fs(const char *name, struct kh_str str)
{
    return (struct kh_field){.type = KH_FIELD_STR, .name = name, .str = str};
}

struct kh_field kh_fi(const char *name, int64_t value)
{
    return (struct kh_field){.type = KH_FIELD_I64, .name = name, .i64 = value};
}

struct kh_field kh_fu(const char *name, uint64_t value)
{
    return (struct kh_field){.type = KH_FIELD_U64, .name = name, .u64 = value};
}

void kh_log_fields(enum kh_log_level level, const char *event, const struct kh_field *fields)
{
    if (kh_log_wants(level)) {
        log_state.sink(log_state.arg, level, event, fields);
    }
}

bool kh_log_wants(enum kh_log_level level)
{
    return level <= log_state.level;
}

void kh_log_set_level(enum kh_log_level level)
{
    log_state.level = level;
}

void kh_log_set_sink(kh_log_sink *sink, void *arg)
{
    log_state.sink = sink != NULL ? sink : write_line;
    log_state.arg = arg;
}

size_t kh_log_format(char *line, size_t line_bytes, enum kh_log_level level, const char *event,
                     const struct kh_field *fields)
{
    struct line out = {.max_bytes = line_bytes};

    out.p = line;
    put(&out, kh_str(kh_log_level_name(level)));
    put(&out, KH_STR(" "));
    put(&out, kh_str(event));
    for (const struct kh_field *field = fields; field->type != KH_FIELD_END; field++) {
        put_field(&out, field);
    }
    return out.n;
}

const char *kh_log_level_name(enum kh_log_level level)
{
    kh_assert(level <= KH_LOG_DEBUG);
    return level_names[level];
}

uint64_t kh_log_dropped(void)
{
    return log_state.dropped;
}
