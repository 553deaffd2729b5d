/* program: whether the record processor's program can be run at all, before anything is started.
 *
 * Shape   one question, asked once at start.
 * Units   none.
 * Errors  NOTFOUND, DENIED: a sentence that names the program, where it was looked for, and what to
 *         do.
 * Memory  none kept.
 * Truth   execvp's search: no slash, along PATH; with a slash, from the working directory.
 */
#ifndef KH_HOST_PROGRAM_H
#define KH_HOST_PROGRAM_H

#include "base/err.h"

enum kh_rc kh_program_check(const char *program, struct kh_err *err) KH_MUST_USE;

#endif
