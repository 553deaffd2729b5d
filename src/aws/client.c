#include "aws/client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aws/endpoint.h"
#include "aws/region.h"
#include "aws/sigv4.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "io/clock.h"
#include "wire/aws_error.h"

#define CALL_MAGIC 0x61777363u

/* Retry mode LEGACY of the SDK. */
#define ATTEMPTS_DEFAULT  4
#define BASE_MS           100
#define THROTTLED_BASE_MS 500
#define PAUSE_MS_MAX      KH_SECONDS(20)
#define TOKENS_MAX        500
#define RETRY_TOKENS      5 /* throttled retries are free */

#define CONNECT_MS_MAX     KH_SECONDS(7) /* with TLS */
#define STALL_MS_MAX       KH_SECONDS(10)
#define TOTAL_MS_DEFAULT   KH_SECONDS(30)
#define BODY_BYTES_DEFAULT ((size_t)1 << 20)
#define OPERATION_MAX      63
#define TARGET_MAX         127
#define HEADER_BYTES_MAX   (KH_SESSION_TOKEN_MAX + 4096) /* all headers of a request */
#define EXCERPT_MAX        80
#define SKEW_NOTICED_MS    KH_MINUTES(4)

/* What an answer means for what comes next. */
enum verdict {
    VERDICT_DONE,      /* definite: hand it to the caller */
    VERDICT_RETRY,     /* after a pause */
    VERDICT_THROTTLED, /* after a longer pause */
    VERDICT_REFUSED,   /* with other credentials, if there are any */
    VERDICT_SKEWED     /* with a corrected clock */
};

struct kh_aws_client {
    struct kh_loop *loop;   /* borrowed */
    struct kh_http *http;   /* borrowed */
    struct kh_creds *creds; /* borrowed */
    char url[KH_ENDPOINT_URL_MAX + 2];
    char host[KH_ENDPOINT_HOST_MAX + 1];
    char target[TARGET_MAX + 1];
    char content_type[TARGET_MAX + 1];
    struct kh_sigv4_signer signer;
    struct kh_rand rand;
    unsigned tokens;
    int64_t skew_ms;            /* to be added to our clock to get the server's */
    struct kh_aws_call *newest; /* owned list of calls under way */
};

struct kh_aws_call {
    uint32_t magic;
    struct kh_aws_client *client; /* borrowed */
    struct kh_aws_call *next;     /* in client's list */
    struct kh_aws_call *prev;
    char operation[OPERATION_MAX + 1];
    struct kh_buf body; /* moves into the last attempt that is allowed */
    unsigned attempts;
    unsigned attempts_max;
    kh_ms deadline_ms;
    size_t body_bytes_max;
    unsigned tokens_taken;          /* for the newest retry */
    uint64_t generation;            /* of the credentials the newest attempt was signed with */
    int64_t skew_ms;                /* with which it was signed */
    bool unknown;                   /* an attempt may have been carried out */
    bool refused;                   /* credentials were asked for anew once */
    bool skewed;                    /* the clock was corrected once */
    struct kh_watch *timer;         /* owned; the next attempt */
    struct kh_http_call *http_call; /* the newest attempt, while under way */
    kh_aws_done *done;
    void *arg;             /* borrowed */
    struct kh_err failure; /* why there can be no attempt; rc is KH_OK if there can */
};

static struct kh_aws_call *call_of(void *arg)
{
    struct kh_aws_call *call = arg;

    kh_assert(call->magic == CALL_MAGIC);
    return call;
}

/* ---- the life of client and call ---- */

enum kh_rc kh_aws_client_new(struct kh_aws_client **out, struct kh_loop *loop, struct kh_http *http,
                             struct kh_creds *creds, const struct kh_aws_client_config *config,
                             struct kh_err *err)
{
    struct kh_aws_client *client;
    char host[KH_ENDPOINT_HOST_MAX + 1];
    bool fits = true;
    int n;

