/* err: what went wrong outside of us, as a code for the caller and a sentence for the operator.
 *
 * Shape   A function that can fail for outside reasons returns enum kh_rc and fills struct kh_err.
 * Units   none.
 * Errors  the codes answer "what should the caller do", see each one below.
 * Memory  struct kh_err is a plain value with room for one sentence; longer text is cut.
 * Truth   own design; exit statuses that follow from the codes stand in cli/exit.h.
 */
#ifndef KH_BASE_ERR_H
#define KH_BASE_ERR_H

#define KH_MUST_USE                __attribute__((warn_unused_result))
#define KH_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

enum kh_rc {
    KH_OK = 0,
    KH_RETRY,     /* no answer, or a passing fault: the same call may succeed later */
    KH_THROTTLED, /* asked too often: the same call later, more slowly */
    KH_CONFLICT,  /* somebody else changed it first: read again, then decide */
    KH_NOTFOUND,  /* the thing is not there */
    KH_DENIED,    /* credentials or rights: an operator has to act */
    KH_INVALID,   /* the input is wrong and stays wrong */
    KH_TOOBIG,    /* over a named limit */
    KH_CLOSED     /* the other side ended */
};

#define KH_ERR_TEXT_MAX 511

struct kh_err {
    enum kh_rc rc;
    char text[KH_ERR_TEXT_MAX + 1];
};

/* Fill err (may be NULL) and return rc: a failing function ends with `return kh_fail(…)`. */
enum kh_rc kh_fail(struct kh_err *err, enum kh_rc rc, const char *fmt, ...) KH_PRINTF(3, 4);

/* The same for a system call's errno: ENOENT is NOTFOUND, EACCES and EPERM are DENIED, EPIPE and
 * ECONNRESET are CLOSED, EAGAIN, EINTR, ENOSPC, EMFILE, ENFILE, ENOMEM are RETRY, everything else
 * INVALID. The text ends in ": " and the errno's own words. */
enum kh_rc kh_fail_errno(struct kh_err *err, int errnum, const char *fmt, ...) KH_PRINTF(3, 4);

/* Put "context: " before the text that is there and return err's own code. err is not NULL and
 * holds a failure (asserted). */
enum kh_rc kh_wrap(struct kh_err *err, const char *fmt, ...) KH_PRINTF(2, 3);

/* "ok", "retry", "throttled", … for logs. */
const char *kh_rc_name(enum kh_rc rc);

#endif
