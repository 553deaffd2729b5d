/* The environment and --set over the file, and what is shown of all of them. */
#include <check.h>
#include <string.h>

#include "base/buf.h"
#include "config/settings.h"
#include "config/show.h"
#include "config/table.h"
#include "tests/lib/suite.h"

/* What every file needs, on lines 1 to 4. */
#define NEEDED \
    "executableName=run it\napplicationName=app\nstreamName=orders\nretrievalMode=POLLING\n"

static struct kh_settings settings;
static struct kh_problems problems;

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

#define ENVIRONMENT(...) ((const char *[]){__VA_ARGS__, NULL})
#define NOTHING          ((const char *[]){NULL})
#define SETS(...)        ((const char *[]){__VA_ARGS__, NULL})
#define NO_SETS          ((const char *[]){NULL})

/* sets has NULL at its end. */
static enum kh_rc parse(const char *text, const char *const *environment, const char *const *sets)
{
    struct kh_settings_sources sources = {.environment = environment, .assignments = sets};

    while (sets[sources.assignments_n] != NULL) {
        sources.assignments_n++;
    }
    return kh_settings_parse(&settings, kh_str(text), &sources, &problems);
}

static void assert_only_problem(enum kh_problem_level level, const char *sentence)
{
    ck_assert_uint_eq(problems.n, 1);
    ck_assert_str_eq(problems.items[0].text, sentence);
    ck_assert_int_eq(problems.items[0].level, level);
}

static void assert_shown(const char *key, const char *value)
{
    struct kh_buf text;
    bool found = false;

    kh_buf_init(&text, KH_SHOW_BYTES_MAX);
    for (size_t i = 0; i < kh_settings_help_n(); i++) {
        if (strcmp(kh_show_key(i), key) == 0) {
            kh_show_value(&settings, i, &text);
            found = true;
        }
    }
    ck_assert(found);
    ck_assert_msg(kh_str_eq(kh_buf_str(&text), kh_str(value)), "%s: %.*s", key,
                  KH_STR_ARG(kh_buf_str(&text)));
    kh_buf_fini(&text);
}

