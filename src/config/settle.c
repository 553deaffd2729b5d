#include "config/settle.h"

#include "base/buf.h"
#include "config/table.h"
#include "config/value.h"

#define TABLE_NAME_MAX 255 /* DynamoDB's */

struct settle {
    struct kh_settings *settings;
    struct kh_problems *problems;
};

/* The place of a value that follows from another key's. */
static struct kh_place from(const char *key, struct kh_place place)
{
    return (struct kh_place){
        .origin = KH_ORIGIN_KEY, .name = kh_str(key), .is_secret = place.is_secret};
}

static void refuse_arn(const struct settle *settle)
{
    const struct kh_settings *settings = settle->settings;
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    kh_problem_quote(quoted, kh_str(settings->stream_arn));
    kh_problem_add(settle->problems, KH_PROBLEM_ERROR, settings->stream_arn_place,
                   "streamArn = %s cannot be used; allowed: an ARN like "
                   "arn:aws:kinesis:REGION:123456789012:stream/NAME",
                   quoted);
}

/* streamArn stands above streamName, unless that comes from a source that counts more. */
static bool arn_counts(const struct settle *settle, struct kh_str name)
{
    const struct kh_settings *settings = settle->settings;
    char room[KH_PLACE_TEXT_MAX + 1];

    if (!settings->stream_name_is_set || kh_str_eq(name, kh_str(settings->stream_name))) {
        return true;
    }
    if (settings->stream_name_place.origin > settings->stream_arn_place.origin) {
        kh_problem_add(settle->problems, KH_PROBLEM_NOTICE, settings->stream_arn_place,
                       "streamArn is not used: streamName %s names another stream and counts",
                       kh_place_text(settings->stream_name_place, room));
        return false;
    }
    kh_problem_add(settle->problems, KH_PROBLEM_WARN, settings->stream_name_place,
                   "streamName is not used: streamArn %s names another stream and counts",
                   kh_place_text(settings->stream_arn_place, room));
    return true;
}

/* streamArn lends its name and its region. */
static void settle_stream(const struct settle *settle)
{
    struct kh_settings *settings = settle->settings;
    struct kh_value_arn arn;
    char room[KH_PLACE_TEXT_MAX + 1];

    if (!settings->stream_arn_is_set) {
        return;
    }
    if (!kh_value_arn(kh_str(settings->stream_arn), &arn)) {
        refuse_arn(settle);
        return;
    }
    if (!arn_counts(settle, arn.name)) {
        kh_value_set_text(&settings->stream_arn, KH_STR(""));
        return;
    }
    kh_value_set_text(&settings->stream_name, arn.name);
    settings->stream_name_place = from("streamArn", settings->stream_arn_place);
    if (!settings->region_name_is_set) {
        kh_value_set_text(&settings->region_name, arn.region);
        settings->region_name_place = from("streamArn", settings->stream_arn_place);
    }
    const bool own = settings->kinesis_region_is_set;
    const char *region = own ? settings->kinesis_region : settings->region_name;
    if (kh_str_eq(arn.region, kh_str(region))) {
        kh_value_set_text(&settings->stream_arn, arn.arn);
        return;
    }
    /* A region refuses another one's ARN. The Java daemon takes no more than the name out of it,
     * and that is how the Python client's own sample file works. */
    kh_problem_add(settle->problems, KH_PROBLEM_WARN,
                   own ? settings->kinesis_region_place : settings->region_name_place,
                   "%s = %s counts, though streamArn %s has another region: only "
                   "the name of the stream is taken from it",
                   own ? "kinesisClient.region" : "regionName", region,
                   kh_place_text(settings->stream_arn_place, room));
    kh_value_set_text(&settings->stream_arn, KH_STR(""));
}

static void settle_start(const struct settle *settle)
{
    struct kh_settings *settings = settle->settings;
    char room[KH_PLACE_TEXT_MAX + 1];

    if (!settings->initial_position_in_stream_extended_is_set) {
        return;
    }
    if (settings->initial_position_in_stream_place.origin >
        settings->initial_position_in_stream_extended_place.origin) {
        kh_problem_add(settle->problems, KH_PROBLEM_NOTICE,
                       settings->initial_position_in_stream_extended_place,
                       "initialPositionInStreamExtended is not used: initialPositionInStream %s "
                       "counts",
                       kh_place_text(settings->initial_position_in_stream_place, room));
        return;
    }
    if (settings->initial_position_in_stream_is_set) {
        kh_problem_add(settle->problems, KH_PROBLEM_WARN,
                       settings->initial_position_in_stream_place,
                       "initialPositionInStream is not used: initialPositionInStreamExtended %s "
                       "counts",
                       kh_place_text(settings->initial_position_in_stream_extended_place, room));
    }
    settings->initial_position_in_stream = KH_START_AT_TIMESTAMP;
    settings->initial_position_in_stream_place = from(
        "initialPositionInStreamExtended", settings->initial_position_in_stream_extended_place);
}

