/* buf: bytes that grow up to a maximum given at the start.
 *
 * Shape   append at the end, consume from the front; p[0..n) are the bytes.
 * Units   bytes.
 * Errors  KH_TOOBIG when an append would pass max_bytes; nothing of that append is kept.
 * Memory  owns p; kh_buf_take hands it over; kh_buf_fini frees it. After init there is no heap
 *         memory yet. One byte more than capacity is allocated, for what terminates its output.
 * Truth   own design.
 */
#ifndef KH_BASE_BUF_H
#define KH_BASE_BUF_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct kh_buf {
    char *p;          /* owned */
    size_t n;         /* bytes in use */
    size_t capacity;  /* bytes allocated */
    size_t max_bytes; /* never more than this */
};

void kh_buf_init(struct kh_buf *buf, size_t max_bytes);
void kh_buf_fini(struct kh_buf *buf);

enum kh_rc kh_buf_append(struct kh_buf *buf, const void *bytes, size_t n) KH_MUST_USE;
enum kh_rc kh_buf_append_str(struct kh_buf *buf, struct kh_str s) KH_MUST_USE;
enum kh_rc kh_buf_append_char(struct kh_buf *buf, char c) KH_MUST_USE;
enum kh_rc kh_buf_appendf(struct kh_buf *buf, const char *fmt, ...) KH_MUST_USE KH_PRINTF(2, 3);

/* Make room for n more bytes at p + n, to be written there and counted with kh_buf_added. */
enum kh_rc kh_buf_reserve(struct kh_buf *buf, size_t n) KH_MUST_USE;
void kh_buf_added(struct kh_buf *buf, size_t n);

/* Drop n bytes from the front (moves the rest). */
void kh_buf_consume(struct kh_buf *buf, size_t n);

/* n becomes 0; the memory stays. */
void kh_buf_reset(struct kh_buf *buf);

/* What buf holds goes to the returned buffer; buf is empty afterwards, with the same maximum. */
struct kh_buf kh_buf_take(struct kh_buf *buf);

struct kh_str kh_buf_str(const struct kh_buf *buf);

#endif
