/* A ListShards answer, as Kinesis gives it or as somebody saved it. */
#include "base/assert.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/fuzz.h"
#include "wire/kinesis_json.h"

#define TOKEN_BYTES_MAX ((size_t)1 << 20)

const char *const fuzz_corpus = "list_shards";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_shard_list list;
    struct kh_buf token;
    struct kh_err err;

    kh_shard_list_init(&list);
    kh_buf_init(&token, TOKEN_BYTES_MAX);
    if (kh_kinesis_list_shards(kh_str_of((const char *)bytes, n), &list, &token, &err) == KH_OK) {
        for (size_t i = 0; i < list.n; i++) {
            check_shard(&list.items[i]);
        }
    }
    kh_buf_fini(&token);
    kh_shard_list_fini(&list);
    return 0;
}
