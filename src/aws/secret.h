/* secret: text that is wiped when it is done with and that no format function ever sees.
 *
 * Shape   set, read, fini.
 * Units   bytes.
 * Errors  none.
 * Memory  owns its bytes; fini wipes and frees. Copy with kh_secret_set from the other's text.
 * Truth   own design.
 */
#ifndef KH_AWS_SECRET_H
#define KH_AWS_SECRET_H

#include "base/str.h"

struct kh_secret {
    char *p; /* owned, or NULL */
    size_t n;
};

void kh_secret_set(struct kh_secret *secret, struct kh_str text);
void kh_secret_fini(struct kh_secret *secret);
struct kh_str kh_secret_text(const struct kh_secret *secret);

#endif
