/* flight_text: one event or one command of the core as one line of text.
 *
 * Shape   the form of the simulator's transcripts and of the flight recorder: readable, and enough
 *         to tell what the core saw and decided. Shard ids are shortened: shardId-000000000003 is
 *         3.
 * Units   as in the records.
 * Errors  none: what does not fit is cut.
 * Memory  writes into the caller's room, always terminated; allocates nothing, so that it works
 *         when all else fails.
 * Truth   own design.
 */
#ifndef KH_OBS_FLIGHT_TEXT_H
#define KH_OBS_FLIGHT_TEXT_H

#include <stddef.h>

#include "core/cmd.h"
#include "core/event.h"

/* Both return the length. text_bytes is at least 1 (asserted). */
size_t kh_flight_text_event(char *text, size_t text_bytes, const struct kh_event *event);
size_t kh_flight_text_cmd(char *text, size_t text_bytes, const struct kh_cmd *cmd);

#endif
