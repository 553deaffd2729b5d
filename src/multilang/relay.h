/* relay: a child's stderr, passed on to ours line by line.
 *
 * Shape   add bytes as they come; each line leaves in one write(2), so that lines of different
 *         children and our own log do not mix. What has no line end yet waits for it.
 * Units   bytes.
 * Errors  none: what our stderr does not take is lost, as our own log lines are.
 * Memory  owns the beginning of a line that waits (at most KH_RELAY_PIECE_BYTES) and a copy of the
 *         prefix.
 * Truth   DrainChildSTDERRTask. Chosen differences: each line appears once, nothing is decoded, a
 *         line longer than KH_RELAY_PIECE_BYTES leaves in pieces instead of being collected in
 *         memory.
 */
#ifndef KH_MULTILANG_RELAY_H
#define KH_MULTILANG_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define KH_RELAY_PIECE_BYTES ((size_t)16 << 10)

struct kh_relay {
    char *prefix;       /* owned */
    struct kh_buf line; /* the beginning of a line */
    bool inside;        /* a piece of this line, with the prefix, has left already */
};

void kh_relay_init(struct kh_relay *relay, const char *prefix);

/* What waits leaves as a last line, its line end added. */
void kh_relay_fini(struct kh_relay *relay);

void kh_relay_add(struct kh_relay *relay, const char *bytes, size_t n);

#endif
