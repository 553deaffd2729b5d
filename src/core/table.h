/* table: what this worker knows of all leases, from looking at the lease table now and then.
 *
 * Shape   kh_table_update() with each LIST; a row's changed_at_ms says when its counter was last
 *         seen to move.
 * Units   *_at_ms is monotonic: stored rows hold no time, so expiry is what this worker has
 *         observed.
 * Errors  none.
 * Memory  owns one heap object a lease; rows that a LIST no longer shows are forgotten.
 * Truth   KCL 2.x DynamoDBLeaseTaker.updateAllLeases: the first sight of an owned lease counts as
 *         alive; a counter that differs counts as a sign of life.
 */
#ifndef KH_CORE_TABLE_H
#define KH_CORE_TABLE_H

#include "base/map.h"
#include "base/time.h"
#include "core/lease.h"

struct kh_table_row {
    struct kh_lease lease;
    kh_ms changed_at_ms;  /* when this counter value was first seen */
    kh_ms free_at_ms;     /* from when on nobody can work on the shard but its owner */
    kh_ms asked_at_ms;    /* when this pair of owners was first seen, of which one may be nobody */
    kh_ms seen_at_ms;     /* when it was looked at last */
    uint64_t released_by; /* hash of the worker that gave it up before its time; 0: nobody did */
    uint64_t round;       /* of the last LIST that showed it */
    kh_ms shunned_until_ms; /* we gave it up, because our child keeps failing: not ours before */
    bool taking;            /* a write of ours to take it is under way */
    bool reshaped;          /* since the last LIST: its range, or whether it is finished */
};

struct kh_table {
    struct kh_map rows; /* lease key -> struct kh_table_row, owned */
    uint64_t round;
    uint64_t shape; /* another number whenever rows, their ranges, or which are finished change */
};

void kh_table_init(struct kh_table *table);
void kh_table_fini(struct kh_table *table);

void kh_table_update(struct kh_table *table, const struct kh_lease *leases, size_t n,
                     kh_ms failover_ms, kh_ms now_ms);

/* The same for one row that a write of ours has shown. */
void kh_table_row_see(struct kh_table_row *row, const struct kh_lease *lease, kh_ms failover_ms,
                      kh_ms now_ms);

struct kh_table_row *kh_table_find(const struct kh_table *table, const char *key);

/* Rows by index, in a stable order as long as none is forgotten. */
size_t kh_table_n(const struct kh_table *table);
struct kh_table_row *kh_table_at(const struct kh_table *table, size_t i);

/* In a hand-off that should have ended long ago: its old owner must have noticed it within
 * failover_ms, and had hand_off_ms to finish. */
bool kh_table_row_is_overdue(const struct kh_table_row *row, kh_ms now_ms, kh_ms failover_ms,
                             kh_ms hand_off_ms);

/* Nobody has it, or whoever has it was not seen to renew it for longer than failover_ms. */
bool kh_table_row_available(const struct kh_table_row *row, kh_ms now_ms, kh_ms failover_ms);

#endif
