#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* Append what fmt and args give, which is n bytes long. */
static enum kh_rc append_format(struct kh_buf *buf, size_t n, const char *fmt, va_list args)
    KH_PRINTF(3, 0);

static enum kh_rc append_format(struct kh_buf *buf, size_t n, const char *fmt, va_list args)
{
    enum kh_rc rc = kh_buf_reserve(buf, n);

    if (rc == KH_OK) {
        int written = vsnprintf(buf->p + buf->n, n + 1, fmt, args);

        kh_assert(written == (int)n);
        buf->n += n;
    }
    return rc;
}

void kh_buf_init(struct kh_buf *buf, size_t max_bytes)
{
    kh_assert(max_bytes < SIZE_MAX);
    *buf = (struct kh_buf){.max_bytes = max_bytes};
}

void kh_buf_fini(struct kh_buf *buf)
{
    kh_mem_free(buf->p);
    kh_buf_init(buf, buf->max_bytes);
}

enum kh_rc kh_buf_append(struct kh_buf *buf, const void *bytes, size_t n)
{
    enum kh_rc rc = kh_buf_reserve(buf, n);

    if (rc == KH_OK && n > 0) {
        memcpy(buf->p + buf->n, bytes, n);
        buf->n += n;
    }
    return rc;
}

enum kh_rc kh_buf_append_str(struct kh_buf *buf, struct kh_str s)
{
    return kh_buf_append(buf, s.p, s.n);
}

enum kh_rc kh_buf_append_char(struct kh_buf *buf, char c)
{
    return kh_buf_append(buf, &c, 1);
}

enum kh_rc kh_buf_appendf(struct kh_buf *buf, const char *fmt, ...)
{
    enum kh_rc rc;
    va_list args;
    va_list again;
    int n;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    kh_assert(n >= 0); /* a format of ours that libc refuses */
    rc = append_format(buf, (size_t)n, fmt, again);
    va_end(again);
    va_end(args);
    return rc;
}

enum kh_rc kh_buf_reserve(struct kh_buf *buf, size_t n)
{
    size_t need;

    kh_assert(buf->n <= buf->max_bytes);
    if (n > buf->max_bytes - buf->n) {
        return KH_TOOBIG;
    }
    need = buf->n + n;
    if (buf->p == NULL || need > buf->capacity) {
        size_t grown = kh_mem_grown(buf->capacity, need);

        buf->capacity = grown < buf->max_bytes ? grown : buf->max_bytes;
        /* One more than is counted: vsnprintf writes a terminator after what was asked for. */
        buf->p = kh_mem_resize(buf->p, buf->capacity + 1, 1);
    }
    return KH_OK;
}

void kh_buf_added(struct kh_buf *buf, size_t n)
{
    kh_assert(n <= buf->capacity - buf->n);
    buf->n += n;
}

void kh_buf_consume(struct kh_buf *buf, size_t n)
{
    kh_assert(n <= buf->n);
    buf->n -= n;
    if (n > 0 && buf->n > 0) {
        memmove(buf->p, buf->p + n, buf->n);
    }
}

void kh_buf_reset(struct kh_buf *buf)
{
    buf->n = 0;
}

struct kh_buf kh_buf_take(struct kh_buf *buf)
{
    struct kh_buf taken = *buf;

    kh_buf_init(buf, taken.max_bytes);
    return taken;
}

struct kh_str kh_buf_str(const struct kh_buf *buf)
{
    return kh_str_of(buf->p, buf->n);
}
