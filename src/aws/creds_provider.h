/* creds_provider: what one source of access keys looks like to the chain in creds.c.
 *
 * Shape   one constant a provider, defined in its own file creds_*.c; a new one is a new file and a
 *         new row in creds.c.
 * Units   none.
 * Errors  get: KH_NOTFOUND, the provider has nothing and the next one is asked; KH_DENIED or
 *         KH_INVALID, it has something that cannot be used. The text says what was missing, without
 *         the provider's name.
 * Memory  get fills cred, whose secrets are then the caller's.
 * Truth   AwsCredentialsProvider of the AWS SDK for Java 2.
 */
#ifndef KH_AWS_CREDS_PROVIDER_H
#define KH_AWS_CREDS_PROVIDER_H

#include "aws/creds.h"

struct kh_creds_provider {
    const char *name; /* for messages: "environment" */
    /* param: the text behind the provider's name, or NULL. */
    enum kh_rc (*get)(const char *param, struct kh_cred *cred, struct kh_err *err);
};

extern const struct kh_creds_provider kh_creds_env;     /* creds_env.c */
extern const struct kh_creds_provider kh_creds_java;    /* creds_java.c */
extern const struct kh_creds_provider kh_creds_profile; /* creds_profile.c */

/* The three texts, checked for length and for bytes that have no place in a header. */
enum kh_rc kh_cred_set(struct kh_cred *cred, struct kh_str id, struct kh_str secret,
                       struct kh_str token, struct kh_err *err) KH_MUST_USE;
void kh_cred_fini(struct kh_cred *cred);

#endif
