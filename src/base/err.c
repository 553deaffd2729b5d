#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static const char *const rc_names[] = {
    [KH_OK] = "ok",
    [KH_RETRY] = "retry",
    [KH_THROTTLED] = "throttled",
    [KH_CONFLICT] = "conflict",
    [KH_NOTFOUND] = "notfound",
    [KH_DENIED] = "denied",
    [KH_INVALID] = "invalid",
    [KH_TOOBIG] = "toobig",
    [KH_CLOSED] = "closed",
};

static enum kh_rc rc_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return KH_NOTFOUND;
    case EACCES:
    case EPERM:
        return KH_DENIED;
    case EPIPE:
    case ECONNRESET:
        return KH_CLOSED;
    case EAGAIN:
    case EINTR:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return KH_RETRY;
    default:
        return KH_INVALID;
    }
}

/* Text may come in that already stands in err (a cause): so it is put together aside. */
static KH_PRINTF(2, 0) void set_text(struct kh_err *err, const char *fmt, va_list args)
{
    char text[sizeof(err->text)] = "";

    (void)vsnprintf(text, sizeof(text), fmt, args);
    memcpy(err->text, text, sizeof(text));
}

static void add_text(struct kh_err *err, const char *more)
{
    size_t n = strlen(err->text);
    size_t more_n = strnlen(more, KH_ERR_TEXT_MAX - n);

    memcpy(err->text + n, more, more_n);
    err->text[n + more_n] = '\0';
}

enum kh_rc kh_fail(struct kh_err *err, enum kh_rc rc, const char *fmt, ...)
{
    kh_assert(rc != KH_OK);
    if (err != NULL) {
        va_list args;

        va_start(args, fmt);
        set_text(err, fmt, args);
        va_end(args);
        err->rc = rc;
    }
    return rc;
}

enum kh_rc kh_fail_errno(struct kh_err *err, int errnum, const char *fmt, ...)
{
    enum kh_rc rc = rc_of_errno(errnum);

    kh_assert(errnum != 0);
    if (err != NULL) {
        char words[128];
        va_list args;

        va_start(args, fmt);
        set_text(err, fmt, args);
        va_end(args);
        add_text(err, ": ");
        add_text(err, strerror_r(errnum, words, sizeof(words)));
        err->rc = rc;
    }
    return rc;
}

enum kh_rc kh_wrap(struct kh_err *err, const char *fmt, ...)
{
    struct kh_err cause;
    va_list args;

    kh_assert(err != NULL);
    kh_assert(err->rc != KH_OK);
    cause = *err;
    va_start(args, fmt);
    set_text(err, fmt, args);
    va_end(args);
    add_text(err, ": ");
    add_text(err, cause.text);
    return err->rc;
}

const char *kh_rc_name(enum kh_rc rc)
{
    _Static_assert(sizeof(rc_names) / sizeof(rc_names[0]) == KH_CLOSED + 1, "a name for each code");
    kh_assert(rc <= KH_CLOSED);
    return rc_names[rc];
}
