/* problem: what is wrong, or worth knowing, about a configuration; all of it at once.
 *
 * Shape   a list that only grows; one sentence each, complete with file, line and key, or with the
 *         environment variable or the option that is to blame.
 * Units   line counts from 1; 0 when no single line is to blame.
 * Errors  none: problems are the errors.
 * Memory  owns its texts; kh_problems_fini frees them.
 * Truth   own design: the Java daemon stops at the first problem and names the key only sometimes.
 */
#ifndef KH_CONFIG_PROBLEM_H
#define KH_CONFIG_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum kh_problem_level {
    KH_PROBLEM_DEBUG,  /* nobody needs to know, unless he asks */
    KH_PROBLEM_NOTICE, /* taken as meant; good to know */
    KH_PROBLEM_WARN,   /* taken in a way the author may not have meant */
    KH_PROBLEM_ERROR   /* cannot be used: the program must not start */
};

/* Where a value stands; a later one counts more. */
enum kh_origin {
    KH_ORIGIN_DEFAULT,
    KH_ORIGIN_KEY, /* not given: it follows from another key */
    KH_ORIGIN_FILE,
    KH_ORIGIN_ENVIRONMENT,
    KH_ORIGIN_OPTION /* --set */
};

struct kh_place {
    enum kh_origin origin;
    unsigned line;      /* FILE */
    struct kh_str name; /* borrowed. ENVIRONMENT: the variable; KEY: the other key */
    bool is_secret;     /* the value there is not to be shown */
};

/* The file as a whole. */
#define KH_PLACE_FILE ((struct kh_place){.origin = KH_ORIGIN_FILE})

struct kh_problem {
    enum kh_problem_level level;
    struct kh_place place;
    char *text; /* owned; one sentence without line end, printable */
};

struct kh_problems {
    const char *file;         /* borrowed; put before every text */
    struct kh_problem *items; /* owned, in order of discovery */
    size_t n;
    size_t capacity;
    size_t errors_n;
};

void kh_problems_init(struct kh_problems *problems, const char *file);
void kh_problems_fini(struct kh_problems *problems);

/* Add "FILE:LINE: …", "FILE: …", "environment variable NAME: …" or "--set: …". */
void kh_problem_add(struct kh_problems *problems, enum kh_problem_level level,
                    struct kh_place place, const char *fmt, ...) KH_PRINTF(4, 5);

#define KH_PLACE_TEXT_MAX 100
/* "in line 5", "in KCL_STREAM_NAME", "in --set": for use inside a sentence about another place. */
const char *kh_place_text(struct kh_place place, char room[KH_PLACE_TEXT_MAX + 1]);

#define KH_PROBLEM_QUOTE_MAX 100
/* What a value may be, for the end of a sentence. */
#define KH_PROBLEM_ALLOWED_MAX 200

/* text in double quotes, cut if long, everything unprintable as \xNN; for use inside a sentence. */
void kh_problem_quote(char quoted[KH_PROBLEM_QUOTE_MAX + 1], struct kh_str text);

#endif
