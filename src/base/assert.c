#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/stderr.h"

#define LINE_MAX_BYTES 512

static void (*assert_hook)(void);

void kh_assert_set_hook(void (*hook)(void))
{
    assert_hook = hook;
}

void kh_assert_failed(const char *fact, const char *file, int line, const char *func)
{
    char text[LINE_MAX_BYTES];
    void (*hook)(void) = assert_hook;
    int n = snprintf(text, sizeof(text), "error assert.failed at=%s:%d in=%s fact=\"%s\"\n", file,
                     line, func, fact);

    if (n > 0) {
        size_t bytes = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

        (void)kh_stderr_write(&(struct kh_str){text, bytes}, 1); /* there is nobody left to tell */
    }
    /* The hook looks at the state that failed: it may well trip over the same fact again. */
    assert_hook = NULL;
    if (hook != NULL) {
        hook();
    }
    abort();
}
