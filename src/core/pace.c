#include "core/pace.h"

#include "base/assert.h"

#define GAP_MS_MIN 5
/* What was under way when the gap grew says nothing about the new one. */
#define SLOW_AGAIN_MS 200

void kh_pace_init(struct kh_pace *pace)
{
    *pace = (struct kh_pace){.gap_ms_max = GAP_MS_MIN, .slowed_at_ms = INT64_MIN / 2};
}

void kh_pace_share(struct kh_pace *pace, size_t leases_n, kh_ms failover_ms)
{
    kh_assert(failover_ms > 0);
    pace->gap_ms_max = leases_n == 0 ? failover_ms / 2 : failover_ms / 2 / (kh_ms)leases_n;
    pace->gap_ms = kh_ms_min(pace->gap_ms, pace->gap_ms_max);
}

void kh_pace_sent(struct kh_pace *pace, kh_ms now_ms)
{
    pace->next_at_ms = now_ms + pace->gap_ms;
}

void kh_pace_stored(struct kh_pace *pace)
{
    pace->gap_ms -= kh_ms_min(pace->gap_ms, pace->gap_ms / 8 + 1);
}

void kh_pace_throttled(struct kh_pace *pace, kh_ms now_ms)
{
    if (now_ms - pace->slowed_at_ms < SLOW_AGAIN_MS) {
        return;
    }
    pace->slowed_at_ms = now_ms;
    pace->gap_ms = kh_ms_min(kh_ms_max(pace->gap_ms * 2, GAP_MS_MIN), pace->gap_ms_max);
    pace->next_at_ms = kh_ms_max(pace->next_at_ms, now_ms + pace->gap_ms);
}
