#include "host/utilization.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "tests/lib/http_server.h"
#include "tests/lib/loop_run.h"
#include "tests/lib/suite.h"

#define PATIENCE_MS KH_SECONDS(20)
#define SAMPLES_MAX 8
#define EKS_TOKEN   "/var/run/secrets/kubernetes.io/serviceaccount/token"
#define BUSY_AFTER  "cpu  130 10 120 930 10 0 0 0 0 0\n"
#define BUSY_BEFORE "cpu  100 0 100 800 0 0 0 0 0 0\n"

static char root[64];
static struct kh_loop *loop;
static struct kh_http *http;
static struct http_server *server;
static struct kh_utilization *utilization;
static double samples[SAMPLES_MAX];
static size_t samples_n;
static size_t wanted;
static char events[1024]; /* the names of what was logged, each after a blank */

static void on_log(void *arg, enum kh_log_level level, const char *event,
                   const struct kh_field *fields)
{
    size_t n = strlen(events);

    (void)arg;
    (void)level;
    (void)fields;
    (void)snprintf(events + n, sizeof(events) - n, " %s", event);
    if (wanted == 0) {
        kh_loop_stop(loop); /* a test that waits for what is logged, not for a sample */
    }
}

static void begin(void)
{
    (void)snprintf(root, sizeof(root), "/tmp/kh-test-utilization-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(kh_loop_new(&loop, NULL), KH_OK);
    ck_assert_int_eq(kh_http_new(&http, loop, NULL), KH_OK);
    server = NULL;
    utilization = NULL;
    samples_n = 0;
    wanted = 1;
    events[0] = '\0';
    kh_log_set_sink(on_log, NULL);
}

static void end(void)
{
    char command[128];

    kh_utilization_free(utilization);
    kh_http_free(http);
    if (server != NULL) {
        http_server_free(server);
    }
    kh_loop_free(loop);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

#define SERVE(script) (server = http_server_new(loop, script, sizeof(script) / sizeof(script[0])))

/* A file below root, with the folders that lead to it. */
static void put(const char *path, const char *text)
{
    char whole[512];
    FILE *file;

    (void)snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    file = fopen(whole, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* What a test changes between two samples. */
static void (*between)(void);

static void on_measured(void *arg, double percent)
{
    ck_assert_ptr_eq(arg, &samples);
    ck_assert_uint_lt(samples_n, SAMPLES_MAX);
    samples[samples_n++] = percent;
    if (between != NULL) {
        between();
    }
    if (samples_n == wanted) {
        kh_loop_stop(loop);
    }
}

static struct kh_utilization_config config_of(void)
{
    return (struct kh_utilization_config){
        .loop = loop,
        .http = http,
        .every_ms = 20,
        .measured = on_measured,
        .arg = &samples,
        .root = root,
    };
}

static void measure(const struct kh_utilization_config *config, size_t n)
{
    wanted = n;
    utilization = kh_utilization_new(config);
    kh_utilization_start(utilization);
    loop_run(loop, PATIENCE_MS);
}

/* ---- EKS ---- */

static void use_v1_up(void)
{
    put("/sys/fs/cgroup/cpu/cpuacct.usage", "99000000000000\n");
}

START_TEST(a_pod_with_cgroup_version_1)
{
    struct kh_utilization_config config = config_of();

    between = use_v1_up;
    put(EKS_TOKEN, "secret");
    put("/sys/fs/cgroup/cpu/cpuacct.usage", "8421937501234\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    config.imds = "http://127.0.0.1:1"; /* is not asked */
    measure(&config, 3);
    ck_assert_int_eq(kh_utilization_platform(utilization), KH_PLATFORM_EKS);
    ck_assert_double_eq(samples[0], 0);
    ck_assert_double_eq(samples[1], 100); /* far more than there is, and capped */
    ck_assert_double_eq(samples[2], 0);   /* nothing more was used */
}
END_TEST

START_TEST(version_1_without_a_quota_has_its_set_of_cpus)
{
    struct kh_utilization_config config = config_of();

    put(EKS_TOKEN, "secret");
    put("/sys/fs/cgroup/cpuacct/cpuacct.usage", "8421937501234\n"); /* not beside cpu */
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpuset/cpuset.effective_cpus", "0-3\n");
    measure(&config, 1);
    ck_assert_double_eq(samples[0], 0);
    ck_assert_str_eq(events, " utilization.measured_by");
}
END_TEST

static void use_v2_up(void)
{
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 99000000\nuser_usec 1\n");
}

START_TEST(a_pod_with_cgroup_version_2)
{
    struct kh_utilization_config config = config_of();

    between = use_v2_up;
    put(EKS_TOKEN, "secret");
    put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory\n");
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 48120001\nuser_usec 1\n");
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    put("/sys/devices/system/cpu/online", "0-1\n"); /* there is no set of the container's own */
    measure(&config, 2);
    ck_assert_int_eq(kh_utilization_platform(utilization), KH_PLATFORM_EKS);
    ck_assert_double_eq(samples[0], 0);
    ck_assert_double_eq(samples[1], 100);
}
END_TEST

static void break_and_mend(void)
{
    put("/sys/fs/cgroup/cpu.max", samples_n < 3 ? "nonsense\n" : "max 100000\n");
}

START_TEST(a_measurement_that_fails_is_minus_1_and_told_once)
{
    struct kh_utilization_config config = config_of();

    between = break_and_mend;
    put(EKS_TOKEN, "secret");
    put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory\n");
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 48120001\nuser_usec 1\n");
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/cpuset.cpus.effective", "0\n");
    measure(&config, 4);
    ck_assert_double_eq(samples[0], 0);
    ck_assert_double_eq(samples[1], -1);
    ck_assert_double_eq(samples[2], -1);
    ck_assert_double_eq(samples[3], 0);
    ck_assert_str_eq(events, " utilization.measured_by utilization.not_measured"
                             " utilization.measured_again");
}
END_TEST

/* ---- EC2 ---- */

static void be_busy(void)
{
    put("/proc/stat", BUSY_AFTER);
}

START_TEST(an_instance_is_known_by_its_identity_document)
{
    static const struct http_reply script[] = {
        {.status = 200, .body = "AQAEAToken==\n", .match = "PUT /latest/api/token"},
        {.status = 200,
         .body = "{\"region\":\"eu-central-1\"}",
         .match = "GET /latest/dynamic/instance-identity/document"}};
    struct kh_utilization_config config = config_of();

    SERVE(script);
    between = be_busy;
    put("/proc/stat", BUSY_BEFORE);
    config.imds = http_server_url(server);
    measure(&config, 2);
    ck_assert_int_eq(kh_utilization_platform(utilization), KH_PLATFORM_EC2);
    ck_assert_double_eq(samples[0], 0);
    ck_assert_double_eq(samples[1], 35);
    ck_assert_uint_eq(http_server_requests(server), 2);
    ck_assert_ptr_nonnull(
        strstr(http_server_request(server, 0), "X-aws-ec2-metadata-token-ttl-seconds: 600\r\n"));
    ck_assert_ptr_nonnull(
        strstr(http_server_request(server, 1), "X-aws-ec2-metadata-token: AQAEAToken==\r\n"));
}
END_TEST

/* Nothing is measured: only the log says when that is decided. */
static void find_nothing(const struct kh_utilization_config *config)
{
    measure(config, 0);
    ck_assert_int_eq(kh_utilization_platform(utilization), KH_PLATFORM_NONE);
    ck_assert_str_eq(events, " utilization.measured_by");
    ck_assert_uint_eq(samples_n, 0);
    kh_utilization_stop(utilization);
    kh_utilization_start(utilization); /* does not ask again */
    ck_assert_str_eq(events, " utilization.measured_by");
}

START_TEST(who_gets_no_token_is_on_no_instance)
{
    static const struct http_reply script[] = {{.status = 403}};
    struct kh_utilization_config config = config_of();

    SERVE(script);
    put("/proc/stat", BUSY_BEFORE);
    config.imds = http_server_url(server);
    find_nothing(&config);
    ck_assert_uint_eq(http_server_requests(server), 1);
}
END_TEST

START_TEST(who_gets_no_identity_is_on_no_instance)
{
    static const struct http_reply script[] = {{.status = 200, .body = "token"}, {.status = 404}};
    struct kh_utilization_config config = config_of();

    SERVE(script);
    put("/proc/stat", BUSY_BEFORE);
    config.imds = http_server_url(server);
    find_nothing(&config);
    ck_assert_uint_eq(http_server_requests(server), 2);
}
END_TEST

START_TEST(a_token_cannot_bring_headers_of_its_own)
{
    static const struct http_reply script[] = {{.status = 200, .body = "token\r\nX-Evil: 1"}};
    struct kh_utilization_config config = config_of();

    SERVE(script);
    put("/proc/stat", BUSY_BEFORE);
    config.imds = http_server_url(server);
    find_nothing(&config);
    ck_assert_uint_eq(http_server_requests(server), 1);
}
END_TEST

START_TEST(where_instance_metadata_is_disabled_nobody_is_asked)
{
    struct kh_utilization_config config = config_of();

    put("/proc/stat", BUSY_BEFORE);
    find_nothing(&config);
}
END_TEST

/* ---- ECS ---- */

static const char container_json[] = "{\"DockerId\":\"one\"}";
static const char task_json[] = "{\"Limits\":{\"CPU\":0.5},\"Containers\":["
                                "{\"DockerId\":\"one\",\"Limits\":{\"CPU\":10}}]}";
#define STATS(used, system, before_used, before_system)                                     \
    "{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":" used "},\"system_cpu_usage\":" system \
    ",\"online_cpus\":2},\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":" before_used     \
    "},\"system_cpu_usage\":" before_system "}}"

START_TEST(a_task_of_ecs_asks_its_metadata_endpoint_and_nobody_else)
{
    static const struct http_reply script[] = {
        {.status = 200, .body = container_json, .match = "GET /v4/abc HTTP"},
        {.status = 200, .body = task_json, .match = "GET /v4/abc/task HTTP"},
        {.status = 200, .body = STATS("5", "10", "0", "0"), .match = "GET /v4/abc/stats HTTP"},
        {.status = 200, .body = STATS("15", "210", "5", "10"), .match = "GET /v4/abc/stats HTTP"},
        {.status = 500, .match = "GET /v4/abc/stats HTTP"}};
    struct kh_utilization_config config = config_of();
    char url[128];

    SERVE(script);
    (void)snprintf(url, sizeof(url), "%s/v4/abc/", http_server_url(server));
    put(EKS_TOKEN, "secret"); /* ECS comes first */
    config.ecs_v4 = url;
    config.imds = http_server_url(server);
    measure(&config, 3);
    ck_assert_int_eq(kh_utilization_platform(utilization), KH_PLATFORM_ECS);
    ck_assert_double_eq(samples[0], 0);
    ck_assert_double_eq_tol(samples[1], 20, 1e-9); /* 10 of 200, of two CPUs: 0.1 of 0.5 */
    ck_assert_double_eq(samples[2], -1);
    ck_assert_uint_eq(http_server_requests(server), 5);
}
END_TEST

START_TEST(metadata_of_ecs_that_does_not_answer_at_first_is_asked_again)
{
    static const struct http_reply script[] = {
        {.status = 503},
        {.status = 200, .body = container_json},
        {.status = 200, .body = "oops"},
        {.status = 200, .body = container_json},
        {.status = 200, .body = task_json},
        {.status = 200, .body = STATS("15", "210", "5", "10")}};
    struct kh_utilization_config config = config_of();

    SERVE(script);
    config.ecs_v4 = http_server_url(server);
    measure(&config, 3);
    ck_assert_double_eq(samples[0], -1);
    ck_assert_double_eq(samples[1], -1);
    ck_assert_double_eq_tol(samples[2], 20, 1e-9);
}
END_TEST

START_TEST(ecs_without_metadata_of_version_4_is_not_measured)
{
    struct kh_utilization_config config = config_of();

    put(EKS_TOKEN, "secret");
    put("/proc/stat", BUSY_BEFORE);
    config.ecs_v3 = "http://127.0.0.1:1/v3";
    find_nothing(&config);
}
END_TEST

/* ---- all ---- */

static void stop_now(void)
{
    kh_utilization_stop(utilization);
}

START_TEST(after_a_stop_the_next_measurement_begins_anew)
{
    struct kh_utilization_config config = config_of();

    between = stop_now;
    put(EKS_TOKEN, "secret");
    put("/sys/fs/cgroup/cgroup.controllers", "cpu\n");
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 1\n");
    put("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    measure(&config, 1);
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 99000000\n");
    wanted = 2;
    kh_utilization_start(utilization);
    loop_run(loop, PATIENCE_MS);
    ck_assert_double_eq(samples[0], 0);
    ck_assert_double_eq(samples[1], 0);
}
END_TEST

START_TEST(a_stop_cancels_what_is_asked)
{
    static const struct http_reply script[] = {{.type = REPLY_HANG}};
    struct kh_utilization_config config = config_of();

    SERVE(script);
    config.ecs_v4 = http_server_url(server);
    measure(&config, 0); /* until the platform is known; then it asks */
    kh_utilization_stop(utilization);
    kh_utilization_free(utilization);
    utilization = NULL;
    ck_assert_uint_eq(samples_n, 0);
}
END_TEST

START_TEST(the_environment_says_where_to_ask)
{
    struct kh_utilization_config config;

    (void)setenv("ECS_CONTAINER_METADATA_URI", "", 1);
    (void)setenv("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/abc", 1);
    (void)unsetenv("AWS_EC2_METADATA_DISABLED");
    (void)unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    kh_utilization_surroundings(&config);
    ck_assert_str_eq(config.root, "");
    ck_assert_ptr_null(config.ecs_v3);
    ck_assert_str_eq(config.ecs_v4, "http://169.254.170.2/v4/abc");
    ck_assert_str_eq(config.imds, "http://169.254.169.254");

    (void)setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[fd00:ec2::254]/", 1);
    kh_utilization_surroundings(&config);
    ck_assert_str_eq(config.imds, "http://[fd00:ec2::254]/");

    (void)setenv("AWS_EC2_METADATA_DISABLED", "True", 1);
    kh_utilization_surroundings(&config);
    ck_assert_ptr_null(config.imds);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("utilization");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_pod_with_cgroup_version_1);
    tcase_add_test(tcase, version_1_without_a_quota_has_its_set_of_cpus);
    tcase_add_test(tcase, a_pod_with_cgroup_version_2);
    tcase_add_test(tcase, a_measurement_that_fails_is_minus_1_and_told_once);
    tcase_add_test(tcase, an_instance_is_known_by_its_identity_document);
    tcase_add_test(tcase, who_gets_no_token_is_on_no_instance);
    tcase_add_test(tcase, who_gets_no_identity_is_on_no_instance);
    tcase_add_test(tcase, a_token_cannot_bring_headers_of_its_own);
    tcase_add_test(tcase, where_instance_metadata_is_disabled_nobody_is_asked);
    tcase_add_test(tcase, a_task_of_ecs_asks_its_metadata_endpoint_and_nobody_else);
    tcase_add_test(tcase, metadata_of_ecs_that_does_not_answer_at_first_is_asked_again);
    tcase_add_test(tcase, ecs_without_metadata_of_version_4_is_not_measured);
    tcase_add_test(tcase, after_a_stop_the_next_measurement_begins_anew);
    tcase_add_test(tcase, a_stop_cancels_what_is_asked);
    tcase_add_test(tcase, the_environment_says_where_to_ask);
    return suite_run("utilization", tcase);
}
