#include "core/ckpt.h"

#include "base/assert.h"

void kh_ckpt_init(struct kh_ckpt *ckpt, const struct kh_extseq *stored)
{
    kh_assert(!kh_extseq_is_none(stored));
    *ckpt = (struct kh_ckpt){.stored = *stored, .delivered = *stored};
}

void kh_ckpt_delivered(struct kh_ckpt *ckpt, const struct kh_extseq *last)
{
    kh_assert(!ckpt->at_shard_end);
    if (!kh_extseq_is_none(last) && kh_extseq_cmp(last, &ckpt->delivered) > 0) {
        ckpt->delivered = *last;
    }
}

/* The position the child means; false if it makes no sense. */
static bool position_asked(const struct kh_ckpt *ckpt, const struct kh_child_checkpoint *asked,
                           struct kh_extseq *value)
{
    if (!asked->has_seq) {
        *value = ckpt->at_shard_end ? kh_extseq_sentinel(KH_SEQ_SHARD_END) : ckpt->delivered;
        return true;
    }
    if (asked->sub_bad || (asked->has_sub && asked->sub < 0)) {
        return false;
    }
    return kh_extseq_set(value, asked->seq, asked->has_sub ? asked->sub : 0);
}

enum kh_ckpt_verdict kh_ckpt_judge(const struct kh_ckpt *ckpt,
                                   const struct kh_child_checkpoint *asked, struct kh_extseq *value,
                                   const char **error)
{
    kh_assert(kh_extseq_cmp(&ckpt->stored, &ckpt->delivered) <= 0 || ckpt->at_shard_end);

    *error = NULL;
    if (!position_asked(ckpt, asked, value)) {
        *error = KH_ERROR_ILLEGAL_ARGUMENT;
        return KH_CKPT_REFUSE;
    }
    if (ckpt->at_shard_end && kh_extseq_same(value, &ckpt->delivered)) {
        *value = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    }
    if (kh_extseq_same(value, &ckpt->stored)) {
        return KH_CKPT_SAME;
    }
    if (ckpt->at_shard_end && kh_extseq_is(value, KH_SEQ_SHARD_END)) {
        return KH_CKPT_WRITE;
    }
    if (!kh_extseq_is_digits(value) || kh_extseq_cmp(value, &ckpt->stored) < 0 ||
        kh_extseq_cmp(value, &ckpt->delivered) > 0) {
        *error = KH_ERROR_ILLEGAL_ARGUMENT;
        return KH_CKPT_REFUSE;
    }
    return KH_CKPT_WRITE;
}
