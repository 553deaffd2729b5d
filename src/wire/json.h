/* json: small JSON documents read into a tree, and JSON written piece by piece.
 *
 * Shape   kh_json_parse gives a root; everything reached from it is borrowed from it. Reading never
 *         fails loudly: a NULL value, a null and a value of another type all answer "not there", so
 *         lookups may be chained. A writer appends to a buffer and remembers its first failure
 *         until kh_json_end.
 * Units   bytes.
 * Errors  kh_json_parse: KH_INVALID with the place, KH_TOOBIG over KH_JSON_BYTES_MAX. kh_json_end:
 *         KH_TOOBIG of the buffer.
 * Memory  the caller frees the root; texts are borrowed from it. A writer borrows its buffer.
 * Truth   RFC 8259: wire/scan judges, json-c builds the tree (this is the one file that knows it).
 *         Of two members with one name the last wins. Not for GetRecords and not for children's
 *         lines: those are wire/scan's alone.
 */
#ifndef KH_WIRE_JSON_H
#define KH_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define KH_JSON_BYTES_MAX ((size_t)16 << 20)
#define KH_JSON_DEPTH_MAX 32

struct kh_json; /* one value */

/* Any one JSON value, with nothing but blanks around it. */
enum kh_rc kh_json_parse(struct kh_json **root, struct kh_str text, struct kh_err *err) KH_MUST_USE;
void kh_json_free(struct kh_json *root);

/* The member of an object; NULL if it is absent or null, or if object is NULL or no object. */
const struct kh_json *kh_json_get(const struct kh_json *object, const char *name);

/* False, and *out as it was, if value is NULL or of another type. No type is turned into another,
 * but for a whole number read as double. i64 also refuses numbers that do not fit. */
bool kh_json_str(const struct kh_json *value, struct kh_str *out) KH_MUST_USE;
bool kh_json_i64(const struct kh_json *value, int64_t *out) KH_MUST_USE;
bool kh_json_double(const struct kh_json *value, double *out) KH_MUST_USE;
bool kh_json_bool(const struct kh_json *value, bool *out) KH_MUST_USE;

bool kh_json_is_object(const struct kh_json *value);
bool kh_json_is_array(const struct kh_json *value);

/* Items of an array: 0 if it is none. kh_json_at gives NULL for a null item and past the end. */
size_t kh_json_length(const struct kh_json *array);
const struct kh_json *kh_json_at(const struct kh_json *array, size_t i);

/* Members of an object, in their order:
 *     for (struct kh_json_member m = {0}; kh_json_next(object, &m);) … */
struct kh_json_member {
    struct kh_str name;
    const struct kh_json *value; /* NULL for null */
    const void *at;              /* of kh_json_next alone */
};
bool kh_json_next(const struct kh_json *object, struct kh_json_member *member);

/* Writing. In every string '"', '\' and U+0000 to U+001F are escaped as Java's Jackson does it, and
 * bytes that are not UTF-8 become U+FFFD, so that what comes out is always valid JSON. */

/* Append one string with its quotes; everything that needs no escape as it is. */
enum kh_rc kh_json_append_string(struct kh_buf *buf, struct kh_str s) KH_MUST_USE;
/* The same in ASCII: everything above U+007F becomes \uXXXX, in pairs beyond U+FFFF. */
enum kh_rc kh_json_append_ascii(struct kh_buf *buf, struct kh_str s) KH_MUST_USE;

struct kh_json_writer {
    struct kh_buf *buf; /* borrowed */
    size_t start;       /* buf->n at the beginning */
    bool ascii;         /* strings as kh_json_append_ascii writes them */
    enum kh_rc rc;      /* the first failure */
    unsigned depth;     /* objects and arrays that are open */
    bool comma;         /* the next value or key has one before it */
};

void kh_json_begin(struct kh_json_writer *writer, struct kh_buf *buf);
void kh_json_begin_ascii(struct kh_json_writer *writer, struct kh_buf *buf);

void kh_json_open_object(struct kh_json_writer *writer);
void kh_json_close_object(struct kh_json_writer *writer);
void kh_json_open_array(struct kh_json_writer *writer);
void kh_json_close_array(struct kh_json_writer *writer);

/* The name of the next value; a literal that needs no escapes, or any text. */
void kh_json_key(struct kh_json_writer *writer, const char *name);
void kh_json_key_str(struct kh_json_writer *writer, struct kh_str name);

void kh_json_put_str(struct kh_json_writer *writer, struct kh_str value);
void kh_json_put_i64(struct kh_json_writer *writer, int64_t value);
void kh_json_put_u64(struct kh_json_writer *writer, uint64_t value);
void kh_json_put_bool(struct kh_json_writer *writer, bool value);
void kh_json_put_null(struct kh_json_writer *writer);
/* Bytes that are one JSON value already. */
void kh_json_put_raw(struct kh_json_writer *writer, struct kh_str value);

/* Everything opened is closed (asserted). KH_OK, or the first failure: then nothing of it stays in
 * the buffer. */
enum kh_rc kh_json_end(struct kh_json_writer *writer) KH_MUST_USE;

#endif
