#include "host/setup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "cli/exit.h"
#include "core/assign.h"
#include "io/entropy.h"

#define HOST_NAME_BYTES 64

/* How a leader balances, and what it balances by. */
static void copy_fleet_settings(struct kh_worker_config *config, const struct kh_settings *settings)
{
    if (settings->max_throughput_per_host_k_bps > 0) {
        config->host_kbps_max = settings->max_throughput_per_host_k_bps;
    }
    config->dampening_percent = settings->dampening_percentage;
    config->rebalance_percent = settings->re_balance_threshold_percentage;
    config->overshoot = settings->allow_throughput_overshoot;
    config->metrics_alpha = settings->worker_metrics_ema_alpha;
    config->report_ms = settings->worker_metrics_reporter_freq_in_millis;
    config->report_values =
        settings->no_of_persisted_metrics_per_worker_metrics < KH_METRIC_VALUES_N
            ? (uint32_t)settings->no_of_persisted_metrics_per_worker_metrics
            : KH_METRIC_VALUES_N;
    config->report_metrics = !settings->disable_worker_metrics;
    config->stale_report_ms = settings->stale_worker_metrics_entry_cleanup_duration;
    config->assign_ms = settings->lease_assignment_interval_millis;
    config->rebalance_every = settings->variance_balancing_frequency;
}

static bool is_dynamodb(const struct kh_settings *settings)
{
    return strcmp(settings->lease_store, "dynamodb") == 0;
}

/* Only a table in DynamoDB can have workers of other generations beside us. */
static enum kh_rc choose_versions(struct kh_worker_config *config,
                                  const struct kh_settings *settings, struct kh_err *err)
{
    static const enum kh_versions versions[] = {
        [KH_VERSION_CONFIG_AUTO] = KH_VERSIONS_AUTO,
        [KH_VERSION_CONFIG_3X] = KH_VERSIONS_3X,
        [KH_VERSION_CONFIG_WITH_2X] = KH_VERSIONS_COMPATIBLE_WITH_2X,
        [KH_VERSION_CONFIG_WITH_2X_PHASE1] = KH_VERSIONS_COMPATIBLE_WITH_2X_PHASE1};

    config->versions = versions[settings->client_version_config];
    if (is_dynamodb(settings)) {
        return KH_OK;
    }
    if (config->versions != KH_VERSIONS_AUTO) {
        (void)kh_fail(err, KH_INVALID,
                      "clientVersionConfig: leaseStore = %s holds leases and nothing else; leave "
                      "it at AUTO, or use leaseStore = dynamodb",
                      settings->lease_store);
        return kh_settings_blame(settings, settings->client_version_config_place, err);
    }
    config->versions = KH_VERSIONS_NONE;
    return KH_OK;
}

/* What a child may do, and what becomes of one that does not. */
static void copy_child_settings(struct kh_worker_config *config, const struct kh_settings *settings)
{
    static const enum kh_on_failure on_failure[] = {
        [KH_PROCESSOR_FAILURE_RESTART] = KH_FAILURE_RESTART,
        [KH_PROCESSOR_FAILURE_RELEASE] = KH_FAILURE_RELEASE,
        [KH_PROCESSOR_FAILURE_EXIT] = KH_FAILURE_EXIT};
    const int64_t answer_s_max[KH_ACTIONS_N] = {
        [KH_ACTION_INITIALIZE] = settings->initialize_timeout_seconds,
        [KH_ACTION_PROCESS_RECORDS] = settings->process_records_timeout_seconds,
        [KH_ACTION_LEASE_LOST] = settings->lease_lost_timeout_seconds,
        [KH_ACTION_SHARD_ENDED] = settings->shard_ended_timeout_seconds,
        [KH_ACTION_SHUTDOWN_REQUESTED] = settings->shutdown_requested_timeout_seconds};

    if (settings->timeout_in_seconds > 0) {
        config->action_ms_max = KH_SECONDS(settings->timeout_in_seconds);
    }
    for (size_t i = 0; i < KH_ACTIONS_N; i++) {
        config->answer_ms_max[i] = KH_SECONDS(answer_s_max[i]);
    }
    config->on_failure = on_failure[settings->on_processor_failure];
    config->restart_min_ms = settings->child_restart_min_millis;
    config->restart_max_ms = settings->child_restart_max_millis;
    config->restarts_max = settings->child_restart_limit;
    config->retry_ms = settings->shard_retry_millis;
    config->end_for_child = settings->checkpoint_on_shard_end == KH_SHARD_END_AUTO;
    config->shutdown_with_reason = settings->shutdown_with_reason;
}

