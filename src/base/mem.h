/* mem: memory from the heap, or the end of the process.
 *
 * Shape   thin names over malloc; out of memory goes through one function that never returns.
 * Units   bytes, or items of a size.
 * Errors  none returned: running out, or a product that overflows, ends the process (status 71,
 *         EX_OSERR).
 * Memory  what is returned is the caller's and goes back through kh_mem_free.
 * Truth   own design: limits make it unlikely, and a crashed worker's leases move by design.
 */
#ifndef KH_BASE_MEM_H
#define KH_BASE_MEM_H

#include <stddef.h>

/* What is larger than this goes back to the kernel when it is freed, once
 * kh_mem_give_back_large() was called. */
#define KH_MEM_LARGE_BYTES (128 * 1024)

/* Once, at the start. Left alone, glibc takes the first large batch that is freed as a sign that
 * more will come, and keeps room for it for ever: 27 MB for one of 9 MB. */
void kh_mem_give_back_large(void);

/* items * item_bytes bytes, all zero; never NULL. */
void *kh_mem_new(size_t items, size_t item_bytes) __attribute__((returns_nonnull));

/* Resize an array (old may be NULL); what was there stays, what is new is not cleared. */
void *kh_mem_resize(void *old, size_t items, size_t item_bytes) __attribute__((returns_nonnull));

/* A terminated copy of bytes[0..n). */
char *kh_mem_copy(const char *bytes, size_t n) __attribute__((returns_nonnull));

void kh_mem_free(void *p);

/* The capacity to grow to so that `need` items fit: doubles, from at least 8. */
size_t kh_mem_grown(size_t capacity, size_t need);

#endif
