#include "io/entropy.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/assert.h"

#define UUID_BYTES 16

/* Up to 256 bytes come whole and are not interrupted by signals, says getrandom(2). */
static void fill(void *bytes, size_t n)
{
    ssize_t got = getrandom(bytes, n, 0);

    kh_assert(n <= 256);
    kh_assert(got == (ssize_t)n);
}

uint64_t kh_entropy_seed(void)
{
    uint64_t seed = 0;

    fill(&seed, sizeof(seed));
    return seed;
}

void kh_entropy_uuid(char text[KH_UUID_TEXT_BYTES])
{
    unsigned char u[UUID_BYTES];
    int n;

    fill(u, sizeof(u));
    u[6] = (unsigned char)((u[6] & 0x0f) | 0x40); /* version 4 */
    u[8] = (unsigned char)((u[8] & 0x3f) | 0x80); /* the RFC's variant */
    n = snprintf(text, KH_UUID_TEXT_BYTES,
                 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
                 u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
                 u[15]);
    kh_assert(n == KH_UUID_TEXT_BYTES - 1);
}
