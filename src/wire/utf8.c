#include "wire/utf8.h"

#include <string.h>

#include "base/assert.h"

/* What a lead byte promises: how long the sequence is, and the range its second byte must be in,
 * which is what keeps overlong forms, surrogates and numbers above U+10FFFF out. */
struct lead {
    size_t n;
    unsigned char second_min;
    unsigned char second_max;
};

static struct lead look_up(unsigned char byte)
{
    if (byte < 0x80) {
        return (struct lead){1, 0, 0};
    }
    if (byte < 0xc2) {
        return (struct lead){0, 0, 0};
    }
    if (byte < 0xe0) {
        return (struct lead){2, 0x80, 0xbf};
    }
    if (byte < 0xf0) {
        return (struct lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    }
    if (byte < 0xf5) {
        return (struct lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    }
    return (struct lead){0, 0, 0};
}

size_t kh_utf8_decode(struct kh_str s, uint32_t *character)
{
    const unsigned char *p = (const unsigned char *)s.p;

    if (s.n == 0) {
        return 0;
    }
    struct lead lead = look_up(p[0]);
    if (lead.n == 0 || lead.n > s.n) {
        return 0;
    }
    if (lead.n == 1) {
        *character = p[0];
        return 1;
    }
    if (p[1] < lead.second_min || p[1] > lead.second_max) {
        return 0;
    }
    uint32_t value = p[0] & (0x7fu >> lead.n);
    for (size_t i = 1; i < lead.n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (p[i] & 0x3fu);
    }
    *character = value;
    return lead.n;
}

size_t kh_utf8_encode(uint32_t character, char bytes[KH_UTF8_BYTES_MAX])
{
    if (character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) {
        character = KH_UTF8_REPLACEMENT;
    }
    if (character < 0x80) {
        bytes[0] = (char)character;
        return 1;
    }
    size_t n = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    bytes[0] = (char)(((0xf00u >> n) & 0xf0u) | character);
    return n;
}

static size_t escape_unit(uint32_t unit, char bytes[6])
{
    static const char hex[] = "0123456789ABCDEF";

    bytes[0] = '\\';
    bytes[1] = 'u';
    for (unsigned i = 0; i < 4; i++) {
        bytes[2 + i] = hex[unit >> (12 - 4 * i) & 15];
    }
    return 6;
}

size_t kh_utf8_escape(uint32_t character, char bytes[KH_UTF8_ESCAPE_MAX])
{
    if (character > 0x10ffff) {
        character = KH_UTF8_REPLACEMENT;
    }
    if (character < 0x10000) {
        return escape_unit(character, bytes);
    }
    character -= 0x10000;
    size_t n = escape_unit(0xd800 + (character >> 10), bytes);
    return n + escape_unit(0xdc00 + (character & 0x3ff), bytes + n);
}

size_t kh_utf8_ascii_prefix(struct kh_str s)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    size_t i = 0;

    for (uint64_t word = 0; s.n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, s.p + i, sizeof(word));
        if ((word & high_bits) != 0) {
            break;
        }
    }
    while (i < s.n && (unsigned char)s.p[i] < 0x80) {
        i++;
    }
    kh_assert(i <= s.n);
    return i;
}

bool kh_utf8_valid(struct kh_str s)
{
    size_t i = 0;

    while (i < s.n) {
        uint32_t character;
        i += kh_utf8_ascii_prefix(kh_str_of(s.p + i, s.n - i));
        if (i == s.n) {
            break;
        }
        size_t n = kh_utf8_decode(kh_str_of(s.p + i, s.n - i), &character);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}
