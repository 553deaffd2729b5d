/* record_scan: one record object, in a GetRecords answer or on a line of a file.
 *
 * Shape   takes one object off a scan.
 * Units   arrival in ms since 1970, rounded to the nearest.
 * Errors  those of the scan: SequenceNumber is 1 to 129 digits, Data is base64, PartitionKey is
 *         UTF-8, ApproximateArrivalTimestamp a number of seconds or ISO 8601 text. The first two
 *         must be there.
 * Memory  slices of what is scanned; the arena takes what had to be unescaped.
 * Truth   Kinesis Record; see kinesis_json.h and ndjson.h.
 */
#ifndef KH_WIRE_RECORD_SCAN_H
#define KH_WIRE_RECORD_SCAN_H

#include "base/arena.h"
#include "wire/record.h"
#include "wire/scan.h"

bool kh_record_scan(struct kh_scan *scan, struct kh_arena *arena, struct kh_record *record);

#endif
