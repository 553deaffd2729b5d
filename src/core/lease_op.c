#include "core/lease_op.h"

#include <string.h>

#include "base/assert.h"

enum {
    CAN_EXPECT_IS = KH_LEASE_COUNTER | KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER,
    CAN_EXPECT_ABSENT = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER,
    CAN_ADD_ONE = KH_LEASE_COUNTER | KH_LEASE_SWITCHES,
    CAN_REMOVE = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER | KH_LEASE_PENDING
};

static bool is_subset(unsigned bits, unsigned of)
{
    return (bits & ~of) == 0;
}

/* An attribute is never stored empty: to take one away is what remove is for. */
static bool values_are_there(unsigned fields, const struct kh_lease *lease)
{
    return ((fields & KH_LEASE_OWNER) == 0 || lease->owner[0] != '\0') &&
           ((fields & KH_LEASE_CHECKPOINT_OWNER) == 0 || lease->checkpoint_owner[0] != '\0') &&
           ((fields & KH_LEASE_HANDOFF_OWNER) == 0 || lease->handoff_owner[0] != '\0') &&
           ((fields & KH_LEASE_CHECKPOINT) == 0 || !kh_extseq_is_none(&lease->checkpoint)) &&
           ((fields & KH_LEASE_PENDING) == 0 || !kh_extseq_is_none(&lease->pending)) &&
           ((fields & KH_LEASE_CHILDREN) == 0 || lease->children_n > 0) &&
           ((fields & KH_LEASE_HASH_RANGE) == 0 ||
            (lease->range.start[0] != '\0' && lease->range.end[0] != '\0')) &&
           ((fields & KH_LEASE_THROUGHPUT) == 0 ||
            (lease->has_throughput && lease->throughput_kbps >= 0 &&
             lease->throughput_kbps <= KH_THROUGHPUT_KBPS_MAX));
}

static bool is_sound_expectation(const struct kh_lease_op *op)
{
    return is_subset(op->expect_is, CAN_EXPECT_IS) &&
           is_subset(op->expect_absent, CAN_EXPECT_ABSENT) &&
           (op->expect_is & op->expect_absent) == 0 &&
           ((op->expect_is & KH_LEASE_OWNER) == 0 || op->expect_owner[0] != '\0') &&
           ((op->expect_is & KH_LEASE_CHECKPOINT_OWNER) == 0 ||
            op->expect_checkpoint_owner[0] != '\0');
}

static bool is_sound_update(const struct kh_lease_op *op)
{
    const unsigned overlap =
        (op->set & op->add_one) | (op->set & op->remove) | (op->add_one & op->remove);

    return is_sound_expectation(op) && is_subset(op->set, KH_LEASE_FIELDS_ALL) &&
           is_subset(op->add_one, CAN_ADD_ONE) && is_subset(op->remove, CAN_REMOVE) &&
           overlap == 0 && (op->set | op->add_one | op->remove) != 0 &&
           values_are_there(op->set, &op->lease);
}

bool kh_lease_op_is_sound(const struct kh_lease_op *op)
{
    switch (op->verb) {
    case KH_LEASE_LIST:
        return true;
    case KH_LEASE_GET:
    case KH_LEASE_DELETE:
        return op->key[0] != '\0';
    case KH_LEASE_CREATE:
        return op->key[0] != '\0' && strcmp(op->key, op->lease.key) == 0 &&
               values_are_there(KH_LEASE_CHECKPOINT, &op->lease);
    case KH_LEASE_UPDATE:
        return op->key[0] != '\0' && is_sound_update(op);
    }
    return false;
}

