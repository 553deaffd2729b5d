/* worker: one member of the fleet: keeps the list of leases, takes its share, runs a consumer for
 * each shard it holds.
 *
 * Shape   the root machine. STARTING (no list of leases yet) -> RUNNING -> STOPPING -> STOPPED. It
 *         routes each event to the machine it concerns and owns the consumers.
 * Units   *_ms monotonic, *_wall_ms since 1970; see base/time.h.
 * Errors  none returned: failures come in as events, bugs stop at kh_assert.
 * Memory  grows with the number of leases only. Commands borrow from the worker until its next
 *         step.
 * Truth   KCL 3.x Scheduler and 2.x DynamoDBLeaseTaker. Chosen differences: leases are released on
 *         a clean stop, and asked for with the hand-off of 3.x where their owner is a kcl-host, the
 *         table is looked at more often than every 20 s, a lone worker takes everything at once,
 *         and a child's failure ends nothing but that child.
 */
#ifndef KH_CORE_WORKER_H
#define KH_CORE_WORKER_H

#include <stddef.h>

#include "base/time.h"
#include "core/cmd.h"
#include "core/event.h"

#define KH_ASSIGNMENT_MAX 255

/* clientVersionConfig */
enum kh_versions {
    KH_VERSIONS_NONE, /* there is nothing but leases here: nothing else is read or written */
    KH_VERSIONS_AUTO, /* whatever the fleet does */
    KH_VERSIONS_COMPATIBLE_WITH_2X_PHASE1,
    KH_VERSIONS_COMPATIBLE_WITH_2X,
    KH_VERSIONS_3X
};

/* onProcessorFailure */
enum kh_on_failure {
    KH_FAILURE_RESTART, /* the next child begins behind the stored checkpoint, up to restarts_max
                         * times without progress; then as the next one */
    KH_FAILURE_RELEASE, /* the shard is given up: released, and not taken by us for retry_ms */
    KH_FAILURE_EXIT     /* the worker stops, as the Java daemon does */
};

struct kh_worker_config {
    char worker_id[KH_WORKER_ID_MAX + 1];
    uint64_t seed;       /* of all dice: jitter, shuffles */
    kh_ms failover_ms;   /* failoverTimeMillis */
    uint32_t leases_max; /* maxLeasesForWorker */
    uint32_t steal_max;  /* maxLeasesToStealAtOneTime, of those that are not handed over */
    bool take_very_old;  /* enablePriorityLeaseAssignment */
    bool hand_over;      /* isGracefulLeaseHandoffEnabled: ask a living owner for its lease */
    kh_ms hand_over_ms;  /* gracefulLeaseHandoffTimeoutMillis: how long it may take over that */
    enum kh_position_type
        initial_position;    /* TRIM_HORIZON, LATEST or AT_TIMESTAMP, for leases being created */
    int64_t initial_wall_ms; /* AT_TIMESTAMP */
    bool ignore_unexpected_children; /* ignoreUnexpectedChildShards */
    kh_ms list_ms;                   /* shortest pause between two looks at the lease table */
    uint32_t read_units_per_s; /* budget for those looks: a large table is looked at less often */
    kh_ms audit_ms;            /* pause between two checks for shards without a lease */
    kh_ms parent_poll_ms;      /* parentShardPollIntervalMillis */
    kh_ms idle_ms;             /* idleTimeBetweenReadsInMillis */
    bool idle_fixed; /* the key is set: one read per idle_ms even with a backlog, as Java does */
    uint32_t records_max;              /* maxRecords */
    bool deliver_empty;                /* callProcessRecordsEvenForEmptyRecordList */
    kh_ms action_ms_max;               /* timeoutInSeconds; KH_NEVER = no limit */
    kh_ms answer_ms_max[KH_ACTIONS_N]; /* the same for one action; 0: as the others */
    bool shutdown_with_reason; /* processors of KCL 1.x: one message for leaseLost and shardEnded */
    kh_ms shutdown_grace_ms;   /* shutdownGraceMillis: after it, children are killed */
    kh_ms restart_min_ms; /* first pause before a failed child is started again, then doubled */
    kh_ms restart_max_ms;
    enum kh_on_failure on_failure;
    uint32_t restarts_max; /* children that fail in a row before the shard is given up; 0: never */
    kh_ms retry_ms;        /* a shard that was given up is not taken by us for so long */
    bool end_for_child;    /* checkpointOnShardEnd = auto: SHARD_END is stored also if the child
                            * forgets */
    char assignment[KH_ASSIGNMENT_MAX + 1]; /* assignment: who should own what, core/assign.h */
    double host_kbps_max;                   /* maxThroughputPerHostKBps */
    double dampening_percent; /* dampeningPercentage: how much of an excess is moved at once */
    double rebalance_percent; /* reBalanceThresholdPercentage: nearer to the average is even */
    bool overshoot;           /* allowThroughputOvershoot: one lease may be more than the excess */
    double metrics_alpha;     /* workerMetricsEMAAlpha */
    kh_ms report_ms;          /* workerMetricsReporterFreqInMillis */
    uint32_t report_values;   /* noOfPersistedMetricsPerWorkerMetrics, up to KH_METRIC_VALUES_N */
    bool report_metrics;      /* disableWorkerMetrics = false */
    kh_ms stale_report_ms;    /* staleWorkerMetricsEntryCleanupDuration */
    kh_ms assign_ms;          /* leaseAssignmentIntervalMillis */
    uint32_t rebalance_every; /* varianceBalancingFrequency: once in so many assign_ms */
    enum kh_versions versions;
    kh_ms clean_after_ms; /* finished leases are deleted after this long, if nobody needs them;
                           * KH_NEVER: they stay (cleanupLeasesUponShardCompletion = false) */
    bool exit_when_done;
};

/* Documented defaults, Java's where Java has one; worker_id and seed are left empty. */
void kh_worker_config_default(struct kh_worker_config *config);

struct kh_worker;

struct kh_worker *kh_worker_new(const struct kh_worker_config *config, kh_ms now_ms);
void kh_worker_free(struct kh_worker *worker);

/* Advance by one event. out is reset by the caller. */
void kh_worker_step(struct kh_worker *worker, const struct kh_event *event, kh_ms now_ms,
                    struct kh_cmds *out);

/* Whether the fleet wants to know how busy this machine is: UTILIZATION events are of use. */
bool kh_worker_reports(const struct kh_worker *worker);

/* When the next TICK is wanted; KH_NEVER once STOPPED. A fresh worker wants one at once. */
kh_ms kh_worker_deadline(const struct kh_worker *worker);

/* For status pages, tests and checkers: the held leases in order of acquisition. */
struct kh_worker_shard {
    const char *key;
    const char *state;           /* the consumer's state by name */
    struct kh_extseq checkpoint; /* last one known to be stored */
    kh_ms expires_at_ms;         /* from here on this worker does not act as the owner */
    bool child_running;
    bool acts_as_owner; /* delivers, renews or checkpoints as the owner at now_ms */
};
size_t kh_worker_shards_n(const struct kh_worker *worker);
struct kh_worker_shard kh_worker_shard_at(const struct kh_worker *worker, size_t i, kh_ms now_ms);

#endif
