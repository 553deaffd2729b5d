#include "multilang/lines.h"

#include "base/assert.h"

void kh_lines_init(struct kh_lines *lines, size_t line_bytes_max)
{
    *lines = (struct kh_lines){.line_bytes_max = line_bytes_max};
    kh_assert(line_bytes_max > 0);
    /* What waits is never longer than a line may be, when the next read is added. */
    kh_buf_init(&lines->buf, line_bytes_max + KH_LINES_ADD_MAX);
}

void kh_lines_fini(struct kh_lines *lines)
{
    kh_buf_fini(&lines->buf);
}

/* Forget everything that waits, and give its memory back. */
static void empty(struct kh_lines *lines)
{
    struct kh_buf old = kh_buf_take(&lines->buf);

    kh_buf_fini(&old);
    lines->start = 0;
    lines->scanned = 0;
}

void kh_lines_add(struct kh_lines *lines, const char *bytes, size_t n)
{
    enum kh_rc rc;

    kh_assert(n <= KH_LINES_ADD_MAX);
    kh_assert(lines->scanned == lines->buf.n);
    if (lines->start > 0) {
        kh_buf_consume(&lines->buf, lines->start);
        lines->scanned -= lines->start;
        lines->start = 0;
    }
    rc = kh_buf_append(&lines->buf, bytes, n);
    kh_assert(rc == KH_OK);
}

static bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

/* What stands before a line end that was just found: is it to be handed out? */
static bool complete(struct kh_lines *lines, struct kh_str line)
{
    if (lines->dropping) {
        lines->dropping = false; /* the tail of a line that was counted when it grew too long */
        return false;
    }
    if (line.n > lines->line_bytes_max) {
        lines->too_long_n++;
        return false;
    }
    return line.n > 0;
}

bool kh_lines_next(struct kh_lines *lines, struct kh_str *line)
{
    const char *p = lines->buf.p;

    for (; lines->scanned < lines->buf.n; lines->scanned++) {
        if (is_end(p[lines->scanned])) {
            *line = kh_str_of(p + lines->start, lines->scanned - lines->start);
            lines->start = lines->scanned + 1;
            if (complete(lines, *line)) {
                lines->scanned++;
                return true;
            }
        }
    }
    if (lines->scanned - lines->start > lines->line_bytes_max) {
        lines->too_long_n += lines->dropping ? 0 : 1;
        lines->dropping = true;
    }
    if (lines->dropping || lines->start == lines->buf.n) {
        empty(lines);
    }
    return false;
}

bool kh_lines_last(struct kh_lines *lines, struct kh_str *line)
{
    kh_assert(lines->scanned == lines->buf.n);
    if (lines->dropping || lines->start == lines->buf.n) {
        return false;
    }
    *line = kh_str_of(lines->buf.p + lines->start, lines->buf.n - lines->start);
    lines->start = lines->buf.n;
    return true;
}