static bool is_as_expected(const struct kh_lease_op *op, const struct kh_lease *row)
{
    if ((op->expect_is & KH_LEASE_COUNTER) != 0 && row->counter != op->expect_counter) {
        return false;
    }
    if ((op->expect_is & KH_LEASE_OWNER) != 0 && strcmp(row->owner, op->expect_owner) != 0) {
        return false;
    }
    if ((op->expect_is & KH_LEASE_CHECKPOINT_OWNER) != 0 &&
        strcmp(row->checkpoint_owner, op->expect_checkpoint_owner) != 0) {
        return false;
    }
    if ((op->expect_absent & KH_LEASE_OWNER) != 0 && row->owner[0] != '\0') {
        return false;
    }
    return (op->expect_absent & KH_LEASE_CHECKPOINT_OWNER) == 0 || row->checkpoint_owner[0] == '\0';
}

static void set_fields(unsigned fields, const struct kh_lease *from, struct kh_lease *row)
{
    if ((fields & KH_LEASE_COUNTER) != 0) {
        row->counter = from->counter;
    }
    if ((fields & KH_LEASE_OWNER) != 0) {
        memcpy(row->owner, from->owner, sizeof(row->owner));
    }
    if ((fields & KH_LEASE_CHECKPOINT_OWNER) != 0) {
        memcpy(row->checkpoint_owner, from->checkpoint_owner, sizeof(row->checkpoint_owner));
    }
    if ((fields & KH_LEASE_HANDOFF_OWNER) != 0) {
        memcpy(row->handoff_owner, from->handoff_owner, sizeof(row->handoff_owner));
    }
    if ((fields & KH_LEASE_SWITCHES) != 0) {
        row->owner_switches = from->owner_switches;
    }
    if ((fields & KH_LEASE_CHECKPOINT) != 0) {
        row->checkpoint = from->checkpoint;
    }
    if ((fields & KH_LEASE_PENDING) != 0) {
        row->pending = from->pending;
    }
    if ((fields & KH_LEASE_CHILDREN) != 0) {
        row->children_n = from->children_n;
        memcpy(row->children, from->children, sizeof(row->children));
    }
    if ((fields & KH_LEASE_HASH_RANGE) != 0) {
        row->range = from->range;
    }
    if ((fields & KH_LEASE_THROUGHPUT) != 0) {
        row->has_throughput = true;
        row->throughput_kbps = from->throughput_kbps;
    }
}

static void remove_fields(unsigned fields, struct kh_lease *row)
{
    if ((fields & KH_LEASE_OWNER) != 0) {
        memset(row->owner, 0, sizeof(row->owner));
    }
    if ((fields & KH_LEASE_CHECKPOINT_OWNER) != 0) {
        memset(row->checkpoint_owner, 0, sizeof(row->checkpoint_owner));
    }
    if ((fields & KH_LEASE_PENDING) != 0) {
        memset(&row->pending, 0, sizeof(row->pending));
    }
}

static void update_row(const struct kh_lease_op *op, struct kh_lease *row)
{
    set_fields(op->set, &op->lease, row);
    row->counter += (op->add_one & KH_LEASE_COUNTER) != 0 ? 1 : 0;
    row->owner_switches += (op->add_one & KH_LEASE_SWITCHES) != 0 ? 1 : 0;
    remove_fields(op->remove, row);
}

enum kh_lease_outcome kh_lease_op_apply(const struct kh_lease_op *op, bool *exists,
                                        struct kh_lease *row)
{
    kh_assert(kh_lease_op_is_sound(op));
    kh_assert(op->verb != KH_LEASE_LIST);
    kh_assert(op->verb != KH_LEASE_GET);
    kh_assert(!*exists || strcmp(row->key, op->key) == 0);

    switch (op->verb) {
    case KH_LEASE_CREATE:
        if (*exists) {
            return KH_LEASE_CONFLICT;
        }
        *row = op->lease;
        *exists = true;
        return KH_LEASE_DONE;
    case KH_LEASE_UPDATE:
        if (!*exists || !is_as_expected(op, row)) {
            return KH_LEASE_CONFLICT;
        }
        update_row(op, row);
        return KH_LEASE_DONE;
    case KH_LEASE_DELETE:
        *exists = false;
        return KH_LEASE_DONE;
    case KH_LEASE_LIST:
    case KH_LEASE_GET:
        break; /* asserted above */
    }
    return KH_LEASE_FAILED;
}

