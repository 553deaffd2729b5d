#include "wire/ndjson.h"

#include "wire/record_scan.h"

#define DEPTH_MAX 32

enum kh_rc kh_ndjson_record(struct kh_str line, struct kh_arena *arena, struct kh_record *record,
                            struct kh_err *err)
{
    struct kh_scan scan;

    kh_scan_init(&scan, line, DEPTH_MAX);
    if (!kh_record_scan(&scan, arena, record) || !kh_scan_end(&scan)) {
        return kh_fail(err, KH_INVALID, "expected %s at column %zu", scan.expected,
                       (size_t)(scan.at - scan.start) + 1);
    }
    return KH_OK;
}
