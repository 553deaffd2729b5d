/* log: one line, one event: level, a stable event name, and fields.
 *
 * Shape   kh_log(KH_LOG_INFO, "lease.lost", kh_f("shard", id), kh_fu("counter", 12)) gives
 *         `info lease.lost shard=… counter=12`; where lines go is the sink's business.
 * Units   none.
 * Errors  a sink that cannot write drops the line and counts it (kh_log_dropped).
 * Memory  borrows everything until it returns; formats into a bounded line (KH_LOG_LINE_MAX), cut
 *         if longer.
 * Truth   own design: error = a person must act, warn = we cope but should not have to, info = a
 *         state changed (bounded per shard and minute), debug = per request. Never record data,
 *         never keys.
 */
#ifndef KH_BASE_LOG_H
#define KH_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum kh_log_level { KH_LOG_ERROR, KH_LOG_WARN, KH_LOG_INFO, KH_LOG_DEBUG };

enum kh_field_type { KH_FIELD_END, KH_FIELD_STR, KH_FIELD_I64, KH_FIELD_U64 };

struct kh_field {
    enum kh_field_type type;
    const char *name;
    struct kh_str str;
    int64_t i64;
    uint64_t u64;
};

#define KH_LOG_LINE_MAX 4096

struct kh_field kh_f(const char *name, const char *terminated);
struct kh_field kh_fs(const char *name, struct kh_str str);
struct kh_field kh_fi(const char *name, int64_t value);
struct kh_field kh_fu(const char *name, uint64_t value);

#define kh_log(level, event, ...) \
    kh_log_fields((level), (event), (const struct kh_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

void kh_log_fields(enum kh_log_level level, const char *event, const struct kh_field *fields);

bool kh_log_wants(enum kh_log_level level);
void kh_log_set_level(enum kh_log_level level);

/* Where events go. The default formats `level event key=value…` to stderr with one write(2). Values
 * are quoted (with JSON's escapes) when they are empty or hold a blank, '"', '=', a control or a
 * non-ASCII byte; the latter stay as they are, being UTF-8 as a rule. */
typedef void kh_log_sink(void *arg, enum kh_log_level level, const char *event,
                         const struct kh_field *fields);
void kh_log_set_sink(kh_log_sink *sink, void *arg); /* NULL: the default */

/* The default's text form, without line end; returns the length. For sinks and tests. */
size_t kh_log_format(char *line, size_t line_bytes, enum kh_log_level level, const char *event,
                     const struct kh_field *fields);

const char *kh_log_level_name(enum kh_log_level level);
uint64_t kh_log_dropped(void);

#endif
