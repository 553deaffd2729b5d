/* fuzz: what a fuzz target consists of.
 *
 * Shape   tests/fuzz/fuzz_X.c defines these two. libFuzzer calls the first with what it makes up
 *         (tests/fuzz/run); replay.c calls it with every file below tests/fuzz/corpus/X, in make
 *         check.
 * Units   bytes.
 * Errors  none: a target that finds something stops at kh_assert or at a sanitizer.
 * Memory  bytes are borrowed; a target frees what it makes.
 * Truth   libFuzzer's entry point.
 */
#ifndef KH_TESTS_FUZZ_FUZZ_H
#define KH_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Folder below tests/fuzz/corpus. */
extern const char *const fuzz_corpus;

#endif
