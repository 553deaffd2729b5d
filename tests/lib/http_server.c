#include "tests/lib/http_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "io/clock.h"

#define PEERS_MAX         64
#define SCRIPT_MAX        64
#define REQUEST_BYTES_MAX ((size_t)4 << 20)

struct peer {
    struct http_server *server;
    int fd; /* owned */
    struct kh_watch *watch;
    struct kh_watch *timer; /* until its answer is due */
    struct kh_buf in;
    const struct http_reply *reply; /* to the request that was read last */
};

struct http_server {
    struct kh_loop *loop;
    const struct http_reply *script;
    size_t script_n;
    bool taken[SCRIPT_MAX];
    int fd; /* owned */
    struct kh_watch *watch;
    char url[64];
    struct peer peers[PEERS_MAX]; /* never reused: a test has few */
    size_t peers_n;
    char *requests[HTTP_REQUESTS_MAX]; /* owned */
    size_t requests_n;
};

static const struct http_reply not_in_script = {.status = 599};

static void close_peer(struct peer *peer, bool reset)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    if (reset) {
        ck_assert_int_eq(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    }
    kh_watch_free(peer->watch);
    kh_watch_free(peer->timer);
    peer->watch = NULL;
    peer->timer = NULL;
    kh_fd_close(&peer->fd);
    kh_buf_fini(&peer->in);
}

static const struct http_reply *choose_reply(struct http_server *server, const char *request)
{
    for (size_t i = 0; i < server->script_n; i++) {
        const char *match = server->script[i].match;

        if (!server->taken[i] && (match == NULL || strstr(request, match) != NULL)) {
            server->taken[i] = true;
            return &server->script[i];
        }
    }
    return &not_in_script;
}

/* Answers of tests are short enough for a socket's buffer, or the test reads on meanwhile. */
static void write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent < 0 && errno == EPIPE) {
            return; /* the client gave up */
        }
        ck_assert_msg(sent > 0, "send: %s", strerror(errno));
        p += sent;
        n -= (size_t)sent;
    }
}

static void answer(void *arg)
{
    struct peer *peer = arg;
    const struct http_reply *reply = peer->reply;
    const char *body = reply->body != NULL ? reply->body : "";
    size_t promised = strlen(body) + (reply->type == REPLY_CUT ? 1 : 0);
    char head[1024];
    int n;

    if (reply->type == REPLY_RESET || reply->type == REPLY_CLOSE) {
        close_peer(peer, reply->type == REPLY_RESET);
        return;
    }
    n = snprintf(head, sizeof(head), "HTTP/1.1 %d Scripted\r\nContent-Length: %zu\r\n%s\r\n",
                 reply->status, promised, reply->headers != NULL ? reply->headers : "");
    ck_assert(n > 0 && (size_t)n < sizeof(head));
    write_all(peer->fd, head, (size_t)n);
    write_all(peer->fd, body, strlen(body));
    if (reply->type == REPLY_CUT) {
        close_peer(peer, false);
    }
}

static void take_request(struct peer *peer, size_t n)
{
    struct http_server *server = peer->server;
    char *text = kh_mem_copy(peer->in.p, n);

    ck_assert_uint_lt(server->requests_n, HTTP_REQUESTS_MAX);
    server->requests[server->requests_n++] = text;
    kh_buf_consume(&peer->in, n);
    peer->reply = choose_reply(server, text);
    if (peer->reply->type != REPLY_HANG) {
        kh_watch_at(peer->timer, kh_clock_boot_ms() + peer->reply->delay_ms);
    }
}

/* The length of the request at the beginning of in, or 0 if it is not complete. */
static size_t request_bytes(const struct kh_buf *in)
{
    const char *end = in->n > 0 ? memmem(in->p, in->n, "\r\n\r\n", 4) : NULL;
    const char *length;
    size_t head_n;
    size_t body_n = 0;

    if (end == NULL) {
        return 0;
    }
    head_n = (size_t)(end - in->p) + 4;
    length = memmem(in->p, head_n, "Content-Length: ", 16);
    if (length != NULL) {
        ck_assert_int_eq(sscanf(length, "Content-Length: %zu", &body_n), 1);
    }
    return in->n >= head_n + body_n ? head_n + body_n : 0;
}

static void on_peer(void *arg, int fd, unsigned ready)
{
    struct peer *peer = arg;
    ssize_t got;
    size_t n;

    (void)ready;
    ck_assert_int_eq(kh_buf_reserve(&peer->in, 65536), KH_OK);
    got = read(fd, peer->in.p + peer->in.n, 65536);
    if (got <= 0) {
        close_peer(peer, false);
        return;
    }
    kh_buf_added(&peer->in, (size_t)got);
    n = request_bytes(&peer->in);
    if (n > 0) {
        take_request(peer, n);
    }
}

static void on_accept(void *arg, int fd, unsigned ready)
{
    struct http_server *server = arg;
    struct peer *peer = &server->peers[server->peers_n];

    (void)ready;
    ck_assert_uint_lt(server->peers_n, PEERS_MAX);
    server->peers_n++;
    peer->server = server;
    peer->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(peer->fd, 0);
    kh_buf_init(&peer->in, REQUEST_BYTES_MAX);
    peer->watch = kh_loop_fd(server->loop, peer->fd, KH_WANT_READ, on_peer, peer);
    peer->timer = kh_loop_timer(server->loop, answer, peer);
}

struct http_server *http_server_new(struct kh_loop *loop, const struct http_reply *script, size_t n)
{
    struct http_server *server = kh_mem_new(1, sizeof(*server));
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t at_n = sizeof(at);

    ck_assert_uint_le(n, SCRIPT_MAX);
    server->loop = loop;
    server->script = script;
    server->script_n = n;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(server->fd, 0);
    ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(server->fd, PEERS_MAX), 0);
    ck_assert_int_eq(getsockname(server->fd, (struct sockaddr *)&at, &at_n), 0);
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u",
                   (unsigned)ntohs(at.sin_port));
    server->watch = kh_loop_fd(loop, server->fd, KH_WANT_READ, on_accept, server);
    return server;
}

void http_server_free(struct http_server *server)
{
    for (size_t i = 0; i < server->peers_n; i++) {
        if (server->peers[i].watch != NULL) {
            close_peer(&server->peers[i], false);
        }
    }
    for (size_t i = 0; i < server->requests_n; i++) {
        kh_mem_free(server->requests[i]);
    }
    kh_watch_free(server->watch);
    kh_fd_close(&server->fd);
    kh_mem_free(server);
}

const char *http_server_url(const struct http_server *server)
{
    return server->url;
}

size_t http_server_connections(const struct http_server *server)
{
    return server->peers_n;
}

size_t http_server_requests(const struct http_server *server)
{
    return server->requests_n;
}

const char *http_server_request(const struct http_server *server, size_t i)
{
    ck_assert_uint_lt(i, server->requests_n);
    return server->requests[i];
}
