#include "config/take.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "config/value.h"

void kh_take_refuse(const struct kh_take *take, const struct kh_setting_row *row,
                    const struct kh_given *given)
{
    char allowed[KH_PROBLEM_ALLOWED_MAX + 1];
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    kh_problem_quote(quoted, given->value);
    kh_problem_add(take->problems, KH_PROBLEM_ERROR, given->place,
                   "%.*s = %s cannot be used; allowed: %s", KH_STR_ARG(given->key),
                   given->secret || kh_setting_is_secret(row) ? "(hidden)" : quoted,
                   kh_setting_allowed(row, allowed));
}

static bool is_limited(enum kh_setting_type type)
{
    return type == KH_SETTING_TYPE_COUNT || type == KH_SETTING_TYPE_MILLIS ||
           type == KH_SETTING_TYPE_SECONDS;
}

bool kh_take_is_text(enum kh_setting_type type)
{
    return type == KH_SETTING_TYPE_TEXT || type == KH_SETTING_TYPE_URL;
}

static void set_number(void *member, enum kh_setting_type type, int64_t number)
{
    if (type == KH_SETTING_TYPE_MILLIS || type == KH_SETTING_TYPE_SECONDS ||
        type == KH_SETTING_TYPE_INSTANT || type == KH_SETTING_TYPE_DURATION) {
        *(int64_t *)member = number;
    } else if (type == KH_SETTING_TYPE_COUNT) {
        *(uint32_t *)member = (uint32_t)number;
    } else if (type == KH_SETTING_TYPE_BOOL) {
        *(bool *)member = number != 0;
    } else {
        unsigned choice = (unsigned)number;
        _Static_assert(sizeof(choice) == sizeof(enum kh_start), "enums are as wide as unsigned");
        kh_assert(kh_setting_choices(type) != NULL);
        memcpy(member, &choice, sizeof(choice));
    }
}

static void warn_of_zero(const struct kh_take *take, const struct kh_setting_row *row,
                         const struct kh_given *given)
{
    const bool has_text = row->text[0] != '\0';

    kh_problem_add(take->problems, KH_PROBLEM_WARN, given->place,
                   "%.*s = 0 stands for the default, as in the Java daemon%s%s%s",
                   KH_STR_ARG(given->key), has_text ? ": " : "", row->text,
                   has_text ? " is used" : "");
}

/* A number against its limits; false if it is not to be set. */
static bool limit(const struct kh_take *take, const struct kh_setting_row *row,
                  const struct kh_given *given, int64_t *number)
{
    unsigned rule = row->rule;

    if (*number == 0 && (rule & KH_SETTING_RULE_ZERO_UNSET) != 0) {
        warn_of_zero(take, row, given);
        return false;
    }
    if (*number < row->low && (rule & KH_SETTING_RULE_RAISE) != 0) {
        kh_problem_add(take->problems, KH_PROBLEM_WARN, given->place,
                       "%.*s = %lld is too low: %lld is used", KH_STR_ARG(given->key),
                       (long long)*number, (long long)row->low);
        *number = row->low;
    }
    if (*number < row->low || *number > row->high) {
        kh_take_refuse(take, row, given);
        return false;
    }
    return true;
}

/* Numbers, instants, booleans and choices are all one number in the end. */
static bool parse_number(enum kh_setting_type type, struct kh_str text, int64_t *number)
{
    const char *const *choices = kh_setting_choices(type);
    bool understood;

    if (choices != NULL) {
        unsigned choice = 0;
        understood = kh_value_choice(text, choices, &choice);
        *number = choice;
    } else if (type == KH_SETTING_TYPE_BOOL) {
        bool truth = false;
        understood = kh_value_bool(text, &truth);
        *number = truth ? 1 : 0;
    } else if (type == KH_SETTING_TYPE_INSTANT) {
        understood = kh_value_instant(text, number);
    } else if (type == KH_SETTING_TYPE_DURATION) {
        understood = kh_value_duration(text, number);
    } else {
        understood = kh_value_number(text, number);
    }
    return understood;
}

static void warn_of_milliseconds(const struct kh_take *take, const struct kh_given *given)
{
    int64_t number;

    if (kh_value_number(given->value, &number) && number >= KH_VALUE_MILLIS_FROM) {
        kh_problem_add(
            take->problems, KH_PROBLEM_WARN, given->place,
            "%.*s = %lld is taken as milliseconds: as seconds it would be after the year "
            "5000",
            KH_STR_ARG(given->key), (long long)number);
    }
}

/* False if the number is not to be set. */
static bool take_number(const struct kh_take *take, const struct kh_setting_row *row,
                        const struct kh_given *given, int64_t *number)
{
    if (!parse_number(row->type, given->value, number)) {
        kh_take_refuse(take, row, given);
        return false;
    }
    if (row->type == KH_SETTING_TYPE_INSTANT) {
        warn_of_milliseconds(take, given);
    }
    return !is_limited(row->type) || limit(take, row, given, number);
}

