/* dynamodb_claim: the lease table is this stream's, or nobody works on it.
 *
 * Shape   Scan for leases with another stream's mark; then the callback, once, unless it is freed
 *         before. With adopt each of them gets our mark first.
 * Units   none.
 * Errors  as kh_store_claim: CONFLICT names both streams; RETRY, THROTTLED, DENIED, NOTFOUND and
 *         INVALID of a call.
 * Memory  a heap object; the configuration's pointers are borrowed. It may be freed inside the
 *         callback.
 * Truth   own design, see wire/stream_mark.h.
 */
#ifndef KH_STORE_DYNAMODB_CLAIM_H
#define KH_STORE_DYNAMODB_CLAIM_H

#include "aws/client.h"
#include "store/store.h"

struct kh_dynamodb_claim;

struct kh_dynamodb_claim_config {
    struct kh_aws_client *client;
    const char *table;
    const char *mark;
    bool adopt;
};

struct kh_dynamodb_claim *kh_dynamodb_claim_new(const struct kh_dynamodb_claim_config *config,
                                                kh_store_ensured *claimed, void *arg);
void kh_dynamodb_claim_free(struct kh_dynamodb_claim *claim);

#endif
