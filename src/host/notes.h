/* notes: the core's notes as log lines.
 *
 * Shape   one function; levels stand in notes.def.
 * Units   none.
 * Errors  none.
 * Memory  borrows the command.
 * Truth   own design.
 */
#ifndef KH_HOST_NOTES_H
#define KH_HOST_NOTES_H

#include "core/cmd.h"

void kh_notes_log(const struct kh_cmd *cmd);

#endif
