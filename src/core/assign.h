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

#include "base/pattern.h"
#include "core/coord.h"
#include "core/ctx.h"
#include "core/table.h"

/* What `pinned:` names: leases whose key matches, or those that begin in a share of the hash
 * space. */
struct kh_pin {
    uint32_t share; /* from 1; 0: pattern counts */
    uint32_t of_n;
    struct kh_pattern pattern; /* owned */
};

struct kh_assign_self {
    struct kh_ctx *ctx; /* borrowed: settings and dice */
    const struct kh_map
        *held; /* borrowed: keys of the leases this worker holds, or still works on */
    kh_ms seen_at_ms;
    const struct kh_pin *pin; /* borrowed; for `pinned:` only */
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
/* Everybody takes for itself what its setting names. */
kh_assign_policy kh_assign_pinned;
kh_assign_policy kh_assign_none;
/* The leader decides for all: by load, or by number. */
kh_assign_policy kh_assign_utilization;
kh_assign_policy kh_assign_counted;

/* What the setting `assignment` chooses. */
struct kh_assignment {
    kh_assign_policy *taking;  /* where everybody takes for itself */
    kh_assign_policy *leading; /* where a leader decides; NULL: this worker keeps to `taking` there
                                * too, leads nobody and wants nothing from a leader */
    struct kh_pin pin;
    bool has_pattern;
};

/* setting: "" (by load where there is a leader, as KCL 2.x where there is none), "balanced",
 * "utilization", "pinned:PATTERN" or "none". On failure there is nothing to fini. */
enum kh_rc kh_assignment_init(struct kh_assignment *assignment, const char *setting,
                              struct kh_err *err) KH_MUST_USE;
void kh_assignment_fini(struct kh_assignment *assignment);

/* For policies. We gave the row's shard up a short while ago: others may have it. */
bool kh_assign_is_shunned(const struct kh_assign_self *self, const struct kh_table_row *row);
/* The row's lease is worked on here, or a write of ours is under way to have it. */
bool kh_assign_is_busy(const struct kh_assign_self *self, const struct kh_table_row *row);
/* The same, or it carries our id. */
bool kh_assign_is_ours(const struct kh_assign_self *self, const struct kh_table_row *row);

#endif
