/* assign: who should own what: which leases ought to change hands now.
 *
 * Shape   a policy is a pure function (table, workers, self) -> wishes, in a file of its own
 *         (assign_*.c) with one row in assign.c. A policy changes nothing: the worker writes, and
 *         succeeds only if the row is still as it was seen.
 * Units   seen_at_ms is when the newest LIST was sent: expiry is judged as of then, never as of
 *         later.
 * Errors  none.
 * Memory  kh_wishes owns an array of borrowed rows and names, valid until the table or the workers
 *         change.
 * Truth   KCL 2.x DynamoDBLeaseTaker (balanced) and KCL 3.x LeaseAssignmentManager (utilization).
 *         Each policy's file says what it does differently.
 */
#ifndef KH_CORE_ASSIGN_H
#define KH_CORE_ASSIGN_H

#include <stddef.h>

#include "core/coord.h"
#include "core/ctx.h"
#include "core/table.h"

struct kh_assign_self {
    struct kh_ctx *ctx; /* borrowed: settings and dice */
    const struct kh_map
        *held; /* borrowed: keys of the leases this worker holds, or still works on */
    kh_ms seen_at_ms;
};

/* The fleet as its reports show it; without any in the layout of 2.x, where owners are all there is
 * to see. */
struct kh_assign_workers {
    const struct kh_worker_stats *stats; /* borrowed: every worker's newest report */
    size_t n;
    int64_t now_wall_s; /* reports are as old as this says */
    bool rebalance;     /* it is time to even out what is owned already */
};

struct kh_wish {
    struct kh_table_row *row; /* borrowed */
    const char *to;           /* whose it shall be; borrowed */
    bool steal;               /* its owner is alive */
};

struct kh_wishes {
    struct kh_wish *items; /* owned */
    size_t n;
    size_t capacity;
};

void kh_wishes_init(struct kh_wishes *wishes);
void kh_wishes_fini(struct kh_wishes *wishes);
void kh_wishes_add(struct kh_wishes *wishes, struct kh_wish wish);

/* Append the leases to move now. Rows that carry our own id but are not held are not wished for:
 * the worker re-adopts those first. */
typedef void kh_assign_policy(const struct kh_table *table, const struct kh_assign_workers *workers,
                              const struct kh_assign_self *self, struct kh_wishes *wishes);

/* Everybody takes and steals for itself, as KCL 2.x. */
kh_assign_policy kh_assign_balanced;

#endif