    if (!kh_endpoint_host(config->endpoint, host)) {
        return kh_fail(err, KH_INVALID, "endpoint of %s: \"%s\" should look like https://host:port",
                       config->service, config->endpoint);
    }
    if (!kh_region_is_valid(kh_str(config->region))) {
        return kh_fail(err, KH_INVALID, "region of %s: \"%s\" should look like us-east-1",
                       config->service, config->region);
    }
    client = kh_mem_new(1, sizeof(*client));
    client->loop = loop;
    client->http = http;
    client->creds = creds;
    n = snprintf(client->url, sizeof(client->url), "%s/", config->endpoint);
    kh_assert((size_t)n < sizeof(client->url));
    memcpy(client->host, host, sizeof(host));
    fits &= kh_str_copy(client->target, sizeof(client->target), kh_str(config->target));
    fits &= kh_str_copy(client->content_type, sizeof(client->content_type),
                        kh_str(config->content_type));
    kh_assert(fits);
    kh_sigv4_init(&client->signer, config->region, config->service);
    kh_rand_init(&client->rand, config->seed);
    client->tokens = TOKENS_MAX;
    *out = client;
    return KH_OK;
}

static void unlink_call(struct kh_aws_call *call)
{
    if (call->prev != NULL) {
        call->prev->next = call->next;
    } else {
        kh_assert(call->client->newest == call);
        call->client->newest = call->next;
    }
    if (call->next != NULL) {
        call->next->prev = call->prev;
    }
}

static void free_call(struct kh_aws_call *call)
{
    kh_assert(call->http_call == NULL);
    kh_watch_free(call->timer);
    kh_buf_fini(&call->body);
    call->magic = 0;
    kh_mem_free(call);
}

void kh_aws_cancel(struct kh_aws_call *call)
{
    if (call == NULL) {
        return;
    }
    kh_assert(call->magic == CALL_MAGIC);
    kh_assert(call->done != NULL);
    kh_http_cancel(call->http_call);
    call->http_call = NULL;
    unlink_call(call);
    free_call(call);
}

void kh_aws_client_free(struct kh_aws_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->newest != NULL) {
        kh_aws_cancel(client->newest);
    }
    kh_sigv4_fini(&client->signer);
    kh_mem_free(client);
}

/* The one place where a call is answered. */
static void finish(struct kh_aws_call *call, struct kh_aws_answer *answer)
{
    kh_aws_done *done = call->done;

    kh_assert(call->http_call == NULL);
    kh_assert(answer->body != NULL);
    answer->unknown = answer->rc != KH_OK && call->unknown;
    unlink_call(call);
    call->done = NULL; /* from here on it must not be cancelled */
    done(call->arg, answer);
    free_call(call);
}

static void finish_without_answer(struct kh_aws_call *call, const struct kh_err *err)
{
    struct kh_buf empty;
    struct kh_aws_answer answer = {.rc = err->rc, .body = &empty, .err = *err};

    kh_buf_init(&empty, 0);
    finish(call, &answer);
}

/* ---- sending an attempt ---- */

/* Append one header's text and its terminator; what it says of the request is bounded. */
static const char *header(struct kh_buf *texts, const char *name, struct kh_str value)
{
    size_t at = texts->n;
    enum kh_rc rc = kh_buf_appendf(texts, "%s: %.*s", name, KH_STR_ARG(value));

    kh_assert(rc == KH_OK);
    rc = kh_buf_append_char(texts, '\0');
    kh_assert(rc == KH_OK);
    return texts->p + at; /* stays there: room was made before */
}

static void put_headers(struct kh_aws_call *call, const struct kh_cred *cred,
                        struct kh_http_request *request, struct kh_buf *texts)
{
    struct kh_aws_client *client = call->client;
    struct kh_str token = kh_secret_text(&cred->session_token);
    struct kh_sigv4_signature signature;
    char target[TARGET_MAX + OPERATION_MAX + 2];
    size_t n = 0;
    int target_n = snprintf(target, sizeof(target), "%s.%s", client->target, call->operation);
    const struct kh_sigv4_request signed_part = {
        .method = request->method,
        .host = kh_str(client->host),
        .content_type = kh_str(client->content_type),
        .target = kh_str(target),
        .body = kh_buf_str(&request->body),
    };