static bool take_decimal(const struct kh_take *take, const struct kh_setting_row *row,
                         const struct kh_given *given, double *member)
{
    double number;

    if (!kh_value_decimal(given->value, &number) || number < (double)row->low ||
        number > (double)row->high) {
        kh_take_refuse(take, row, given);
        return false;
    }
    if (number == 0 && (row->rule & KH_SETTING_RULE_ZERO_UNSET) != 0) {
        warn_of_zero(take, row, given);
        return false;
    }
    *member = number;
    return true;
}

static bool take_url(const struct kh_take *take, const struct kh_setting_row *row,
                     const struct kh_given *given, void *member)
{
    struct kh_str url;
    bool has_scheme;

    if (!kh_value_url(given->value, &url, &has_scheme) || url.n > (size_t)row->high) {
        kh_take_refuse(take, row, given);
        return false;
    }
    if (has_scheme) {
        kh_value_set_text(member, url);
        return true;
    }
    struct kh_buf whole;
    kh_buf_init(&whole, (size_t)row->high + sizeof("https://"));
    enum kh_rc rc = kh_buf_appendf(&whole, "https://%.*s", KH_STR_ARG(url));
    kh_assert(rc == KH_OK);
    kh_problem_add(take->problems, KH_PROBLEM_WARN, given->place,
                   "%.*s has no scheme: https is used, write http:// if that is meant",
                   KH_STR_ARG(given->key));
    kh_value_set_text(member, kh_buf_str(&whole));
    kh_buf_fini(&whole);
    return true;
}

/* Put the value where it belongs; false if it cannot be used, or means the default. */
static bool take_given(const struct kh_take *take, const struct kh_setting_row *row,
                       const struct kh_given *given)
{
    void *member = (char *)take->settings + row->at;
    int64_t number;

    if (row->type == KH_SETTING_TYPE_URL) {
        return take_url(take, row, given, member);
    }
    if (row->type == KH_SETTING_TYPE_DECIMAL) {
        return take_decimal(take, row, given, member);
    }
    if (row->type != KH_SETTING_TYPE_TEXT) {
        if (!take_number(take, row, given, &number)) {
            return false;
        }
        set_number(member, row->type, number);
        return true;
    }
    if (given->value.n > (size_t)row->high || kh_str_find(given->value, '\0') != given->value.n) {
        kh_take_refuse(take, row, given);
        return false;
    }
    kh_value_set_text(member, given->value);
    return true;
}

static bool *is_set(struct kh_settings *settings, const struct kh_setting_row *row)
{
    return (bool *)((char *)settings + row->is_set_at);
}

struct kh_place *kh_take_place(struct kh_settings *settings, const struct kh_setting_row *row)
{
    return (struct kh_place *)(void *)((char *)settings + row->place_at);
}

void kh_take_default(struct kh_settings *settings, const struct kh_setting_row *row)
{
    void *member = (char *)settings + row->at;
    int64_t number = 0;
    bool understood = true;

    if (kh_take_is_text(row->type)) {
        kh_value_set_text(member, kh_str(row->text));
    } else if (row->type == KH_SETTING_TYPE_DECIMAL) {
        *(double *)member = 0;
        understood = row->text[0] == '\0' || kh_value_decimal(kh_str(row->text), member);
    } else {
        understood = row->text[0] == '\0' || parse_number(row->type, kh_str(row->text), &number);
        set_number(member, row->type, number);
    }
    kh_assert(understood);
    *is_set(settings, row) = false;
    *kh_take_place(settings, row) = (struct kh_place){.origin = KH_ORIGIN_DEFAULT};
}

void kh_take_value(const struct kh_take *take, const struct kh_setting_row *row,
                   const struct kh_given *given)
{
    kh_take_default(take->settings, row);
    if (given->trimmed && !is_limited(row->type)) {
        kh_problem_add(take->problems, KH_PROBLEM_WARN, given->place,
                       "%.*s: the blanks at the end of the value are dropped",
                       KH_STR_ARG(given->key));
    }
    if (kh_str_trim(given->value).n == 0) {
        const bool is_meant = given->place.origin == KH_ORIGIN_OPTION; /* --set KEY= */
        if (is_meant) {
            return;
        }
        if (row->type != KH_SETTING_TYPE_TEXT || row->text[0] != '\0') {
            kh_problem_add(take->problems, KH_PROBLEM_WARN, given->place,
                           "%.*s has no value: it counts as not given", KH_STR_ARG(given->key));
        }
        return;
    }
    if (take_given(take, row, given)) {
        *is_set(take->settings, row) = true;
        *kh_take_place(take->settings, row) = given->place;
    }
}
