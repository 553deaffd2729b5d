/* creds: where the access keys come from.
 *
 * Shape   a chain of providers asked in order; the first that answers is remembered. kh_creds_get
 *         may answer later (a provider that asks a server), so it takes a callback; environment and
 *         files answer at once.
 * Units   expiry in wall milliseconds since 1970; 0 = never.
 * Errors  KH_DENIED when no provider has credentials: the text names each one asked and why it had
 *         none.
 * Memory  keys live in struct kh_secret (wiped when freed, never formatted).
 * Truth   AWS SDK for Java 2 DefaultCredentialsProvider and ProfileCredentialsUtils. Environment
 *         and shared files for now; web identity, container, instance metadata, process and assumed
 *         roles get a file each, creds_*.c.
 */
#ifndef KH_AWS_CREDS_H
#define KH_AWS_CREDS_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/secret.h"
#include "base/err.h"
#include "io/loop.h"

#define KH_ACCESS_KEY_ID_MAX 128
#define KH_SECRET_KEY_MAX    256
#define KH_SESSION_TOKEN_MAX 8192

struct kh_creds;

struct kh_cred {
    char access_key_id[KH_ACCESS_KEY_ID_MAX + 1]; /* "": requests go unsigned */
    struct kh_secret secret_key;
    struct kh_secret session_token; /* empty if none */
    int64_t expires_wall_ms;
    uint64_t generation; /* changes whenever the keys do */
};

/* err is NULL on success; cred is borrowed and stays valid until the next kh_creds_* call. */
typedef void kh_creds_ready(void *arg, const struct kh_cred *cred, const struct kh_err *err);

/* provider: the value of AwsCredentialsProvider, e.g. "DefaultCredentialsProvider" or
 * "ProfileCredentialsProvider|name" or a comma-separated list; old v1 SDK names are mapped. INVALID
 * names the element that cannot work and why. */
enum kh_rc kh_creds_new(struct kh_creds **out, struct kh_loop *loop, const char *provider,
                        struct kh_err *err) KH_MUST_USE;
void kh_creds_free(struct kh_creds *creds);

/* May call ready before returning. */
void kh_creds_get(struct kh_creds *creds, kh_creds_ready *ready, void *arg);

/* AWS refused these keys: ask the provider again (at most once per 10 s). */
void kh_creds_refused(struct kh_creds *creds, uint64_t generation);

#endif
