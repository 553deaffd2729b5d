#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

#define CHUNK_BYTES_MIN ((size_t)4096)
#define CHUNK_BYTES_MAX ((size_t)256 * 1024)

struct kh_arena_chunk {
    struct kh_arena_chunk *older; /* owned, or NULL */
    size_t room_bytes;
    alignas(max_align_t) char room[];
};

/* Chunks grow with the arena, so that a small one stays small and a large one has few chunks. */
static size_t next_room(const struct kh_arena *arena)
{
    size_t bytes = arena->total_bytes;

    if (bytes < CHUNK_BYTES_MIN) {
        return CHUNK_BYTES_MIN;
    }
    return bytes < CHUNK_BYTES_MAX ? bytes : CHUNK_BYTES_MAX;
}

static struct kh_arena_chunk *new_chunk(struct kh_arena *arena, size_t room_bytes)
{
    /* All zero, and no piece is ever given out twice: that is why pieces are zero. */
    struct kh_arena_chunk *chunk = kh_mem_new(1, sizeof(*chunk) + room_bytes);

    chunk->room_bytes = room_bytes;
    arena->total_bytes += room_bytes;
    return chunk;
}

void kh_arena_init(struct kh_arena *arena)
{
    *arena = (struct kh_arena){0};
}

void kh_arena_fini(struct kh_arena *arena)
{
    struct kh_arena_chunk *chunk = arena->newest;

    while (chunk != NULL) {
        struct kh_arena_chunk *older = chunk->older;

        kh_mem_free(chunk);
        chunk = older;
    }
    kh_arena_init(arena);
}

void *kh_arena_new(struct kh_arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    struct kh_arena_chunk *newest = arena->newest;
    size_t need;
    void *piece;

    kh_assert(bytes <= SIZE_MAX / 2);
    need = (bytes + align - 1) / align * align;
    if (newest == NULL || need > newest->room_bytes - arena->used_bytes) {
        size_t room = next_room(arena);

        if (newest != NULL && need > room / 4) {
            /* Large: a chunk of its own behind the newest, whose rest stays in use. */
            struct kh_arena_chunk *own = new_chunk(arena, need);

            own->older = newest->older;
            newest->older = own;
            return own->room;
        }
        newest = new_chunk(arena, need > room ? need : room);
        newest->older = arena->newest;
        arena->newest = newest;
        arena->used_bytes = 0;
    }
    piece = newest->room + arena->used_bytes;
    arena->used_bytes += need;
    return piece;
}

struct kh_str kh_arena_copy(struct kh_arena *arena, struct kh_str s)
{
    char *copy = kh_arena_new(arena, s.n + 1);

    if (s.n > 0) {
        memcpy(copy, s.p, s.n);
    }
    return kh_str_of(copy, s.n);
}