static void settle_retrieval(const struct settle *settle)
{
    const struct kh_settings *settings = settle->settings;
    const bool polling_key = settings->max_records_is_set ||
                             settings->idle_time_between_reads_in_millis_is_set ||
                             settings->millis_behind_latest_threshold_for_reduced_tps_is_set ||
                             settings->retry_get_records_in_seconds_is_set ||
                             settings->max_get_records_thread_pool_is_set;

    if (settings->retrieval_mode == KH_RETRIEVAL_FANOUT ||
        (settings->retrieval_mode == KH_RETRIEVAL_DEFAULT && !polling_key)) {
        kh_problem_add(settle->problems, KH_PROBLEM_NOTICE, settings->retrieval_mode_place,
                       "the Java daemon would read this stream by enhanced fan-out; this version "
                       "polls");
    }
}

/* Only the policy's name; what follows "pinned:" is core/assign.h's to judge. */
static void settle_assignment(const struct settle *settle)
{
    static const char *const words[] = {"", "balanced", "utilization", "none"};
    const struct kh_str wanted = kh_str(settle->settings->assignment);
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (kh_str_eq(wanted, kh_str(words[i]))) {
            return;
        }
    }
    if (kh_str_starts(wanted, KH_STR("pinned:"))) {
        return;
    }
    kh_problem_quote(quoted, wanted);
    kh_problem_add(settle->problems, KH_PROBLEM_ERROR, settle->settings->assignment_place,
                   "assignment = %s cannot be used; allowed: balanced, utilization, "
                   "pinned:PATTERN, none",
                   quoted);
}

/* KCL's own names for its tables, where the file has none. */
static void name_table(char **name, const char *application, const char *suffix)
{
    struct kh_buf made;

    kh_buf_init(&made, TABLE_NAME_MAX);
    if (kh_buf_appendf(&made, "%s%s", application, suffix) == KH_OK) {
        kh_value_set_text(name, kh_buf_str(&made));
    }
    kh_buf_fini(&made);
}

static void settle_fleet(const struct settle *settle)
{
    struct kh_settings *settings = settle->settings;

    settle_assignment(settle);
    if (!settings->lease_assignment_interval_millis_is_set) {
        settings->lease_assignment_interval_millis = 2 * settings->failover_time_millis;
        settings->lease_assignment_interval_millis_place =
            from("failoverTimeMillis", settings->failover_time_millis_place);
    }
    if (!settings->coordinator_state_table_name_is_set) {
        name_table(&settings->coordinator_state_table_name, settings->application_name,
                   "-CoordinatorState");
        settings->coordinator_state_table_name_place =
            from("applicationName", settings->application_name_place);
    }
    if (!settings->worker_metrics_table_name_is_set) {
        name_table(&settings->worker_metrics_table_name, settings->application_name,
                   "-WorkerMetricStats");
        settings->worker_metrics_table_name_place =
            from("applicationName", settings->application_name_place);
    }
}

static void require(const struct settle *settle, bool given, const char *key, const char *what)
{
    if (!given) {
        kh_problem_add(settle->problems, KH_PROBLEM_ERROR, KH_PLACE_FILE,
                       "%s is missing: set it to %s", key, what);
    }
}

static void settle_restarts(const struct settle *settle)
{
    const struct kh_settings *settings = settle->settings;

    if (settings->child_restart_min_millis > settings->child_restart_max_millis) {
        kh_problem_add(settle->problems, KH_PROBLEM_ERROR,
                       settings->child_restart_max_millis_is_set
                           ? settings->child_restart_max_millis_place
                           : settings->child_restart_min_millis_place,
                       "childRestartMinMillis is %lld, childRestartMaxMillis only %lld: the first "
                       "must not be more",
                       (long long)settings->child_restart_min_millis,
                       (long long)settings->child_restart_max_millis);
    }
}

void kh_settings_settle(struct kh_settings *settings, struct kh_problems *problems)
{
    const struct settle *settle = &(struct settle){settings, problems};
    bool kinesis = kh_str_eq(kh_str(settings->source), KH_STR("kinesis"));

    require(settle, settings->executable_name_is_set, "executableName",
            "the command that starts the record processor");
    require(settle, settings->application_name_is_set, "applicationName",
            "the name of the application, which names its lease table");
    require(settle, !kinesis || settings->stream_name_is_set || settings->stream_arn_is_set,
            "streamName", "the name of the stream (or set streamArn)");
    settle_stream(settle);
    settle_start(settle);
    settle_fleet(settle);
    if (kinesis) {
        settle_retrieval(settle);
    }
    if (!settings->table_name_is_set) {
        kh_value_set_text(&settings->table_name, kh_str(settings->application_name));
        settings->table_name_place = from("applicationName", settings->application_name_place);
    }
    if (!settings->aws_credentials_provider_dynamo_db_is_set) {
        kh_value_set_text(&settings->aws_credentials_provider_dynamo_db,
                          kh_str(settings->aws_credentials_provider));
        settings->aws_credentials_provider_dynamo_db_place =
            from("AwsCredentialsProvider", settings->aws_credentials_provider_place);
    }
    settle_restarts(settle);
}
