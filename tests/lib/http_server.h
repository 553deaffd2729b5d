/* http_server: a server on the test's own loop that answers as a script says.
 *
 * Shape   each request takes the first reply of the script that nobody took yet and whose `match`
 *         occurs in it (head and body); a request without a reply gets status 599.
 * Units   ms, bytes.
 * Errors  the test fails: whatever goes wrong here is the test's own fault.
 * Memory  the script is borrowed; the server keeps the texts of all requests.
 * Truth   HTTP/1.1 with Content-Length and keep-alive, which is all our client sends.
 */
#ifndef KH_TESTS_LIB_HTTP_SERVER_H
#define KH_TESTS_LIB_HTTP_SERVER_H

#include <stddef.h>

#include "base/time.h"
#include "io/loop.h"

enum http_reply_type {
    REPLY_ANSWER,
    REPLY_RESET, /* a TCP reset once the whole request was read */
    REPLY_CLOSE, /* an orderly end at the same place */
    REPLY_CUT,   /* the head promises one byte more than the body has, then the end */
    REPLY_HANG   /* nothing, ever */
};

struct http_reply {
    enum http_reply_type type;
    int status;
    const char *headers; /* "Name: value\r\n…", or NULL */
    const char *body;    /* or NULL */
    kh_ms delay_ms;
    const char *match; /* or NULL: any request */
};

#define HTTP_REQUESTS_MAX 64

struct http_server;

struct http_server *http_server_new(struct kh_loop *loop, const struct http_reply *script,
                                    size_t n);
void http_server_free(struct http_server *server);

const char *http_server_url(const struct http_server *server);    /* "http://127.0.0.1:PORT" */
size_t http_server_connections(const struct http_server *server); /* accepted so far */
size_t http_server_requests(const struct http_server *server);    /* read completely so far */
const char *http_server_request(const struct http_server *server, size_t i); /* its text */

#endif
