/* rand: dice that fall the same way for the same seed.
 *
 * Shape   xoshiro256** seeded by splitmix64; a plain value, so that it can live inside a core
 *         machine.
 * Units   none.
 * Errors  none.
 * Memory  allocates nothing.
 * Truth   the published reference vectors of both generators (tests/unit/test_rand.c). Not for
 *         secrets: those come from io/entropy.c.
 */
#ifndef KH_BASE_RAND_H
#define KH_BASE_RAND_H

#include <stdbool.h>
#include <stdint.h>

struct kh_rand {
    uint64_t s[4];
};

void kh_rand_init(struct kh_rand *rand, uint64_t seed);
uint64_t kh_rand_u64(struct kh_rand *rand);

/* Uniform in [0, bound); bound > 0. */
uint64_t kh_rand_below(struct kh_rand *rand, uint64_t bound);

/* Uniform in [low, high]. */
int64_t kh_rand_between(struct kh_rand *rand, int64_t low, int64_t high);

/* True with probability per_mille / 1000. */
bool kh_rand_chance(struct kh_rand *rand, unsigned per_mille);

#endif
