/* dynamodb_table: making the lease table usable: find it, else create it, and wait.
 *
 * Shape   DescribeTable until the table is usable; CreateTable once, when it is not there. Then the
 *         callback, once, unless it is freed before.
 * Units   ms.
 * Errors  as kh_store_ensure: NOTFOUND, DENIED, INVALID (no lease table), RETRY (not reachable, or
 *         not usable in ten minutes).
 * Memory  a heap object; the configuration's pointers are borrowed. It may be freed inside the
 *         callback.
 * Truth   KCL 3.5.1 DynamoDBLeaseRefresher.createLeaseTableIfNotExists. Chosen differences: it
 *         looks every quarter of a second at first, where Java waits ten; continuous backups are
 *         asked for once the table can take them.
 */
#ifndef KH_STORE_DYNAMODB_TABLE_H
#define KH_STORE_DYNAMODB_TABLE_H

#include "aws/client.h"
#include "store/store.h"

struct kh_dynamodb_table;

struct kh_dynamodb_table_config {
    struct kh_aws_client *client;
    struct kh_loop *loop;
    const char *table;
    bool create_if_missing;
    bool deletion_protection;
    bool point_in_time_recovery;
};

struct kh_dynamodb_table *kh_dynamodb_table_ensure(const struct kh_dynamodb_table_config *config,
                                                   kh_store_ensured *ensured, void *arg);
void kh_dynamodb_table_free(struct kh_dynamodb_table *table);

#endif