    kh_assert((size_t)target_n < sizeof(target));
    request->headers[n++] = header(texts, "Host", signed_part.host);
    request->headers[n++] = header(texts, "Content-Type", signed_part.content_type);
    request->headers[n++] = header(texts, "X-Amz-Target", signed_part.target);
    request->headers[n++] = header(texts, "User-Agent", KH_STR("kcl-host/" PACKAGE_VERSION));
    if (cred->access_key_id[0] != '\0') {
        kh_sigv4_sign(&client->signer, cred, &signed_part, kh_clock_wall_ms(), client->skew_ms,
                      &signature);
        request->headers[n++] = header(texts, "X-Amz-Date", kh_str(signature.time));
        request->headers[n++] = header(texts, "Authorization", kh_str(signature.authorization));
        if (token.n > 0) {
            request->headers[n++] = header(texts, "X-Amz-Security-Token", token);
        }
    }
    kh_assert(n < KH_HTTP_HEADERS_MAX);
}

static struct kh_buf body_for_attempt(struct kh_aws_call *call)
{
    struct kh_buf copy;
    enum kh_rc rc;

    if (call->attempts == call->attempts_max) {
        return kh_buf_take(&call->body);
    }
    kh_buf_init(&copy, call->body.max_bytes);
    rc = kh_buf_append_str(&copy, kh_buf_str(&call->body));
    kh_assert(rc == KH_OK);
    return copy;
}

static void on_result(void *arg, struct kh_http_result *result);

/* Called from inside kh_creds_get, by providers that know at once. */
static void on_creds(void *arg, const struct kh_cred *cred, const struct kh_err *err)
{
    struct kh_aws_call *call = call_of(arg);
    struct kh_aws_client *client = call->client;
    kh_ms now_ms = kh_loop_now_ms(client->loop);
    struct kh_http_request request = {.method = "POST",
                                      .url = client->url,
                                      .connect_ms_max = CONNECT_MS_MAX,
                                      .stall_ms_max = STALL_MS_MAX,
                                      .body_bytes_max = call->body_bytes_max};
    struct kh_buf texts;
    enum kh_rc rc;

    if (err != NULL) {
        call->failure = *err;
        (void)kh_wrap(&call->failure, "%s", call->operation);
        kh_watch_at(call->timer, now_ms);
        return;
    }
    call->attempts++;
    call->generation = cred->generation;
    call->skew_ms = client->skew_ms;
    request.body = body_for_attempt(call);
    request.total_ms_max = kh_ms_max(call->deadline_ms - now_ms, 1);
    kh_buf_init(&texts, HEADER_BYTES_MAX);
    rc = kh_buf_reserve(&texts, HEADER_BYTES_MAX);
    kh_assert(rc == KH_OK);
    put_headers(call, cred, &request, &texts);
    call->http_call = kh_http_send(client->http, &request, on_result, call);
    explicit_bzero(texts.p, texts.n); /* the token */
    kh_buf_fini(&texts);
}

static void attempt(struct kh_aws_call *call)
{
    kh_assert(call->attempts < call->attempts_max);
    kh_assert(call->http_call == NULL);
    kh_creds_get(call->client->creds, on_creds, call);
}

static void on_due(void *arg)
{
    struct kh_aws_call *call = call_of(arg);

    if (call->failure.rc != KH_OK) {
        finish_without_answer(call, &call->failure);
    } else {
        attempt(call);
    }
}

/* ---- judging an answer ---- */

/* One row an error name that means something to us; what is not here goes by its HTTP status. */
struct error_class {
    const char *code;
    enum kh_rc rc;
    enum verdict verdict;
};

