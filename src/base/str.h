/* str: a borrowed slice of bytes, not terminated, and the few things done with slices.
 *
 * Shape   struct kh_str is passed by value; nothing here changes the bytes.
 * Units   n is bytes.
 * Errors  functions that can refuse return bool, false meaning "does not fit" or "is not a number".
 * Memory  borrows; whoever made the slice owns the bytes.
 * Truth   own design.
 */
#ifndef KH_BASE_STR_H
#define KH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kh_str {
    const char *p; /* never read beyond p[n - 1]; may be NULL when n is 0 */
    size_t n;
};

/* For string literals only. */
#define KH_STR(literal) ((struct kh_str){"" literal, sizeof(literal) - 1})

/* printf("%.*s", KH_STR_ARG(s)) */
#define KH_STR_ARG(s) (int)(s).n, (s).p

struct kh_str kh_str(const char *terminated); /* NULL gives the empty slice */
struct kh_str kh_str_of(const char *p, size_t n);

bool kh_str_eq(struct kh_str a, struct kh_str b);
bool kh_str_eq_nocase(struct kh_str a, struct kh_str b); /* ASCII letters only */
int kh_str_cmp(struct kh_str a, struct kh_str b);        /* by bytes, then length */
bool kh_str_starts(struct kh_str s, struct kh_str prefix);
bool kh_str_ends(struct kh_str s, struct kh_str suffix);

/* The slice without blanks, tabs, \r, \n, \f at both ends. */
struct kh_str kh_str_trim(struct kh_str s);

/* Where c first stands, or s.n. */
size_t kh_str_find(struct kh_str s, char c);

/* Cut off the part before the first c: true gives head and tail (without c), false leaves head = s
 * and tail empty. */
bool kh_str_cut(struct kh_str s, char c, struct kh_str *head, struct kh_str *tail);

/* Copy and terminate; false (and dst is "") if s and its terminator do not fit into dst_bytes. */
bool kh_str_copy(char *dst, size_t dst_bytes, struct kh_str s) KH_MUST_USE;

/* Decimal digits only (one leading '-' for i64); false if empty, not digits, or out of range. */
bool kh_str_u64(struct kh_str s, uint64_t *value) KH_MUST_USE;
bool kh_str_i64(struct kh_str s, int64_t *value) KH_MUST_USE;

/* The number of edits (insert, delete, replace, swap neighbours) between two names, for "did you
 * mean"; names of over 64 bytes count as having nothing in common. */
size_t kh_str_distance(struct kh_str a, struct kh_str b);

/* The same for the same text, in every process. */
uint64_t kh_str_hash(struct kh_str text);

#endif
