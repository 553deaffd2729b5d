#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/stderr.h"

#define FIRST_CAPACITY 8

/* The one way out when memory is gone. It formats nothing: that could need memory. _exit, because
 * what atexit would run may need some as well. */
static void out_of_memory(void) __attribute__((noreturn, cold));

static void out_of_memory(void)
{
    (void)kh_stderr_write(&KH_STR("error memory.out\n"), 1);
    _exit(EX_OSERR);
}

void kh_mem_give_back_large(void)
{
    /* Setting them is also what keeps glibc from moving them; it may refuse, then all is as
     * before. */
    (void)mallopt(M_MMAP_THRESHOLD, KH_MEM_LARGE_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KH_MEM_LARGE_BYTES);
}

/* At least one byte: asked for none, the C library may answer NULL, or free what it should grow. */
static size_t bytes_of(size_t items, size_t item_bytes)
{
    size_t bytes;

    kh_assert(item_bytes > 0);
    if (__builtin_mul_overflow(items, item_bytes, &bytes)) {
        out_of_memory();
    }
    return bytes > 0 ? bytes : 1;
}

void *kh_mem_new(size_t items, size_t item_bytes)
{
    void *p = calloc(1, bytes_of(items, item_bytes));

    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

void *kh_mem_resize(void *old, size_t items, size_t item_bytes)
{
    void *p = realloc(old, bytes_of(items, item_bytes));

    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

char *kh_mem_copy(const char *bytes, size_t n)
{
    char *p;

    if (n == SIZE_MAX) {
        out_of_memory();
    }
    p = kh_mem_new(n + 1, 1);
    if (n > 0) {
        memcpy(p, bytes, n);
    }
    return p;
}

void kh_mem_free(void *p)
{
    free(p);
}

size_t kh_mem_grown(size_t capacity, size_t need)
{
    if (need <= capacity) {
        return capacity;
    }
    if (capacity < FIRST_CAPACITY / 2) {
        capacity = FIRST_CAPACITY / 2;
    }
    if (capacity > SIZE_MAX / 2 || need > 2 * capacity) {
        return need > FIRST_CAPACITY ? need : FIRST_CAPACITY;
    }
    return 2 * capacity;
}