static const struct error_class error_classes[] = {
    {"ProvisionedThroughputExceededException", KH_THROTTLED, VERDICT_THROTTLED},
    {"ThrottlingException", KH_THROTTLED, VERDICT_THROTTLED},
    {"Throttling", KH_THROTTLED, VERDICT_THROTTLED},
    {"ThrottledException", KH_THROTTLED, VERDICT_THROTTLED},
    {"TooManyRequestsException", KH_THROTTLED, VERDICT_THROTTLED},
    {"RequestLimitExceeded", KH_THROTTLED, VERDICT_THROTTLED},
    {"RequestThrottled", KH_THROTTLED, VERDICT_THROTTLED},
    {"RequestThrottledException", KH_THROTTLED, VERDICT_THROTTLED},
    {"BandwidthLimitExceeded", KH_THROTTLED, VERDICT_THROTTLED},
    {"SlowDown", KH_THROTTLED, VERDICT_THROTTLED},
    {"EC2ThrottledException", KH_THROTTLED, VERDICT_THROTTLED},
    {"TransactionInProgressException", KH_THROTTLED, VERDICT_THROTTLED},
    {"LimitExceededException", KH_THROTTLED, VERDICT_DONE},
    {"KMSThrottlingException", KH_THROTTLED, VERDICT_DONE},
    {"RequestTimeout", KH_RETRY, VERDICT_RETRY},
    {"RequestTimeoutException", KH_RETRY, VERDICT_RETRY},
    {"PriorRequestNotComplete", KH_RETRY, VERDICT_RETRY},
    {"InternalError", KH_RETRY, VERDICT_RETRY},
    {"InternalFailure", KH_RETRY, VERDICT_RETRY},
    {"InternalFailureException", KH_RETRY, VERDICT_RETRY},
    {"ResourceNotFoundException", KH_NOTFOUND, VERDICT_DONE},
    {"ConditionalCheckFailedException", KH_CONFLICT, VERDICT_DONE},
    {"ResourceInUseException", KH_CONFLICT, VERDICT_DONE},
    {"AccessDeniedException", KH_DENIED, VERDICT_DONE},
    {"AccessDenied", KH_DENIED, VERDICT_DONE},
    {"UnrecognizedClientException", KH_DENIED, VERDICT_REFUSED},
    {"InvalidClientTokenId", KH_DENIED, VERDICT_REFUSED},
    {"ExpiredTokenException", KH_DENIED, VERDICT_REFUSED},
    {"ExpiredToken", KH_DENIED, VERDICT_REFUSED},
    {"InvalidSignatureException", KH_DENIED, VERDICT_REFUSED},
    {"SignatureDoesNotMatch", KH_DENIED, VERDICT_REFUSED},
    {"IncompleteSignature", KH_DENIED, VERDICT_REFUSED},
    {"IncompleteSignatureException", KH_DENIED, VERDICT_REFUSED},
    {"MissingAuthenticationToken", KH_DENIED, VERDICT_REFUSED},
    {"MissingAuthenticationTokenException", KH_DENIED, VERDICT_REFUSED},
    {"AuthFailure", KH_DENIED, VERDICT_REFUSED},
    {"RequestTimeTooSkewed", KH_DENIED, VERDICT_SKEWED},
    {"RequestExpired", KH_DENIED, VERDICT_SKEWED},
    {"RequestInTheFuture", KH_DENIED, VERDICT_SKEWED},
};

static struct error_class class_of(const char *code, int status)
{
    for (size_t i = 0; i < sizeof(error_classes) / sizeof(error_classes[0]); i++) {
        if (strcmp(error_classes[i].code, code) == 0) {
            return error_classes[i];
        }
    }
    if (status == 429) {
        return (struct error_class){code, KH_THROTTLED, VERDICT_THROTTLED};
    }
    if (status >= 500) {
        return (struct error_class){code, KH_RETRY, VERDICT_RETRY};
    }
    if (status == 401 || status == 403) {
        return (struct error_class){code, KH_DENIED, VERDICT_REFUSED};
    }
    return (struct error_class){code, KH_INVALID, VERDICT_DONE};
}

/* How far the server's clock is before ours; 0 if it does not say. Dates are cut to seconds. */
static int64_t server_ahead_ms(const char *date)
{
    struct tm utc = {0};

    if (strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &utc) == NULL) {
        return 0;
    }
    return (int64_t)timegm(&utc) * 1000 - kh_clock_wall_ms();
}

static bool is_far(int64_t ms)
{
    return ms >= SKEW_NOTICED_MS || ms <= -SKEW_NOTICED_MS;
}

