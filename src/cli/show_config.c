#include "cli/show_config.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/buf.h"
#include "cli/exit.h"
#include "config/show.h"
#include "wire/json.h"

#define OUTPUT_BYTES_MAX ((size_t)16 << 20)
#define ORIGIN_BYTES_MAX 300

static const char *origin_name(enum kh_origin origin)
{
    switch (origin) {
    case KH_ORIGIN_KEY:
        return "key";
    case KH_ORIGIN_FILE:
        return "file";
    case KH_ORIGIN_ENVIRONMENT:
        return "environment";
    case KH_ORIGIN_OPTION:
        return "option";
    case KH_ORIGIN_DEFAULT:
        break;
    }
    return "default";
}

static const char *level_name(enum kh_problem_level level)
{
    switch (level) {
    case KH_PROBLEM_DEBUG:
        return "debug";
    case KH_PROBLEM_WARN:
        return "warning";
    case KH_PROBLEM_ERROR:
        return "error";
    case KH_PROBLEM_NOTICE:
        break;
    }
    return "notice";
}

/* "line 3", "KCL_STREAM_NAME", "--set", "from streamArn", "default". */
static const char *origin_text(const struct kh_place *place, char room[ORIGIN_BYTES_MAX])
{
    switch (place->origin) {
    case KH_ORIGIN_FILE:
        (void)snprintf(room, ORIGIN_BYTES_MAX, "line %u", place->line);
        return room;
    case KH_ORIGIN_ENVIRONMENT:
        (void)snprintf(room, ORIGIN_BYTES_MAX, "%.*s", KH_STR_ARG(place->name));
        return room;
    case KH_ORIGIN_KEY:
        (void)snprintf(room, ORIGIN_BYTES_MAX, "from %.*s", KH_STR_ARG(place->name));
        return room;
    case KH_ORIGIN_OPTION:
        return "--set";
    case KH_ORIGIN_DEFAULT:
        break;
    }
    return "default";
}

static int origin_width(const struct kh_settings *settings)
{
    char room[ORIGIN_BYTES_MAX];
    int widest = 0;

    for (size_t i = 0; i < kh_settings_help_n(); i++) {
        const size_t n = kh_str(origin_text(kh_show_place(settings, i), room)).n;
        widest = (int)n > widest ? (int)n : widest;
    }
    return widest;
}

static void print_text(const struct kh_settings *settings, const struct kh_problems *problems)
{
    const int width = origin_width(settings);
    struct kh_buf value;
    char room[ORIGIN_BYTES_MAX];

    kh_buf_init(&value, KH_SHOW_BYTES_MAX);
    for (size_t i = 0; i < kh_settings_help_n(); i++) {
        kh_buf_reset(&value);
        kh_show_value(settings, i, &value);
        printf("%-*s  %s =%s%.*s\n", width, origin_text(kh_show_place(settings, i), room),
               kh_show_key(i), value.n > 0 ? " " : "", KH_STR_ARG(kh_buf_str(&value)));
    }
    for (size_t i = 0; i < problems->n; i++) {
        printf("# %s: %s\n", level_name(problems->items[i].level), problems->items[i].text);
    }
    kh_buf_fini(&value);
}

static void put_setting(struct kh_json_writer *out, const struct kh_settings *settings, size_t i)
{
    const struct kh_place *place = kh_show_place(settings, i);
    struct kh_buf value;

    kh_buf_init(&value, KH_SHOW_BYTES_MAX);
    kh_show_value(settings, i, &value);
    kh_json_open_object(out);
    kh_json_key(out, "key");
    kh_json_put_str(out, kh_str(kh_show_key(i)));
    kh_json_key(out, "value");
    kh_json_put_str(out, kh_buf_str(&value));
    kh_json_key(out, "origin");
    kh_json_put_str(out, kh_str(origin_name(place->origin)));
    if (place->origin == KH_ORIGIN_FILE) {
        kh_json_key(out, "line");
        kh_json_put_u64(out, place->line);
    } else if (place->name.n > 0) {
        kh_json_key(out, "name");
        kh_json_put_str(out, place->name);
    }
    kh_json_close_object(out);
    kh_buf_fini(&value);
}

static void print_json(const struct kh_settings *settings, const struct kh_problems *problems)
{
    struct kh_buf text;
    struct kh_json_writer out;

    kh_buf_init(&text, OUTPUT_BYTES_MAX);
    kh_json_begin(&out, &text);
    kh_json_open_object(&out);
    kh_json_key(&out, "file");
    kh_json_put_str(&out, kh_str(problems->file));
    kh_json_key(&out, "settings");
    kh_json_open_array(&out);
    for (size_t i = 0; i < kh_settings_help_n(); i++) {
        put_setting(&out, settings, i);
    }
    kh_json_close_array(&out);
    kh_json_key(&out, "notes");
    kh_json_open_array(&out);
    for (size_t i = 0; i < problems->n; i++) {
        kh_json_open_object(&out);
        kh_json_key(&out, "level");
        kh_json_put_str(&out, kh_str(level_name(problems->items[i].level)));
        kh_json_key(&out, "text");
        kh_json_put_str(&out, kh_str(problems->items[i].text));
        kh_json_close_object(&out);
    }
    kh_json_close_array(&out);
    kh_json_close_object(&out);
    const enum kh_rc rc = kh_json_end(&out);
    kh_assert(rc == KH_OK); /* far more room than all keys can fill */
    printf("%.*s\n", KH_STR_ARG(kh_buf_str(&text)));
    kh_buf_fini(&text);
}

int kh_show_config(const struct kh_settings *settings, const struct kh_problems *problems,
                   bool json)
{
    if (json) {
        print_json(settings, problems);
    } else {
        print_text(settings, problems);
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? KH_EXIT_OK : KH_EXIT_OSERR;
}
