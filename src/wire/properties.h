/* properties: the text of a java.util.Properties file as keys and values.
 *
 * Shape   kh_properties_parse reads all of it or fails; entries stand in the order of the file,
 *         repeated keys included: the last one counts, the rest is the caller's business.
 * Units   bytes; lines count from 1.
 * Errors  INVALID for a malformed \u escape, TOOBIG over KH_PROPERTIES_BYTES_MAX; the text says
 *         where.
 * Memory  entries borrow from the arena given, which must outlive them, not from the text.
 * Truth   java.util.Properties.load of JDK 17 (tests/unit/test_properties_java.c asks it). Chosen
 *         differences: a byte-order mark is skipped; the file is UTF-8 if it is valid UTF-8, else
 *         Latin-1; keys and values are UTF-8 in any case; blanks at the end of a value are dropped
 *         unless escaped; half a surrogate pair becomes U+FFFD; a backslash alone on the last line
 *         is nothing, where Java makes an entry with an empty key.
 */
#ifndef KH_WIRE_PROPERTIES_H
#define KH_WIRE_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define KH_PROPERTIES_BYTES_MAX ((size_t)1 << 20)

struct kh_property {
    struct kh_str key;
    struct kh_str value;
    unsigned line; /* where the entry begins */
    bool trimmed;  /* blanks at the end of the value were dropped */
};

struct kh_properties {
    struct kh_property *items; /* in the arena */
    size_t n;
    bool latin1;       /* not UTF-8, and not ASCII either */
    unsigned bad_line; /* after KH_INVALID: where; 0 = the whole text */
};

enum kh_rc kh_properties_parse(struct kh_properties *properties, struct kh_str text,
                               struct kh_arena *arena, struct kh_err *err) KH_MUST_USE;

#endif