/* Calls that were under way together find it out one after the other; it is told once. */
static void correct_clock(const struct kh_aws_call *call, int64_t skew_ms)
{
    bool news = is_far(skew_ms - call->client->skew_ms);

    call->client->skew_ms = skew_ms;
    if (news) {
        kh_log(KH_LOG_WARN, "aws.clock_skew", kh_f("operation", call->operation),
               kh_fi("skew_ms", skew_ms));
    }
}

/* The beginning of an answer that AWS would not give: a proxy's page, an emulator's stack. */
static void excerpt(struct kh_str body, char text[EXCERPT_MAX + 1])
{
    size_t n = body.n < EXCERPT_MAX ? body.n : EXCERPT_MAX;

    for (size_t i = 0; i < n; i++) {
        text[i] = body.p[i] >= ' ' && body.p[i] <= '~' ? body.p[i] : ' ';
    }
    text[n] = '\0';
}

/* "GetRecords: ProvisionedThroughputExceededException: Rate exceeded (request 1234)" */
static void describe(const struct kh_aws_call *call, const struct kh_http_result *result,
                     const struct kh_aws_error *error, struct kh_aws_answer *answer)
{
    char status[32];
    char request[160] = "";
    char strange[EXCERPT_MAX + 1];
    const char *code = error->code;
    const char *message = error->message;

    if (code[0] == '\0') {
        (void)snprintf(status, sizeof(status), "HTTP status %d", result->status);
        code = status;
    }
    if (code == status && message[0] == '\0') {
        excerpt(kh_buf_str(result->body), strange);
        message = strange;
    }
    if (result->request_id[0] != '\0') {
        (void)snprintf(request, sizeof(request), " (request %s)", result->request_id);
    }
    (void)kh_fail(&answer->err, answer->rc, "%s: %s%s%s%s", call->operation, code,
                  message[0] != '\0' ? ": " : "", message, request);
}

/* An answer with another status than 2xx. */
static enum verdict judge_refusal(struct kh_aws_call *call, const struct kh_http_result *result,
                                  struct kh_aws_answer *answer)
{
    struct kh_aws_error error;
    struct error_class class;
    bool has_date = answer->server_ahead_ms != 0;

    kh_aws_error_read(&error, kh_buf_str(result->body), kh_str(result->error_type));
    class = class_of(error.code, result->status);
    answer->rc = class.rc;
    if (!kh_str_copy(answer->code, sizeof(answer->code), kh_str(error.code))) {
        answer->code[0] = '\0';
    }
    describe(call, result, &error, answer);
    if (result->status >= 500 || class.rc == KH_RETRY) {
        call->unknown = true;
    }
    if (class.verdict == VERDICT_REFUSED && has_date &&
        is_far(answer->server_ahead_ms - call->skew_ms)) {
        class.verdict = VERDICT_SKEWED;
    }
    if (class.verdict == VERDICT_SKEWED && has_date && !call->skewed) {
        correct_clock(call, answer->server_ahead_ms);
    }
    return class.verdict;
}

static enum verdict judge(struct kh_aws_call *call, const struct kh_http_result *result,
                          struct kh_aws_answer *answer)
{
    answer->status = result->status;
    if (result->rc != KH_OK) {
        call->unknown |= result->sent;
        answer->rc = result->rc;
        answer->err = result->err;
        (void)kh_wrap(&answer->err, "%s", call->operation);
        return result->rc == KH_RETRY ? VERDICT_RETRY : VERDICT_DONE;
    }
    answer->server_ahead_ms = server_ahead_ms(result->date);
    if (result->status >= 200 && result->status <= 299) {
        answer->rc = KH_OK;
        return VERDICT_DONE;
    }
    return judge_refusal(call, result, answer);
}

/* ---- trying again ---- */

static kh_ms pause_before_retry(struct kh_aws_call *call, bool throttled)
{
    kh_ms ceiling_ms = throttled ? THROTTLED_BASE_MS : BASE_MS;

    for (unsigned i = 1; i < call->attempts && ceiling_ms < PAUSE_MS_MAX; i++) {
        ceiling_ms *= 2;
    }
    ceiling_ms = kh_ms_min(ceiling_ms, PAUSE_MS_MAX);
    if (throttled) {
        return ceiling_ms / 2 + kh_rand_between(&call->client->rand, 0, ceiling_ms / 2);
    }
    return kh_rand_between(&call->client->rand, 0, ceiling_ms);
}

