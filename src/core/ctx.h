/* ctx: what all machines of one worker share: its settings, its dice, its counters.
 *
 * Shape   one per worker, made first, outliving every machine that points to it.
 * Units   none.
 * Errors  none.
 * Memory  plain value inside struct kh_worker; machines borrow it.
 * Truth   own design: numbers are handed out here so that no ticket, child or request number comes
 *         twice.
 */
#ifndef KH_CORE_CTX_H
#define KH_CORE_CTX_H

#include "base/rand.h"
#include "core/pace.h"
#include "core/worker.h"

struct kh_ctx {
    struct kh_worker_config config;
    struct kh_rand rand;
    struct kh_pace pace;
    uint64_t ticket; /* last one given out */
    uint64_t op;     /* last request number given out */
    uint32_t child;  /* last child number given out */
};

/* span_ms with up to a quarter taken off, so that many workers do not knock at the same moment. */
static inline kh_ms kh_ctx_jitter(struct kh_ctx *ctx, kh_ms span_ms)
{
    return span_ms < 4 ? span_ms
                       : span_ms - (kh_ms)kh_rand_below(&ctx->rand, (uint64_t)span_ms / 4);
}

/* first_ms doubled n times, never above most_ms. */
static inline kh_ms kh_backoff(kh_ms first_ms, unsigned n, kh_ms most_ms)
{
    kh_ms pause_ms = first_ms;

    for (unsigned i = 0; i < n && pause_ms < most_ms; i++) {
        pause_ms *= 2;
    }
    return kh_ms_min(pause_ms, most_ms);
}

#endif
