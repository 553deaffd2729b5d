#include "wire/logback.h"

#include <string.h>

static const struct {
    const char *name;
    enum kh_log_level level;
} levels[] = {
    {"ALL", KH_LOG_DEBUG}, {"TRACE", KH_LOG_DEBUG}, {"DEBUG", KH_LOG_DEBUG}, {"INFO", KH_LOG_INFO},
    {"WARN", KH_LOG_WARN}, {"ERROR", KH_LOG_ERROR}, {"OFF", KH_LOG_ERROR},
};

/* What stands behind the next `what`; false: it is not there. */
static bool skip_to(struct kh_str *text, struct kh_str what)
{
    const char *found = text->n > 0 ? memmem(text->p, text->n, what.p, what.n) : NULL;

    if (found == NULL) {
        return false;
    }
    size_t gone = (size_t)(found - text->p) + what.n;
    *text = kh_str_of(text->p + gone, text->n - gone);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The attributes of the first root element outside of comments. */
static bool find_root(struct kh_str text, struct kh_str *attributes)
{
    while (skip_to(&text, KH_STR("<"))) {
        if (kh_str_starts(text, KH_STR("!--"))) {
            if (!skip_to(&text, KH_STR("-->"))) {
                return false;
            }
        } else if (text.n > 4 && kh_str_starts(text, KH_STR("root")) && is_blank(text.p[4])) {
            *attributes = kh_str_of(text.p + 4, kh_str_find(text, '>') - 4);
            return true;
        }
    }
    return false;
}

/* ="value" or ='value', with blanks around the sign if need be. */
static bool take_value(struct kh_str text, struct kh_str *value)
{
    text = kh_str_trim(text);
    if (text.n == 0 || text.p[0] != '=') {
        return false;
    }
    text = kh_str_trim(kh_str_of(text.p + 1, text.n - 1));
    if (text.n < 2 || (text.p[0] != '"' && text.p[0] != '\'')) {
        return false;
    }
    struct kh_str rest = kh_str_of(text.p + 1, text.n - 1);
    *value = kh_str_of(rest.p, kh_str_find(rest, text.p[0]));
    return value->n < rest.n;
}

static bool find_level(struct kh_str attributes, struct kh_str *value)
{
    for (size_t i = 0; i + 1 < attributes.n; i++) {
        struct kh_str rest = kh_str_of(attributes.p + i + 1, attributes.n - i - 1);
        if (is_blank(attributes.p[i]) && kh_str_starts(rest, KH_STR("level")) &&
            take_value(kh_str_of(rest.p + 5, rest.n - 5), value)) {
            return true;
        }
    }
    return false;
}

bool kh_logback_root(struct kh_str text, enum kh_log_level *level)
{
    struct kh_str attributes;
    struct kh_str value;

    if (!find_root(text, &attributes) || !find_level(attributes, &value)) {
        return false;
    }
    value = kh_str_trim(value);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (kh_str_eq_nocase(value, kh_str(levels[i].name))) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}
