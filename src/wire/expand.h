/* expand: ${NAME} and ${NAME:-default} in a value.
 *
 * Shape   kh_expand puts environment variables into one value; a value without "${" stays as it is.
 * Units   bytes.
 * Errors  INVALID: a variable that is not set and has no default, "${" without "}", or not with a
 *         name behind it; TOOBIG over KH_EXPAND_BYTES_MAX. The texts complete "KEY = VALUE cannot
 *         be used: …".
 * Memory  the result borrows from the value or from the arena.
 * Truth   own design, after POSIX shells: a default counts where the variable is not set or empty.
 *         A literal "${" is written "$${"; nothing else is special, no "$" alone and no "\".
 */
#ifndef KH_WIRE_EXPAND_H
#define KH_WIRE_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define KH_EXPAND_BYTES_MAX ((size_t)1 << 16)

struct kh_expanded {
    struct kh_str text;
    bool secret; /* a variable in it has a name that speaks of secrets */
};

/* environment is an array of NAME=value with NULL at its end. */
enum kh_rc kh_expand(struct kh_expanded *expanded, struct kh_str value,
                     const char *const *environment, struct kh_arena *arena,
                     struct kh_err *err) KH_MUST_USE;

/* Does a variable of this name hold what nobody should read in a log? */
bool kh_expand_is_secret(struct kh_str name);

#endif
