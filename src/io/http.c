#include "io/http.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <curl/curl.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/clock.h"

#define HTTP_MAGIC           0x68747470u
#define CALL_MAGIC           0x63616c6cu
#define IDLE_EASIES_MAX      4   /* each keeps a receive buffer of 16 KiB */
#define IDLE_CONNECTIONS_MAX 64L /* of all calls together; older ones are closed */
#define IDLE_SECONDS_MAX     60L
#define HEADER_VALUE_MAX     127

struct kh_http {
    uint32_t magic;
    struct kh_loop *loop;        /* borrowed */
    CURLM *multi;                /* owned */
    struct kh_watch *timer;      /* owned; curl's one timer */
    struct kh_http_call *newest; /* owned list of calls under way */
    CURL *idle[IDLE_EASIES_MAX]; /* owned */
    size_t idle_n;
    bool draining; /* inside a done callback */
};

struct kh_http_call {
    uint32_t magic;
    struct kh_http *http;      /* borrowed */
    struct kh_http_call *next; /* in http's list */
    struct kh_http_call *prev;
    CURL *easy;                 /* owned */
    struct curl_slist *headers; /* owned */
    struct kh_buf request_body;
    struct kh_buf body;
    kh_http_done *done;
    void *arg; /* borrowed */
    bool sent;
    bool sized; /* the response's length was looked at */
    bool toobig;
    char url[256]; /* for messages, cut */
    char request_id[HEADER_VALUE_MAX + 1];
    char error_type[HEADER_VALUE_MAX + 1];
    char date[HEADER_VALUE_MAX + 1];
    char failure[CURL_ERROR_SIZE];
};

static struct kh_http_call *call_of(void *arg)
{
    struct kh_http_call *call = arg;

    kh_assert(call->magic == CALL_MAGIC);
    return call;
}

static struct kh_http *http_of(void *arg)
{
    struct kh_http *http = arg;

    kh_assert(http->magic == HTTP_MAGIC);
    return http;
}

/* ---- what curl calls while a transfer is under way ---- */

/* Called when a connection stands and the request is about to be written. A second time means that
 * a kept-alive connection died and curl would send the request once more by itself. The first one
 * may have been carried out, and only our caller knows whether doing it twice is harmless.
 * NOLINTNEXTLINE(readability-non-const-parameter): the types are curl's. */
static int on_sending(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
    struct kh_http_call *call = call_of(arg);

    (void)peer_ip;
    (void)own_ip;
    (void)peer_port;
    (void)own_port;
    if (call->sent) {
        return CURL_PREREQFUNC_ABORT;
    }
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* A header that is too long to be one of ours is as good as none. */
static void keep_value(char value[HEADER_VALUE_MAX + 1], struct kh_str text)
{
    if (!kh_str_copy(value, HEADER_VALUE_MAX + 1, text)) {
        value[0] = '\0';
    }
}

static size_t on_header(char *bytes, size_t one, size_t n, void *arg)
{
    struct kh_http_call *call = call_of(arg);
    struct kh_str name;
    struct kh_str value;

    (void)one;
    if (!kh_str_cut(kh_str_of(bytes, n), ':', &name, &value)) {
        return n;
    }
    value = kh_str_trim(value);
    if (kh_str_eq_nocase(name, KH_STR("x-amzn-requestid"))) {
        keep_value(call->request_id, value);
    } else if (kh_str_eq_nocase(name, KH_STR("x-amzn-errortype"))) {
        keep_value(call->error_type, value);
    } else if (kh_str_eq_nocase(name, KH_STR("date"))) {
        keep_value(call->date, value);
    }
    return n;
}

/* Large answers name their length: make room once instead of growing step by step. */
static enum kh_rc make_room(struct kh_http_call *call)
{
    curl_off_t announced = -1;

    if (call->sized) {
        return KH_OK;
    }
    call->sized = true;
    if (curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced) != CURLE_OK ||
        announced <= 0) {
        return KH_OK;
    }
    return kh_buf_reserve(&call->body, (size_t)announced);
}

static size_t on_body(char *bytes, size_t one, size_t n, void *arg)
{
    struct kh_http_call *call = call_of(arg);

    (void)one;
    if (make_room(call) != KH_OK || kh_buf_append(&call->body, bytes, n) != KH_OK) {
        call->toobig = true;
        return 0; /* ends the transfer */
    }
    return n;
}

/* ---- a call's life ---- */

static void unlink_call(struct kh_http_call *call)
{
    struct kh_http *http = call->http;

    if (call->prev != NULL) {
        call->prev->next = call->next;
    } else {
        kh_assert(http->newest == call);
        http->newest = call->next;
    }
    if (call->next != NULL) {
        call->next->prev = call->prev;
    }
}

