#include "base/rand.h"

#include <stddef.h>

#include "base/assert.h"

static uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void kh_rand_init(struct kh_rand *rand, uint64_t seed)
{
    for (size_t i = 0; i < sizeof(rand->s) / sizeof(rand->s[0]); i++) {
        rand->s[i] = splitmix64(&seed);
    }
}

uint64_t kh_rand_u64(struct kh_rand *rand)
{
    uint64_t *s = rand->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t kh_rand_below(struct kh_rand *rand, uint64_t bound)
{
    kh_assert(bound > 0);
    /* The upper half of the product. Not exactly even, but no throw is repeated, so each call takes
     * one step; for bounds below 2^32 the unevenness is below 2^-32. */
    return (uint64_t)((unsigned __int128)kh_rand_u64(rand) * bound >> 64);
}

int64_t kh_rand_between(struct kh_rand *rand, int64_t low, int64_t high)
{
    uint64_t span;

    kh_assert(low <= high);
    span = (uint64_t)high - (uint64_t)low;
    if (span == UINT64_MAX) {
        return (int64_t)kh_rand_u64(rand);
    }
    return (int64_t)((uint64_t)low + kh_rand_below(rand, span + 1));
}

bool kh_rand_chance(struct kh_rand *rand, unsigned per_mille)
{
    kh_assert(per_mille <= 1000);
    return kh_rand_below(rand, 1000) < per_mille;
}
