#include "aws/secret.h"

#include <string.h>

#include "base/mem.h"

void kh_secret_set(struct kh_secret *secret, struct kh_str text)
{
    char *copy = text.n > 0 ? kh_mem_copy(text.p, text.n) : NULL;

    kh_secret_fini(secret); /* after the copy: text may be a part of what is there */
    secret->p = copy;
    secret->n = text.n;
}

void kh_secret_fini(struct kh_secret *secret)
{
    if (secret->p != NULL) {
        explicit_bzero(secret->p, secret->n);
        kh_mem_free(secret->p);
    }
    secret->p = NULL;
    secret->n = 0;
}

struct kh_str kh_secret_text(const struct kh_secret *secret)
{
    return kh_str_of(secret->p, secret->n);
}
