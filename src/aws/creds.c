#include "aws/creds.h"

#include <string.h>

#include "aws/creds_provider.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define CHAIN_MAX        32 /* providers in one chain */
#define ROW_MAX          6  /* providers one name stands for */
#define REFRESH_PAUSE_MS KH_SECONDS(10)

/* ---- the providers that need no file of their own ---- */

static enum kh_rc not_yet(const char *param, struct kh_cred *cred, struct kh_err *err)
{
    (void)param;
    (void)cred;
    return kh_fail(err, KH_NOTFOUND, "not supported yet");
}

static enum kh_rc no_keys(const char *param, struct kh_cred *cred, struct kh_err *err)
{
    (void)param;
    (void)err;
    cred->access_key_id[0] = '\0';
    return KH_OK;
}

static const struct kh_creds_provider web_identity = {"web identity", not_yet};
static const struct kh_creds_provider container = {"container", not_yet};
static const struct kh_creds_provider instance = {"instance metadata", not_yet};
static const struct kh_creds_provider assume_role = {"assumed role", not_yet};
static const struct kh_creds_provider anonymous = {"anonymous", no_keys};

/* ---- names ---- */

struct row {
    const char *name; /* without package */
    size_t params_max;
    const struct kh_creds_provider *providers[ROW_MAX]; /* NULL ends */
};

#define DEFAULT_CHAIN                                                                          \
    {                                                                                          \
        &kh_creds_java, &kh_creds_env, &web_identity, &kh_creds_profile, &container, &instance \
    }

/* First the names of KCL 3, then those of the SDK before it that mean the same. */
static const struct row rows[] = {
    {"DefaultCredentialsProvider", 0, DEFAULT_CHAIN},
    {"EnvironmentVariableCredentialsProvider", 0, {&kh_creds_env}},
    {"SystemPropertyCredentialsProvider", 0, {&kh_creds_java}},
    {"ProfileCredentialsProvider", 1, {&kh_creds_profile}},
    {"WebIdentityTokenFileCredentialsProvider", 0, {&web_identity}},
    {"ContainerCredentialsProvider", 0, {&container}},
    {"InstanceProfileCredentialsProvider", 0, {&instance}},
    {"AnonymousCredentialsProvider", 0, {&anonymous}},
    {"StsAssumeRoleCredentialsProvider", SIZE_MAX, {&assume_role}},
    {"KclStsAssumeRoleCredentialsProvider", SIZE_MAX, {&assume_role}},
    {"DefaultAWSCredentialsProviderChain", 0, DEFAULT_CHAIN},
    {"SystemPropertiesCredentialsProvider", 0, {&kh_creds_java}},
    {"EC2ContainerCredentialsProviderWrapper", 0, {&container, &instance}},
    {"WebIdentityTokenCredentialsProvider", 0, {&web_identity}},
    {"STSAssumeRoleSessionCredentialsProvider", SIZE_MAX, {&assume_role}},
    {"KclSTSAssumeRoleSessionCredentialsProvider", SIZE_MAX, {&assume_role}},
    {"AnonymousAWSCredentials", 0, {&anonymous}},
};

static struct kh_str without_package(struct kh_str name)
{
    static const char *const packages[] = {
        "software.amazon.kinesis.multilang.auth.",
        "software.amazon.awssdk.auth.credentials.",
        "com.amazonaws.services.kinesis.multilang.auth.",
        "com.amazonaws.auth.profile.",
        "com.amazonaws.auth.",
        "profile.",
    };

    for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
        struct kh_str package = kh_str(packages[i]);

        if (kh_str_starts(name, package)) {
            return kh_str_of(name.p + package.n, name.n - package.n);
        }
    }
    return name;
}

