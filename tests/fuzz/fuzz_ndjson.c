/* One line of a file of records, and the line for the child that is made of it. */
#include "tests/fuzz/check.h"
#include "tests/fuzz/fuzz.h"
#include "wire/ndjson.h"

const char *const fuzz_corpus = "ndjson";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_batch *batch = kh_batch_new();
    struct kh_record record;
    struct kh_err err;

    if (kh_ndjson_record(kh_str_of((const char *)bytes, n), &batch->arena, &record, &err) ==
        KH_OK) {
        kh_batch_add(batch, &record);
        check_process_records(batch);
    }
    kh_batch_free(batch);
    return 0;
}