void kh_lease_op_answer(const struct kh_lease_op *op, bool *exists, struct kh_lease *row,
                        struct kh_lease_answer *answer)
{
    kh_assert(op->verb != KH_LEASE_LIST);
    *answer = (struct kh_lease_answer){.id = op->id, .verb = op->verb, .outcome = KH_LEASE_DONE};
    if (op->verb != KH_LEASE_GET) {
        answer->outcome = kh_lease_op_apply(op, exists, row);
    }
    answer->found = *exists && (op->verb == KH_LEASE_GET || answer->outcome == KH_LEASE_CONFLICT);
    if (*exists) {
        answer->lease = *row;
    }
}

static bool shows_texts(const struct kh_lease_op *op, const struct kh_lease *row)
{
    bool owner = (op->set & KH_LEASE_OWNER) == 0 || strcmp(op->lease.owner, row->owner) == 0;
    bool nobody = (op->remove & KH_LEASE_OWNER) == 0 || row->owner[0] == '\0';
    bool one = (op->remove & KH_LEASE_CHECKPOINT_OWNER) == 0 || row->checkpoint_owner[0] == '\0';

    return strcmp(op->key, row->key) == 0 && owner && nobody && one;
}

bool kh_lease_op_shows(const struct kh_lease_op *op, const struct kh_lease *row)
{
    bool counter = (op->set & KH_LEASE_COUNTER) == 0 || op->lease.counter == row->counter;
    bool checkpoint = (op->set & KH_LEASE_CHECKPOINT) == 0 ||
                      kh_extseq_same(&op->lease.checkpoint, &row->checkpoint);

    kh_assert(op->verb == KH_LEASE_UPDATE);
    return shows_texts(op, row) && counter && checkpoint;
}

void kh_lease_op_expect_owners(struct kh_lease_op *op, const struct kh_lease *lease)
{
    if (lease->owner[0] != '\0') {
        op->expect_is |= KH_LEASE_OWNER;
        memcpy(op->expect_owner, lease->owner, sizeof(op->expect_owner));
    } else {
        op->expect_absent |= KH_LEASE_OWNER;
    }
    if (lease->checkpoint_owner[0] != '\0') {
        op->expect_is |= KH_LEASE_CHECKPOINT_OWNER;
        memcpy(op->expect_checkpoint_owner, lease->checkpoint_owner,
               sizeof(op->expect_checkpoint_owner));
    } else {
        op->expect_absent |= KH_LEASE_CHECKPOINT_OWNER;
    }
}

static void set_owner(struct kh_lease_op *op, const char *to)
{
    bool fits = kh_str_copy(op->lease.owner, sizeof(op->lease.owner), kh_str(to));

    kh_assert(fits);
    op->set |= KH_LEASE_OWNER;
}

bool kh_lease_is_switch(const struct kh_lease *lease, const char *to)
{
    return (lease->owner[0] != '\0' && strcmp(lease->owner, to) != 0) ||
           (lease->checkpoint_owner[0] != '\0' && strcmp(lease->checkpoint_owner, to) == 0);
}

void kh_lease_op_hand_over(struct kh_lease_op *op, const struct kh_lease *lease, const char *to)
{
    kh_assert(lease->owner[0] != '\0');
    kh_assert(lease->checkpoint_owner[0] == '\0');
    kh_lease_op_expect_owners(op, lease);
    set_owner(op, to);
    op->set |= KH_LEASE_CHECKPOINT_OWNER;
    memcpy(op->lease.checkpoint_owner, lease->owner, sizeof(op->lease.checkpoint_owner));
}

void kh_lease_op_assign(struct kh_lease_op *op, const struct kh_lease *lease, const char *to)
{
    kh_lease_op_expect_owners(op, lease);
    set_owner(op, to);
    op->remove = KH_LEASE_CHECKPOINT_OWNER;
    op->add_one = KH_LEASE_COUNTER;
    if (kh_lease_is_switch(lease, to)) {
        op->add_one |= KH_LEASE_SWITCHES;
    }
}
