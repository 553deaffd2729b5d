/* sigv4: the signature of one request to an AWS service that speaks JSON.
 *
 * Shape   a signer a service and region, which remembers the signing key of the day; kh_sigv4_sign
 *         is a pure function of what it is given otherwise.
 * Units   wall_ms since 1970; skew_ms is what has to be added to get the server's time.
 * Errors  none: inputs are bounded by their types and by config (asserted).
 * Memory  the key is wiped on fini; everything else is plain values. Slices are borrowed until
 *         return.
 * Truth   AWS Signature Version 4; vectors made with botocore's signer (tests/unit/test_sigv4.c).
 *         Only what the JSON services need: path "/", no query, no chunked bodies.
 */
#ifndef KH_AWS_SIGV4_H
#define KH_AWS_SIGV4_H

#include <stdint.h>

#include "aws/creds.h"
#include "base/str.h"

#define KH_SHA256_BYTES      32
#define KH_SHA256_HEX_BYTES  (2 * KH_SHA256_BYTES + 1)
#define KH_SIGV4_DAY_BYTES   9  /* YYYYMMDD */
#define KH_SIGV4_TIME_BYTES  17 /* YYYYMMDDTHHMMSSZ */
#define KH_SIGV4_SCOPE_MAX   127
#define KH_SIGV4_AUTH_MAX    511
#define KH_SIGV4_SERVICE_MAX 31
#define KH_SIGV4_REGION_MAX  31

struct kh_sigv4_signer {
    char region[KH_SIGV4_REGION_MAX + 1];
    char service[KH_SIGV4_SERVICE_MAX + 1];
    char day[KH_SIGV4_DAY_BYTES]; /* "" = no key yet */
    uint64_t generation;          /* of the credentials the key was made from */
    unsigned char key[KH_SHA256_BYTES];
};

struct kh_sigv4_request {
    const char *method;
    struct kh_str host; /* as sent: with the port unless it is the scheme's own */
    struct kh_str content_type;
    struct kh_str target; /* X-Amz-Target; empty if not sent */
    struct kh_str body;
};

/* What is sent along, next to X-Amz-Security-Token if there is one. */
struct kh_sigv4_signature {
    char time[KH_SIGV4_TIME_BYTES];             /* X-Amz-Date */
    char authorization[KH_SIGV4_AUTH_MAX + 1];  /* Authorization */
    char canonical_sha256[KH_SHA256_HEX_BYTES]; /* of the canonical request, for comparing notes */
};

void kh_sigv4_init(struct kh_sigv4_signer *signer, const char *region, const char *service);
void kh_sigv4_fini(struct kh_sigv4_signer *signer);

void kh_sigv4_sign(struct kh_sigv4_signer *signer, const struct kh_cred *cred,
                   const struct kh_sigv4_request *request, int64_t wall_ms, int64_t skew_ms,
                   struct kh_sigv4_signature *signature);

#endif
