/* file_reader: one shard's file, read from a position on, a batch at a time.
 *
 * Shape   init, then seek until it says it is there, then read as often as wanted. A file that
 *         grows is followed.
 * Units   limit in records; bytes; wall clock ms since 1970.
 * Errors  KH_DENIED: a line is no record, or the file is not what it was; the sentence names file
 *         and line, and somebody has to act, because going on would skip records. KH_RETRY: the
 *         kernel could not read.
 * Memory  owns its descriptor and path; keeps no bytes of the file between calls.
 * Truth   one line is one Record of `aws kinesis get-records`; sequence numbers rise strictly, as
 *         in a shard. A line that is being written (no line end yet) is not there, unless the shard
 *         is closed. Blank lines are no lines.
 */
#ifndef KH_SOURCE_FILE_READER_H
#define KH_SOURCE_FILE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "core/lease.h"
#include "core/seqno.h"
#include "wire/record.h"

/* As many bytes of lines as go into one batch, unless a single line is longer: as GetRecords' 1 MB
 * a call. */
#define KH_FILE_BATCH_BYTES_MAX ((size_t)1 << 20)

/* 10 MiB of data is the largest record there is; in base64, with a partition key and names. */
#define KH_FILE_LINE_BYTES_MAX ((size_t)16 << 20)

struct kh_file_reader {
    char *path;  /* owned */
    bool closed; /* the shard: its file's last line needs no line end */
    int fd;      /* owned; -1 until the file is there */
    off_t offset;
    uint64_t lines;        /* before offset */
    struct kh_extseq last; /* of the record before offset; none if none was read */
    int64_t last_arrival_ms;
    off_t latest; /* KH_POSITION_LATEST: the file's size when seeking began; -1 before */
};

void kh_file_reader_init(struct kh_file_reader *reader, const char *dir, const char *shard_id,
                         bool closed);
void kh_file_reader_fini(struct kh_file_reader *reader);

/* Go some way towards position; *there once it is reached, or the end of the file. */
enum kh_rc kh_file_reader_seek(struct kh_file_reader *reader, const struct kh_position *position,
                               bool *there, struct kh_err *err) KH_MUST_USE;

/* Append at most limit records to batch, which is new. *at_end: there are no more for now (or for
 * ever, if closed). A line that is no record ends the batch before it, and fails when it is the
 * first. */
enum kh_rc kh_file_reader_read(struct kh_file_reader *reader, uint32_t limit,
                               struct kh_batch *batch, bool *at_end,
                               struct kh_err *err) KH_MUST_USE;

/* Is the first line a record? KH_INVALID if not. Moves nothing. */
enum kh_rc kh_file_reader_check(struct kh_file_reader *reader, struct kh_err *err) KH_MUST_USE;

#endif
