/* seqno: sequence numbers and checkpoint positions, and their order.
 *
 * Shape   a position is a pair: a decimal sequence number or a sentinel, and a sub-sequence number
 *         (the place inside a KPL aggregate; 0 for plain records and for sentinels).
 * Units   sequence numbers are decimal text of up to 129 digits, never integers.
 * Errors  kh_extseq_set refuses text that is neither digits nor a sentinel, or too long.
 * Memory  plain values.
 * Truth   KCL ExtendedSequenceNumber: AT_TIMESTAMP < TRIM_HORIZON < LATEST < digits < SHARD_END,
 *         ties by the sub-sequence number (two SHARD_ENDs are always equal).
 */
#ifndef KH_CORE_SEQNO_H
#define KH_CORE_SEQNO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define KH_SEQNO_DIGITS_MAX 129

struct kh_extseq {
    char seq[KH_SEQNO_DIGITS_MAX + 1]; /* "" = none */
    int64_t sub;
};

#define KH_SEQ_TRIM_HORIZON "TRIM_HORIZON"
#define KH_SEQ_LATEST       "LATEST"
#define KH_SEQ_AT_TIMESTAMP "AT_TIMESTAMP"
#define KH_SEQ_SHARD_END    "SHARD_END"

/* False (and *pos = none) if text is neither 1..129 digits nor one of the four sentinels. */
bool kh_extseq_set(struct kh_extseq *pos, struct kh_str text, int64_t sub) KH_MUST_USE;

/* One of the sentinels above, which always fits. */
struct kh_extseq kh_extseq_sentinel(const char *sentinel);

bool kh_extseq_is(const struct kh_extseq *pos, const char *sentinel);
bool kh_extseq_is_digits(const struct kh_extseq *pos);
bool kh_extseq_is_none(const struct kh_extseq *pos);

/* <0, 0, >0. Both sides hold a value (asserted). Leading zeros do not count. */
int kh_extseq_cmp(const struct kh_extseq *a, const struct kh_extseq *b);

/* The same text and the same sub-sequence number. */
bool kh_extseq_same(const struct kh_extseq *a, const struct kh_extseq *b);

/* Two strings of digits by value: strips leading zeros, then length, then bytes. */
int kh_seqno_cmp(struct kh_str a, struct kh_str b);

/* Where reading a shard begins. */
enum kh_position_type {
    KH_POSITION_TRIM_HORIZON,
    KH_POSITION_LATEST,
    KH_POSITION_AT_TIMESTAMP, /* wall_ms */
    KH_POSITION_AT_SEQUENCE,  /* that record is read again */
    KH_POSITION_AFTER_SEQUENCE
};

struct kh_position {
    enum kh_position_type type;
    int64_t wall_ms;                   /* AT_TIMESTAMP: milliseconds since 1970 */
    char seq[KH_SEQNO_DIGITS_MAX + 1]; /* AT_ and AFTER_SEQUENCE */
};

#endif
