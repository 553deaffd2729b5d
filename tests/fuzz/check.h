/* check: what must be true of anything a parser has accepted.
 *
 * Shape   each function asserts; several targets share them.
 * Units   none.
 * Errors  kh_assert.
 * Memory  frees what it makes.
 * Truth   the headers in src/wire; lines for children are read back by json-c, an independent
 *         reader.
 */
#ifndef KH_TESTS_FUZZ_CHECK_H
#define KH_TESTS_FUZZ_CHECK_H

#include "base/buf.h"
#include "core/lease.h"
#include "wire/record.h"

void check_record(const struct kh_record *record);
void check_shard(const struct kh_shard *shard);

/* One line of ASCII that is one JSON object. */
void check_line(const struct kh_buf *line);

/* The batch as a processRecords line. */
void check_process_records(const struct kh_batch *batch);

#endif
