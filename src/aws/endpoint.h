/* endpoint: which server to ask for a service in a region.
 *
 * Shape   kh_endpoint_choose is a pure function over its inputs; kh_endpoint_find fills them from
 *         the environment first.
 * Units   none.
 * Errors  KH_INVALID: a url that cannot be used, with where it came from; settings that exclude
 *         each other.
 * Memory  plain values.
 * Truth   AwsClientEndpointProvider of the AWS SDK for Java 2: the property,
 *         AWS_ENDPOINT_URL_SERVICE, AWS_ENDPOINT_URL, computed from the partition. The profile's
 *         endpoint_url comes later.
 *         Chosen: an endpoint without scheme is https; one with a path is refused.
 */
#ifndef KH_AWS_ENDPOINT_H
#define KH_AWS_ENDPOINT_H

#include <stdbool.h>

#include "base/err.h"

#define KH_ENDPOINT_URL_MAX  255
#define KH_ENDPOINT_HOST_MAX 255

struct kh_endpoint_inputs {
    const char *service;         /* signing name: "kinesis", "dynamodb", "monitoring", "sts" */
    const char *region;          /* checked: aws/region.h */
    const char *configured;      /* kinesisEndpoint, …; "" if not set */
    const char *env_service_url; /* AWS_ENDPOINT_URL_KINESIS, …; NULL if not set */
    const char *env_url;         /* AWS_ENDPOINT_URL; NULL if not set */
    bool ignore_env_urls;        /* AWS_IGNORE_CONFIGURED_ENDPOINT_URLS */
    bool fips;                   /* AWS_USE_FIPS_ENDPOINT */
    bool dual_stack;             /* AWS_USE_DUALSTACK_ENDPOINT */
};

struct kh_endpoint {
    char url[KH_ENDPOINT_URL_MAX +
             1]; /* "https://kinesis.us-east-1.amazonaws.com", no slash behind */
};

enum kh_rc kh_endpoint_choose(const struct kh_endpoint_inputs *inputs, struct kh_endpoint *endpoint,
                              struct kh_err *err) KH_MUST_USE;

enum kh_rc kh_endpoint_find(const char *service, const char *region, const char *configured,
                            struct kh_endpoint *endpoint, struct kh_err *err) KH_MUST_USE;

/* What the Host header says for such a url: the port is left out if it is the scheme's own.
 * False: it is not the url of an endpoint. */
bool kh_endpoint_host(const char *url, char host[KH_ENDPOINT_HOST_MAX + 1]) KH_MUST_USE;

#endif
