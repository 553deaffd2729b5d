/* table: settings.def as tables: the settings, every way to spell a key, and what a value may be.
 *
 * Shape   constant data and look-ups in it.
 * Units   none.
 * Errors  none: what is not in the table is NULL.
 * Memory  allocates nothing; everything handed out is constant.
 * Truth   settings.def.
 */
#ifndef KH_CONFIG_TABLE_H
#define KH_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "config/problem.h"

enum kh_setting_type {
    KH_SETTING_TYPE_TEXT,
    KH_SETTING_TYPE_URL,
    KH_SETTING_TYPE_BOOL,
    KH_SETTING_TYPE_COUNT,
    KH_SETTING_TYPE_MILLIS,
    KH_SETTING_TYPE_SECONDS,
    KH_SETTING_TYPE_INSTANT,
    KH_SETTING_TYPE_DURATION,
    KH_SETTING_TYPE_DECIMAL,
    KH_SETTING_TYPE_VERSION,
    KH_SETTING_TYPE_START,
    KH_SETTING_TYPE_RETRIEVAL,
    KH_SETTING_TYPE_METRICS,
    KH_SETTING_TYPE_FAILURE,
    KH_SETTING_TYPE_SHARD_END,
    KH_SETTING_TYPE_LOG_LEVEL,
    KH_SETTING_TYPE_LOG_FORMAT
};

/* What becomes of a number below its low limit; and is there an effect at all? */
enum kh_setting_rule {
    KH_SETTING_RULE_REFUSE = 0,
    KH_SETTING_RULE_ZERO_UNSET =
        1,                     /* 0 keeps the default: that is what it does in the Java daemon */
    KH_SETTING_RULE_RAISE = 2, /* the low limit is taken instead */
    KH_SETTING_RULE_ZERO_UNSET_RAISE = 3, /* 0 the one, other numbers the other */
    KH_SETTING_RULE_LATER = 4,            /* checked, and without effect in this version */
    KH_SETTING_RULE_LATER_ZERO_UNSET = 5
};

enum kh_other_class {
    KH_SETTING_OTHER_NONE,     /* the key is a setting */
    KH_SETTING_OTHER_LATER,    /* a setting that has no effect yet: see the rules */
    KH_SETTING_OTHER_NEEDLESS, /* has no effect, and needs none */
    KH_SETTING_OTHER_WARN      /* has no effect, and somebody may miss it */
};

enum kh_setting_id {
#define KH_SETTING(type, field, key, text, low, high, rule, help) KH_SETTING_ID_##field,
#include "config/settings.def"
    KH_SETTINGS_N, /* how many there are */
    KH_SETTING_ID_NONE = KH_SETTINGS_N
};

struct kh_setting_row {
    enum kh_setting_type type;
    const char *key;
    const char *text; /* the default as the file would say it */
    int64_t low;
    int64_t high;
    enum kh_setting_rule rule;
    const char *help;
    size_t at;        /* offset of the member */
    size_t is_set_at; /* and of its _is_set */
    size_t place_at;  /* and of its _place */
};

/* Every way a key can be written. */
struct kh_setting_spelling {
    const char *key;
    enum kh_setting_id id; /* KH_SETTING_ID_NONE for keys without effect */
    int rank;              /* of two spellings in one file the higher counts */
    enum kh_other_class other;
    const char *note;
};

/* The title above a setting, and what the manual says besides the row; "" if nothing. */
const char *kh_setting_section(enum kh_setting_id id);
const char *kh_setting_more(enum kh_setting_id id);

/* Every spelling in the order of settings.def; i < kh_setting_spellings_n(). */
size_t kh_setting_spellings_n(void);
const struct kh_setting_spelling *kh_setting_spelling_at(size_t i);

/* The row of a setting; id is not KH_SETTING_ID_NONE (asserted). */
const struct kh_setting_row *kh_setting_row(enum kh_setting_id id);

/* How key is meant: as it stands, or with letters in any case. NULL if there is no such key. */
const struct kh_setting_spelling *kh_setting_find(struct kh_str key, bool any_case);

#define KH_SETTING_KEY_MAX 128
/* A key that begins as Java's documentation has it, with the beginning that Java's daemon reads;
 * false if it does not begin so, or is longer than any key. */
bool kh_setting_real_key(struct kh_str key, char real[KH_SETTING_KEY_MAX + 1]);

/* The key that the name of an environment variable stands for, without its "KCL_": letters in any
 * case, and neither '_' nor '.' counts. NULL if there is none. */
const struct kh_setting_spelling *kh_setting_find_variable(struct kh_str name);

#define KH_SETTING_VARIABLE_MAX 100
/* "STREAM_NAME" for streamName. */
const char *kh_setting_variable(const char *key, char room[KH_SETTING_VARIABLE_MAX + 1]);

/* Does its value tell of roles and ids that do not belong into a log? */
bool kh_setting_is_secret(const struct kh_setting_row *row);

/* The known key that key, or the name of a variable, most likely was meant to be; NULL if none is
 * close. */
const struct kh_setting_spelling *kh_setting_nearest(struct kh_str key);

/* Would the Java daemon take key for this spelling? It is strict about case but for one key's
 * beginning. */
bool kh_setting_java_takes(const struct kh_setting_spelling *spelling, struct kh_str key);

/* The words a setting of this type chooses from, in the order of its enum; NULL for other types. */
const char *const *kh_setting_choices(enum kh_setting_type type);

/* What a value may be, to complete "allowed: …"; may point into room. */
const char *kh_setting_allowed(const struct kh_setting_row *row,
                               char room[KH_PROBLEM_ALLOWED_MAX + 1]);

#endif
