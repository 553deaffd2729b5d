#include "wire/base64.h"

#include <stdint.h>

#include "base/assert.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define BLOCK 64

static unsigned in_range(unsigned char c, unsigned char low, unsigned char high)
{
    return (unsigned char)(c - low) <= (unsigned char)(high - low);
}

/* Without a branch, so that the compiler can judge a vector of them at once. */
static unsigned is_stranger(unsigned char c)
{
    return !(in_range((unsigned char)(c | 0x20), 'a', 'z') | in_range(c, '/', '9') |
             (unsigned)(c == '+'));
}

/* Are these all letters of the alphabet? Every byte of every record passes here. */
static bool all_letters(struct kh_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    for (; s.n - i >= BLOCK; i += BLOCK) {
        unsigned char strangers = 0;
        for (size_t k = 0; k < BLOCK; k++) {
            strangers |= (unsigned char)is_stranger(p[i + k]);
        }
        if (strangers != 0) {
            return false;
        }
    }
    for (; i < s.n; i++) {
        if (is_stranger(p[i])) {
            return false;
        }
    }
    return true;
}

static size_t count_padding(struct kh_str text)
{
    if (text.n == 0 || text.p[text.n - 1] != '=') {
        return 0;
    }
    return text.p[text.n - 2] == '=' ? 2 : 1; /* there are at least four */
}

bool kh_base64_check(struct kh_str text, size_t *bytes)
{
    if (text.n % 4 != 0) {
        return false;
    }
    size_t padding = count_padding(text);
    if (!all_letters(kh_str_of(text.p, text.n - padding))) {
        return false;
    }
    if (bytes != NULL) {
        *bytes = text.n / 4 * 3 - padding;
    }
    return true;
}

/* The six bits of a letter; the padding counts as zeros. */
static uint32_t six_bits(char c)
{
    if (in_range((unsigned char)c, 'A', 'Z')) {
        return (uint32_t)(c - 'A');
    }
    if (in_range((unsigned char)c, 'a', 'z')) {
        return (uint32_t)(c - 'a' + 26);
    }
    if (in_range((unsigned char)c, '0', '9')) {
        return (uint32_t)(c - '0' + 52);
    }
    return c == '+' ? 62 : c == '/' ? 63 : 0;
}

enum kh_rc kh_base64_decode(struct kh_buf *out, struct kh_str text)
{
    size_t bytes = 0;

    if (!kh_base64_check(text, &bytes)) {
        return KH_INVALID;
    }
    if (bytes == 0) {
        return KH_OK;
    }
    enum kh_rc rc = kh_buf_reserve(out, bytes);
    if (rc != KH_OK) {
        return rc;
    }
    char *to = out->p + out->n;
    for (size_t i = 0; i < bytes; i++) {
        /* Byte i of a group of three begins in letter i of its four. */
        const char *group = text.p + i / 3 * 4;
        unsigned in = (unsigned)(i % 3);
        uint32_t two = six_bits(group[in]) << 6 | six_bits(group[in + 1]);
        to[i] = (char)(two >> (4 - 2 * in) & 0xff);
    }
    kh_buf_added(out, bytes);
    return KH_OK;
}

enum kh_rc kh_base64_encode(struct kh_buf *out, struct kh_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    const size_t n = (bytes.n + 2) / 3 * 4;

    if (n == 0) {
        return KH_OK;
    }
    enum kh_rc rc = kh_buf_reserve(out, n);
    if (rc != KH_OK) {
        return rc;
    }
    char *to = out->p + out->n;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t three = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                         (left > 2 ? p[i + 2] : 0u);
        *to++ = alphabet[three >> 18];
        *to++ = alphabet[three >> 12 & 63];
        *to++ = left > 1 ? alphabet[three >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[three & 63] : '=';
    }
    kh_buf_added(out, n);
    kh_assert(to == out->p + out->n);
    return KH_OK;
}
