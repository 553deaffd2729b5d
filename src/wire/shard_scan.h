/* shard_scan: one shard object: from ListShards, or a child shard from GetRecords.
 *
 * Shape   takes one object off a scan.
 * Units   none.
 * Errors  those of the scan: a ShardId must be there, ids are 1 to 128 of [a-zA-Z0-9_.-] (they
 *         become file names and keys), hash keys and sequence numbers are digits of bounded length.
 * Memory  everything is copied out; the arena takes what had to be unescaped on the way.
 * Truth   Kinesis Shard (ParentShardId, AdjacentParentShardId) and ChildShard (ParentShards). A
 *         shard is open unless it has an EndingSequenceNumber.
 */
#ifndef KH_WIRE_SHARD_SCAN_H
#define KH_WIRE_SHARD_SCAN_H

#include "base/arena.h"
#include "core/lease.h"
#include "wire/scan.h"

bool kh_shard_scan(struct kh_scan *scan, struct kh_arena *arena, struct kh_shard *shard);

#endif
