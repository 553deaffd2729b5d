#include "core/event.h"

#include "base/assert.h"

const char *kh_event_type_name(enum kh_event_type type)
{
    static const char *const names[] = {
        [KH_EVENT_TICK] = "tick",
        [KH_EVENT_STORE] = "store",
        [KH_EVENT_COORD] = "coord",
        [KH_EVENT_UTILIZATION] = "utilization",
        [KH_EVENT_SHARDS] = "shards",
        [KH_EVENT_OPENED] = "opened",
        [KH_EVENT_FETCHED] = "fetched",
        [KH_EVENT_CHILD_STATUS] = "child_status",
        [KH_EVENT_CHILD_CHECKPOINT] = "child_checkpoint",
        [KH_EVENT_CHILD_EXITED] = "child_exited",
        [KH_EVENT_STOP] = "stop",
        [KH_EVENT_STOP_NOW] = "stop_now",
    };

    kh_assert((size_t)type < sizeof(names) / sizeof(names[0]));
    return names[type];
}
