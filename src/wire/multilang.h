/* multilang: the MultiLang protocol's lines: encoding what we say, judging what a child says.
 *
 * Shape   encoders append one line with its '\n'; the judge looks at one line without it.
 * Units   bytes; arrival and millisBehindLatest in ms.
 * Errors  encoders: KH_TOOBIG of the buffer. The judge has no errors: a line is a status, a
 *         checkpoint, or skipped.
 * Memory  a judged message borrows its texts: from `line` where they stand there unescaped, else
 *         from `scratch`, which the caller resets.
 * Truth   MultiLang messages of KCL 3.5.1 in Java's field order; tests/unit/test_multilang.c has
 *         its table of lines; output is ASCII, everything else is \uXXXX.
 */
#ifndef KH_WIRE_MULTILANG_H
#define KH_WIRE_MULTILANG_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/cmd.h"
#include "core/event.h"
#include "wire/record.h"

enum kh_rc kh_multilang_initialize(struct kh_buf *out, struct kh_str shard,
                                   const struct kh_extseq *checkpoint) KH_MUST_USE;

/* batch may be NULL: an empty list and millisBehindLatest null. */
enum kh_rc kh_multilang_process_records(struct kh_buf *out,
                                        const struct kh_batch *batch) KH_MUST_USE;

/* leaseLost, shardEnded, shutdownRequested. */
enum kh_rc kh_multilang_plain(struct kh_buf *out, enum kh_action action) KH_MUST_USE;

/* What processors of KCL 1.x get in place of leaseLost and shardEnded. */
enum kh_rc kh_multilang_shutdown(struct kh_buf *out, enum kh_action action) KH_MUST_USE;

/* The answer to a checkpoint line: echoes what it carried; error NULL = success. */
enum kh_rc kh_multilang_ack(struct kh_buf *out, const struct kh_child_checkpoint *asked,
                            const char *error) KH_MUST_USE;

enum kh_line_type {
    KH_LINE_SKIPPED, /* not a message for us: why says what it was */
    KH_LINE_STATUS,
    KH_LINE_CHECKPOINT
};

struct kh_line {
    enum kh_line_type type;
    struct kh_str response_for;            /* STATUS; empty if it had none */
    struct kh_child_checkpoint checkpoint; /* CHECKPOINT */
    const char *why;                       /* SKIPPED: a literal */
    bool rest_dropped;                     /* something stood behind the object */
};

void kh_multilang_judge(struct kh_str line, struct kh_arena *scratch, struct kh_line *judged);

#endif