static const struct row *find_row(struct kh_str name)
{
    name = without_package(name);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (kh_str_eq(name, kh_str(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- the chain ---- */

struct link {
    const struct kh_creds_provider *provider;
    char *param; /* owned, or NULL */
};

struct kh_creds {
    struct kh_loop *loop; /* borrowed; for the time */
    struct link chain[CHAIN_MAX];
    size_t chain_n;
    size_t chosen; /* the provider that answered, if cred.generation is not 0 */
    struct kh_cred cred;
    bool stale;          /* refused: ask again */
    kh_ms refresh_at_ms; /* refusals before this instant change nothing */
};

static size_t count_params(struct kh_str params)
{
    struct kh_str head;
    size_t n = params.n > 0 ? 1 : 0;

    while (kh_str_cut(params, '|', &head, &params)) {
        n++;
    }
    return n;
}

static enum kh_rc add_element(struct kh_creds *creds, struct kh_str element, struct kh_err *err)
{
    struct kh_str name;
    struct kh_str params;
    const struct row *row;

    if (!kh_str_cut(element, '|', &name, &params)) {
        params = kh_str_of(NULL, 0);
    }
    name = kh_str_trim(name);
    params = kh_str_trim(params);
    row = find_row(name);
    if (row == NULL) {
        return kh_fail(err, KH_INVALID,
                       "%.*s: no credentials provider of this name works here (classes of your own "
                       "need Java); use DefaultCredentialsProvider, "
                       "EnvironmentVariableCredentialsProvider or ProfileCredentialsProvider|NAME",
                       KH_STR_ARG(name));
    }
    if (count_params(params) > row->params_max) {
        return kh_fail(err, KH_INVALID, "%.*s: takes at most %zu parameters behind |, not %zu",
                       KH_STR_ARG(name), row->params_max, count_params(params));
    }
    for (size_t i = 0; i < ROW_MAX && row->providers[i] != NULL; i++) {
        struct link *link = &creds->chain[creds->chain_n];

        if (creds->chain_n == CHAIN_MAX) {
            return kh_fail(err, KH_INVALID, "more than %d credentials providers", CHAIN_MAX);
        }
        link->provider = row->providers[i];
        link->param = params.n > 0 ? kh_mem_copy(params.p, params.n) : NULL;
        creds->chain_n++;
    }
    return KH_OK;
}

/* As in Java, an element that cannot work is passed over as long as another one can; but said. */
static enum kh_rc build_chain(struct kh_creds *creds, struct kh_str list, struct kh_err *err)
{
    struct kh_err problem = {.rc = KH_INVALID, .text = "no credentials provider is named"};
    bool more = true;

    while (more) {
        struct kh_str element;

        more = kh_str_cut(list, ',', &element, &list);
        element = kh_str_trim(element);
        if (element.n > 0 && add_element(creds, element, &problem) != KH_OK) {
            kh_log(KH_LOG_WARN, "creds.provider_skipped", kh_f("why", problem.text));
        }
    }
    if (creds->chain_n == 0) {
        return kh_fail(err, problem.rc, "AwsCredentialsProvider: %s", problem.text);
    }
    return KH_OK;
}

enum kh_rc kh_creds_new(struct kh_creds **out, struct kh_loop *loop, const char *provider,
                        struct kh_err *err)
{
    struct kh_creds *creds = kh_mem_new(1, sizeof(*creds));
    enum kh_rc rc;

    creds->loop = loop;
    rc = build_chain(creds, kh_str(provider), err);
    if (rc != KH_OK) {
        kh_creds_free(creds);
        return rc;
    }
    *out = creds;
    return KH_OK;
}

void kh_creds_free(struct kh_creds *creds)
{
    if (creds == NULL) {
        return;
    }
    for (size_t i = 0; i < creds->chain_n; i++) {
        kh_mem_free(creds->chain[i].param);
    }
    kh_cred_fini(&creds->cred);
    kh_mem_free(creds);
}

/* ---- asking ---- */

static bool goes_into_header(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] > '~') {
            return false;
        }
    }
    return true;
}

enum kh_rc kh_cred_set(struct kh_cred *cred, struct kh_str id, struct kh_str secret,
                       struct kh_str token, struct kh_err *err)
{
    if (id.n > KH_ACCESS_KEY_ID_MAX || secret.n > KH_SECRET_KEY_MAX ||
        token.n > KH_SESSION_TOKEN_MAX) {
        return kh_fail(err, KH_INVALID, "a key or token is too long to be one");
    }
    if (!goes_into_header(id) || !goes_into_header(secret) || !goes_into_header(token)) {
        return kh_fail(err, KH_INVALID, "a key or token has blanks or odd characters in it");
    }
    memcpy(cred->access_key_id, id.p, id.n);
    cred->access_key_id[id.n] = '\0';
    kh_secret_set(&cred->secret_key, secret);
    kh_secret_set(&cred->session_token, token);
    cred->expires_wall_ms = 0;
    return KH_OK;
}

void kh_cred_fini(struct kh_cred *cred)
{
    kh_secret_fini(&cred->secret_key);
    kh_secret_fini(&cred->session_token);
}

static bool same_keys(const struct kh_cred *a, const struct kh_cred *b)
{
    return strcmp(a->access_key_id, b->access_key_id) == 0 &&
           kh_str_eq(kh_secret_text(&a->secret_key), kh_secret_text(&b->secret_key)) &&
           kh_str_eq(kh_secret_text(&a->session_token), kh_secret_text(&b->session_token));
}

static void accept(struct kh_creds *creds, struct kh_cred *cred, size_t chosen)
{
    uint64_t generation = creds->cred.generation;

    if (generation != 0 && same_keys(&creds->cred, cred)) {
        kh_cred_fini(cred);
        return;
    }
    kh_cred_fini(&creds->cred);
    creds->cred = *cred;
    creds->cred.generation = generation + 1;
    creds->chosen = chosen;
    kh_log(KH_LOG_INFO, "creds.found", kh_f("provider", creds->chain[chosen].provider->name));
}

/* Ask one provider after the other, or the one that answered before; complaints collects why each
 * one had nothing. */
static bool ask_chain(struct kh_creds *creds, struct kh_buf *complaints)
{
    bool again = creds->cred.generation != 0;
    size_t end = again ? creds->chosen + 1 : creds->chain_n;

    for (size_t i = again ? creds->chosen : 0; i < end; i++) {
        struct kh_cred cred = {0};
        struct kh_err why;

        if (creds->chain[i].provider->get(creds->chain[i].param, &cred, &why) == KH_OK) {
            accept(creds, &cred, i);
            return true;
        }
        kh_cred_fini(&cred);
        /* What does not fit into one sentence is left out. */
        (void)!kh_buf_appendf(complaints, "%s%s: %s", i > 0 ? "; " : "",
                              creds->chain[i].provider->name, why.text);
    }
    return false;
}

void kh_creds_get(struct kh_creds *creds, kh_creds_ready *ready, void *arg)
{
    struct kh_buf complaints;
    struct kh_err err;
    bool have = creds->cred.generation != 0;

    if (have && !creds->stale) {
        ready(arg, &creds->cred, NULL);
        return;
    }
    kh_buf_init(&complaints, KH_ERR_TEXT_MAX);
    creds->stale = false;
    /* If nobody has any now, the old ones may still turn out to be good. */
    if (ask_chain(creds, &complaints) || have) {
        ready(arg, &creds->cred, NULL);
    } else {
        (void)kh_fail(
            &err, KH_DENIED,
            "no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write "
            "a profile (%.*s)",
            KH_STR_ARG(kh_buf_str(&complaints)));
        ready(arg, NULL, &err);
    }
    kh_buf_fini(&complaints);
}

/* Refusals come in crowds, one from each shard. */
void kh_creds_refused(struct kh_creds *creds, uint64_t generation)
{
    kh_ms now_ms = kh_loop_now_ms(creds->loop);

    if (creds->cred.generation == generation && now_ms >= creds->refresh_at_ms) {
        creds->stale = true;
        creds->refresh_at_ms = now_ms + REFRESH_PAUSE_MS;
    }
}
