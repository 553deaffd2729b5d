/* file_shards: which shards a folder of records holds.
 *
 * Shape   with DIR/shards.json, a saved ListShards answer: its shards. Without: one open shard for
 *         each DIR/SHARDID.ndjson, in order of their ids, the hash space cut into equal parts.
 * Units   none.
 * Errors  NOTFOUND, DENIED: the folder, or its files, cannot be read; INVALID: what they say is
 *         wrong. Each with what to do. The folder is read once: a file that is added later is not a
 *         new shard.
 * Memory  the list is the caller's.
 * Truth   `aws kinesis list-shards`. Chosen: a file without a shard, and a closed shard without a
 *         file, are errors, because both mean records that nobody would process.
 */
#ifndef KH_SOURCE_FILE_SHARDS_H
#define KH_SOURCE_FILE_SHARDS_H

#include "base/err.h"
#include "core/cmd.h"
#include "wire/kinesis_json.h"

#define KH_FILE_SUFFIX ".ndjson"

/* shards is initialised here, and to be freed whatever is returned. */
enum kh_rc kh_file_shards_read(struct kh_shard_list *shards, const char *dir,
                               struct kh_err *err) KH_MUST_USE;

/* Is this one of those that filter asks for? */
bool kh_file_shards_match(const struct kh_shard_list *shards, const struct kh_shard *shard,
                          enum kh_shard_filter filter);

/* NULL if there is none. */
const struct kh_shard *kh_file_shards_find(const struct kh_shard_list *shards, struct kh_str id);

/* "DIR/ID.ndjson", to be freed. */
char *kh_file_shards_path(const char *dir, const char *id);

#endif
