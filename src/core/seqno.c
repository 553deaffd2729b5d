#include "core/seqno.h"

#include <string.h>

#include "base/assert.h"

/* In their order; digits stand between LATEST and SHARD_END. */
static const char *const sentinels[] = {KH_SEQ_AT_TIMESTAMP, KH_SEQ_TRIM_HORIZON, KH_SEQ_LATEST,
                                        KH_SEQ_SHARD_END};
enum { SENTINELS_N = sizeof(sentinels) / sizeof(sentinels[0]), RANK_DIGITS = SENTINELS_N - 1 };

static bool is_digits(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    return text.n > 0;
}

/* The index into sentinels, or SENTINELS_N. */
static int find_sentinel(struct kh_str text)
{
    int i = 0;

    while (i < SENTINELS_N && !kh_str_eq(text, kh_str(sentinels[i]))) {
        i++;
    }
    return i;
}

static int rank(const struct kh_extseq *pos)
{
    const int i = find_sentinel(kh_str(pos->seq));

    if (i == SENTINELS_N) {
        kh_assert(kh_extseq_is_digits(pos));
        return RANK_DIGITS;
    }
    return i < RANK_DIGITS ? i : i + 1;
}

static struct kh_str without_zeros(struct kh_str digits)
{
    size_t zeros = 0;

    while (zeros < digits.n && digits.p[zeros] == '0') {
        zeros++;
    }
    return kh_str_of(digits.p + zeros, digits.n - zeros);
}

bool kh_extseq_set(struct kh_extseq *pos, struct kh_str text, int64_t sub)
{
    memset(pos, 0, sizeof(*pos));
    if (!is_digits(text) && find_sentinel(text) == SENTINELS_N) {
        return false;
    }
    if (!kh_str_copy(pos->seq, sizeof(pos->seq), text)) {
        return false;
    }
    pos->sub = sub;
    return true;
}

struct kh_extseq kh_extseq_sentinel(const char *sentinel)
{
    struct kh_extseq pos;
    bool fits;

    kh_assert(find_sentinel(kh_str(sentinel)) < SENTINELS_N);
    fits = kh_extseq_set(&pos, kh_str(sentinel), 0);
    kh_assert(fits);
    return pos;
}

bool kh_extseq_is(const struct kh_extseq *pos, const char *sentinel)
{
    kh_assert(find_sentinel(kh_str(sentinel)) < SENTINELS_N);
    return strcmp(pos->seq, sentinel) == 0;
}

bool kh_extseq_is_digits(const struct kh_extseq *pos)
{
    return is_digits(kh_str(pos->seq));
}

bool kh_extseq_is_none(const struct kh_extseq *pos)
{
    return pos->seq[0] == '\0';
}

int kh_extseq_cmp(const struct kh_extseq *a, const struct kh_extseq *b)
{
    int order;

    kh_assert(!kh_extseq_is_none(a));
    kh_assert(!kh_extseq_is_none(b));
    order = rank(a) - rank(b);
    if (order != 0) {
        return order;
    }
    if (kh_extseq_is(a, KH_SEQ_SHARD_END)) {
        return 0; /* there is one end, whatever stands beside it */
    }
    if (kh_extseq_is_digits(a)) {
        order = kh_seqno_cmp(kh_str(a->seq), kh_str(b->seq));
        if (order != 0) {
            return order;
        }
    }
    return (a->sub > b->sub) - (a->sub < b->sub);
}

bool kh_extseq_same(const struct kh_extseq *a, const struct kh_extseq *b)
{
    return strcmp(a->seq, b->seq) == 0 && a->sub == b->sub;
}

int kh_seqno_cmp(struct kh_str a, struct kh_str b)
{
    kh_assert(is_digits(a));
    kh_assert(is_digits(b));
    a = without_zeros(a);
    b = without_zeros(b);
    if (a.n != b.n) {
        return a.n < b.n ? -1 : 1;
    }
    return kh_str_cmp(a, b);
}
