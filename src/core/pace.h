/* pace: how fast leases are renewed while the store throttles.
 *
 * Shape   no limit until a renewal is throttled; then one renewal each gap_ms, a gap that doubles
 *         with every throttled one and shrinks with every one that was stored.
 * Units   ms.
 * Errors  none.
 * Memory  plain value in struct kh_ctx, shared by all holds of a worker.
 * Truth   own design (Java sends all renewals at once and leaves it to the SDK). The gap never
 *         grows so wide that not all leases could be renewed in half of failoverTimeMillis.
 */
#ifndef KH_CORE_PACE_H
#define KH_CORE_PACE_H

#include <stddef.h>

#include "base/time.h"

struct kh_pace {
    kh_ms gap_ms;       /* 0: no limit */
    kh_ms gap_ms_max;   /* set by whoever knows how many leases share it */
    kh_ms next_at_ms;   /* no renewal before */
    kh_ms slowed_at_ms; /* when the gap grew last */
};

void kh_pace_init(struct kh_pace *pace);

/* How many leases are to be renewed in failover_ms. */
void kh_pace_share(struct kh_pace *pace, size_t leases_n, kh_ms failover_ms);

void kh_pace_sent(struct kh_pace *pace, kh_ms now_ms);
void kh_pace_stored(struct kh_pace *pace);
void kh_pace_throttled(struct kh_pace *pace, kh_ms now_ms);

#endif
