/* arena: many small pieces of memory that are freed together (one batch, one response).
 *
 * Shape   pieces are cut from chunks; there is no freeing of a single piece.
 * Units   bytes; every piece is aligned for any type.
 * Errors  none: see mem.h.
 * Memory  owns all chunks; kh_arena_fini frees them and with them every piece.
 * Truth   own design.
 */
#ifndef KH_BASE_ARENA_H
#define KH_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct kh_arena_chunk;

struct kh_arena {
    struct kh_arena_chunk *newest; /* owned list of chunks, newest first */
    size_t used_bytes;             /* in the newest chunk */
    size_t total_bytes;            /* over all chunks, for accounts of memory */
};

void kh_arena_init(struct kh_arena *arena);
void kh_arena_fini(struct kh_arena *arena);

/* bytes bytes, all zero. */
void *kh_arena_new(struct kh_arena *arena, size_t bytes) __attribute__((returns_nonnull));

/* A terminated copy; the slice returned does not count the terminator. */
struct kh_str kh_arena_copy(struct kh_arena *arena, struct kh_str s);

#endif
