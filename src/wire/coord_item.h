/* coord_item: what a fleet stores beside its leases as DynamoDB items, and requests for it as
 * DynamoDB's JSON.
 *
 * Shape   kh_coord_item_read judges one item; kh_coord_request writes one request body. Attribute
 *         names that are written stand in one table in coord_item.c, from which items, expressions
 *         and aliases are all made.
 * Units   as in core/coord.h.
 * Errors  reading: KH_INVALID with the item's key and the attribute. What only informs (who changed
 *         it, when, what was before) counts as absent when it cannot be read. Writing: KH_TOOBIG of
 *         the buffer.
 * Memory  what is read is a plain value; writers borrow everything.
 * Truth   KCL 3.5.1 CoordinatorStateSerializer, WorkerMetricStatsDAO, DynamoDBLeaseDiscoverer, and
 *         amazon-dynamodb-lock-client 1.4.0 (proto/lease-table.md). Chosen: an update of a lock
 *         also sets its ownerName, which it expects, and takes isReleased away; entityType is
 *         written in the lease table alone, where it keeps others from taking an item for a lease.
 */
#ifndef KH_WIRE_COORD_ITEM_H
#define KH_WIRE_COORD_ITEM_H

#include "base/buf.h"
#include "core/coord.h"
#include "wire/json.h"

#define KH_LOCK_KEY             "Leader"
#define KH_VERSION_KEY          "Migration3.0"
#define KH_TABLES_KEY           "TableMigration3.5"
#define KH_LOCK_RELEASED        "1"
#define KH_ENTITY_ATTRIBUTE     "entityType"
#define KH_LOCK_DURATION_MS_MAX INT64_C(2592000000) /* 30 days: a clock may be added to it */

/* The attribute that is the key of the table where an item of this kind is, the key (worker_id:
 * for STATS), and the entityType. */
const char *kh_coord_key_attribute(enum kh_coord_place place, enum kh_coord_kind kind);
const char *kh_coord_key(enum kh_coord_kind kind, const char *worker_id);
const char *kh_coord_entity(enum kh_coord_kind kind);

/* item is an object of attribute values. *out is set for KH_OK alone. */
enum kh_rc kh_coord_item_read(const struct kh_json *item, enum kh_coord_place place,
                              enum kh_coord_kind kind, struct kh_coord_item *out,
                              struct kh_err *err) KH_MUST_USE;

/* The whole item. */
void kh_coord_item_write(struct kh_json_writer *writer, enum kh_coord_place place,
                         const struct kh_coord_item *item);

/* One item of an answer to OWNED; false if it has no key that could be a lease's. */
bool kh_coord_owned_read(const struct kh_json *item, struct kh_coord_key *key) KH_MUST_USE;

/* "GetItem", … : what the request below is to be sent as. */
const char *kh_coord_request_operation(enum kh_coord_verb verb);

/* The body for GET, PUT, UPDATE, DELETE, LIST_STATS and OWNED. after: where the page begins, as
 * kh_coord_more gave it; NULL for the first, and for the other verbs. KH_INVALID: no key. */
enum kh_rc kh_coord_request(struct kh_buf *body, const char *table, const struct kh_coord_op *op,
                            const struct kh_json *after) KH_MUST_USE;

/* Where the next page begins, out of a page's root; NULL when this was the last one. */
const struct kh_json *kh_coord_more(const struct kh_json *root);

/* CLIENT_VERSION_3X, TABLE_MIGRATION_STATUS_INIT; "" for NONE and OTHER. */
const char *kh_client_version_name(enum kh_client_version version);
const char *kh_table_status_name(enum kh_table_status status);

#endif
