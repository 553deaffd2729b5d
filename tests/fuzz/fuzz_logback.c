/* A logback.xml, or what a user takes for one. */
#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "wire/logback.h"

const char *const fuzz_corpus = "logback";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    enum kh_log_level level = KH_LOG_INFO;

    if (kh_logback_root(kh_str_of((const char *)bytes, n), &level)) {
        kh_assert(level <= KH_LOG_DEBUG);
    }
    return 0;
}