static CURL *take_easy(struct kh_http *http)
{
    CURL *easy;

    if (http->idle_n > 0) {
        return http->idle[--http->idle_n];
    }
    easy = curl_easy_init();
    kh_assert(easy != NULL); /* out of memory */
    return easy;
}

static void give_easy(struct kh_http *http, CURL *easy)
{
    if (http->idle_n < IDLE_EASIES_MAX) {
        curl_easy_reset(easy);
        http->idle[http->idle_n++] = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

/* Takes the call away from curl and from http; what it holds for the result stays. */
static void detach(struct kh_http_call *call)
{
    CURLMcode code = curl_multi_remove_handle(call->http->multi, call->easy);

    kh_assert(code == CURLM_OK);
    unlink_call(call);
    give_easy(call->http, call->easy);
    call->easy = NULL;
}

static void free_call(struct kh_http_call *call)
{
    kh_assert(call->easy == NULL);
    curl_slist_free_all(call->headers);
    kh_buf_fini(&call->request_body);
    kh_buf_fini(&call->body);
    call->magic = 0;
    kh_mem_free(call);
}

static void judge(struct kh_http_call *call, CURLcode code, struct kh_http_result *result)
{
    const char *why = call->failure[0] != '\0' ? call->failure : curl_easy_strerror(code);
    long status = 0;

    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        result->status = (int)status;
        result->rc = KH_OK;
        return;
    }
    if (call->toobig) {
        result->rc = kh_fail(&result->err, KH_TOOBIG, "%s: the answer is longer than %zu bytes",
                             call->url, call->body.max_bytes);
    } else if (!call->sent && (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)) {
        result->rc = kh_fail(&result->err, KH_INVALID, "%s: %s", call->url, why);
    } else if (code == CURLE_ABORTED_BY_CALLBACK) {
        result->rc =
            kh_fail(&result->err, KH_RETRY,
                    "%s: the kept-alive connection was closed before an answer came", call->url);
    } else {
        result->rc = kh_fail(&result->err, KH_RETRY, "%s: %s", call->url, why);
    }
}

static void finish(struct kh_http_call *call, CURLcode code)
{
    struct kh_http_result result = {.sent = call->sent,
                                    .body = &call->body,
                                    .request_id = call->request_id,
                                    .error_type = call->error_type,
                                    .date = call->date};
    kh_http_done *done = call->done;

    judge(call, code, &result);
    detach(call);
    call->done = NULL; /* from here on it must not be cancelled */
    done(call->arg, &result);
    free_call(call);
}

/* Callbacks run here, outside of curl, so they may start and cancel calls. */
static void drain(struct kh_http *http)
{
    CURLMsg *msg;
    int left;

    http->draining = true;
    while ((msg = curl_multi_info_read(http->multi, &left)) != NULL) {
        char *arg = NULL;

        kh_assert(msg->msg == CURLMSG_DONE);
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &arg);
        finish(call_of(arg), msg->data.result);
    }
    http->draining = false;
}

/* ---- between curl and the loop ---- */

static void act(struct kh_http *http, curl_socket_t fd, int ready)
{
    int running;
    CURLMcode code = curl_multi_socket_action(http->multi, fd, ready, &running);

    kh_assert(code == CURLM_OK);
    drain(http);
}

static void on_fd(void *arg, int fd, unsigned ready)
{
    int bits = ((ready & KH_WANT_READ) != 0 ? CURL_CSELECT_IN : 0) |
               ((ready & KH_WANT_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

    act(http_of(arg), fd, bits);
}

static void on_due(void *arg)
{
    act(http_of(arg), CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct kh_http *http = http_of(arg);

    (void)multi;
    kh_watch_at(http->timer, timeout_ms < 0 ? KH_NEVER : kh_clock_boot_ms() + timeout_ms);
    return 0;
}

static int set_fd(CURL *easy, curl_socket_t fd, int what, void *arg, void *watch)
{
    struct kh_http *http = http_of(arg);
    unsigned want = KH_WANT_NONE;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        kh_watch_free(watch);
        (void)curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) {
        want |= KH_WANT_READ;
    }
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) {
        want |= KH_WANT_WRITE;
    }
    if (watch != NULL) {
        kh_watch_want(watch, want);
    } else {
        (void)curl_multi_assign(http->multi, fd, kh_loop_fd(http->loop, fd, want, on_fd, http));
    }
    return 0;
}

enum kh_rc kh_http_new(struct kh_http **out, struct kh_loop *loop, struct kh_err *err)
{
    struct kh_http *http;
    CURLM *multi;
    bool ok = true;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return kh_fail(err, KH_INVALID, "libcurl cannot be initialised");
    }
    multi = curl_multi_init();
    kh_assert(multi != NULL); /* out of memory */
    http = kh_mem_new(1, sizeof(*http));
    http->magic = HTTP_MAGIC;
    http->loop = loop;
    http->multi = multi;
    http->timer = kh_loop_timer(loop, on_due, http);
    ok &= curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_fd) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX) == CURLM_OK;
    kh_assert(ok);
    *out = http;
    return KH_OK;
}

