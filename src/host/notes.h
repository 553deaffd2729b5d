/* notes: the core's notes as log lines and counters.
 *
 * Shape   levels stand in notes.def; what stands there is counted, too, since the program began.
 * Units   none.
 * Errors  none.
 * Memory  borrows the command.
 * Truth   own design.
 */
#ifndef KH_HOST_NOTES_H
#define KH_HOST_NOTES_H

#include "core/cmd.h"

void kh_notes_log(const struct kh_cmd *cmd);

/* All counters that are not 0, in one line. */
void kh_notes_log_counts(void);

#endif
