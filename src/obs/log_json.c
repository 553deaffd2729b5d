#include "obs/log_json.h"

#include "base/stderr.h"
#include "io/clock.h"
#include "wire/json.h"

static void put_field(struct kh_json_writer *writer, const struct kh_field *field)
{
    kh_json_key(writer, field->name);
    switch (field->type) {
    case KH_FIELD_END:
        break;
    case KH_FIELD_STR:
        kh_json_put_str(writer, field->str);
        break;
    case KH_FIELD_I64:
        kh_json_put_i64(writer, field->i64);
        break;
    case KH_FIELD_U64:
        kh_json_put_u64(writer, field->u64);
        break;
    }
}

enum kh_rc kh_log_json_format(struct kh_buf *line, int64_t wall_ms, enum kh_log_level level,
                              const char *event, const struct kh_field *fields)
{
    struct kh_json_writer writer;

    kh_json_begin(&writer, line);
    kh_json_open_object(&writer);
    kh_json_key(&writer, "time_ms");
    kh_json_put_i64(&writer, wall_ms);
    kh_json_key(&writer, "level");
    kh_json_put_str(&writer, kh_str(kh_log_level_name(level)));
    kh_json_key(&writer, "event");
    kh_json_put_str(&writer, kh_str(event));
    for (const struct kh_field *field = fields; field->type != KH_FIELD_END; field++) {
        put_field(&writer, field);
    }
    kh_json_close_object(&writer);
    return kh_json_end(&writer);
}

void kh_log_json(void *arg, enum kh_log_level level, const char *event,
                 const struct kh_field *fields)
{
    static struct kh_buf line = {.max_bytes = KH_LOG_JSON_LINE_MAX};

    (void)arg;
    kh_buf_reset(&line);
    if (kh_log_json_format(&line, kh_clock_wall_ms(), level, event, fields) != KH_OK ||
        kh_buf_append_char(&line, '\n') != KH_OK) {
        return;
    }
    /* One write, so that lines of several processes on one stderr stay whole. */
    (void)kh_stderr_write(&(struct kh_str){line.p, line.n}, 1);
}
