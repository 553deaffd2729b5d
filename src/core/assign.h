/* assign: who should own what: which leases this worker ought to take now.
 *
 * Shape   a policy is a pure function (table, self) -> wishes; this file holds the rules of KCL
 *         2.x. A policy changes nothing: taking is the worker's, and succeeds only if the row is
 *         still as it was seen.
 * Units   seen_at_ms is when the newest LIST was sent: expiry is judged as of then, never as of
 *         later.
 * Errors  none.
 * Memory  kh_wishes owns an array of borrowed keys, valid until the table changes.
 * Truth   KCL 2.x DynamoDBLeaseTaker: counts, target, very old leases, stealing. Chosen difference:
 *         an unowned lease that is seen for the first time is not "very old" (in Java it is, and
 *         then nobody looks at the target).
 */
#ifndef KH_CORE_ASSIGN_H
#define KH_CORE_ASSIGN_H

#include <stddef.h>

#include "core/ctx.h"
#include "core/table.h"

struct kh_assign_self {
    struct kh_ctx *ctx; /* borrowed: settings and dice */
    const struct kh_map
        *held; /* borrowed: keys of the leases this worker holds, or still works on */
    kh_ms seen_at_ms;
};

struct kh_wish {
    struct kh_table_row *row; /* borrowed */
    bool steal;               /* its owner is alive */
};

struct kh_wishes {
    struct kh_wish *items; /* owned */
    size_t n;
    size_t capacity;
};

void kh_wishes_init(struct kh_wishes *wishes);
void kh_wishes_fini(struct kh_wishes *wishes);

/* Append the leases to take now. Rows that carry our own id but are not held are not wished for:
 * the worker re-adopts those first. */
void kh_assign_balanced(const struct kh_table *table, const struct kh_assign_self *self,
                        struct kh_wishes *wishes);

#endif
