/* ckpt: what a child may checkpoint, and what is then written.
 *
 * Shape   a small record of what is stored and what was delivered; kh_ckpt_judge() is a pure
 *         function of it.
 * Units   none.
 * Errors  a refusal is one of the protocol's error names, to be sent to the child.
 * Memory  plain value.
 * Truth   KCL ShardRecordProcessorCheckpointer and DynamoDBCheckpointer. Chosen differences:
 *         SHARD_END is written also when the last number had been checkpointed before (Java then
 *         stalls); a sentinel is accepted only where it is what is stored already (Java lets a
 *         child move TRIM_HORIZON to LATEST, which skips records).
 */
#ifndef KH_CORE_CKPT_H
#define KH_CORE_CKPT_H

#include "core/event.h"

#define KH_ERROR_SHUTDOWN         "ShutdownException"
#define KH_ERROR_THROTTLING       "ThrottlingException"
#define KH_ERROR_INVALID_STATE    "InvalidStateException"
#define KH_ERROR_DEPENDENCY       "KinesisClientLibDependencyException"
#define KH_ERROR_ILLEGAL_ARGUMENT "IllegalArgumentException"

struct kh_ckpt {
    struct kh_extseq stored;    /* the lease's checkpoint */
    struct kh_extseq delivered; /* largest position handed to the child; at first the stored one */
    bool at_shard_end;          /* shardEnded was sent: SHARD_END is wanted */
};

enum kh_ckpt_verdict {
    KH_CKPT_WRITE, /* store *value */
    KH_CKPT_SAME,  /* stored already: success without a write */
    KH_CKPT_REFUSE /* *error says why */
};

void kh_ckpt_init(struct kh_ckpt *ckpt, const struct kh_extseq *stored);

/* A batch up to last is about to be handed to the child. */
void kh_ckpt_delivered(struct kh_ckpt *ckpt, const struct kh_extseq *last);

enum kh_ckpt_verdict kh_ckpt_judge(const struct kh_ckpt *ckpt,
                                   const struct kh_child_checkpoint *asked, struct kh_extseq *value,
                                   const char **error);

#endif
