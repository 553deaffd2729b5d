/* A .properties file, whatever its encoding, and variables in its values. */
#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "wire/expand.h"
#include "wire/properties.h"
#include "wire/utf8.h"

const char *const fuzz_corpus = "properties";

static const char *const environment[] = {"A=1", "AB=${A}", "EMPTY=", NULL};

static void expand(struct kh_str value, struct kh_arena *arena)
{
    struct kh_expanded expanded;
    struct kh_err err;

    if (kh_expand(&expanded, value, environment, arena, &err) == KH_OK) {
        kh_assert(kh_utf8_valid(expanded.text));
        kh_assert(expanded.text.n <= KH_EXPAND_BYTES_MAX || expanded.text.p == value.p);
    }
}

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
            expand(properties.items[i].value, &arena);
        }
    }
    kh_arena_fini(&arena);
    return 0;
}
