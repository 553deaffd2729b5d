/* lease_item: a lease as a DynamoDB item, and requests to the lease table as DynamoDB's JSON.
 *
 * Shape   kh_lease_item_read judges one item; the writers append one request body each. Attribute
 *         names stand in one table in lease_item.c, from which items, expressions and aliases are
 *         all made.
 * Units   as in core/lease.h.
 * Errors  reading: an item is a lease, something else that shares the table, or malformed, with a
 *         sentence that names its key and the attribute. Writing: KH_TOOBIG of the buffer.
 * Memory  a lease read is a plain value; writers borrow everything.
 * Truth   KCL 3.5.1 DynamoDBLeaseSerializer and DynamoDBLeaseRefresher as expressions
 *         (proto/lease-table.md). Chosen: every update also asks that the row exists; no entityType
 *         is written, since workers before 3.5 know none; the answer to a failed condition always
 *         carries the row.
 */
#ifndef KH_WIRE_LEASE_ITEM_H
#define KH_WIRE_LEASE_ITEM_H

#include "base/buf.h"
#include "core/lease_op.h"
#include "wire/json.h"

#define KH_LEASE_KEY_ATTRIBUTE "leaseKey"
/* Ours: no other KCL reads it, and all of them leave it as it is. */
#define KH_HANDOFF_ATTRIBUTE "kclHostHandoff"

/* DynamoDB's own limit for a partition key: other kinds of items may have longer ones than
 * leases. */
#define KH_ITEM_KEY_MAX 2048

enum kh_item_type {
    KH_ITEM_LEASE,
    KH_ITEM_FOREIGN,  /* another kind of entity, or a lease of multi-stream mode: not ours to
                       * judge */
    KH_ITEM_MALFORMED /* meant to be a lease, but cannot be used */
};

/* item is an object of attribute values, {"leaseKey":{"S":"shardId-…"},…}. lease is set for
 * KH_ITEM_LEASE alone, err for KH_ITEM_MALFORMED alone. */
enum kh_item_type kh_lease_item_read(const struct kh_json *item, struct kh_lease *lease,
                                     struct kh_err *err) KH_MUST_USE;

/* The whole item, absent attributes left out. */
void kh_lease_item_write(struct kh_json_writer *writer, const struct kh_lease *lease);

/* "PutItem", … : what the request below is to be sent as. */
const char *kh_lease_request_operation(enum kh_lease_verb verb);

struct kh_lease_place {
    const char *table;
    const char *stream_mark; /* for what is created or gets an owner (wire/stream_mark.h), unless it
                              * has one; NULL: none */
};

/* The body for GET, CREATE, UPDATE or DELETE. */
enum kh_rc kh_lease_request(struct kh_buf *body, const struct kh_lease_place *place,
                            const struct kh_lease_op *op) KH_MUST_USE;

/* The body for one page of LIST, from after the key `after` on (empty: from the start). */
enum kh_rc kh_lease_scan_request(struct kh_buf *body, const char *table,
                                 struct kh_str after) KH_MUST_USE;

/* Where the next page begins, out of a page's root: false when this was the last one. */
bool kh_lease_scan_more(const struct kh_json *root, struct kh_str *after) KH_MUST_USE;

#endif
