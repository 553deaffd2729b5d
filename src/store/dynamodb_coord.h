/* dynamodb_coord: what a fleet stores beside its leases, in DynamoDB.
 *
 * Shape   one object beside a DynamoDB store, with any number of requests at once; each is one call
 *         or a few, one after the other.
 * Units   ms.
 * Errors  as kh_store_submit_coord. A write is sent once: what is not known is UNKNOWN. Reads are
 *         tried again by the client, and only fail.
 * Memory  a heap object; the store and the client are borrowed, names are copied. Freeing it ends
 *         what is under way.
 * Truth   wire/coord_item.h and wire/lease_table.h; the store's answers as tests/store has them.
 */
#ifndef KH_STORE_DYNAMODB_COORD_H
#define KH_STORE_DYNAMODB_COORD_H

#include "aws/client.h"
#include "store/drivers.h"

struct kh_dynamodb_coord;

struct kh_dynamodb_coord *kh_dynamodb_coord_new(struct kh_store *store,
                                                const struct kh_store_config *config);
void kh_dynamodb_coord_free(struct kh_dynamodb_coord *coord);

void kh_dynamodb_coord_submit(struct kh_dynamodb_coord *coord, const struct kh_coord_op *op);

#endif
