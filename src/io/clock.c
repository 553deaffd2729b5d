#include "io/clock.h"

#include <time.h>

#include "base/assert.h"

static int64_t read_ms(clockid_t id)
{
    struct timespec now = {0};
    int failed = clock_gettime(id, &now);

    kh_assert(failed == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

kh_ms kh_clock_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t kh_clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}
