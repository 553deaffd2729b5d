/* ndjson: one line of a file of records.
 *
 * Shape   a line is one object as AWS's own tools print it inside Records[].
 * Units   columns are bytes, counted from 1.
 * Errors  KH_INVALID: what was expected, and at which column.
 * Memory  the record's slices point into the line, or into arena where something had to be
 *         unescaped.
 * Truth   `aws kinesis get-records --output json`: ApproximateArrivalTimestamp is a number (CLI v1,
 *         raw API) or ISO 8601 text with an offset (CLI v2). EncryptionType and unknown members are
 *         skipped.
 */
#ifndef KH_WIRE_NDJSON_H
#define KH_WIRE_NDJSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "wire/record.h"

/* line: without its line end. */
enum kh_rc kh_ndjson_record(struct kh_str line, struct kh_arena *arena, struct kh_record *record,
                            struct kh_err *err) KH_MUST_USE;

#endif
