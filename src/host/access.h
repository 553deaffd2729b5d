/* access: the AWS clients that a run needs, or none.
 *
 * Shape   opened from the settings, closed once; a client that is not needed stays NULL.
 * Units   none.
 * Errors  INVALID: region, endpoint or provider cannot be used; DENIED: no credentials.
 * Memory  owns everything; the clients are borrowed by source and store, which are closed first.
 * Truth   own design.
 */
#ifndef KH_HOST_ACCESS_H
#define KH_HOST_ACCESS_H

#include "aws/client.h"
#include "aws/region.h"
#include "config/settings.h"
#include "io/loop.h"

struct kh_access {
    char kinesis_region[KH_REGION_MAX + 1]; /* "" if none is needed */
    char dynamodb_region[KH_REGION_MAX + 1];
    struct kh_http *http;
    struct kh_creds *kinesis_creds;
    struct kh_creds *dynamodb_creds;
    struct kh_aws_client *kinesis;
    struct kh_aws_client *dynamodb;
};

enum kh_rc kh_access_open(struct kh_access *access, struct kh_loop *loop,
                          const struct kh_settings *settings, struct kh_err *err) KH_MUST_USE;
void kh_access_close(struct kh_access *access);

#endif
