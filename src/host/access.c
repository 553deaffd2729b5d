#include "host/access.h"

#include <string.h>

#include "aws/endpoint.h"
#include "io/entropy.h"

struct service {
    const char *name;
    const char *target;
    const char *content_type;
};

static const struct service kinesis = {"kinesis", "Kinesis_20131202", "application/x-amz-json-1.1"};
static const struct service dynamodb = {"dynamodb", "DynamoDB_20120810",
                                        "application/x-amz-json-1.0"};

struct client_wish {
    const struct service *service;
    const char *region;
    const char *endpoint;
    const char *provider;
    struct kh_place provider_place;
    const struct kh_settings *settings;
};

/* A key that gives a service a region of its own, unless it says nothing. */
struct own_region {
    const char *key;
    const char *value;
    struct kh_place place;
};

static enum kh_rc find_region(const struct kh_settings *settings, const struct own_region *own,
                              char region[KH_REGION_MAX + 1], struct kh_err *err)
{
    if (own->value[0] == '\0') {
        const enum kh_rc rc = kh_region_find(settings->region_name, region, err);

        return rc == KH_OK ? rc : kh_settings_blame(settings, settings->region_name_place, err);
    }
    if (!kh_region_is_valid(kh_str(own->value)) ||
        !kh_str_copy(region, KH_REGION_MAX + 1, kh_str(own->value))) {
        (void)kh_fail(err, KH_INVALID, "%s: \"%s\" should look like us-east-1", own->key,
                      own->value);
        return kh_settings_blame(settings, own->place, err);
    }
    return KH_OK;
}

static enum kh_rc open_client(struct kh_access *access, struct kh_loop *loop,
                              const struct client_wish *wish, struct kh_creds **creds,
                              struct kh_aws_client **client, struct kh_err *err)
{
    struct kh_endpoint endpoint;
    struct kh_aws_client_config config = {
        .service = wish->service->name,
        .target = wish->service->target,
        .content_type = wish->service->content_type,
        .region = wish->region,
        .endpoint = endpoint.url,
        .seed = kh_entropy_seed(),
    };
    enum kh_rc rc =
        kh_endpoint_find(wish->service->name, wish->region, wish->endpoint, &endpoint, err);

    if (rc == KH_OK) {
        rc = kh_creds_new(creds, loop, wish->provider, err);
        rc = rc == KH_OK ? rc : kh_settings_blame(wish->settings, wish->provider_place, err);
    }
    if (rc == KH_OK) {
        rc = kh_aws_client_new(client, loop, access->http, *creds, &config, err);
    }
    return rc;
}

enum kh_rc kh_access_open(struct kh_access *access, struct kh_loop *loop,
                          const struct kh_settings *settings, struct kh_err *err)
{
    bool wants_kinesis = strcmp(settings->source, "kinesis") == 0;
    bool wants_dynamodb = strcmp(settings->lease_store, "dynamodb") == 0;
    enum kh_rc rc;

    *access = (struct kh_access){0};
    if (!wants_kinesis && !wants_dynamodb) {
        return KH_OK; /* everything is on this machine: no region, no credentials, no curl */
    }
    rc = kh_http_new(&access->http, loop, err);
    if (rc == KH_OK && wants_kinesis) {
        rc = find_region(settings,
                         &(struct own_region){"kinesisClient.region", settings->kinesis_region,
                                              settings->kinesis_region_place},
                         access->kinesis_region, err);
    }
    if (rc == KH_OK && wants_dynamodb) {
        rc = find_region(settings,
                         &(struct own_region){"dynamoDbClient.region", settings->dynamo_db_region,
                                              settings->dynamo_db_region_place},
                         access->dynamodb_region, err);
    }
    if (rc == KH_OK && wants_kinesis) {
        rc = open_client(access, loop,
                         &(struct client_wish){&kinesis, access->kinesis_region,
                                               settings->kinesis_endpoint,
                                               settings->aws_credentials_provider,
                                               settings->aws_credentials_provider_place, settings},
                         &access->kinesis_creds, &access->kinesis, err);
    }
    if (rc == KH_OK && wants_dynamodb) {
        rc = open_client(
            access, loop,
            &(struct client_wish){&dynamodb, access->dynamodb_region, settings->dynamo_db_endpoint,
                                  settings->aws_credentials_provider_dynamo_db,
                                  settings->aws_credentials_provider_dynamo_db_place, settings},
            &access->dynamodb_creds, &access->dynamodb, err);
    }
    if (rc != KH_OK) {
        kh_access_close(access);
    }
    return rc;
}

void kh_access_close(struct kh_access *access)
{
    kh_aws_client_free(access->kinesis);
    kh_aws_client_free(access->dynamodb);
    kh_creds_free(access->kinesis_creds);
    kh_creds_free(access->dynamodb_creds);
    kh_http_free(access->http);
    *access = (struct kh_access){0};
}
