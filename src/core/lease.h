/* lease: one row of the lease table, and one shard as Kinesis lists it.
 *
 * Shape   plain records; absent attributes are "" or a count of 0 or a false has_*.
 * Units   hash keys are decimal text of up to 39 digits (0 … 2^128-1); throughput in KiB per
 *         second.
 * Errors  none here: wire/lease_item judges rows, a row that cannot be read never becomes a struct
 *         kh_lease.
 * Memory  plain values with bounded arrays.
 * Truth   KCL 3.x Lease and DynamoDBLeaseSerializer; Kinesis Shard and ChildShard.
 */
#ifndef KH_CORE_LEASE_H
#define KH_CORE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/seqno.h"

#define KH_SHARD_ID_MAX 128
#define KH_LEASE_KEY_MAX \
    KH_SHARD_ID_MAX /* single-stream mode: the lease key is the shard
                     * id */
#define KH_WORKER_ID_MAX       255
#define KH_HASH_KEY_DIGITS_MAX 39
#define KH_PARENTS_MAX         2
#define KH_CHILDREN_MAX        4
#define KH_THROUGHPUT_KBPS_MAX 1e15 /* far above any shard; keeps every value a plain decimal */

struct kh_hash_range {
    char start[KH_HASH_KEY_DIGITS_MAX + 1]; /* inclusive; both "" when unknown */
    char end[KH_HASH_KEY_DIGITS_MAX + 1];   /* inclusive */
};

struct kh_lease {
    char key[KH_LEASE_KEY_MAX + 1];
    char owner[KH_WORKER_ID_MAX + 1]; /* leaseOwner */
    char checkpoint_owner[KH_WORKER_ID_MAX +
                          1]; /* checkpointOwner: who still processes, during a hand-off */
    char handoff_owner[KH_WORKER_ID_MAX + 1]; /* kclHostHandoff: an owner of this name hands
                                               * the lease over when it is asked to */
    uint64_t counter;                         /* leaseCounter: the fence and the heartbeat */
    uint64_t owner_switches;                  /* ownerSwitchesSinceCheckpoint */
    struct kh_extseq checkpoint; /* checkpoint, checkpointSubSequenceNumber; never none */
    struct kh_extseq pending;    /* pendingCheckpoint…; none when absent */
    unsigned parents_n;
    char parents[KH_PARENTS_MAX][KH_SHARD_ID_MAX + 1]; /* parentShardId */
    unsigned children_n;
    char children[KH_CHILDREN_MAX][KH_SHARD_ID_MAX + 1]; /* childShardIds */
    struct kh_hash_range range;
    bool has_throughput;
    double throughput_kbps;
};

/* A shard from ListShards, or a child from the last GetRecords answer of its parent. */
struct kh_shard {
    char id[KH_SHARD_ID_MAX + 1];
    unsigned parents_n;
    char parents[KH_PARENTS_MAX]
                [KH_SHARD_ID_MAX + 1]; /* ParentShardId, AdjacentParentShardId; or ParentShards */
    struct kh_hash_range range;
    char start_seq[KH_SEQNO_DIGITS_MAX +
                   1]; /* SequenceNumberRange.StartingSequenceNumber; "" if not known */
    bool open;         /* no EndingSequenceNumber */
};

/* Its owner is a living kcl-host, which notices checkpointOwner and hands over without overlap. */
bool kh_lease_can_be_handed_over(const struct kh_lease *lease);

/* The processing worker: checkpointOwner if there is one, else leaseOwner; "" if nobody. */
const char *kh_lease_actual_owner(const struct kh_lease *lease);

bool kh_lease_is_finished(const struct kh_lease *lease); /* checkpoint is SHARD_END */

/* A lease as first written: counter 0, no owner. */
void kh_lease_for_shard(struct kh_lease *lease, const struct kh_shard *shard, const char *sentinel);

/* Decimal text to a number; false if it is not 1..39 digits below 2^128. */
bool kh_hash_key_parse(struct kh_str text, unsigned __int128 *value) KH_MUST_USE;
/* Both ends are such numbers, and start is below end. */
bool kh_hash_range_is_sound(const struct kh_hash_range *range);
void kh_hash_key_format(unsigned __int128 value, char text[KH_HASH_KEY_DIGITS_MAX + 1]);

#endif
