/* event: what happened, as plain data, on its way into the core.
 *
 * Shape   one tagged record; `key` names the shard for all shard and child events.
 * Units   *_ms as in base/time.h.
 * Errors  rc in OPENED, FETCHED and SHARDS: KH_OK, or what the source met; see each.
 * Memory  everything a pointer reaches is borrowed by the step and copied if it is kept.
 * Truth   own design.
 */
#ifndef KH_CORE_EVENT_H
#define KH_CORE_EVENT_H

#include "base/time.h"
#include "core/coord.h"
#include "core/lease_op.h"

enum kh_event_type {
    KH_EVENT_TICK,        /* the deadline has come, perhaps long ago, perhaps not at all. wall_ms */
    KH_EVENT_STORE,       /* answer to STORE: *answer */
    KH_EVENT_COORD,       /* answer to COORD: *coord. wall_ms */
    KH_EVENT_UTILIZATION, /* about once a second, where it can be measured: percent */
    KH_EVENT_SHARDS,      /* answer to LIST_SHARDS: ticket, rc, shards, shards_n */
    KH_EVENT_OPENED,  /* answer to OPEN: key, ticket, rc, wall_ms. NOTFOUND: the shard or stream is
                       * gone */
    KH_EVENT_FETCHED, /* answer to FETCH: key, ticket, rc, fetched. rc INVALID: the iterator is
                       * expired or no good, open again; NOTFOUND: the shard is gone; THROTTLED;
                       * RETRY: any other */
    KH_EVENT_CHILD_STATUS,     /* key, child, action_name */
    KH_EVENT_CHILD_CHECKPOINT, /* key, child, checkpoint. The host hands over one, then waits for
                                * its ACK */
    KH_EVENT_CHILD_EXITED, /* key, child: reaped (or never started), and all its lines handed over
                            * before */
    KH_EVENT_STOP,         /* graceful: shutdownRequested, then release everything */
    KH_EVENT_STOP_NOW      /* kill the children, release what can be released, STOPPED */
};

/* What a FETCH brought. */
struct kh_fetched {
    uint64_t batch;      /* 0 if records_n is 0; otherwise to be given back with DROP_BATCH */
    uint32_t records_n;  /* after dropping what was skipped */
    uint64_t bytes;      /* memory the batch holds */
    uint64_t data_bytes; /* record data in it, decoded */
    struct kh_extseq
        last; /* of the newest record read from the shard, delivered or dropped; none if none */
    bool has_millis_behind;
    int64_t millis_behind;
    bool ended;                      /* the shard is closed and this was its end */
    const struct kh_shard *children; /* ended: its child shards, each with its parents and range */
    size_t children_n;               /* 0: not known (stream deleted, or past retention) */
};

/* A checkpoint line of a child, judged by wire/multilang. */
struct kh_child_checkpoint {
    bool has_seq;
    struct kh_str seq; /* as the child wrote it */
    bool has_sub;
    bool sub_bad; /* there is one, but it is not a number that fits: answer with
                   * IllegalArgumentException */
    int64_t sub;
};

struct kh_event {
    enum kh_event_type type;
    struct kh_str key;
    uint64_t ticket;
    enum kh_rc rc;
    const struct kh_lease_answer *answer;
    const struct kh_coord_answer *coord;
    double percent; /* UTILIZATION: of this machine's, or container's, CPU; -1: it failed */
    const struct kh_shard *shards;
    size_t shards_n;
    int64_t wall_ms; /* TICK, COORD: the wall clock. OPENED: when the position was taken */
    const struct kh_fetched *fetched;
    uint32_t child;
    struct kh_str action_name; /* STATUS: responseFor */
    struct kh_child_checkpoint checkpoint;
    int exit_status; /* EXITED: as waitpid gives it, -1 when the program could not be started */
};

const char *kh_event_type_name(enum kh_event_type type);

#endif
