#include "config/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "tests/lib/suite.h"

/* What every file needs, on lines 1 to 4. */
#define NEEDED \
    "executableName=run it\napplicationName=app\nstreamName=orders\nretrievalMode=POLLING\n"

static struct kh_settings settings;
static struct kh_problems problems;
static const char *no_environment[] = {NULL};
static const struct kh_settings_sources sources = {.environment = no_environment};

static void setup(void)
{
    kh_settings_init(&settings);
    kh_problems_init(&problems, "f");
}

static void teardown(void)
{
    kh_settings_fini(&settings);
    kh_problems_fini(&problems);
}

static enum kh_rc load(const char *path)
{
    const struct kh_settings_sources file = {.path = path, .environment = no_environment};

    return kh_settings_load(&settings, &file, &problems);
}

static enum kh_rc parse(const char *text)
{
    return kh_settings_parse(&settings, kh_str(text), &sources, &problems);
}

/* The text is fine but for one problem. */
static void assert_problem(const char *text, enum kh_problem_level level, const char *sentence)
{
    enum kh_rc rc = parse(text);

    ck_assert_uint_eq(problems.n, 1);
    ck_assert_str_eq(problems.items[0].text, sentence);
    ck_assert_int_eq(problems.items[0].level, level);
    ck_assert_int_eq(rc, level == KH_PROBLEM_ERROR ? KH_INVALID : KH_OK);
}

START_TEST(defaults_are_those_of_the_manual)
{
    ck_assert_str_eq(settings.executable_name, "");
    ck_assert_ptr_null(settings.executable_argv[0]);
    ck_assert_int_eq(settings.initial_position_in_stream, KH_START_LATEST);
    ck_assert_int_eq(settings.timeout_in_seconds, 0);
    ck_assert_int_eq(settings.shutdown_grace_millis, 5000);
    ck_assert_str_eq(settings.aws_credentials_provider, "DefaultCredentialsProvider");
    ck_assert_str_eq(settings.source, "kinesis");
    ck_assert_int_eq(settings.retrieval_mode, KH_RETRIEVAL_DEFAULT);
    ck_assert_uint_eq(settings.max_records, 10000);
    ck_assert_int_eq(settings.idle_time_between_reads_in_millis, 1500);
    ck_assert_str_eq(settings.lease_store, "dynamodb");
    ck_assert_int_eq(settings.failover_time_millis, 10000);
    ck_assert_uint_eq(settings.max_leases_for_worker, 2147483647);
    ck_assert_uint_eq(settings.max_leases_to_steal_at_one_time, 1);
    ck_assert(settings.enable_priority_lease_assignment);
    ck_assert_int_eq(settings.parent_shard_poll_interval_millis, 10000);
    ck_assert_uint_eq(settings.lease_read_budget, 5);
    ck_assert_int_eq(settings.metrics_level, KH_METRICS_DETAILED);
    ck_assert_int_eq(settings.log_level, KH_LOG_INFO);
    ck_assert_int_eq(settings.log_format, KH_LOG_FORM_TEXT);
    ck_assert_int_eq(settings.child_restart_min_millis, 500);
    ck_assert_int_eq(settings.child_restart_max_millis, 60000);
    ck_assert_int_eq(settings.checkpoint_on_shard_end, KH_SHARD_END_REQUIRE);
    ck_assert_int_eq(settings.on_processor_failure, KH_PROCESSOR_FAILURE_RESTART);
    ck_assert_uint_eq(settings.child_restart_limit, 10);
    ck_assert_int_eq(settings.shard_retry_millis, 300000);
    ck_assert_int_eq(settings.initialize_timeout_seconds, 0);
    ck_assert(!settings.shutdown_with_reason);
    ck_assert(!settings.max_records_is_set);
}
END_TEST

