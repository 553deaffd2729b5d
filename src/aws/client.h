/* client: signed JSON calls to one AWS service, with the SDK's retries.
 *
 * Shape   one client a service and region; any number of calls at once. kh_aws_call returns at
 *         once; done is called exactly once, never from inside kh_aws_call, unless the call is
 *         cancelled; calls of one shard never wait for another's.
 * Units   ms, bytes.
 * Errors  answer.rc: KH_OK (2xx); THROTTLED, DENIED, NOTFOUND (ResourceNotFoundException), CONFLICT
 *         (ConditionalCheckFailedException, ResourceInUseException), INVALID (other 4xx), TOOBIG;
 *         RETRY: 5xx or no answer.
 *         answer.unknown: the request may have been carried out although we have no answer that
 *         says so (a reset or a time-out after sending, or a 5xx), in any of its attempts; a later
 *         attempt that fails for certain does not change that. code is the service's own error
 *         name.
 * Memory  the body is taken; the answer is borrowed by done, which may take its body.
 * Truth   AWS SDK for Java 2 LEGACY retry mode (4 attempts; base 100 ms full jitter, throttles
 *         500 ms half jitter, cap 20 s, token bucket 500) and its error classes; AWS JSON 1.0 and
 *         1.1.
 */
#ifndef KH_AWS_CLIENT_H
#define KH_AWS_CLIENT_H

#include <stdbool.h>

#include "aws/creds.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "io/http.h"
#include "io/loop.h"

struct kh_aws_client;
struct kh_aws_call;

struct kh_aws_client_config {
    const char *service;      /* signing name: "kinesis", "dynamodb" */
    const char *target;       /* X-Amz-Target prefix: "Kinesis_20131202", "DynamoDB_20120810" */
    const char *content_type; /* "application/x-amz-json-1.1" */
    const char *region;
    const char *endpoint; /* "http://127.0.0.1:4567"; from aws/endpoint.h */
    uint64_t seed;        /* of the jitter */
};

struct kh_aws_request {
    const char *operation; /* "GetRecords" */
    struct kh_buf body;    /* JSON; taken */
    unsigned attempts_max; /* 1: the caller decides about retries (conditional writes, polling);
                            * 0: the SDK's 4 */
    kh_ms total_ms_max;    /* over all attempts; 0: 30 s */
    size_t body_bytes_max; /* of the response; 0: 1 MiB */
};

struct kh_aws_answer {
    enum kh_rc rc;
    bool unknown;
    int status; /* HTTP status of the last attempt; 0 if there was none */
    int64_t
        server_ahead_ms; /* the server's clock against ours, as its Date header says; 0 if not */
    char code[96];       /* "ProvisionedThroughputExceededException", "" if none */
    struct kh_buf *body; /* of the last attempt; may be taken */
    struct kh_err err;   /* one sentence for the operator, with code, message and request id */
};

typedef void kh_aws_done(void *arg, struct kh_aws_answer *answer);

enum kh_rc kh_aws_client_new(struct kh_aws_client **out, struct kh_loop *loop, struct kh_http *http,
                             struct kh_creds *creds, const struct kh_aws_client_config *config,
                             struct kh_err *err) KH_MUST_USE;
void kh_aws_client_free(struct kh_aws_client *client); /* cancels what is under way */

struct kh_aws_call *kh_aws_call(struct kh_aws_client *client, struct kh_aws_request *request,
                                kh_aws_done *done, void *arg);
void kh_aws_cancel(struct kh_aws_call *call);

#endif
