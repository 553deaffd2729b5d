/* A .properties file, whatever its encoding. */
#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "wire/properties.h"
#include "wire/utf8.h"

const char *const fuzz_corpus = "properties";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_arena arena;
    struct kh_properties properties;
    struct kh_err err;
    unsigned line = 0;

    kh_arena_init(&arena);
    if (kh_properties_parse(&properties, kh_str_of((const char *)bytes, n), &arena, &err) ==
        KH_OK) {
        for (size_t i = 0; i < properties.n; i++) {
            kh_assert(kh_utf8_valid(properties.items[i].key));
            kh_assert(kh_utf8_valid(properties.items[i].value));
            kh_assert(properties.items[i].line > line);
            line = properties.items[i].line;
        }
    }
    kh_arena_fini(&arena);
    return 0;
}