START_TEST(defaults_of_the_fleet_are_java_s_but_for_auto)
{
    ck_assert_str_eq(settings.assignment, "");
    ck_assert_int_eq(settings.client_version_config, KH_VERSION_CONFIG_AUTO);
    ck_assert(settings.is_graceful_lease_handoff_enabled);
    ck_assert_int_eq(settings.graceful_lease_handoff_timeout_millis, 30000);
    ck_assert(!settings.disable_worker_metrics);
    ck_assert_int_eq(settings.in_memory_worker_metrics_capture_frequency_millis, 1000);
    ck_assert_int_eq(settings.worker_metrics_reporter_freq_in_millis, 30000);
    ck_assert_uint_eq(settings.no_of_persisted_metrics_per_worker_metrics, 10);
    ck_assert_double_eq(settings.max_throughput_per_host_k_bps, 0);
    ck_assert_uint_eq(settings.dampening_percentage, 60);
    ck_assert_uint_eq(settings.re_balance_threshold_percentage, 10);
    ck_assert(settings.allow_throughput_overshoot);
    ck_assert_uint_eq(settings.variance_balancing_frequency, 3);
    ck_assert_double_eq(settings.worker_metrics_ema_alpha, 0.5);
    ck_assert_int_eq(settings.stale_worker_metrics_entry_cleanup_duration, 86400000);
}
END_TEST

START_TEST(what_the_fleet_has_in_common_follows_from_other_keys)
{
    ck_assert_int_eq(parse(NEEDED "failoverTimeMillis=3000\n"), KH_OK);
    ck_assert_int_eq(settings.lease_assignment_interval_millis, 6000);
    ck_assert_str_eq(settings.coordinator_state_table_name, "app-CoordinatorState");
    ck_assert_str_eq(settings.worker_metrics_table_name, "app-WorkerMetricStats");
}
END_TEST

START_TEST(what_the_fleet_has_in_common_is_taken_from_the_file)
{
    ck_assert_int_eq(
        parse(NEEDED "leaseAssignmentIntervalMillis=7000\ncoordinatorStateTableName=state\n"
                     "workerMetricsTableName=metrics\nassignment=pinned:^shardId-0+[02468]$\n"
                     "clientVersionConfig=client_Version_Config_Compatible_With_2x_phase1\n"
                     "isGracefulLeaseHandoffEnabled=false\ngracefulLeaseHandoffTimeoutMillis=0\n"
                     "maxThroughputPerHostKBps=1e3\nworkerMetricsEMAAlpha=.25\n"
                     "staleWorkerMetricsEntryCleanupDuration=pt1m30.5s\n"),
        KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_int_eq(settings.lease_assignment_interval_millis, 7000);
    ck_assert_str_eq(settings.coordinator_state_table_name, "state");
    ck_assert_str_eq(settings.worker_metrics_table_name, "metrics");
    ck_assert_str_eq(settings.assignment, "pinned:^shardId-0+[02468]$");
    ck_assert_int_eq(settings.client_version_config, KH_VERSION_CONFIG_WITH_2X_PHASE1);
    ck_assert(!settings.is_graceful_lease_handoff_enabled);
    ck_assert_int_eq(settings.graceful_lease_handoff_timeout_millis, 0);
    ck_assert_double_eq(settings.max_throughput_per_host_k_bps, 1000);
    ck_assert_double_eq(settings.worker_metrics_ema_alpha, 0.25);
    ck_assert_int_eq(settings.stale_worker_metrics_entry_cleanup_duration, 90500);
}
END_TEST

/* In the order of enum kh_version_config. */
START_TEST(each_client_version_has_its_name)
{
    static const char *const names[] = {"AUTO", "CLIENT_VERSION_CONFIG_3X",
                                        "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X",
                                        "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X_PHASE1"};
    char text[256];

    (void)snprintf(text, sizeof(text), NEEDED "clientVersionConfig=%s\n", names[_i]);
    ck_assert_int_eq(parse(text), KH_OK);
    ck_assert_int_eq(settings.client_version_config, _i);
}
END_TEST

/* DynamoDB has no such name, so there is no such table. */
START_TEST(a_long_application_has_no_tables_of_kcl_3_0)
{
    char text[512];

    (void)snprintf(text, sizeof(text),
                   "executableName=run\napplicationName=%0239d\n"
                   "streamName=orders\nretrievalMode=POLLING\n",
                   7);
    ck_assert_int_eq(parse(text), KH_OK);
    ck_assert_str_eq(settings.coordinator_state_table_name, "");
    ck_assert_str_eq(settings.worker_metrics_table_name, "");
}
END_TEST

static const struct {
    const char *text;
    const char *sentence;
} fleet_errors[] = {
    {"clientVersionConfig=CLIENT_VERSION_3X\n",
     "f:5: clientVersionConfig = \"CLIENT_VERSION_3X\" cannot be used; allowed: AUTO, "
     "CLIENT_VERSION_CONFIG_3X, CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X, "
     "CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X_PHASE1"},
    {"assignment=Balanced\n", "f:5: assignment = \"Balanced\" cannot be used; allowed: balanced, "
                              "utilization, pinned:PATTERN, none"},
    {"workerMetricsEMAAlpha=1.5\n",
     "f:5: workerMetricsEMAAlpha = \"1.5\" cannot be used; allowed: a number from 0 to 1"},
    {"maxThroughputPerHostKBps=-1\n", "f:5: maxThroughputPerHostKBps = \"-1\" cannot be used; "
                                      "allowed: a number from 0 to 1000000000000000"},
    {"maxThroughputPerHostKBps=much\n", "f:5: maxThroughputPerHostKBps = \"much\" cannot be used; "
                                        "allowed: a number from 0 to 1000000000000000"},
    {"staleWorkerMetricsEntryCleanupDuration=1d\n",
     "f:5: staleWorkerMetricsEntryCleanupDuration = \"1d\" cannot be used; allowed: a time span as "
     "in "
     "ISO 8601: P1D, PT12H, PT1M30.5S"},
};
enum { FLEET_ERRORS_N = sizeof(fleet_errors) / sizeof(fleet_errors[0]) };

START_TEST(a_wrong_value_for_the_fleet_is_refused)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "%s%s", NEEDED, fleet_errors[_i].text);
    assert_problem(text, KH_PROBLEM_ERROR, fleet_errors[_i].sentence);
}
END_TEST

