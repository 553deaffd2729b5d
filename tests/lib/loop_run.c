#include "tests/lib/loop_run.h"

#include <check.h>

#include "io/clock.h"

static void give_up(void *arg)
{
    (void)arg;
    ck_abort_msg("nothing stopped the loop in time");
}

void loop_run(struct kh_loop *loop, kh_ms limit_ms)
{
    struct kh_watch *limit = kh_loop_timer(loop, give_up, NULL);

    kh_watch_at(limit, kh_clock_boot_ms() + limit_ms);
    kh_loop_run(loop);
    kh_watch_free(limit);
}
