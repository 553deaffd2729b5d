/* http: many HTTP requests at once on the loop, over kept-alive connections.
 *
 * Shape   kh_http_send starts a request and returns at once; done is called exactly once, never
 *         from inside kh_http_send, unless the call is cancelled before.
 * Units   timeouts in ms; bodies in bytes.
 * Errors  result.rc: KH_OK means that a complete response arrived, whatever its status code.
 *         KH_RETRY: no complete answer (connect, TLS, reset, timeout); sent tells whether any byte
 *         of the request may have reached the server. KH_TOOBIG: the body passed body_bytes_max.
 *         KH_INVALID: the url cannot be one. err has the sentence. A request is never sent twice:
 *         when a kept-alive connection turns out to be dead, curl's own repetition is stopped,
 *         since the first one may have been carried out.
 * Memory  the request is copied (body is taken); the result is borrowed by done, which may take its
 *         body.
 * Truth   libcurl 7.88 multi interface (curl_multi_socket_action), which is included by http.c
 *         alone. HTTP/1.1 only: over one HTTP/2 connection a stalled answer to one shard would hold
 *         up all others.
 */
#ifndef KH_IO_HTTP_H
#define KH_IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "io/loop.h"

struct kh_http;
struct kh_http_call;

#define KH_HTTP_HEADERS_MAX 16

struct kh_http_request {
    const char *method; /* "POST" */
    const char *url;
    const char *headers[KH_HTTP_HEADERS_MAX]; /* "Name: value"; NULL ends */
    struct kh_buf body;                       /* taken */
    kh_ms connect_ms_max;
    kh_ms total_ms_max;
    kh_ms stall_ms_max;    /* no byte for so long ends the call; KH_NEVER = no limit */
    size_t body_bytes_max; /* of the response */
    bool bypass_proxy;     /* link-local credential servers */
};

struct kh_http_result {
    enum kh_rc rc;
    bool sent;
    int status;             /* HTTP status, when rc is KH_OK */
    struct kh_buf *body;    /* may be taken with kh_buf_take */
    const char *request_id; /* x-amzn-RequestId, or "" */
    const char *error_type; /* x-amzn-ErrorType, or "" */
    const char *date;       /* Date, or "" */
    struct kh_err err;
};

typedef void kh_http_done(void *arg, struct kh_http_result *result);

enum kh_rc kh_http_new(struct kh_http **out, struct kh_loop *loop, struct kh_err *err) KH_MUST_USE;
void kh_http_free(struct kh_http *http); /* cancels what is under way */

struct kh_http_call *kh_http_send(struct kh_http *http, struct kh_http_request *request,
                                  kh_http_done *done, void *arg);
/* done will not be called. NULL is fine; a call whose done has run must not be cancelled. */
void kh_http_cancel(struct kh_http_call *call);

#endif
