#include "wire/expand.h"

#include <string.h>

#include "base/assert.h"
#include "base/buf.h"

#define NAME_MAX_BYTES 128

struct reference {
    struct kh_str name;
    struct kh_str fallback; /* behind ":-" */
    bool has_fallback;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!is_letter(text.p[i]) && (i == 0 || text.p[i] < '0' || text.p[i] > '9')) {
            return false;
        }
    }
    return text.n > 0 && text.n <= NAME_MAX_BYTES;
}

static bool holds(struct kh_str text, struct kh_str word)
{
    for (size_t i = 0; i + word.n <= text.n; i++) {
        if (kh_str_eq_nocase(kh_str_of(text.p + i, word.n), word)) {
            return true;
        }
    }
    return false;
}

bool kh_expand_is_secret(struct kh_str name)
{
    static const char *const words[] = {"secret", "passw", "token", "credential", "key"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (holds(name, kh_str(words[i]))) {
            return true;
        }
    }
    return false;
}

/* NULL if it is not set. */
static const char *look_up(const char *const *environment, struct kh_str name)
{
    kh_assert(name.p != NULL);
    for (size_t i = 0; environment[i] != NULL; i++) {
        if (strncmp(environment[i], name.p, name.n) == 0 && environment[i][name.n] == '=') {
            return environment[i] + name.n + 1;
        }
    }
    return NULL;
}

/* What stands behind "${"; *rest is what follows the "}". */
static enum kh_rc read_reference(struct reference *reference, struct kh_str text,
                                 struct kh_str *rest, struct kh_err *err)
{
    struct kh_str inner;
    struct kh_str fallback;

    if (!kh_str_cut(text, '}', &inner, rest)) {
        return kh_fail(err, KH_INVALID, "${ has no } behind it; a literal ${ is written $${");
    }
    reference->has_fallback =
        kh_str_cut(inner, ':', &reference->name, &fallback) && kh_str_starts(fallback, KH_STR("-"));
    reference->fallback = KH_STR("");
    if (reference->has_fallback) {
        reference->fallback = kh_str_of(fallback.p + 1, fallback.n - 1);
    } else {
        reference->name = inner;
    }
    if (!is_name(reference->name) || holds(reference->fallback, KH_STR("${"))) {
        return kh_fail(err, KH_INVALID,
                       "only ${NAME} and ${NAME:-default} can be; a literal ${ is written $${");
    }
    return KH_OK;
}

static enum kh_rc put_reference(struct kh_buf *out, const struct reference *reference,
                                const char *const *environment, struct kh_err *err)
{
    const char *value = look_up(environment, reference->name);

    if (value == NULL && !reference->has_fallback) {
        return kh_fail(
            err, KH_INVALID,
            "the environment variable %.*s is not set; set it, or write ${%.*s:-default}",
            KH_STR_ARG(reference->name), KH_STR_ARG(reference->name));
    }
    const bool fall_back = reference->has_fallback && (value == NULL || value[0] == '\0');
    return kh_buf_append_str(out, fall_back ? reference->fallback : kh_str(value));
}

/* Where "${" stands, or text.n. */
static size_t next_reference(struct kh_str text)
{
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.p[i] == '$' && text.p[i + 1] == '{') {
            return i;
        }
    }
    return text.n;
}

static enum kh_rc expand(struct kh_buf *out, bool *secret, struct kh_str rest,
                         const char *const *environment, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;

    while (rc == KH_OK && rest.n > 0) {
        struct reference reference = {.has_fallback = false};
        const size_t at = next_reference(rest);
        const bool escaped = at > 0 && at < rest.n && rest.p[at - 1] == '$';

        rc = kh_buf_append_str(out, kh_str_of(rest.p, escaped ? at - 1 : at));
        if (rc != KH_OK || at == rest.n) {
            break;
        }
        rest = kh_str_of(rest.p + at + 2, rest.n - at - 2);
        if (escaped) {
            rc = kh_buf_append_str(out, KH_STR("${"));
            continue;
        }
        rc = read_reference(&reference, rest, &rest, err);
        if (rc == KH_OK) {
            rc = put_reference(out, &reference, environment, err);
            *secret = *secret || kh_expand_is_secret(reference.name);
        }
    }
    return rc;
}

enum kh_rc kh_expand(struct kh_expanded *expanded, struct kh_str value,
                     const char *const *environment, struct kh_arena *arena, struct kh_err *err)
{
    struct kh_buf out;

    kh_assert(environment != NULL);
    *expanded = (struct kh_expanded){.text = value};
    if (next_reference(value) == value.n) {
        return KH_OK;
    }
    kh_buf_init(&out, KH_EXPAND_BYTES_MAX);
    enum kh_rc rc = expand(&out, &expanded->secret, value, environment, err);
    if (rc == KH_OK) {
        expanded->text = kh_arena_copy(arena, kh_buf_str(&out));
    } else if (rc == KH_TOOBIG) {
        rc = kh_fail(err, KH_TOOBIG, "with its variables it has more than %zu bytes",
                     KH_EXPAND_BYTES_MAX);
    }
    kh_buf_fini(&out);
    return rc;
}
