/* flight: the last things the core saw and decided, for the moment after a failed assertion.
 *
 * Shape   one recorder a program: events and commands go in as they happen, a dump writes them
 *         oldest first. A line is "[SECONDS.MILLIS] < event" or "[SECONDS.MILLIS] > command".
 * Units   now_ms as the core got it.
 * Errors  none: a dump that cannot be written is not written.
 * Memory  static, KH_FLIGHT_LINES lines of KH_FLIGHT_LINE_MAX bytes; nothing is allocated, ever.
 * Truth   own design; the lines are those of the simulator's transcripts (obs/flight_text.h).
 */
#ifndef KH_OBS_FLIGHT_H
#define KH_OBS_FLIGHT_H

#include "base/time.h"
#include "core/cmd.h"
#include "core/event.h"

#define KH_FLIGHT_LINES    256
#define KH_FLIGHT_LINE_MAX 399

void kh_flight_event(const struct kh_event *event, kh_ms now_ms);
void kh_flight_cmds(const struct kh_cmds *cmds, kh_ms now_ms);

/* To stderr. Uses poll(2) and write(2) alone: may be called in the middle of anything. */
void kh_flight_dump(void);

#endif