START_TEST(a_decimal_zero_is_the_default_as_for_java)
{
    assert_problem(NEEDED "workerMetricsEMAAlpha = 0.0\n", KH_PROBLEM_WARN,
                   "f:5: workerMetricsEMAAlpha = 0 stands for the default, as in the Java daemon: "
                   "0.5 is used");
    ck_assert_double_eq(settings.worker_metrics_ema_alpha, 0.5);
}
END_TEST

START_TEST(a_zero_without_a_default_of_its_own_is_told_too)
{
    assert_problem(NEEDED "leaseAssignmentIntervalMillis = 0\n", KH_PROBLEM_WARN,
                   "f:5: leaseAssignmentIntervalMillis = 0 stands for the default, as in the Java "
                   "daemon");
    ck_assert_int_eq(settings.lease_assignment_interval_millis, 20000);
}
END_TEST

START_TEST(a_key_of_a_bean_beats_the_flat_one)
{
    assert_problem(NEEDED "workerUtilizationAwareAssignmentConfigBean.dampeningPercentage=80\n"
                          "dampeningPercentage=70\n",
                   KH_PROBLEM_WARN,
                   "f:6: dampeningPercentage is not used: "
                   "workerUtilizationAwareAssignmentConfigBean.dampeningPercentage in line 5 means "
                   "the same and counts");
    ck_assert_uint_eq(settings.dampening_percentage, 80);
}
END_TEST

START_TEST(a_documented_key_that_java_does_not_read_is_taken_and_told)
{
    assert_problem(NEEDED "gracefulLeaseHandoffConfig.isGracefulLeaseHandoffEnabled=false\n",
                   KH_PROBLEM_NOTICE,
                   "f:5: key \"gracefulLeaseHandoffConfig.isGracefulLeaseHandoffEnabled\" is taken "
                   "for gracefulLeaseHandoffConfigBean.isGracefulLeaseHandoffEnabled");
    ck_assert(!settings.is_graceful_lease_handoff_enabled);
}
END_TEST

