/* log_json: log events as JSON objects, one a line, on stderr.
 *
 * Shape   a sink for kh_log_set_sink:
 *         {"time_ms":…,"level":"info","event":"lease.lost","shard":"…","counter":12}.
 * Units   time_ms is milliseconds since 1970.
 * Errors  a line that cannot be written, or is over KH_LOG_JSON_LINE_MAX, is dropped.
 * Memory  one buffer, kept between lines.
 * Truth   RFC 8259; bytes that are not UTF-8 become U+FFFD.
 */
#ifndef KH_OBS_LOG_JSON_H
#define KH_OBS_LOG_JSON_H

#include "base/buf.h"
#include "base/log.h"

#define KH_LOG_JSON_LINE_MAX ((size_t)64 << 10)

/* arg is not used. */
void kh_log_json(void *arg, enum kh_log_level level, const char *event,
                 const struct kh_field *fields);

/* The line without line end, appended to line. */
enum kh_rc kh_log_json_format(struct kh_buf *line, int64_t wall_ms, enum kh_log_level level,
                              const char *event, const struct kh_field *fields) KH_MUST_USE;

#endif