/* Two looks a second, so that what a stopped worker leaves is taken within a second and a half;
 * more where a lease runs out so soon that this counts. */
#define LIST_MS_MIN 250
#define LIST_MS_MAX 500
static kh_ms list_ms(kh_ms failover_ms)
{
    return kh_ms_min(kh_ms_max(failover_ms / 12, LIST_MS_MIN), LIST_MS_MAX);
}

/* A pattern that is none is told before anything is started. */
static enum kh_rc copy_assignment(struct kh_worker_config *config,
                                  const struct kh_settings *settings, struct kh_err *err)
{
    const char *wanted = settings->assignment;
    struct kh_assignment assignment;
    const bool fits = kh_str_copy(config->assignment, sizeof(config->assignment), kh_str(wanted));

    kh_assert(fits); /* settings.def has the same limit */
    if (kh_assignment_init(&assignment, wanted, err) != KH_OK) {
        (void)kh_wrap(err, "assignment");
        return kh_settings_blame(settings, settings->assignment_place, err);
    }
    kh_assignment_fini(&assignment);
    return KH_OK;
}

static void copy_settings(struct kh_worker_config *config, const struct kh_settings *settings)
{
    config->seed = kh_entropy_seed();
    config->failover_ms = settings->failover_time_millis;
    config->list_ms = list_ms(config->failover_ms);
    config->leases_max = settings->max_leases_for_worker;
    config->steal_max = settings->max_leases_to_steal_at_one_time;
    config->take_very_old = settings->enable_priority_lease_assignment;
    config->hand_over = settings->is_graceful_lease_handoff_enabled;
    config->hand_over_ms = settings->graceful_lease_handoff_timeout_millis;
    config->initial_wall_ms = settings->initial_position_in_stream_extended;
    switch (settings->initial_position_in_stream) {
    case KH_START_LATEST:
        config->initial_position = KH_POSITION_LATEST;
        break;
    case KH_START_TRIM_HORIZON:
        config->initial_position = KH_POSITION_TRIM_HORIZON;
        break;
    case KH_START_AT_TIMESTAMP:
        config->initial_position = KH_POSITION_AT_TIMESTAMP;
        break;
    }
    config->ignore_unexpected_children = settings->ignore_unexpected_child_shards;
    config->read_units_per_s = settings->lease_read_budget;
    config->parent_poll_ms = settings->parent_shard_poll_interval_millis;
    config->idle_ms = settings->idle_time_between_reads_in_millis;
    config->idle_fixed = settings->idle_time_between_reads_in_millis_is_set;
    config->records_max = settings->max_records;
    config->deliver_empty = settings->call_process_records_even_for_empty_record_list;
    config->shutdown_grace_ms = settings->shutdown_grace_millis;
    if (!settings->cleanup_leases_upon_shard_completion) {
        config->clean_after_ms = KH_NEVER;
    }
}

/* A name nobody else has, that tells an operator where to look. */
static enum kh_rc name_worker(struct kh_worker_config *config, const char *wanted,
                              struct kh_err *err)
{
    char name[HOST_NAME_BYTES + 1] = "";
    char uuid[KH_UUID_TEXT_BYTES];

