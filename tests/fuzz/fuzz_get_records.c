/* A GetRecords answer, and the line for the child that is made of it. */
#include "base/assert.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/fuzz.h"
#include "wire/kinesis_json.h"

const char *const fuzz_corpus = "get_records";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_batch *batch = kh_batch_new();
    struct kh_get_records answer;
    struct kh_err err;

    kh_assert(kh_buf_append(&batch->body, bytes, n) == KH_OK);
    if (kh_kinesis_get_records(batch, &answer, &err) == KH_OK) {
        kh_assert(answer.has_next == (answer.next_iterator.n > 0));
        for (size_t i = 0; i < answer.children_n; i++) {
            check_shard(&answer.children[i]);
        }
        check_process_records(batch);
    }
    kh_batch_free(batch);
    return 0;
}
