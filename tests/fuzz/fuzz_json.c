/* A small document; every string in it is written and read again. */
#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "wire/json.h"

#define TEXT_BYTES_MAX ((size_t)64 << 20)

const char *const fuzz_corpus = "json";

static void check_string(const struct kh_json *value)
{
    struct kh_str before;
    struct kh_str after;
    struct kh_json *again = NULL;
    struct kh_buf text;

    if (!kh_json_str(value, &before)) {
        return;
    }
    kh_buf_init(&text, TEXT_BYTES_MAX);
    kh_assert(kh_json_append_ascii(&text, before) == KH_OK);
    kh_assert(kh_json_parse(&again, kh_buf_str(&text), NULL) == KH_OK);
    kh_assert(kh_json_str(again, &after));
    kh_assert(kh_str_eq(before, after));
    kh_json_free(again);
    kh_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_json *root = NULL;
    struct kh_err err;
    int64_t number = 0;

    if (kh_json_parse(&root, kh_str_of((const char *)bytes, n), &err) == KH_OK) {
        check_string(root);
        for (size_t i = 0; i < kh_json_length(root); i++) {
            check_string(kh_json_at(root, i));
            (void)!kh_json_i64(kh_json_at(root, i), &number);
        }
        for (struct kh_json_member m = {0}; kh_json_next(root, &m);) {
            check_string(m.value);
        }
    }
    kh_json_free(root);
    return 0;
}