START_TEST(values_of_every_type_arrive)
{
    ck_assert_int_eq(parse(NEEDED "maxRecords = 500\nidleTimeBetweenReadsInMillis=250\n"
                                  "timeoutInSeconds=30\nenablePriorityLeaseAssignment=No\n"
                                  "initialPositionInStream=trim_Horizon\nlogLevel=DEBUG\n"
                                  "logFormat=json\nkinesisEndpoint=http://127.0.0.1:4567/\n"
                                  "workerId=w\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_uint_eq(settings.max_records, 500);
    ck_assert_int_eq(settings.idle_time_between_reads_in_millis, 250);
    ck_assert(settings.idle_time_between_reads_in_millis_is_set);
    ck_assert_int_eq(settings.timeout_in_seconds, 30);
    ck_assert(!settings.enable_priority_lease_assignment);
    ck_assert_int_eq(settings.initial_position_in_stream, KH_START_TRIM_HORIZON);
    ck_assert_int_eq(settings.log_level, KH_LOG_DEBUG);
    ck_assert_int_eq(settings.log_format, KH_LOG_FORM_JSON);
    ck_assert_str_eq(settings.kinesis_endpoint, "http://127.0.0.1:4567");
    ck_assert_str_eq(settings.worker_id, "w");
}
END_TEST

START_TEST(the_command_is_split_at_blanks_and_nothing_else)
{
    ck_assert_int_eq(parse("executableName = python  -u 'a\\tb c' \napplicationName=app\n"
                           "streamName=s\nretrievalMode=POLLING\n"),
                     KH_OK);
    ck_assert_str_eq(settings.executable_argv[0], "python");
    ck_assert_str_eq(settings.executable_argv[1], "-u");
    ck_assert_str_eq(settings.executable_argv[2], "'a\tb");
    ck_assert_str_eq(settings.executable_argv[3], "c'");
    ck_assert_ptr_null(settings.executable_argv[4]);
}
END_TEST

START_TEST(what_is_missing_is_told_at_once)
{
    ck_assert_int_eq(parse("retrievalMode=POLLING\napplicationName=  \n"), KH_INVALID);
    ck_assert_uint_eq(problems.errors_n, 3);
    ck_assert_str_eq(
        problems.items[problems.n - 3].text,
        "f: executableName is missing: set it to the command that starts the record processor");
    ck_assert_str_eq(problems.items[problems.n - 2].text,
                     "f: applicationName is missing: set it to the name of the application, which "
                     "names its lease table");
    ck_assert_str_eq(
        problems.items[problems.n - 1].text,
        "f: streamName is missing: set it to the name of the stream (or set streamArn)");
}
END_TEST

START_TEST(a_folder_needs_no_stream)
{
    ck_assert_int_eq(parse("executableName=x\napplicationName=a\nsource=file:/d\n"), KH_OK);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

START_TEST(wrong_values_are_refused_all_of_them)
{
    ck_assert_int_eq(parse(NEEDED
                           "maxRecords=1,000\nfailoverTimeMillis=-1\nlogLevel=loud\n"
                           "ignoreUnexpectedChildShards=t\ninitialPositionInStreamExtended=x\n"
                           "kinesisEndpoint=ftp://h\ntimeoutInSeconds=0\nmaxRecords=10001\n"),
                     KH_INVALID);
    static const char *const expected[] = {
        "f:5: maxRecords = \"1,000\" cannot be used; allowed: a whole number from 1 to 10000",
        "f:6: failoverTimeMillis = \"-1\" cannot be used; allowed: a whole number from 100 to "
        "2147483647",
        "f:7: logLevel = \"loud\" cannot be used; allowed: error, warn, info, debug",
        "f:8: ignoreUnexpectedChildShards = \"t\" cannot be used; allowed: true or false",
        "f:9: initialPositionInStreamExtended = \"x\" cannot be used; allowed: whole seconds since "
        "1970, or a time like 2024-02-29T12:00:00Z",
        "f:10: kinesisEndpoint = \"ftp://h\" cannot be used; allowed: a URL like https://host:port",
        "f:11: timeoutInSeconds = \"0\" cannot be used; allowed: a whole number from 1 to "
        "2147483647",
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        ck_assert_str_eq(problems.items[i].text, expected[i]);
    }
    ck_assert_uint_eq(problems.errors_n, 8);
    ck_assert_uint_eq(settings.max_records, 10000);
}
END_TEST

START_TEST(a_value_cannot_break_the_line_of_its_problem)
{
    assert_problem(NEEDED "maxRecords=a\\n\\\"b\n", KH_PROBLEM_ERROR,
                   "f:5: maxRecords = \"a\\x0a\\\"b\" cannot be used; allowed: a whole number from "
                   "1 to 10000");
}
END_TEST

START_TEST(zero_is_the_default_where_it_is_so_for_java)
{
    assert_problem(NEEDED "failoverTimeMillis=0\n", KH_PROBLEM_WARN,
                   "f:5: failoverTimeMillis = 0 stands for the default, as in the Java daemon: "
                   "10000 is used");
    ck_assert_int_eq(settings.failover_time_millis, 10000);
    ck_assert(!settings.failover_time_millis_is_set);
}
END_TEST

START_TEST(an_explicit_zero_of_grace_is_no_grace)
{
    ck_assert_int_eq(parse(NEEDED "shutdownGraceMillis=0\n"), KH_OK);
    ck_assert_int_eq(settings.shutdown_grace_millis, 0);
    ck_assert(settings.shutdown_grace_millis_is_set);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

START_TEST(a_short_pause_between_reads_is_raised)
{
    assert_problem(NEEDED "idleTimeBetweenReadsInMillis=50\n", KH_PROBLEM_WARN,
                   "f:5: idleTimeBetweenReadsInMillis = 50 is too low: 200 is used");
    ck_assert_int_eq(settings.idle_time_between_reads_in_millis, 200);
    ck_assert(settings.idle_time_between_reads_in_millis_is_set);
}
END_TEST

START_TEST(an_empty_value_is_no_value)
{
    assert_problem(NEEDED "failoverTimeMillis =\nworkerId =\n", KH_PROBLEM_WARN,
                   "f:5: failoverTimeMillis has no value: it counts as not given");
    ck_assert(!settings.worker_id_is_set);
}
END_TEST

START_TEST(blanks_at_the_end_are_told_where_they_would_count)
{
    assert_problem(NEEDED "tableName=t \nmaxRecords=5 \n", KH_PROBLEM_WARN,
                   "f:5: tableName: the blanks at the end of the value are dropped");
    ck_assert_str_eq(settings.table_name, "t");
    ck_assert_uint_eq(settings.max_records, 5);
}
END_TEST

START_TEST(an_unknown_key_names_the_nearest)
{
    assert_problem(NEEDED "maxReocrds=5\n", KH_PROBLEM_WARN,
                   "f:5: unknown key \"maxReocrds\" is ignored; did you mean maxRecords?");
}
END_TEST

START_TEST(an_unknown_key_like_no_other_is_only_told)
{
    assert_problem(NEEDED "colour=5\n", KH_PROBLEM_WARN, "f:5: unknown key \"colour\" is ignored");
}
END_TEST

START_TEST(keys_are_taken_in_any_case)
{
    assert_problem(NEEDED "MAXrecords=5\n", KH_PROBLEM_NOTICE,
                   "f:5: key \"MAXrecords\" is taken for maxRecords");
    ck_assert_uint_eq(settings.max_records, 5);
}
END_TEST

START_TEST(the_credentials_key_begins_in_any_case_without_a_word)
{
    ck_assert_int_eq(parse(NEEDED "AWSCredentialsProvider=P\nawscredentialsproviderDynamoDB=Q\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_str_eq(settings.aws_credentials_provider, "P");
    ck_assert_str_eq(settings.aws_credentials_provider_dynamo_db, "Q");
}
END_TEST

START_TEST(dynamodb_has_the_credentials_of_kinesis_unless_told_otherwise)
{
    ck_assert_int_eq(parse(NEEDED "AwsCredentialsProvider=P\n"), KH_OK);
    ck_assert_str_eq(settings.aws_credentials_provider_dynamo_db, "P");
}
END_TEST

START_TEST(of_two_equal_keys_the_last_counts)
{
    assert_problem(NEEDED "maxRecords=5\nmaxRecords=6\n", KH_PROBLEM_WARN,
                   "f:5: maxRecords is not used: maxRecords in line 6 means the same and counts");
    ck_assert_uint_eq(settings.max_records, 6);
}
END_TEST

START_TEST(worker_id_beats_worker_identifier)
{
    assert_problem(
        NEEDED "workerId=a\nworkerIdentifier=b\n", KH_PROBLEM_WARN,
        "f:6: workerIdentifier is not used: workerId in line 5 means the same and counts");
    ck_assert_str_eq(settings.worker_id, "a");
}
END_TEST

START_TEST(a_dotted_key_beats_the_flat_one)
{
    assert_problem(NEEDED "kinesisEndpoint=http://a\nkinesisClient.endpointOverride=http://b\n",
                   KH_PROBLEM_WARN,
                   "f:5: kinesisEndpoint is not used: kinesisClient.endpointOverride in line 6 "
                   "means the same and counts");
    ck_assert_str_eq(settings.kinesis_endpoint, "http://b");
}
END_TEST

START_TEST(an_endpoint_without_scheme_is_https)
{
    assert_problem(
        NEEDED "dynamoDBEndpoint=localhost:8000\n", KH_PROBLEM_WARN,
        "f:5: dynamoDBEndpoint has no scheme: https is used, write http:// if that is meant");
    ck_assert_str_eq(settings.dynamo_db_endpoint, "https://localhost:8000");
}
END_TEST

START_TEST(a_time_to_start_at_beats_a_place)
{
    assert_problem(NEEDED "initialPositionInStreamExtended=1700000000\n"
                          "initialPositionInStream=LATEST\n",
                   KH_PROBLEM_WARN,
                   "f:6: initialPositionInStream is not used: initialPositionInStreamExtended in "
                   "line 5 counts");
    ck_assert_int_eq(settings.initial_position_in_stream, KH_START_AT_TIMESTAMP);
    ck_assert_int_eq(settings.initial_position_in_stream_extended, 1700000000000);
}
END_TEST

START_TEST(the_old_name_of_the_time_to_start_at_is_known)
{
    ck_assert_int_eq(parse(NEEDED "timestampAtInitialPositionInStream=2024-02-29T12:00:00Z\n"),
                     KH_OK);
    ck_assert_int_eq(settings.initial_position_in_stream, KH_START_AT_TIMESTAMP);
    ck_assert_int_eq(settings.initial_position_in_stream_extended, 1709208000000);
}
END_TEST

START_TEST(milliseconds_are_told_from_seconds)
{
    assert_problem(NEEDED "initialPositionInStreamExtended=1700000000000\n", KH_PROBLEM_WARN,
                   "f:5: initialPositionInStreamExtended = 1700000000000 is taken as milliseconds: "
                   "as seconds it would be after the year 5000");
    ck_assert_int_eq(settings.initial_position_in_stream_extended, 1700000000000);
}
END_TEST

START_TEST(the_arn_names_the_stream_and_lends_its_region)
{
    ck_assert_int_eq(parse("executableName=x\napplicationName=a\nretrievalMode=polling\nstreamArn="
                           "arn:aws:kinesis:eu-west-1:123456789012:stream/orders/consumer/c:1\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_str_eq(settings.stream_name, "orders");
    ck_assert_str_eq(settings.stream_arn, "arn:aws:kinesis:eu-west-1:123456789012:stream/orders");
    ck_assert_str_eq(settings.region_name, "eu-west-1");
}
END_TEST

START_TEST(the_arn_beats_the_name_and_yields_to_the_region)
{
    ck_assert_int_eq(parse(NEEDED
                           "regionName=us-east-1\n"
                           "streamArn=arn:aws:kinesis:us-east-5:123456789012:stream/other\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 2);
    ck_assert_str_eq(problems.items[0].text, "f:3: streamName is not used: streamArn in line 6 "
                                             "names another stream and counts");
    ck_assert_str_eq(problems.items[1].text,
                     "f:5: regionName = us-east-1 counts, though streamArn "
                     "in line 6 has another region: only the name of the stream "
                     "is taken from it");
    ck_assert_str_eq(settings.stream_arn, "");
    ck_assert_str_eq(settings.stream_name, "other");
    ck_assert_str_eq(settings.region_name, "us-east-1");
}
END_TEST

START_TEST(a_malformed_arn_is_refused)
{
    assert_problem(NEEDED "streamArn=orders\n", KH_PROBLEM_ERROR,
                   "f:5: streamArn = \"orders\" cannot be used; allowed: an ARN like "
                   "arn:aws:kinesis:REGION:123456789012:stream/NAME");
}
END_TEST

START_TEST(the_table_is_named_as_the_application_or_otherwise)
{
    ck_assert_int_eq(parse(NEEDED), KH_OK);
    ck_assert_str_eq(settings.table_name, "app");
    ck_assert_int_eq(parse(NEEDED "tableName=t\n"), KH_OK);
    ck_assert_str_eq(settings.table_name, "t");
}
END_TEST

START_TEST(the_pauses_before_a_restart_are_in_order)
{
    assert_problem(NEEDED "childRestartMinMillis=70000\n", KH_PROBLEM_ERROR,
                   "f:5: childRestartMinMillis is 70000, childRestartMaxMillis only 60000: the "
                   "first must not be more");
}
END_TEST

START_TEST(fan_out_is_not_there_and_is_told)
{
    assert_problem("executableName=x\napplicationName=a\nstreamName=s\n", KH_PROBLEM_NOTICE,
                   "f: the Java daemon would read this stream by enhanced fan-out; this version "
                   "polls");
}
END_TEST

START_TEST(a_polling_key_selects_polling)
{
    ck_assert_int_eq(parse("executableName=x\napplicationName=a\nstreamName=s\nmaxRecords=9\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
}
END_TEST

START_TEST(keys_that_do_nothing_select_polling_all_the_same)
{
    ck_assert_int_eq(parse("executableName=x\napplicationName=a\nstreamName=s\n"
                           "retryGetRecordsInSeconds=0\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 1);
    ck_assert_str_eq(problems.items[0].text,
                     "f: these keys have no effect in this version: retryGetRecordsInSeconds");
}
END_TEST

START_TEST(a_region_of_the_stream_s_own_is_held_against_its_arn)
{
    ck_assert_int_eq(parse("executableName=x\napplicationName=a\nretrievalMode=polling\n"
                           "streamArn=arn:aws:kinesis:eu-west-1:123456789012:stream/orders\n"
                           "regionName=us-east-1\nkinesisClient.region=eu-west-1\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_str_eq(settings.stream_arn, "arn:aws:kinesis:eu-west-1:123456789012:stream/orders");
    ck_assert_str_eq(settings.region_name, "us-east-1");
}
END_TEST

START_TEST(keys_without_effect_are_told_in_one_line)
{
    ck_assert_int_eq(parse(NEEDED "metricsBufferTimeMillis=5\nfanoutConfig.consumerName=c\n"
                                  "processingLanguage=python/3.8\nmaxActiveThreads=0\n"),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 2);
    ck_assert_str_eq(problems.items[0].text, "f: these keys have no effect in this version: "
                                             "metricsBufferTimeMillis, "
                                             "fanoutConfig.consumerName");
    ck_assert_int_eq(problems.items[0].level, KH_PROBLEM_DEBUG);
    ck_assert_str_eq(problems.items[1].text, "f: these keys have no effect and need none: "
                                             "processingLanguage, maxActiveThreads");
    ck_assert_int_eq(problems.items[1].level, KH_PROBLEM_DEBUG);
}
END_TEST

START_TEST(an_old_key_says_what_to_write_instead)
{
    assert_problem(NEEDED "idleMillisBetweenCalls=5\n", KH_PROBLEM_WARN,
                   "f:5: key \"idleMillisBetweenCalls\" has no effect: use "
                   "idleTimeBetweenReadsInMillis");
}
END_TEST

START_TEST(text_with_a_nul_or_too_long_is_refused)
{
    char text[1000];

    (void)snprintf(text, sizeof(text), "%sworkerId=%0129d\ntableName=a\\u0000b\n", NEEDED, 0);
    ck_assert_int_eq(parse(text), KH_INVALID);
    ck_assert_uint_eq(problems.errors_n, 2);
}
END_TEST

START_TEST(a_malformed_file_is_refused)
{
    assert_problem(NEEDED "a=\\u12\n", KH_PROBLEM_ERROR,
                   "f:5: \\u is not followed by four hexadecimal digits");
}
END_TEST

START_TEST(a_file_is_read)
{
    char path[] = "/tmp/kh-settings-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, NEEDED, strlen(NEEDED)), (ssize_t)strlen(NEEDED));
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(load(path), KH_OK);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_str_eq(settings.application_name, "app");
}
END_TEST

START_TEST(a_file_that_is_not_there_or_no_file_is_told)
{
    ck_assert_int_eq(load("/nowhere/f"), KH_NOTFOUND);
    ck_assert_str_eq(problems.items[0].text, "f: cannot be opened: No such file or directory");
    ck_assert_int_eq(load("/"), KH_NOTFOUND);
    ck_assert_str_eq(problems.items[1].text, "f: cannot be read: Is a directory");
}
END_TEST

/* The manual page has a paragraph for each key, with its default. */
START_TEST(the_manual_has_every_key)
{
    const char *top = getenv("KH_SRCDIR");
    char path[4096];
    struct kh_buf page;

    ck_assert_ptr_nonnull(top);
    (void)snprintf(path, sizeof(path), "%s/man/kcl-host.properties.5", top);
    kh_buf_init(&page, 1 << 20);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(kh_buf_reserve(&page, 1 << 20), KH_OK);
    kh_buf_added(&page, fread(page.p, 1, (1 << 20) - 1, file));
    ck_assert_int_eq(fclose(file), 0);
    page.p[page.n] = '\0';
    for (size_t i = 0; i < kh_settings_help_n(); i++) {
        char room[KH_PROBLEM_ALLOWED_MAX + 1];
        struct kh_setting_help help = kh_settings_help_at(i, room);
        char entry[300];

        (void)snprintf(entry, sizeof(entry), "\n.B %s\n", help.key);
        ck_assert_msg(strstr(page.p, entry) != NULL, "%s is missing", help.key);
        (void)snprintf(entry, sizeof(entry), "Default: %s.\n", help.text);
        ck_assert_msg(help.text[0] == '\0' || strstr(page.p, entry) != NULL,
                      "the default of %s is missing", help.key);
    }
    kh_buf_fini(&page);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("settings");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, defaults_are_those_of_the_manual);
    tcase_add_test(tcase, defaults_of_the_fleet_are_java_s_but_for_auto);
    tcase_add_test(tcase, what_the_fleet_has_in_common_follows_from_other_keys);
    tcase_add_test(tcase, what_the_fleet_has_in_common_is_taken_from_the_file);
    tcase_add_loop_test(tcase, each_client_version_has_its_name, 0, 4);
    tcase_add_test(tcase, a_long_application_has_no_tables_of_kcl_3_0);
    tcase_add_loop_test(tcase, a_wrong_value_for_the_fleet_is_refused, 0, FLEET_ERRORS_N);
    tcase_add_test(tcase, a_decimal_zero_is_the_default_as_for_java);
    tcase_add_test(tcase, a_zero_without_a_default_of_its_own_is_told_too);
    tcase_add_test(tcase, a_key_of_a_bean_beats_the_flat_one);
    tcase_add_test(tcase, a_documented_key_that_java_does_not_read_is_taken_and_told);
    tcase_add_test(tcase, values_of_every_type_arrive);
    tcase_add_test(tcase, the_command_is_split_at_blanks_and_nothing_else);
    tcase_add_test(tcase, what_is_missing_is_told_at_once);
    tcase_add_test(tcase, a_folder_needs_no_stream);
    tcase_add_test(tcase, wrong_values_are_refused_all_of_them);
    tcase_add_test(tcase, a_value_cannot_break_the_line_of_its_problem);
    tcase_add_test(tcase, zero_is_the_default_where_it_is_so_for_java);
    tcase_add_test(tcase, an_explicit_zero_of_grace_is_no_grace);
    tcase_add_test(tcase, a_short_pause_between_reads_is_raised);
    tcase_add_test(tcase, an_empty_value_is_no_value);
    tcase_add_test(tcase, blanks_at_the_end_are_told_where_they_would_count);
    tcase_add_test(tcase, an_unknown_key_names_the_nearest);
    tcase_add_test(tcase, an_unknown_key_like_no_other_is_only_told);
    tcase_add_test(tcase, keys_are_taken_in_any_case);
    tcase_add_test(tcase, the_credentials_key_begins_in_any_case_without_a_word);
    tcase_add_test(tcase, dynamodb_has_the_credentials_of_kinesis_unless_told_otherwise);
    tcase_add_test(tcase, of_two_equal_keys_the_last_counts);
    tcase_add_test(tcase, worker_id_beats_worker_identifier);
    tcase_add_test(tcase, a_dotted_key_beats_the_flat_one);
    tcase_add_test(tcase, an_endpoint_without_scheme_is_https);
    tcase_add_test(tcase, a_time_to_start_at_beats_a_place);
    tcase_add_test(tcase, the_old_name_of_the_time_to_start_at_is_known);
    tcase_add_test(tcase, milliseconds_are_told_from_seconds);
    tcase_add_test(tcase, the_arn_names_the_stream_and_lends_its_region);
    tcase_add_test(tcase, the_arn_beats_the_name_and_yields_to_the_region);
    tcase_add_test(tcase, a_malformed_arn_is_refused);
    tcase_add_test(tcase, the_table_is_named_as_the_application_or_otherwise);
    tcase_add_test(tcase, the_pauses_before_a_restart_are_in_order);
    tcase_add_test(tcase, fan_out_is_not_there_and_is_told);
    tcase_add_test(tcase, a_polling_key_selects_polling);
    tcase_add_test(tcase, keys_that_do_nothing_select_polling_all_the_same);
    tcase_add_test(tcase, a_region_of_the_stream_s_own_is_held_against_its_arn);
    tcase_add_test(tcase, keys_without_effect_are_told_in_one_line);
    tcase_add_test(tcase, an_old_key_says_what_to_write_instead);
    tcase_add_test(tcase, text_with_a_nul_or_too_long_is_refused);
    tcase_add_test(tcase, a_malformed_file_is_refused);
    tcase_add_test(tcase, a_file_is_read);
    tcase_add_test(tcase, a_file_that_is_not_there_or_no_file_is_told);
    tcase_add_test(tcase, the_manual_has_every_key);
    return suite_run("settings", tcase);
}
