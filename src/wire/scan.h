/* scan: reading JSON in place, from left to right, without building anything.
 *
 * Shape   a cursor over one slice. Each function takes one piece and moves on, or fails; after the
 *         first failure all of them do nothing and return false, so that only the end of a walk has
 *         to look.
 * Units   bytes; depth counts the objects and arrays around a value.
 * Errors  scan.expected says what should have stood at scan.at; kh_scan_error makes KH_INVALID of
 *         it.
 * Memory  texts and tokens are slices of what is scanned; kh_scan_unescape makes a new text only
 *         when it must.
 * Truth   RFC 8259 to the letter, but for bytes inside strings that are not UTF-8: those pass, and
 *         who minds calls kh_utf8_valid. Never recurses, whatever the nesting.
 */
#ifndef KH_WIRE_SCAN_H
#define KH_WIRE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define KH_SCAN_DEPTH_MAX 1024

/* An object is walked so; an array with kh_scan_item:
 *
 *     kh_scan_init(&scan, text, depth_max);
 *     (void)kh_scan_open(&scan, '{');
 *     for (bool first = true; kh_scan_member(&scan, &first, &name);) {
 *         … take or skip its value …
 *     }
 *     if (!kh_scan_end(&scan)) … kh_scan_error …
 */
struct kh_scan {
    const char *start; /* borrowed */
    const char *at;    /* the next byte; where it went wrong, once expected is set */
    const char *end;
    unsigned depth;
    unsigned depth_max;
    size_t string_bytes_max; /* as it stands there; 0: no limit. Set after kh_scan_init */
    const char *expected;    /* NULL, or a literal: what should have stood at `at` */
};

/* The inside of a string, without its quotes. */
struct kh_scan_text {
    struct kh_str raw; /* as it stands there: valid JSON, whatever it holds */
    bool escaped;      /* there is at least one '\' in it */
};

enum kh_scan_type {
    KH_SCAN_STRING,
    KH_SCAN_NUMBER,
    KH_SCAN_TRUE,
    KH_SCAN_FALSE,
    KH_SCAN_NULL,
    KH_SCAN_OBJECT,
    KH_SCAN_ARRAY,
    KH_SCAN_NOTHING /* the end, a failure, or a byte that begins no value */
};

/* depth_max is at most KH_SCAN_DEPTH_MAX (asserted). */
void kh_scan_init(struct kh_scan *scan, struct kh_str text, unsigned depth_max);

/* What the next value looks like, judged by its first byte. Skips blanks, takes nothing. */
enum kh_scan_type kh_scan_peek(struct kh_scan *scan);

/* Take the beginning of an object ('{') or an array ('['). */
bool kh_scan_open(struct kh_scan *scan, char bracket);

/* Take the next member's name and its ':' (name may be NULL), or the '}': false. *first starts as
 * true. */
bool kh_scan_member(struct kh_scan *scan, bool *first, struct kh_scan_text *name);

/* Come to the next item of an array, or take the ']': false. *first starts as true. */
bool kh_scan_item(struct kh_scan *scan, bool *first);

bool kh_scan_string(struct kh_scan *scan, struct kh_scan_text *text);
bool kh_scan_number(struct kh_scan *scan, struct kh_str *token);

/* A string or a null; text->raw.p is NULL for the null, and only then. */
bool kh_scan_optional(struct kh_scan *scan, struct kh_scan_text *text);

/* Take a null if there is one; false, without failing, if there is something else. */
bool kh_scan_null(struct kh_scan *scan);

/* Take any value whatsoever; raw (may be NULL) is all of it. */
bool kh_scan_skip(struct kh_scan *scan, struct kh_str *raw);

/* True if only blanks are left. */
bool kh_scan_end(struct kh_scan *scan);

/* Note a failure at `at`; the first one stays. Returns false. */
bool kh_scan_refuse(struct kh_scan *scan, const char *at, const char *expected);

bool kh_scan_failed(const struct kh_scan *scan);

/* After a failure: KH_INVALID, "<what>: expected <expected> at byte N", counted from 1. */
enum kh_rc kh_scan_error(const struct kh_scan *scan, struct kh_err *err, const char *what);

/* Does the text, its escapes resolved, say just this? */
bool kh_scan_text_is(const struct kh_scan_text *text, const char *literal);

/* The text with its escapes resolved; a surrogate without its partner becomes U+FFFD. */
struct kh_str kh_scan_unescape(const struct kh_scan_text *text, struct kh_arena *arena);

#endif
