/* take: one value from wherever it was given into the member it belongs to.
 *
 * Shape   kh_take_value checks a value against its row of settings.def, sets the member and what
 *         stands beside it, and says what is wrong.
 * Units   those of the members.
 * Errors  each finding is a problem; a value that cannot be used leaves the default.
 * Memory  what was given is borrowed until return, but for its place (see problem.h).
 * Truth   MultiLangDaemonConfiguration's conversions; differences as in settings.h.
 */
#ifndef KH_CONFIG_TAKE_H
#define KH_CONFIG_TAKE_H

#include <stdbool.h>

#include "base/str.h"
#include "config/problem.h"
#include "config/settings.h"
#include "config/table.h"

/* A key and a value as they were written. */
struct kh_given {
    struct kh_str key;
    struct kh_str value;
    struct kh_place place;
    bool trimmed; /* blanks at the end of the value were dropped */
    bool secret;  /* the value is not to be shown */
};

struct kh_take {
    struct kh_settings *settings;
    struct kh_problems *problems;
};

/* In the place of what is there; an empty value brings the default back. */
void kh_take_value(const struct kh_take *take, const struct kh_setting_row *row,
                   const struct kh_given *given);

void kh_take_default(struct kh_settings *settings, const struct kh_setting_row *row);

/* The place of a setting's value, in settings. */
struct kh_place *kh_take_place(struct kh_settings *settings, const struct kh_setting_row *row);

/* Say that the value cannot be used, without saying why: what is allowed tells. */
void kh_take_refuse(const struct kh_take *take, const struct kh_setting_row *row,
                    const struct kh_given *given);

bool kh_take_is_text(enum kh_setting_type type);

#endif
