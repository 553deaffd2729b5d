/* pending: the store requests that are under way, and who waits for each.
 *
 * Shape   request numbers only grow, so the entries stay sorted and an answer is found by halving.
 * Units   none.
 * Errors  none: an answer nobody waits for is not found.
 * Memory  owns its array, which grows with the number of requests under way.
 * Truth   own design.
 */
#ifndef KH_CORE_PENDING_H
#define KH_CORE_PENDING_H

#include <stddef.h>

#include "base/time.h"
#include "core/lease.h"

enum kh_pending_who {
    KH_PENDING_NOBODY, /* answered */
    KH_PENDING_LIST,   /* the worker's look at the table */
    KH_PENDING_TAKE,   /* the worker takes, steals or re-adopts a lease */
    KH_PENDING_ASK,    /* the worker asks for a lease, or takes that back */
    KH_PENDING_GIVE,   /* the leader gives a lease to somebody */
    KH_PENDING_LOOK,   /* the worker looks at a lease that the index says is ours */
    KH_PENDING_CREATE, /* shard sync makes a lease */
    KH_PENDING_SHARD   /* the consumer of that key */
};

struct kh_pending_entry {
    uint64_t op;
    enum kh_pending_who who;
    kh_ms sent_at_ms;
    kh_ms begin_at_ms; /* TAKE: when work on the shard may begin */
    char key[KH_LEASE_KEY_MAX + 1];
};

struct kh_pending {
    struct kh_pending_entry *entries; /* owned; ascending op */
    size_t n;
    size_t live_n;
    size_t capacity;
};

void kh_pending_init(struct kh_pending *pending);
void kh_pending_fini(struct kh_pending *pending);

/* op is larger than all before (asserted). The entry may be added to until the next call. */
struct kh_pending_entry *kh_pending_add(struct kh_pending *pending, uint64_t op,
                                        enum kh_pending_who who, const char *key, kh_ms sent_at_ms);

/* Take the entry out; false if nobody waits for op. */
bool kh_pending_take(struct kh_pending *pending, uint64_t op, struct kh_pending_entry *entry);

/* How many of one kind are under way. */
size_t kh_pending_count(const struct kh_pending *pending, enum kh_pending_who who);

#endif
