/* base64: record data as AWS writes it.
 *
 * Shape   whole texts only; the standard alphabet with its padding, no line breaks.
 * Units   bytes.
 * Errors  text that is not base64 is refused with false; kh_base64_encode: KH_TOOBIG of the buffer.
 * Memory  none.
 * Truth   RFC 4648 section 4, and as java.util.Base64 the bits that padding leaves over may be
 *         anything.
 */
#ifndef KH_WIRE_BASE64_H
#define KH_WIRE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Is it base64, and how many bytes does it stand for (bytes may be NULL)? */
bool kh_base64_check(struct kh_str text, size_t *bytes) KH_MUST_USE;

/* Append the bytes that text stands for: KH_INVALID if it is not base64, KH_TOOBIG of the buffer.
 */
enum kh_rc kh_base64_decode(struct kh_buf *out, struct kh_str text) KH_MUST_USE;

/* Append the text for bytes. */
enum kh_rc kh_base64_encode(struct kh_buf *out, struct kh_str bytes) KH_MUST_USE;

#endif
