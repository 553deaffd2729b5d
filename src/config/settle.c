#include "config/settle.h"

#include "base/buf.h"
#include "config/table.h"
#include "config/value.h"

#define TABLE_NAME_MAX 255 /* DynamoDB's */

/* streamArn stands above streamName, and lends its region. */
static void settle_stream(const struct kh_settle *settle)
{
    struct kh_settings *settings = settle->settings;
    unsigned line = settle->lines[KH_SETTING_ID_stream_arn];
    struct kh_value_arn arn;
    char quoted[KH_PROBLEM_QUOTE_MAX + 1];

    if (!settings->stream_arn_is_set) {
        return;
    }
    kh_problem_quote(quoted, kh_str(settings->stream_arn));
    if (!kh_value_arn(kh_str(settings->stream_arn), &arn)) {
        kh_problem_add(settle->problems, KH_PROBLEM_ERROR, line,
                       "streamArn = %s cannot be used; allowed: an ARN like "
                       "arn:aws:kinesis:REGION:123456789012:stream/NAME",
                       quoted);
        return;
    }
    if (settings->stream_name_is_set && !kh_str_eq(arn.name, kh_str(settings->stream_name))) {
        kh_problem_add(settle->problems, KH_PROBLEM_WARN, settle->lines[KH_SETTING_ID_stream_name],
                       "streamName is not used: streamArn in line %u names another stream and "
                       "counts",
                       line);
    }
    kh_value_set_text(&settings->stream_name, arn.name);
    if (!settings->region_name_is_set) {
        kh_value_set_text(&settings->region_name, arn.region);
    }
    if (kh_str_eq(arn.region, kh_str(settings->region_name))) {
        kh_value_set_text(&settings->stream_arn, arn.arn);
        return;
    }
    /* A region refuses another one's ARN. The Java daemon takes no more than the name out of it,
     * and that is how the Python client's own sample file works. */
    kh_problem_add(settle->problems, KH_PROBLEM_WARN, settle->lines[KH_SETTING_ID_region_name],
                   "regionName = %s counts, though streamArn in line %u has another region: only "
                   "the name of the stream is taken from it",
                   settings->region_name, line);
    kh_value_set_text(&settings->stream_arn, KH_STR(""));
}

static void settle_start(const struct kh_settle *settle)
{
    struct kh_settings *settings = settle->settings;

    if (!settings->initial_position_in_stream_extended_is_set) {
        return;
    }
    if (settings->initial_position_in_stream_is_set) {
        kh_problem_add(settle->problems, KH_PROBLEM_WARN,
                       settle->lines[KH_SETTING_ID_initial_position_in_stream],
                       "initialPositionInStream is not used: initialPositionInStreamExtended in "
                       "line %u counts",
                       settle->lines[KH_SETTING_ID_initial_position_in_stream_extended]);
    }
    settings->initial_position_in_stream = KH_START_AT_TIMESTAMP;
}

static void settle_retrieval(const struct kh_settle *settle)
{
    const struct kh_settings *settings = settle->settings;
    bool polling_key =
        settings->max_records_is_set || settings->idle_time_between_reads_in_millis_is_set;

    if (settings->retrieval_mode == KH_RETRIEVAL_FANOUT ||
        (settings->retrieval_mode == KH_RETRIEVAL_DEFAULT && !polling_key)) {
        kh_problem_add(settle->problems, KH_PROBLEM_NOTICE,
                       settle->lines[KH_SETTING_ID_retrieval_mode],
                       "the Java daemon would read this stream by enhanced fan-out; this version "
                       "polls");
    }
}

/* Only the policy's name; what follows "pinned:" is core/assign.h's to judge. */
static void settle_assignment(const struct kh_settle *settle)
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
    kh_problem_add(settle->problems, KH_PROBLEM_ERROR, settle->lines[KH_SETTING_ID_assignment],
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

static void settle_fleet(const struct kh_settle *settle)
{
    struct kh_settings *settings = settle->settings;

    settle_assignment(settle);
    if (!settings->lease_assignment_interval_millis_is_set) {
        settings->lease_assignment_interval_millis = 2 * settings->failover_time_millis;
    }
    if (!settings->coordinator_state_table_name_is_set) {
        name_table(&settings->coordinator_state_table_name, settings->application_name,
                   "-CoordinatorState");
    }
    if (!settings->worker_metrics_table_name_is_set) {
        name_table(&settings->worker_metrics_table_name, settings->application_name,
                   "-WorkerMetricStats");
    }
}

static void require(const struct kh_settle *settle, bool given, const char *key, const char *what)
{
    if (!given) {
        kh_problem_add(settle->problems, KH_PROBLEM_ERROR, 0, "%s is missing: set it to %s", key,
                       what);
    }
}

void kh_settings_settle(const struct kh_settle *settle)
{
    struct kh_settings *settings = settle->settings;
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
    }
    if (!settings->aws_credentials_provider_dynamo_db_is_set) {
        kh_value_set_text(&settings->aws_credentials_provider_dynamo_db,
                          kh_str(settings->aws_credentials_provider));
    }
    if (settings->child_restart_min_millis > settings->child_restart_max_millis) {
        unsigned line = settle->lines[KH_SETTING_ID_child_restart_max_millis];
        kh_problem_add(settle->problems, KH_PROBLEM_ERROR,
                       line > 0 ? line : settle->lines[KH_SETTING_ID_child_restart_min_millis],
                       "childRestartMinMillis is %lld, childRestartMaxMillis only %lld: the first "
                       "must not be more",
                       (long long)settings->child_restart_min_millis,
                       (long long)settings->child_restart_max_millis);
    }
}
