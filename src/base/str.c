#include "base/str.h"

#include <string.h>

#include "base/assert.h"

#define DISTANCE_BYTES_MAX 64

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct kh_str kh_str(const char *terminated)
{
    return kh_str_of(terminated, terminated == NULL ? 0 : strlen(terminated));
}

struct kh_str kh_str_of(const char *p, size_t n)
{
    kh_assert(p != NULL || n == 0);
    return (struct kh_str){p, n};
}

bool kh_str_eq(struct kh_str a, struct kh_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool kh_str_eq_nocase(struct kh_str a, struct kh_str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

int kh_str_cmp(struct kh_str a, struct kh_str b)
{
    size_t n = min(a.n, b.n);
    int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

bool kh_str_starts(struct kh_str s, struct kh_str prefix)
{
    return s.n >= prefix.n && kh_str_eq(kh_str_of(s.p, prefix.n), prefix);
}

bool kh_str_ends(struct kh_str s, struct kh_str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

struct kh_str kh_str_trim(struct kh_str s)
{
    while (s.n > 0 && blank(s.p[s.n - 1])) {
        s.n--;
    }
    while (s.n > 0 && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    return s;
}

size_t kh_str_find(struct kh_str s, char c)
{
    const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

    return at == NULL ? s.n : (size_t)(at - s.p);
}

bool kh_str_cut(struct kh_str s, char c, struct kh_str *head, struct kh_str *tail)
{
    size_t at = kh_str_find(s, c);

    *head = kh_str_of(s.p, at);
    if (at == s.n) {
        *tail = KH_STR("");
        return false;
    }
    *tail = kh_str_of(s.p + at + 1, s.n - at - 1);
    return true;
}

bool kh_str_copy(char *dst, size_t dst_bytes, struct kh_str s)
{
    kh_assert(dst_bytes > 0);
    if (s.n >= dst_bytes) {
        dst[0] = '\0';
        return false;
    }
    if (s.n > 0) {
        memcpy(dst, s.p, s.n);
    }
    dst[s.n] = '\0';
    return true;
}

bool kh_str_u64(struct kh_str s, uint64_t *value)
{
    uint64_t sum = 0;

    if (s.n == 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit;

        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        digit = (uint64_t)(s.p[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool kh_str_i64(struct kh_str s, int64_t *value)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t size;

    if (!kh_str_u64(negative ? kh_str_of(s.p + 1, s.n - 1) : s, &size)) {
        return false;
    }
    if (size > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    /* -INT64_MIN is no int64_t: the sign is put on where it cannot overflow. */
    *value = negative ? -(int64_t)(size - (size > 0)) - (size > 0) : (int64_t)size;
    return true;
}

size_t kh_str_distance(struct kh_str a, struct kh_str b)
{
    /* rows[i % 3] holds the distances of a's first i bytes to each beginning of b: a swap of
     * neighbours looks two rows back. */
    size_t rows[3][DISTANCE_BYTES_MAX + 1];

    if (a.n > DISTANCE_BYTES_MAX || b.n > DISTANCE_BYTES_MAX) {
        return a.n > b.n ? a.n : b.n; /* no names: as far apart as can be */
    }
    for (size_t j = 0; j <= b.n; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);

            best = min(best, min(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1]) {
                best = min(best, rows[(i - 2) % 3][j - 2] + 1);
            }
            row[j] = best;
        }
    }
    return rows[a.n % 3][b.n];
}

/* FNV-1a. Keys are names out of our own tables: nobody gains by making them collide. */
uint64_t kh_str_hash(struct kh_str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < text.n; i++) {
        hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 32;
}
