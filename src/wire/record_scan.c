#include "wire/record_scan.h"

#include "base/assert.h"
#include "wire/base64.h"
#include "wire/timestamp.h"
#include "wire/utf8.h"

/* A string with its escapes resolved; n is 0 and p NULL for a null. */
static bool take_text(struct kh_scan *scan, struct kh_arena *arena, struct kh_str *text)
{
    struct kh_scan_text found;

    if (!kh_scan_optional(scan, &found)) {
        return false;
    }
    *text = kh_scan_unescape(&found, arena);
    return true;
}

static bool is_seqno(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    return text.n > 0 && text.n <= KH_SEQNO_DIGITS_MAX;
}

static void take_seq(struct kh_scan *scan, struct kh_arena *arena, struct kh_record *record)
{
    (void)kh_scan_peek(scan);
    const char *at = scan->at;

    if (take_text(scan, arena, &record->seq) && record->seq.p != NULL && !is_seqno(record->seq)) {
        (void)kh_scan_refuse(scan, at, "a sequence number");
    }
}

static void take_data(struct kh_scan *scan, struct kh_arena *arena, struct kh_record *record)
{
    (void)kh_scan_peek(scan);
    const char *at = scan->at;

    if (take_text(scan, arena, &record->data) && !kh_base64_check(record->data, NULL)) {
        (void)kh_scan_refuse(scan, at, "base64");
    }
}

/* The only one that keeps its escapes: it goes on as the inside of a JSON string. */
static void take_partition_key(struct kh_scan *scan, struct kh_record *record)
{
    struct kh_scan_text text;

    (void)kh_scan_peek(scan);
    const char *at = scan->at;
    if (!kh_scan_optional(scan, &text)) {
        return;
    }
    record->partition_key = text.raw;
    if (!kh_utf8_valid(text.raw)) {
        (void)kh_scan_refuse(scan, at, "a partition key in UTF-8");
    }
}

static void take_arrival(struct kh_scan *scan, struct kh_arena *arena, struct kh_record *record)
{
    struct kh_str text = {0};
    bool good;

    record->arrival_ms = 0;
    enum kh_scan_type type = kh_scan_peek(scan);
    const char *at = scan->at;
    if (type == KH_SCAN_NUMBER) {
        good = kh_scan_number(scan, &text) && kh_timestamp_seconds(text, &record->arrival_ms);
    } else {
        good = take_text(scan, arena, &text) &&
               (text.p == NULL || kh_timestamp_iso8601(text, &record->arrival_ms));
    }
    if (!good) {
        (void)kh_scan_refuse(scan, at, "a time in seconds or ISO 8601");
    }
}

bool kh_record_scan(struct kh_scan *scan, struct kh_arena *arena, struct kh_record *record)
{
    struct kh_scan_text name;

    *record = (struct kh_record){0};
    (void)kh_scan_peek(scan);
    const char *at = scan->at;
    if (!kh_scan_open(scan, '{')) {
        return false;
    }
    for (bool first = true; kh_scan_member(scan, &first, &name);) {
        if (kh_scan_text_is(&name, "Data")) {
            take_data(scan, arena, record);
        } else if (kh_scan_text_is(&name, "SequenceNumber")) {
            take_seq(scan, arena, record);
        } else if (kh_scan_text_is(&name, "PartitionKey")) {
            take_partition_key(scan, record);
        } else if (kh_scan_text_is(&name, "ApproximateArrivalTimestamp")) {
            take_arrival(scan, arena, record);
        } else {
            (void)kh_scan_skip(scan, NULL);
        }
    }
    if (kh_scan_failed(scan)) {
        return false;
    }
    if (record->seq.p == NULL) {
        return kh_scan_refuse(scan, at, "a record with a SequenceNumber");
    }
    if (record->data.p == NULL) {
        return kh_scan_refuse(scan, at, "a record with Data");
    }
    kh_assert(record->seq.n > 0);
    return true;
}
