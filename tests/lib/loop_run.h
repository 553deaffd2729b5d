/* loop_run: running the loop in a test, but not for ever.
 *
 * Shape   loop_run returns once something called kh_loop_stop.
 * Units   kh_ms.
 * Errors  the test fails when limit_ms passed first.
 * Memory  none.
 * Truth   own design.
 */
#ifndef KH_TESTS_LIB_LOOP_RUN_H
#define KH_TESTS_LIB_LOOP_RUN_H

#include "base/time.h"
#include "io/loop.h"

void loop_run(struct kh_loop *loop, kh_ms limit_ms);

#endif
