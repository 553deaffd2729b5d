/* lease_table: creating and describing the lease table and its index, as DynamoDB's JSON.
 *
 * Shape   one writer a request; one judge for the answer to DescribeTable.
 * Units   none.
 * Errors  writing: KH_TOOBIG of the buffer. Judging: KH_INVALID when the table exists but is no
 *         lease table, with what was found; KH_RETRY when the answer cannot be read.
 * Memory  borrows everything.
 * Truth   KCL 3.5.1 DynamoDBLeaseRefresher (createLeaseTableIfNotExists, TableStatus,
 *         createLeaseOwnerToLeaseKeyIndexIfNotExists).
 */
#ifndef KH_WIRE_LEASE_TABLE_H
#define KH_WIRE_LEASE_TABLE_H

#include "base/buf.h"
#include "wire/json.h"

#define KH_OWNER_INDEX "LeaseOwnerToLeaseKeyIndex"

enum kh_lease_table_state {
    KH_LEASE_TABLE_USABLE,  /* ACTIVE, or UPDATING: an index is being made, or a capacity changed */
    KH_LEASE_TABLE_PENDING, /* CREATING or DELETING: look again */
    KH_LEASE_TABLE_BLOCKED  /* archived, or its key is out of reach: an operator has to act */
};

/* Paid by request, with the string leaseKey as its only key. */
enum kh_rc kh_lease_table_create(struct kh_buf *body, const char *table,
                                 bool deletion_protection) KH_MUST_USE;
enum kh_rc kh_lease_table_describe(struct kh_buf *body, const char *table) KH_MUST_USE;
enum kh_rc kh_lease_table_recovery(struct kh_buf *body, const char *table) KH_MUST_USE;

/* The index by which a worker of KCL 3.x finds its leases. root answers DescribeTable: a table with
 * a provisioned throughput wants the same for its index. */
enum kh_rc kh_lease_table_index(struct kh_buf *body, const char *table,
                                const struct kh_json *root) KH_MUST_USE;

/* Does it have that index, and can that be asked? */
bool kh_lease_table_has_index(const struct kh_json *root, bool *active);

/* Any table: is there one? KH_RETRY when the answer cannot be read. */
enum kh_rc kh_lease_table_exists(const struct kh_json *root, const char *table, bool *exists,
                                 struct kh_err *err) KH_MUST_USE;

enum kh_rc kh_lease_table_judge(const struct kh_json *root, const char *table,
                                enum kh_lease_table_state *state, struct kh_err *err) KH_MUST_USE;

#endif
