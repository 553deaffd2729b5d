/* clock: the only place that reads a clock.
 *
 * Shape   two functions without state.
 * Units   milliseconds: since boot (goes on while the machine sleeps), or since 1970 (may jump).
 * Errors  none: both clocks exist on every kernel this program runs on (asserted).
 * Memory  none.
 * Truth   Linux clock_gettime(2), CLOCK_BOOTTIME and CLOCK_REALTIME.
 */
#ifndef KH_IO_CLOCK_H
#define KH_IO_CLOCK_H

#include <stdint.h>

#include "base/time.h"

/* For deadlines, pauses and latencies. */
kh_ms kh_clock_boot_ms(void);

/* For what others see: signatures, timestamps in requests and logs. Never for deadlines. */
int64_t kh_clock_wall_ms(void);

#endif
