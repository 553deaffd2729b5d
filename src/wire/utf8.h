/* utf8: characters to bytes and back.
 *
 * Shape   one character at a time, over slices.
 * Units   bytes; a character is a Unicode scalar value (no surrogates).
 * Errors  a malformed sequence decodes to 0 bytes; what to make of it is the caller's business.
 * Memory  none.
 * Truth   RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef KH_WIRE_UTF8_H
#define KH_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define KH_UTF8_BYTES_MAX   4
#define KH_UTF8_REPLACEMENT UINT32_C(0xfffd)

/* The first character of s and its length in bytes; 0 if s is empty or does not begin with a
 * well-formed one. */
size_t kh_utf8_decode(struct kh_str s, uint32_t *character);

/* The bytes of a character; surrogates and numbers above U+10FFFF are written as U+FFFD. */
size_t kh_utf8_encode(uint32_t character, char bytes[KH_UTF8_BYTES_MAX]);

/* The same as a JSON escape, "\uXXXX" in upper case, or two of them above U+FFFF. */
#define KH_UTF8_ESCAPE_MAX 12
size_t kh_utf8_escape(uint32_t character, char bytes[KH_UTF8_ESCAPE_MAX]);

/* How many bytes at the start of s are ASCII. */
size_t kh_utf8_ascii_prefix(struct kh_str s);

bool kh_utf8_valid(struct kh_str s);

#endif