    if (wanted[0] != '\0') {
        if (!kh_str_copy(config->worker_id, sizeof(config->worker_id), kh_str(wanted))) {
            return kh_fail(err, KH_TOOBIG, "workerId: longer than %zu characters",
                           sizeof(config->worker_id) - 1);
        }
        return KH_OK;
    }
    if (gethostname(name, sizeof(name) - 1) != 0) {
        name[0] = '\0';
    }
    kh_entropy_uuid(uuid);
    (void)snprintf(config->worker_id, sizeof(config->worker_id), "%s:%s", name, uuid);
    return KH_OK;
}

enum kh_rc kh_setup_worker(struct kh_worker_config *config, const struct kh_settings *settings,
                           struct kh_err *err)
{
    kh_worker_config_default(config);
    copy_settings(config, settings);
    copy_child_settings(config, settings);
    copy_fleet_settings(config, settings);
    if (choose_versions(config, settings, err) != KH_OK) {
        return err->rc;
    }
    if (copy_assignment(config, settings, err) != KH_OK) {
        return err->rc;
    }
    return name_worker(config, settings->worker_id, err);
}

bool kh_setup_is_file_source(const struct kh_settings *settings)
{
    return kh_str_starts(kh_str(settings->source), KH_STR("file:"));
}

/* "text; what to do". Where both are too much, the text is cut. */
static void advise(struct kh_err *err, const char *what_to_do)
{
    const size_t advice_bytes = strlen(what_to_do) + 2;
    size_t n = strlen(err->text);

    kh_assert(advice_bytes < KH_ERR_TEXT_MAX);
    if (n > KH_ERR_TEXT_MAX - advice_bytes) {
        n = KH_ERR_TEXT_MAX - advice_bytes;
    }

    (void)snprintf(err->text + n, sizeof(err->text) - n, "; %s", what_to_do);
}

int kh_setup_refused_source(const struct kh_settings *settings, const char *region,
                            struct kh_err *err)
{
    if (kh_setup_is_file_source(settings)) {
        return err->rc == KH_INVALID || err->rc == KH_TOOBIG ? KH_EXIT_DATA : KH_EXIT_NOINPUT;
    }
    if (err->rc == KH_NOTFOUND) {
        advise(err, "check streamName, regionName and the account of the credentials");
    } else if (err->rc == KH_DENIED) {
        advise(err, "check the credentials, and their rights to kinesis:ListShards, "
                    "kinesis:GetShardIterator and kinesis:GetRecords");
    }
    if (region[0] != '\0') {
        (void)kh_wrap(err, "stream %s in %s", settings->stream_name, region);
    }
    return kh_exit_for(err->rc);
}

int kh_setup_refused_store(const struct kh_settings *settings, const char *region,
                           struct kh_err *err)
{
    (void)kh_wrap(err, "leaseStore");
    if (kh_str_starts(kh_str(settings->lease_store), KH_STR("sqlite:"))) {
        return KH_EXIT_CANTCREAT;
    }
    if (err->rc == KH_DENIED) {
        advise(err,
               "check the credentials, and their rights to dynamodb:DescribeTable, CreateTable, "
               "Scan, GetItem, PutItem, UpdateItem and DeleteItem, in a fleet of KCL 3.x also to "
               "UpdateTable, and to Query its index LeaseOwnerToLeaseKeyIndex");
    }
    if (region[0] != '\0') {
        (void)kh_wrap(err, "region %s", region);
    }
    return kh_exit_for(err->rc);
}

int kh_setup_refused_leases(const struct kh_settings *settings, struct kh_err *err)
{
    (void)kh_wrap(err, "application %s", settings->application_name);
    if (err->rc == KH_CONFLICT) {
        advise(err, "use another applicationName, --adopt to keep these leases for this stream, or "
                    "kcl-host leases reset");
        return KH_EXIT_CONFIG;
    }
    return kh_exit_for(err->rc);
}
