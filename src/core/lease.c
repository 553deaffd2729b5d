#include "core/lease.h"

#include <string.h>

#include "base/assert.h"

const char *kh_lease_actual_owner(const struct kh_lease *lease)
{
    return lease->checkpoint_owner[0] != '\0' ? lease->checkpoint_owner : lease->owner;
}

bool kh_lease_is_finished(const struct kh_lease *lease)
{
    return kh_extseq_is(&lease->checkpoint, KH_SEQ_SHARD_END);
}

void kh_lease_for_shard(struct kh_lease *lease, const struct kh_shard *shard, const char *sentinel)
{
    _Static_assert(sizeof(lease->key) == sizeof(shard->id), "a shard id is a lease key");
    _Static_assert(sizeof(lease->parents) == sizeof(shard->parents), "parents are copied whole");

    kh_assert(shard->id[0] != '\0');
    kh_assert(shard->parents_n <= KH_PARENTS_MAX);
    memset(lease, 0, sizeof(*lease));
    memcpy(lease->key, shard->id, sizeof(lease->key));
    lease->checkpoint = kh_extseq_sentinel(sentinel);
    lease->parents_n = shard->parents_n;
    memcpy(lease->parents, shard->parents, sizeof(lease->parents));
    lease->range = shard->range;
}

#define PART_SCALE UINT64_C(1000000000000000000) /* 18 digits at a time */

bool kh_hash_key_parse(struct kh_str text, unsigned __int128 *value)
{
    const unsigned __int128 max = ~(unsigned __int128)0;
    unsigned __int128 most = 0; /* all digits but the last: 38 of them always fit */
    uint64_t part = 0;
    uint64_t scale = 1;

    if (text.n == 0 || text.n > KH_HASH_KEY_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    /* Each look at the table reads every range: arithmetic on 128 bits for each digit would be
     * felt. */
    for (size_t i = 0; i + 1 < text.n; i++) {
        part = part * 10 + (unsigned)(text.p[i] - '0');
        scale *= 10;
        if (scale == PART_SCALE) {
            most = most * scale + part;
            part = 0;
            scale = 1;
        }
    }
    most = most * scale + part;
    part = (unsigned)(text.p[text.n - 1] - '0');
    if (most > max / 10 || (most == max / 10 && part > max % 10)) {
        return false;
    }
    *value = most * 10 + part;
    return true;
}

bool kh_hash_range_is_sound(const struct kh_hash_range *range)
{
    unsigned __int128 start;
    unsigned __int128 end;

    return kh_hash_key_parse(kh_str(range->start), &start) &&
           kh_hash_key_parse(kh_str(range->end), &end) && start < end;
}

void kh_hash_key_format(unsigned __int128 value, char text[KH_HASH_KEY_DIGITS_MAX + 1])
{
    char backwards[KH_HASH_KEY_DIGITS_MAX];
    size_t n = 0;

    do {
        kh_assert(n < sizeof(backwards)); /* 2^128 - 1 has 39 digits */
        backwards[n++] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < n; i++) {
        text[i] = backwards[n - 1 - i];
    }
    text[n] = '\0';
}

bool kh_lease_can_be_handed_over(const struct kh_lease *lease)
{
    return lease->owner[0] != '\0' && lease->checkpoint_owner[0] == '\0' &&
           strcmp(lease->owner, lease->handoff_owner) == 0;
}
