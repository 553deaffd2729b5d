/* A child's line, and the answer to it. */
#include "base/assert.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/fuzz.h"
#include "wire/multilang.h"

#define ACK_BYTES_MAX ((size_t)64 << 20)

const char *const fuzz_corpus = "multilang";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_arena scratch;
    struct kh_line judged;
    struct kh_buf ack;

    kh_arena_init(&scratch);
    kh_buf_init(&ack, ACK_BYTES_MAX);
    kh_multilang_judge(kh_str_of((const char *)bytes, n), &scratch, &judged);
    kh_assert((judged.why != NULL) == (judged.type == KH_LINE_SKIPPED));
    if (judged.type == KH_LINE_CHECKPOINT) {
        kh_assert(kh_multilang_ack(&ack, &judged.checkpoint, "ShutdownException") == KH_OK);
        check_line(&ack);
    }
    kh_buf_fini(&ack);
    kh_arena_fini(&scratch);
    return 0;
}