void kh_http_free(struct kh_http *http)
{
    CURLMcode code;

    if (http == NULL) {
        return;
    }
    kh_assert(http->magic == HTTP_MAGIC);
    kh_assert(!http->draining);
    while (http->newest != NULL) {
        kh_http_cancel(http->newest);
    }
    while (http->idle_n > 0) {
        curl_easy_cleanup(http->idle[--http->idle_n]);
    }
    code = curl_multi_cleanup(http->multi);
    kh_assert(code == CURLM_OK);
    kh_watch_free(http->timer);
    http->magic = 0;
    kh_mem_free(http);
    curl_global_cleanup();
}

/* ---- starting a call ---- */

/* curl's "no limit" is 0. */
static long limit_of(kh_ms ms)
{
    if (ms == KH_NEVER) {
        return 0;
    }
    return (long)kh_ms_min(kh_ms_max(ms, 1), INT_MAX);
}

static struct curl_slist *headers_of(const struct kh_http_request *request)
{
    /* Suppressed: it would cost a second where a server does not know it. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    for (size_t i = 0; i < KH_HTTP_HEADERS_MAX && request->headers[i] != NULL; i++) {
        kh_assert(list != NULL); /* out of memory */
        list = curl_slist_append(list, request->headers[i]);
    }
    kh_assert(list != NULL);
    return list;
}

static bool set_method(struct kh_http_call *call, const char *method)
{
    CURL *easy = call->easy;
    bool ok = true;

    if (strcmp(method, "GET") == 0) {
        kh_assert(call->request_body.n == 0);
        return true;
    }
    ok &= curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->request_body.n) ==
          CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                           call->request_body.p != NULL ? call->request_body.p : "") == CURLE_OK;
    if (strcmp(method, "POST") != 0) {
        ok &= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
    }
    return ok;
}

/* HTTP/1.1 throughout: over one HTTP/2 connection a stalled answer to one shard would hold up all
 * others. */
static bool set_transport(CURL *easy, const struct kh_http_request *request)
{
    bool ok = true;

    ok &= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    /* Names are looked up on a thread, and a call that ends before its lookup would wait for it. */
    ok &= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_SECONDS_MAX) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, limit_of(request->connect_ms_max)) ==
          CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, limit_of(request->total_ms_max)) == CURLE_OK;
    if (request->stall_ms_max != KH_NEVER) {
        ok &= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK;
        ok &= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                               (limit_of(request->stall_ms_max) + 999) / 1000) == CURLE_OK;
    }
    if (request->bypass_proxy) {
        ok &= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK;
    }
    return ok;
}

static bool set_callbacks(struct kh_http_call *call)
{
    CURL *easy = call->easy;
    bool ok = true;

    ok &= curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->failure) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_PREREQDATA, call) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK;
    return ok;
}

struct kh_http_call *kh_http_send(struct kh_http *http, struct kh_http_request *request,
                                  kh_http_done *done, void *arg)
{
    struct kh_http_call *call = kh_mem_new(1, sizeof(*call));
    struct kh_str url = kh_str(request->url);
    CURLMcode code;
    bool ok = true;

    kh_assert(http->magic == HTTP_MAGIC);
    kh_assert(request->connect_ms_max > 0);
    kh_assert(request->total_ms_max > 0);
    kh_assert(request->stall_ms_max > 0);
    call->magic = CALL_MAGIC;
    call->http = http;
    call->done = done;
    call->arg = arg;
    call->request_body = kh_buf_take(&request->body);
    kh_buf_init(&call->body, request->body_bytes_max);
    url.n = url.n < sizeof(call->url) ? url.n : sizeof(call->url) - 1;
    ok &= kh_str_copy(call->url, sizeof(call->url), url);
    call->headers = headers_of(request);
    call->easy = take_easy(http);
    ok &= curl_easy_setopt(call->easy, CURLOPT_URL, request->url) == CURLE_OK;
    ok &= curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
    ok &= set_method(call, request->method);
    ok &= set_transport(call->easy, request);
    ok &= set_callbacks(call);
    kh_assert(ok); /* only memory could fail here */

    call->next = http->newest;
    if (call->next != NULL) {
        call->next->prev = call;
    }
    http->newest = call;
    code = curl_multi_add_handle(http->multi, call->easy);
    kh_assert(code == CURLM_OK);
    return call;
}

void kh_http_cancel(struct kh_http_call *call)
{
    if (call == NULL) {
        return;
    }
    kh_assert(call->magic == CALL_MAGIC);
    kh_assert(call->done != NULL);
    detach(call);
    free_call(call);
}