static bool take_tokens(struct kh_aws_call *call, bool throttled)
{
    unsigned cost = throttled ? 0 : RETRY_TOKENS;

    if (call->client->tokens < cost) {
        return false;
    }
    call->client->tokens -= cost;
    call->tokens_taken = cost;
    return true;
}

/* A success gives back what its last retry cost, or one token if there was none. */
static void give_tokens(struct kh_aws_call *call)
{
    unsigned refund = call->attempts > 1 ? call->tokens_taken : 1;
    unsigned room = TOKENS_MAX - call->client->tokens;

    call->client->tokens += refund < room ? refund : room;
}

static void on_other_creds(void *arg, const struct kh_cred *cred, const struct kh_err *err)
{
    struct kh_aws_call *call = call_of(arg);

    call->refused = err == NULL && cred->generation != call->generation;
}

/* Once a call, and only if the provider has other keys by now. */
static bool have_other_creds(struct kh_aws_call *call)
{
    if (call->refused) {
        return false;
    }
    kh_creds_get(call->client->creds, on_other_creds, call);
    return call->refused;
}

/* Arrange for another attempt; false if this answer has to do. */
static bool retry(struct kh_aws_call *call, enum verdict verdict)
{
    bool throttled = verdict == VERDICT_THROTTLED;
    kh_ms at_ms = kh_loop_now_ms(call->client->loop);

    if (verdict == VERDICT_REFUSED) {
        /* Even without a second attempt: the next call wants fresh keys. */
        kh_creds_refused(call->client->creds, call->generation);
    }
    if (call->attempts >= call->attempts_max) {
        return false;
    }
    switch (verdict) {
    case VERDICT_DONE:
        return false;
    case VERDICT_REFUSED:
        if (!have_other_creds(call)) {
            return false;
        }
        break;
    case VERDICT_SKEWED:
        if (call->skewed) {
            return false;
        }
        call->skewed = true;
        break;
    case VERDICT_RETRY:
    case VERDICT_THROTTLED:
        at_ms += pause_before_retry(call, throttled);
        if (at_ms >= call->deadline_ms || !take_tokens(call, throttled)) {
            return false;
        }
        break;
    }
    kh_watch_at(call->timer, at_ms);
    return true;
}

static void on_result(void *arg, struct kh_http_result *result)
{
    struct kh_aws_call *call = call_of(arg);
    struct kh_aws_answer answer = {.body = result->body};
    enum verdict verdict;

    call->http_call = NULL;
    verdict = judge(call, result, &answer);
    if (answer.rc == KH_OK) {
        give_tokens(call);
    } else if (retry(call, verdict)) {
        kh_log(KH_LOG_DEBUG, "aws.retry", kh_f("why", answer.err.text),
               kh_fu("attempts", call->attempts));
        return;
    }
    finish(call, &answer);
}

struct kh_aws_call *kh_aws_call(struct kh_aws_client *client, struct kh_aws_request *request,
                                kh_aws_done *done, void *arg)
{
    struct kh_aws_call *call = kh_mem_new(1, sizeof(*call));
    kh_ms total_ms = request->total_ms_max > 0 ? request->total_ms_max : TOTAL_MS_DEFAULT;
    bool fits = kh_str_copy(call->operation, sizeof(call->operation), kh_str(request->operation));

    kh_assert(fits);
    kh_assert(done != NULL);
    call->magic = CALL_MAGIC;
    call->client = client;
    call->body = kh_buf_take(&request->body);
    call->attempts_max = request->attempts_max > 0 ? request->attempts_max : ATTEMPTS_DEFAULT;
    call->deadline_ms = kh_loop_now_ms(client->loop) + total_ms;
    call->body_bytes_max =
        request->body_bytes_max > 0 ? request->body_bytes_max : BODY_BYTES_DEFAULT;
    call->timer = kh_loop_timer(client->loop, on_due, call);
    call->done = done;
    call->arg = arg;
    call->next = client->newest;
    if (call->next != NULL) {
        call->next->prev = call;
    }
    client->newest = call;
    attempt(call);
    return call;
}
