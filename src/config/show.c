#include "config/show.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "config/table.h"
#include "config/take.h"

static void put(struct kh_buf *text, struct kh_str part)
{
    const enum kh_rc rc = kh_buf_append_str(text, part);

    kh_assert(rc == KH_OK);
}

static void put_number(struct kh_buf *text, int64_t number)
{
    const enum kh_rc rc = kh_buf_appendf(text, "%" PRId64, number);

    kh_assert(rc == KH_OK);
}

/* "A|role|x=y, B" as "A|..., B". */
static void put_providers(struct kh_buf *text, struct kh_str providers)
{
    struct kh_str rest = providers;
    bool more = providers.n > 0;

    while (more) {
        struct kh_str provider;
        struct kh_str name;
        struct kh_str parameters;

        more = kh_str_cut(rest, ',', &provider, &rest);
        put(text, kh_str_cut(provider, '|', &name, &parameters) ? name : provider);
        put(text, name.n < provider.n ? KH_STR("|...") : KH_STR(""));
        put(text, more ? KH_STR(",") : KH_STR(""));
    }
}

/* "redis://user:word@host" as "redis://...@host". */
static void put_without_user(struct kh_buf *text, struct kh_str value)
{
    size_t from = 0; /* behind "//" */
    size_t at;

    while (from < value.n && (from < 2 || value.p[from - 1] != '/' || value.p[from - 2] != '/')) {
        from++;
    }
    at = from;
    for (size_t i = from; i < value.n && value.p[i] != '/'; i++) {
        at = value.p[i] == '@' ? i : at;
    }
    put(text, kh_str_of(value.p, from));
    put(text, at > from ? KH_STR("...") : KH_STR(""));
    put(text, kh_str_of(value.p + at, value.n - at));
}

static void put_choice(struct kh_buf *text, enum kh_setting_type type, const void *member)
{
    const char *const *choices = kh_setting_choices(type);
    unsigned choice = 0;
    unsigned n = 0;

    kh_assert(choices != NULL);
    memcpy(&choice, member, sizeof(choice));
    while (choices[n] != NULL) {
        n++;
    }
    /* The one that no key can name: it follows from initialPositionInStreamExtended. */
    put(text, choice < n ? kh_str(choices[choice]) : KH_STR("AT_TIMESTAMP"));
}

/* Whole seconds as a number; a time span without its days and hours, which it may have had. */
static void put_time(struct kh_buf *text, enum kh_setting_type type, int64_t ms)
{
    enum kh_rc rc = KH_OK;

    if (type == KH_SETTING_TYPE_DURATION) {
        rc = ms % 1000 == 0
                 ? kh_buf_appendf(text, "PT%" PRId64 "S", ms / 1000)
                 : kh_buf_appendf(text, "PT%" PRId64 ".%03dS", ms / 1000, (int)(ms % 1000));
    } else if (ms % 1000 == 0) {
        put_number(text, ms / 1000);
    } else {
        put_number(text, ms);
    }
    kh_assert(rc == KH_OK);
}

static void put_decimal(struct kh_buf *text, double number)
{
    const enum kh_rc rc = kh_buf_appendf(text, "%.15g", number);

    kh_assert(rc == KH_OK);
}

static void put_text(struct kh_buf *text, const struct kh_setting_row *row, struct kh_str value)
{
    if (kh_setting_is_secret(row)) {
        put_providers(text, value);
    } else {
        put_without_user(text, value);
    }
}

const char *kh_show_key(size_t i)
{
    return kh_setting_row((enum kh_setting_id)i)->key;
}

const struct kh_place *kh_show_place(const struct kh_settings *settings, size_t i)
{
    const struct kh_setting_row *row = kh_setting_row((enum kh_setting_id)i);

    return (const struct kh_place *)(const void *)((const char *)settings + row->place_at);
}

/* No limit, no instant: what the default of such a key is. */
static bool has_no_value(const struct kh_settings *settings, size_t i)
{
    const struct kh_setting_row *row = kh_setting_row((enum kh_setting_id)i);

    return kh_show_place(settings, i)->origin == KH_ORIGIN_DEFAULT && row->text[0] == '\0' &&
           !kh_take_is_text(row->type);
}

void kh_show_value(const struct kh_settings *settings, size_t i, struct kh_buf *text)
{
    const struct kh_setting_row *row = kh_setting_row((enum kh_setting_id)i);
    const void *member = (const char *)settings + row->at;

    if (kh_show_place(settings, i)->is_secret) {
        put(text, KH_STR("(hidden)"));
        return;
    }
    if (has_no_value(settings, i)) {
        return;
    }
    switch (row->type) {
    case KH_SETTING_TYPE_TEXT:
    case KH_SETTING_TYPE_URL:
        put_text(text, row, kh_str(*(char *const *)member));
        break;
    case KH_SETTING_TYPE_BOOL:
        put(text, *(const bool *)member ? KH_STR("true") : KH_STR("false"));
        break;
    case KH_SETTING_TYPE_COUNT:
        put_number(text, *(const uint32_t *)member);
        break;
    case KH_SETTING_TYPE_MILLIS:
    case KH_SETTING_TYPE_SECONDS:
        put_number(text, *(const int64_t *)member);
        break;
    case KH_SETTING_TYPE_INSTANT:
    case KH_SETTING_TYPE_DURATION:
        put_time(text, row->type, *(const int64_t *)member);
        break;
    case KH_SETTING_TYPE_DECIMAL:
        put_decimal(text, *(const double *)member);
        break;
    case KH_SETTING_TYPE_VERSION:
    case KH_SETTING_TYPE_START:
    case KH_SETTING_TYPE_RETRIEVAL:
    case KH_SETTING_TYPE_METRICS:
    case KH_SETTING_TYPE_LOG_LEVEL:
    case KH_SETTING_TYPE_LOG_FORMAT:
    case KH_SETTING_TYPE_FAILURE:
    case KH_SETTING_TYPE_SHARD_END:
        put_choice(text, row->type, member);
        break;
    }
}
