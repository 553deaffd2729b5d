/* lines: bytes as they come out of a pipe, cut into lines.
 *
 * Shape   add bytes, then ask for lines until there is none; kh_lines_last at the end of the
 *         stream.
 * Units   bytes.
 * Errors  none: a line over line_bytes_max is dropped up to its end and counted.
 * Memory  owns what is not yet a whole line; gives the heap back whenever nothing waits, so that a
 *         thousand idle children cost nothing here. A line is borrowed until the next call.
 * Truth   Java's BufferedReader.readLine, as used by LineReaderTask: \n, \r or \r\n end a line.
 *         Empty lines are passed over, which is also what makes \r\n one end and not two.
 */
#ifndef KH_MULTILANG_LINES_H
#define KH_MULTILANG_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* As many bytes as one kh_lines_add takes. */
#define KH_LINES_ADD_MAX ((size_t)64 << 10)

struct kh_lines {
    struct kh_buf buf;
    size_t line_bytes_max;
    size_t start;   /* before it: handed out already */
    size_t scanned; /* from start up to here there is no line end */
    bool dropping;  /* inside a line that is too long */
    size_t too_long_n;
};

void kh_lines_init(struct kh_lines *lines, size_t line_bytes_max);
void kh_lines_fini(struct kh_lines *lines);

void kh_lines_add(struct kh_lines *lines, const char *bytes, size_t n);

/* The next whole line, without its end; false if there is none yet. */
bool kh_lines_next(struct kh_lines *lines, struct kh_str *line);

/* The stream is over, kh_lines_next has given all it had: what is left without a line end. False if
 * nothing is. */
bool kh_lines_last(struct kh_lines *lines, struct kh_str *line);

#endif
