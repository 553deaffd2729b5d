/* stream_mark: which stream a lease belongs to, written on the lease itself.
 *
 * Shape   a mark is text: "<stream ARN>@<creation, seconds since 1970>", or the ARN alone where the
 *         creation is not known. Requests to the lease table are made here: find the leases
 *         with another mark, change one, remove one.
 * Units   *_ms of the wall clock since 1970.
 * Errors  writers: KH_TOOBIG of the buffer.
 * Memory  plain values; slices are borrowed.
 * Truth   own design. An attribute on a lease is what every Java version leaves as it is, whereas
 *         an item of another kind stops workers of 2.x and up to 3.4. Java has no such guard.
 */
#ifndef KH_WIRE_STREAM_MARK_H
#define KH_WIRE_STREAM_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/json.h"
#include "wire/kinesis_json.h"

#define KH_STREAM_MARK_ATTRIBUTE "kclHostStream"
#define KH_STREAM_MARK_MAX       (KH_ARN_MAX + 24)

/* created_at_ms: 0 if not known. */
void kh_stream_mark_make(char mark[KH_STREAM_MARK_MAX + 1], const char *arn, int64_t created_at_ms);

/* Both may be one stream: the same ARN, and the same creation as far as both tell one. */
bool kh_stream_mark_same(struct kh_str a, struct kh_str b);

/* CONFLICT: "lease KEY belongs to stream …, not to …". */
enum kh_rc kh_stream_mark_refuse(struct kh_err *err, struct kh_str key, struct kh_str found,
                                 struct kh_str wanted);

/* The mark of an item as DynamoDB has it; empty if it has none, or none that is text. */
struct kh_str kh_stream_mark_of(const struct kh_json *item);

/* Scan: keys and marks of the items whose mark is another one, from after the key `after` on. */
enum kh_rc kh_stream_mark_scan(struct kh_buf *body, const char *table, struct kh_str mark,
                               struct kh_str after) KH_MUST_USE;

struct kh_stream_mark_change {
    struct kh_str key;
    struct kh_str from;
    struct kh_str to;
};

/* UpdateItem: only if the item still has the old one. */
enum kh_rc kh_stream_mark_update(struct kh_buf *body, const char *table,
                                 const struct kh_stream_mark_change *change) KH_MUST_USE;

/* UpdateItem: no mark, if the item is there. */
enum kh_rc kh_stream_mark_remove(struct kh_buf *body, const char *table,
                                 struct kh_str key) KH_MUST_USE;

#endif
