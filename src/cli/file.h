/* file: a whole file in memory, for what the command line names besides the properties.
 *
 * Shape   one function.
 * Units   bytes.
 * Errors  NOTFOUND, DENIED: it cannot be had; INVALID: it is a directory, or cannot be read;
 *         TOOBIG. The text names the file.
 * Memory  fills the caller's buffer, which may hold a part of the file after a failure.
 * Truth   own design.
 */
#ifndef KH_CLI_FILE_H
#define KH_CLI_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* The maximum is the buffer's. */
enum kh_rc kh_file_read(const char *path, struct kh_buf *text, struct kh_err *err) KH_MUST_USE;

#endif
