#include "aws/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/str.h"
#include "io/env.h"

#define HTTP  KH_STR("http://")
#define HTTPS KH_STR("https://")

/* A region belongs to the first partition whose prefix it has; one nobody knows is taken for one of
 * aws, where new ones appear most often. */
struct partition {
    const char *prefix;
    const char *suffix;
    const char *dual_stack_suffix;
    bool plain_fips; /* all services but DynamoDB have no host of their own for FIPS */
};

static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", false},
    {"us-gov-", "amazonaws.com", "api.aws", true},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false},
    {"", "amazonaws.com", "api.aws", false},
};

static const struct partition *partition_of(const char *region)
{
    const struct partition *partition = partitions;

    while (!kh_str_starts(kh_str(region), kh_str(partition->prefix))) {
        partition++; /* ends at the last one, which is everybody's */
    }
    return partition;
}

static struct kh_str after(struct kh_str s, size_t n)
{
    return kh_str_of(s.p + n, s.n - n);
}

/* host, host:port or [address]:port; what a url must not have besides is refused here. */
static bool split_authority(struct kh_str authority, struct kh_str *name, struct kh_str *port)
{
    size_t name_n = kh_str_find(authority, ':');
    uint64_t number;

    if (authority.n > 0 && authority.p[0] == '[') {
        name_n = kh_str_find(authority, ']') + 1;
    }
    if (name_n == 0 || name_n > authority.n) {
        return false;
    }
    for (size_t i = 0; i < authority.n; i++) {
        if (authority.p[i] <= ' ' || strchr("/?#@\\\"<>", authority.p[i]) != NULL) {
            return false;
        }
    }
    *name = kh_str_of(authority.p, name_n);
    *port = after(authority, name_n);
    if (port->n == 0) {
        return true;
    }
    *port = after(*port, 1);
    return authority.p[name_n] == ':' && kh_str_u64(*port, &number) && number > 0 &&
           number <= 65535;
}

bool kh_endpoint_host(const char *url, char host[KH_ENDPOINT_HOST_MAX + 1])
{
    struct kh_str rest = kh_str(url);
    bool tls = kh_str_starts(rest, HTTPS);
    struct kh_str name;
    struct kh_str port;

    if (!tls && !kh_str_starts(rest, HTTP)) {
        return false;
    }
    rest = after(rest, tls ? HTTPS.n : HTTP.n);
    if (!split_authority(rest, &name, &port)) {
        return false;
    }
    if (port.n == 0 || kh_str_eq(port, tls ? KH_STR("443") : KH_STR("80"))) {
        rest = name;
    }
    return kh_str_copy(host, KH_ENDPOINT_HOST_MAX + 1, rest);
}

static bool has_scheme(struct kh_str url)
{
    for (size_t i = 0; i + 2 < url.n; i++) {
        if (memcmp(url.p + i, "://", 3) == 0) {
            return true;
        }
    }
    return false;
}

static enum kh_rc take_given(struct kh_endpoint *endpoint, const char *given, const char *from,
                             struct kh_err *err)
{
    struct kh_str url = kh_str_trim(kh_str(given));
    char host[KH_ENDPOINT_HOST_MAX + 1];
    int n;

    if (url.n > 0 && url.p[url.n - 1] == '/') {
        url.n--;
    }
    n = snprintf(endpoint->url, sizeof(endpoint->url), "%s%.*s", has_scheme(url) ? "" : "https://",
                 KH_STR_ARG(url));
    if ((size_t)n >= sizeof(endpoint->url) || !kh_endpoint_host(endpoint->url, host)) {
        return kh_fail(err, KH_INVALID,
                       "%s: \"%s\" is no endpoint; it should look like https://host:port", from,
                       given);
    }
    return KH_OK;
}

/* What was given for this service, if anything, and where. */
static const char *given_url(const struct kh_endpoint_inputs *inputs, const char **from)
{
    if (inputs->configured[0] != '\0') {
        *from = "endpoint in the properties file";
        return inputs->configured;
    }
    if (inputs->ignore_env_urls) {
        return NULL;
    }
    if (inputs->env_service_url != NULL && inputs->env_service_url[0] != '\0') {
        *from = "AWS_ENDPOINT_URL of the service";
        return inputs->env_service_url;
    }
    if (inputs->env_url != NULL && inputs->env_url[0] != '\0') {
        *from = "AWS_ENDPOINT_URL";
        return inputs->env_url;
    }
    return NULL;
}

enum kh_rc kh_endpoint_choose(const struct kh_endpoint_inputs *inputs, struct kh_endpoint *endpoint,
                              struct kh_err *err)
{
    const char *from = NULL;
    const char *given = given_url(inputs, &from);
    const struct partition *partition;
    bool fips_host;
    int n;

    if (given != NULL && (inputs->fips || inputs->dual_stack)) {
        return kh_fail(err, KH_INVALID,
                       "%s: \"%s\" cannot be used together with AWS_USE_FIPS_ENDPOINT or "
                       "AWS_USE_DUALSTACK_ENDPOINT",
                       from, given);
    }
    if (given != NULL) {
        return take_given(endpoint, given, from, err);
    }
    partition = partition_of(inputs->region);
    fips_host =
        inputs->fips && (!partition->plain_fips || strcmp(inputs->service, "dynamodb") == 0);
    n = snprintf(endpoint->url, sizeof(endpoint->url), "https://%s%s.%s.%s", inputs->service,
                 fips_host ? "-fips" : "", inputs->region,
                 inputs->dual_stack ? partition->dual_stack_suffix : partition->suffix);
    kh_assert((size_t)n < sizeof(endpoint->url)); /* service and region are short */
    return KH_OK;
}

static bool env_is_true(const char *name)
{
    return kh_str_eq_nocase(kh_str_trim(kh_str(kh_env(name))), KH_STR("true"));
}

/* The variables are named after the services, of which one signs under another name. */
static const char *env_service_url(const char *service)
{
    static const struct {
        const char *service;
        const char *variable;
    } variables[] = {
        {"kinesis", "AWS_ENDPOINT_URL_KINESIS"},
        {"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"},
        {"monitoring", "AWS_ENDPOINT_URL_CLOUDWATCH"},
        {"sts", "AWS_ENDPOINT_URL_STS"},
    };

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (strcmp(variables[i].service, service) == 0) {
            return kh_env(variables[i].variable);
        }
    }
    return NULL;
}

enum kh_rc kh_endpoint_find(const char *service, const char *region, const char *configured,
                            struct kh_endpoint *endpoint, struct kh_err *err)
{
    struct kh_endpoint_inputs inputs = {
        .service = service,
        .region = region,
        .configured = configured,
        .env_service_url = env_service_url(service),
        .env_url = kh_env("AWS_ENDPOINT_URL"),
        .ignore_env_urls = env_is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
        .fips = env_is_true("AWS_USE_FIPS_ENDPOINT"),
        .dual_stack = env_is_true("AWS_USE_DUALSTACK_ENDPOINT"),
    };

    return kh_endpoint_choose(&inputs, endpoint, err);
}