START_TEST(set_beats_the_environment_beats_the_file)
{
    ck_assert_int_eq(parse(NEEDED "maxRecords=1\nfailoverTimeMillis=1000\nlogLevel=warn\n",
                           ENVIRONMENT("KCL_MAX_RECORDS=2", "KCL_FAILOVER_TIME_MILLIS=2000"),
                           SETS("maxRecords=3")),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_uint_eq(settings.max_records, 3);
    ck_assert_int_eq(settings.failover_time_millis, 2000);
    ck_assert_int_eq(settings.log_level, KH_LOG_WARN);
    ck_assert_int_eq(settings.max_records_place.origin, KH_ORIGIN_OPTION);
    ck_assert_int_eq(settings.failover_time_millis_place.origin, KH_ORIGIN_ENVIRONMENT);
    ck_assert_int_eq(settings.log_level_place.origin, KH_ORIGIN_FILE);
    ck_assert_uint_eq(settings.log_level_place.line, 7);
}
END_TEST

START_TEST(all_can_come_from_the_environment)
{
    ck_assert_int_eq(
        parse("",
              ENVIRONMENT("KCL_EXECUTABLE_NAME=a b", "KCL_APPLICATION_NAME=app",
                          "KCL_STREAM_NAME=orders", "KCL_RETRIEVAL_MODE=polling", "PATH=/bin"),
              NO_SETS),
        KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_str_eq(settings.executable_argv[1], "b");
    ck_assert_str_eq(settings.table_name, "app");
}
END_TEST

START_TEST(a_variable_may_be_written_in_several_ways)
{
    static const char *const ways[][2] = {{"KCL_MAX_LEASES_FOR_WORKER=7", NULL},
                                          {"KCL_maxLeasesForWorker=7", NULL},
                                          {"KCL_MAXLEASESFORWORKER=7", NULL}};

    ck_assert_int_eq(parse(NEEDED, ways[_i], NO_SETS), KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_uint_eq(settings.max_leases_for_worker, 7);
}
END_TEST

START_TEST(no_two_keys_share_a_variable)
{
    for (size_t i = 0; i < kh_settings_help_n(); i++) {
        char room[KH_SETTING_VARIABLE_MAX + 1];
        const struct kh_setting_spelling *found =
            kh_setting_find_variable(kh_str(kh_setting_variable(kh_show_key(i), room)));

        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(found->id, i);
    }
}
END_TEST

START_TEST(variables_have_the_names_that_people_expect)
{
    static const char *const pairs[][2] = {
        {"streamName", "STREAM_NAME"},
        {"dynamoDBEndpoint", "DYNAMO_DB_ENDPOINT"},
        {"workerMetricsEMAAlpha", "WORKER_METRICS_EMA_ALPHA"},
        {"AwsCredentialsProvider", "AWS_CREDENTIALS_PROVIDER"},
        {"fanoutConfig.consumerName", "FANOUT_CONFIG_CONSUMER_NAME"}};
    char room[KH_SETTING_VARIABLE_MAX + 1];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        ck_assert_str_eq(kh_setting_variable(pairs[i][0], room), pairs[i][1]);
    }
}
END_TEST

START_TEST(a_dotted_key_can_be_a_variable)
{
    ck_assert_int_eq(
        parse(NEEDED, ENVIRONMENT("KCL_KINESIS_CLIENT_ENDPOINT_OVERRIDE=http://a"), NO_SETS),
        KH_OK);
    ck_assert_str_eq(settings.kinesis_endpoint, "http://a");
}
END_TEST

START_TEST(an_unknown_variable_names_the_nearest)
{
    ck_assert_int_eq(parse(NEEDED, ENVIRONMENT("KCL_STREM_NAME=x"), NO_SETS), KH_OK);
    assert_only_problem(KH_PROBLEM_WARN,
                        "environment variable KCL_STREM_NAME: no key is called so, it is ignored; "
                        "did you mean KCL_STREAM_NAME (streamName)?");
}
END_TEST

START_TEST(a_variable_like_no_key_is_told)
{
    ck_assert_int_eq(parse(NEEDED, ENVIRONMENT("KCL_HOME=/opt/kcl"), NO_SETS), KH_OK);
    assert_only_problem(KH_PROBLEM_WARN,
                        "environment variable KCL_HOME: no key is called so, it is ignored");
}
END_TEST

START_TEST(two_variables_for_one_key_are_refused)
{
    ck_assert_int_eq(parse(NEEDED, ENVIRONMENT("KCL_WORKER_ID=a", "KCL_workerId=b"), NO_SETS),
                     KH_INVALID);
    assert_only_problem(KH_PROBLEM_ERROR, "environment variable KCL_workerId: KCL_WORKER_ID gives "
                                          "workerId a value, too: only one of the two can be set");
}
END_TEST

START_TEST(an_empty_variable_is_none)
{
    ck_assert_int_eq(parse(NEEDED "maxRecords=5\n", ENVIRONMENT("KCL_MAX_RECORDS="), NO_SETS),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_uint_eq(settings.max_records, 5);
}
END_TEST

START_TEST(what_a_kcl_host_tells_its_processor_is_not_meant_for_another_one)
{
    ck_assert_int_eq(parse(NEEDED,
                           ENVIRONMENT("KCL_SHARD_ID=shardId-0", "KCL_STREAM_NAME=other",
                                       "KCL_WORKER_ID=w", "KCL_MAX_RECORDS=5"),
                           NO_SETS),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_str_eq(settings.stream_name, "orders");
    ck_assert_str_eq(settings.worker_id, "");
    ck_assert_uint_eq(settings.max_records, 5);
}
END_TEST

START_TEST(a_wrong_value_names_the_variable_or_the_option)
{
    ck_assert_int_eq(parse(NEEDED, ENVIRONMENT("KCL_MAX_RECORDS=many"), SETS("logLevel=loud")),
                     KH_INVALID);
    ck_assert_uint_eq(problems.n, 2);
    ck_assert_str_eq(problems.items[0].text,
                     "environment variable KCL_MAX_RECORDS: maxRecords = \"many\" cannot be used; "
                     "allowed: a whole number from 1 to 10000");
    ck_assert_str_eq(problems.items[1].text, "--set: logLevel = \"loud\" cannot be used; allowed: "
                                             "error, warn, info, debug");
}
END_TEST

START_TEST(an_unknown_key_on_the_command_line_is_refused)
{
    ck_assert_int_eq(parse(NEEDED, NOTHING, SETS("maxRecord=5", "qqqqqqqq=1")), KH_INVALID);
    ck_assert_uint_eq(problems.n, 2);
    ck_assert_str_eq(problems.items[0].text,
                     "--set: unknown key \"maxRecord\"; did you mean maxRecords?");
    ck_assert_str_eq(problems.items[1].text,
                     "--set: unknown key \"qqqqqqqq\"; kcl-host --help-keys lists them all");
}
END_TEST

START_TEST(of_two_equal_options_the_last_counts)
{
    ck_assert_int_eq(parse(NEEDED, NOTHING, SETS("maxRecords=5", "maxRecords=6")), KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_uint_eq(settings.max_records, 6);
}
END_TEST

START_TEST(an_option_without_value_brings_the_default_back)
{
    ck_assert_int_eq(
        parse(NEEDED "maxRecords=5\nworkerId=w\n", NOTHING, SETS("maxRecords=", "workerId=")),
        KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_uint_eq(settings.max_records, 10000);
    ck_assert(!settings.max_records_is_set);
    ck_assert_str_eq(settings.worker_id, "");
}
END_TEST

START_TEST(a_later_source_need_not_spell_the_key_as_the_file_does)
{
    ck_assert_int_eq(parse(NEEDED "pollingConfig.maxRecords=5\nworkerId=a\n", NOTHING,
                           SETS("maxRecords=6", "workerIdentifier=b")),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_uint_eq(settings.max_records, 6);
    ck_assert_str_eq(settings.worker_id, "b");
}
END_TEST

START_TEST(a_name_from_a_later_source_beats_the_arn)
{
    ck_assert_int_eq(parse(NEEDED "streamArn=arn:aws:kinesis:eu-west-1:123456789012:stream/x\n",
                           NOTHING, SETS("streamName=y")),
                     KH_OK);
    assert_only_problem(KH_PROBLEM_NOTICE, "f:5: streamArn is not used: streamName in --set names "
                                           "another stream and counts");
    ck_assert_str_eq(settings.stream_name, "y");
    ck_assert_str_eq(settings.stream_arn, "");
}
END_TEST

START_TEST(a_place_to_start_at_from_a_later_source_beats_a_time)
{
    ck_assert_int_eq(parse(NEEDED "initialPositionInStreamExtended=1700000000\n",
                           ENVIRONMENT("KCL_INITIAL_POSITION_IN_STREAM=LATEST"), NO_SETS),
                     KH_OK);
    assert_only_problem(KH_PROBLEM_NOTICE,
                        "f:5: initialPositionInStreamExtended is not used: "
                        "initialPositionInStream in KCL_INITIAL_POSITION_IN_STREAM counts");
    ck_assert_int_eq(settings.initial_position_in_stream, KH_START_LATEST);
}
END_TEST

START_TEST(variables_stand_for_values_in_the_file_alone)
{
    ck_assert_int_eq(parse(NEEDED "workerId=${POD:-none}-${N}\ntableName=$${POD}\n",
                           ENVIRONMENT("POD=p1", "N=7", "KCL_ASSIGNMENT=pinned:${POD}"),
                           SETS("leaseStore=sqlite:${N}")),
                     KH_OK);
    ck_assert_uint_eq(problems.n, 0);
    ck_assert_str_eq(settings.worker_id, "p1-7");
    ck_assert_str_eq(settings.table_name, "${POD}");
    ck_assert_str_eq(settings.assignment, "pinned:${POD}");
    ck_assert_str_eq(settings.lease_store, "sqlite:${N}");
}
END_TEST

START_TEST(a_variable_that_is_not_set_is_told_with_the_key)
{
    ck_assert_int_eq(parse(NEEDED "workerId=${POD}\nunknownKey=${POD}\n", NOTHING, NO_SETS),
                     KH_INVALID);
    ck_assert_uint_eq(problems.errors_n, 1);
    ck_assert_str_eq(problems.items[0].text,
                     "f:5: workerId = \"${POD}\" cannot be used: the environment variable POD is "
                     "not set; set it, or write ${POD:-default}");
}
END_TEST

START_TEST(a_key_without_effect_is_told_where_it_was_given)
{
    ck_assert_int_eq(
        parse(NEEDED, ENVIRONMENT("KCL_METRICS_LEVEL=NONE"), SETS("processingLanguage=c")), KH_OK);
    ck_assert_uint_eq(problems.n, 2);
    ck_assert_str_eq(problems.items[0].text, "environment variable KCL_METRICS_LEVEL: metricsLevel "
                                             "has no effect in this version");
    ck_assert_str_eq(problems.items[1].text,
                     "--set: processingLanguage has no effect and needs none");
    ck_assert_int_eq(problems.items[1].level, KH_PROBLEM_DEBUG);
}
END_TEST

static void assert_blamed(struct kh_place place, const char *sentence)
{
    struct kh_err err;

    (void)kh_fail(&err, KH_DENIED, "workerId: no");
    ck_assert_int_eq(kh_settings_blame(&settings, place, &err), KH_DENIED);
    ck_assert_str_eq(err.text, sentence);
}

START_TEST(what_is_found_out_later_can_name_the_place)
{
    ck_assert_int_eq(
        parse(NEEDED "workerId=w\n", ENVIRONMENT("KCL_MAX_RECORDS=2"), SETS("leaseStore=memory")),
        KH_OK);
    assert_blamed(settings.worker_id_place, "f:5: workerId: no");
    assert_blamed(settings.max_records_place, "environment variable KCL_MAX_RECORDS: workerId: no");
    assert_blamed(settings.lease_store_place, "--set: workerId: no");
    assert_blamed(settings.region_name_place, "workerId: no");
    assert_blamed(settings.table_name_place, "workerId: no");
}
END_TEST

START_TEST(values_are_shown_as_the_file_would_say_them)
{
    ck_assert_int_eq(parse(NEEDED "initialPositionInStreamExtended=1700000000\n"
                                  "maxThroughputPerHostKBps=1e3\nlogFormat=JSON\n"
                                  "staleWorkerMetricsEntryCleanupDuration=PT1.5S\n",
                           NOTHING, NO_SETS),
                     KH_OK);
    assert_shown("applicationName", "app");
    assert_shown("workerId", "");
    assert_shown("initialPositionInStream", "AT_TIMESTAMP");
    assert_shown("initialPositionInStreamExtended", "1700000000");
    assert_shown("maxThroughputPerHostKBps", "1000");
    assert_shown("logFormat", "json");
    assert_shown("staleWorkerMetricsEntryCleanupDuration", "PT1.500S");
    assert_shown("enablePriorityLeaseAssignment", "true");
    assert_shown("maxRecords", "10000");
    assert_shown("leaseAssignmentIntervalMillis", "20000");
    assert_shown("leaseTableScanTotalSegments", "");
}
END_TEST

START_TEST(secrets_are_never_shown)
{
    ck_assert_int_eq(parse(NEEDED
                           "AwsCredentialsProvider=StsAssumeRoleCredentialsProvider|arn:role|s|"
                           "externalId=topSecret, DefaultCredentialsProvider\n"
                           "leaseStore=redis://user:topSecret@host/0\ntableName=${THE_TOKEN}\n",
                           ENVIRONMENT("THE_TOKEN=topSecret"), NO_SETS),
                     KH_OK);
    assert_shown("AwsCredentialsProvider",
                 "StsAssumeRoleCredentialsProvider|..., DefaultCredentialsProvider");
    assert_shown("AwsCredentialsProviderDynamoDB",
                 "StsAssumeRoleCredentialsProvider|..., DefaultCredentialsProvider");
    assert_shown("leaseStore", "redis://...@host/0");
    assert_shown("tableName", "(hidden)");
}
END_TEST

START_TEST(a_secret_is_not_in_the_sentence_that_refuses_it)
{
    ck_assert_int_eq(
        parse(NEEDED "maxRecords=${THE_TOKEN}\n", ENVIRONMENT("THE_TOKEN=topSecret"), NO_SETS),
        KH_INVALID);
    assert_only_problem(KH_PROBLEM_ERROR, "f:5: maxRecords = (hidden) cannot be used; allowed: a "
                                          "whole number from 1 to 10000");
}
END_TEST

START_TEST(what_follows_from_a_secret_is_one)
{
    ck_assert_int_eq(parse("executableName=x\napplicationName=${THE_TOKEN}\nstreamName=s\n",
                           ENVIRONMENT("THE_TOKEN=topSecret"), NO_SETS),
                     KH_OK);
    assert_shown("tableName", "(hidden)");
    assert_shown("coordinatorStateTableName", "(hidden)");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("settings_sources");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, set_beats_the_environment_beats_the_file);
    tcase_add_test(tcase, all_can_come_from_the_environment);
    tcase_add_loop_test(tcase, a_variable_may_be_written_in_several_ways, 0, 3);
    tcase_add_test(tcase, no_two_keys_share_a_variable);
    tcase_add_test(tcase, variables_have_the_names_that_people_expect);
    tcase_add_test(tcase, a_dotted_key_can_be_a_variable);
    tcase_add_test(tcase, an_unknown_variable_names_the_nearest);
    tcase_add_test(tcase, a_variable_like_no_key_is_told);
    tcase_add_test(tcase, two_variables_for_one_key_are_refused);
    tcase_add_test(tcase, an_empty_variable_is_none);
    tcase_add_test(tcase, what_a_kcl_host_tells_its_processor_is_not_meant_for_another_one);
    tcase_add_test(tcase, a_wrong_value_names_the_variable_or_the_option);
    tcase_add_test(tcase, an_unknown_key_on_the_command_line_is_refused);
    tcase_add_test(tcase, of_two_equal_options_the_last_counts);
    tcase_add_test(tcase, an_option_without_value_brings_the_default_back);
    tcase_add_test(tcase, a_later_source_need_not_spell_the_key_as_the_file_does);
    tcase_add_test(tcase, a_name_from_a_later_source_beats_the_arn);
    tcase_add_test(tcase, a_place_to_start_at_from_a_later_source_beats_a_time);
    tcase_add_test(tcase, variables_stand_for_values_in_the_file_alone);
    tcase_add_test(tcase, a_variable_that_is_not_set_is_told_with_the_key);
    tcase_add_test(tcase, a_key_without_effect_is_told_where_it_was_given);
    tcase_add_test(tcase, what_is_found_out_later_can_name_the_place);
    tcase_add_test(tcase, values_are_shown_as_the_file_would_say_them);
    tcase_add_test(tcase, secrets_are_never_shown);
    tcase_add_test(tcase, a_secret_is_not_in_the_sentence_that_refuses_it);
    tcase_add_test(tcase, what_follows_from_a_secret_is_one);
    return suite_run("settings_sources", tcase);
}
