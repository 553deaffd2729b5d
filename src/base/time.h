/* time: what an instant and a span are, everywhere.
 *
 * Shape   one signed 64-bit type; *_at_ms is an instant, *_ms a span.
 * Units   milliseconds. Instants are monotonic (CLOCK_BOOTTIME, read in io/clock.c only) unless a
 *         name says wall.
 * Errors  none.
 * Memory  none.
 * Truth   own design.
 */
#ifndef KH_BASE_TIME_H
#define KH_BASE_TIME_H

#include <stdint.h>

typedef int64_t kh_ms;

#define KH_NEVER INT64_MAX

#define KH_SECONDS(n) ((kh_ms)1000 * (n))
#define KH_MINUTES(n) ((kh_ms)60000 * (n))

static inline kh_ms kh_ms_min(kh_ms a, kh_ms b)
{
    return a < b ? a : b;
}

static inline kh_ms kh_ms_max(kh_ms a, kh_ms b)
{
    return a > b ? a : b;
}

#endif
