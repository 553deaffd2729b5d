#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/exit.h"

int kh_say_failure(const struct kh_err *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "kcl-host: %s\n", err->text);
    return err->rc == KH_CONFLICT ? KH_EXIT_TEMPFAIL : kh_exit_for(err->rc);
}

void kh_say_meanwhile(const char *fmt, ...)
{
    va_list args;

    (void)fflush(stdout);
    (void)fputs("kcl-host: ", stderr);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

void kh_say_json(struct kh_buf *json)
{
    (void)fwrite(json->p, 1, json->n, stdout);
    (void)fputc('\n', stdout);
    kh_buf_fini(json);
}

int kh_say_done(void)
{
    if (fflush(stdout) != 0) {
        (void)fputs("kcl-host: the result cannot be written\n", stderr);
        return KH_EXIT_OSERR;
    }
    return KH_EXIT_OK;
}
