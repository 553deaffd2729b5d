#include "wire/cpu_usage.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

static struct kh_err err;

static void begin(void)
{
    memset(&err, 0, sizeof(err));
}

/* ---- cgroup v1 ---- */

START_TEST(version_1_tells_what_was_used_in_nanoseconds)
{
    uint64_t used_ns = 0;

    ck_assert_int_eq(kh_cpu_v1_used(kh_str("8421937501234\n"), &used_ns, &err), KH_OK);
    ck_assert_uint_eq(used_ns, 8421937501234);
    ck_assert_int_eq(kh_cpu_v1_used(kh_str(""), &used_ns, &err), KH_INVALID);
    ck_assert_int_eq(kh_cpu_v1_used(kh_str("1 2\n"), &used_ns, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "cpuacct.usage: expected a number");
    ck_assert_int_eq(kh_cpu_v1_used(kh_str("18446744073709551616"), &used_ns, &err), KH_INVALID);
}
END_TEST

START_TEST(the_limit_of_version_1_is_quota_by_period)
{
    double cpus = -1;

    ck_assert_int_eq(kh_cpu_v1_limit(kh_str("150000\n"), kh_str("100000\n"), &cpus, &err), KH_OK);
    ck_assert_double_eq(cpus, 1.5);
    ck_assert_int_eq(kh_cpu_v1_limit(kh_str("-1\n"), kh_str("100000\n"), &cpus, &err), KH_OK);
    ck_assert_double_eq(cpus, 0); /* none */
    ck_assert_int_eq(kh_cpu_v1_limit(kh_str("-2"), kh_str("100000"), &cpus, &err), KH_INVALID);
    ck_assert_int_eq(kh_cpu_v1_limit(kh_str("0"), kh_str("100000"), &cpus, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "cpu.cfs_quota_us: expected a number above 0, or -1");
    ck_assert_int_eq(kh_cpu_v1_limit(kh_str("1000"), kh_str("0"), &cpus, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "cpu.cfs_period_us: expected a number above 0");
}
END_TEST

/* ---- cgroup v2 ---- */

START_TEST(version_2_tells_what_was_used_in_microseconds_on_any_line)
{
    uint64_t used_ns = 0;

    ck_assert_int_eq(kh_cpu_v2_used(kh_str("usage_usec 48120001\nuser_usec 30000000\n"
                                           "system_usec 18120001\nnr_periods 0\n"),
                                    &used_ns, &err),
                     KH_OK);
    ck_assert_uint_eq(used_ns, 48120001000);
    ck_assert_int_eq(kh_cpu_v2_used(kh_str("nr_bursts 0\nusage_usec 7"), &used_ns, &err), KH_OK);
    ck_assert_uint_eq(used_ns, 7000);
    ck_assert_int_eq(kh_cpu_v2_used(kh_str("user_usec 30000000\n"), &used_ns, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "cpu.stat: expected a line usage_usec");
    ck_assert_int_eq(kh_cpu_v2_used(kh_str("usage_usec many\n"), &used_ns, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "cpu.stat: expected a number after usage_usec");
    ck_assert_int_eq(kh_cpu_v2_used(kh_str("usage_usec 18446744073709552\n"), &used_ns, &err),
                     KH_INVALID); /* in ns it is more than 64 bits */
}
END_TEST

START_TEST(the_limit_of_version_2_is_two_numbers_or_none)
{
    double cpus = -1;

    ck_assert_int_eq(kh_cpu_v2_limit(kh_str("25000 100000\n"), &cpus, &err), KH_OK);
    ck_assert_double_eq(cpus, 0.25);
    ck_assert_int_eq(kh_cpu_v2_limit(kh_str("max 100000\n"), &cpus, &err), KH_OK);
    ck_assert_double_eq(cpus, 0);
    ck_assert_int_eq(kh_cpu_v2_limit(kh_str("25000\n"), &cpus, &err), KH_INVALID);
    ck_assert_int_eq(kh_cpu_v2_limit(kh_str("0 100000\n"), &cpus, &err), KH_INVALID);
    ck_assert_int_eq(kh_cpu_v2_limit(kh_str("25000 0\n"), &cpus, &err), KH_INVALID);
    ck_assert_int_eq(kh_cpu_v2_limit(kh_str(""), &cpus, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "cpu.max: expected two numbers above 0, or max");
}
END_TEST

/* ---- both ---- */

START_TEST(a_set_of_cpus_has_a_size)
{
    static const struct {
        const char *set;
        double cpus;
    } rows[] = {{"0\n", 1}, {"0-3\n", 4}, {"0-3,8", 5}, {"1,3-4,65535\n", 4}, {"0-65535", 65536}};
    static const char *const bad[] = {"",   "\n",   "a",     "3-1",     "0-",
                                      "-3", "0,,1", "65536", "0-65536", "0-3,4294967295"};
    double cpus = -1;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(kh_cpu_set_size(kh_str(rows[i].set), &cpus, &err), KH_OK);
        ck_assert_double_eq(cpus, rows[i].cpus);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(kh_cpu_set_size(kh_str(bad[i]), &cpus, &err) == KH_INVALID, "%s", bad[i]);
    }
    ck_assert_str_eq(err.text, "the set of CPUs: expected numbers and ranges, as in 0-3,8");
}
END_TEST

START_TEST(a_file_over_its_limit_is_not_read)
{
    static char text[KH_CPU_FILE_BYTES_MAX + 1];
    struct kh_str longer = kh_str_of(text, sizeof(text));
    uint64_t used_ns;
    double cpus;

    memset(text, ' ', sizeof(text));
    text[0] = '1';
    ck_assert_int_eq(kh_cpu_v1_used(longer, &used_ns, &err), KH_TOOBIG);
    ck_assert_str_eq(err.text, "cpuacct.usage is longer than 4096 bytes");
    ck_assert_int_eq(kh_cpu_v2_used(longer, &used_ns, &err), KH_TOOBIG);
    ck_assert_int_eq(kh_cpu_v1_limit(longer, kh_str("1"), &cpus, &err), KH_TOOBIG);
    ck_assert_int_eq(kh_cpu_v1_limit(kh_str("1"), longer, &cpus, &err), KH_TOOBIG);
    ck_assert_int_eq(kh_cpu_v2_limit(longer, &cpus, &err), KH_TOOBIG);
    ck_assert_int_eq(kh_cpu_set_size(longer, &cpus, &err), KH_TOOBIG);
}
END_TEST

START_TEST(percent_is_of_the_limit_and_never_over_100)
{
    ck_assert_double_eq(kh_cpu_percent_of_limit(500000000, 1000000000, 2), 25);
    ck_assert_double_eq(kh_cpu_percent_of_limit(250000000, 1000000000, 0.25), 100);
    ck_assert_double_eq(kh_cpu_percent_of_limit(3000000000, 1000000000, 2), 100);
    ck_assert_double_eq(kh_cpu_percent_of_limit(0, 1000000000, 2), 0);
    ck_assert_double_eq(kh_cpu_percent_of_limit(1, 0, 2), 0); /* no time has passed */
}
END_TEST

/* ---- /proc/stat ---- */

static struct kh_cpu_ticks ticks_of(const char *text)
{
    struct kh_cpu_ticks ticks;

    ck_assert_msg(kh_cpu_ticks_read(kh_str(text), &ticks, &err) == KH_OK, "%s", err.text);
    return ticks;
}

START_TEST(the_first_line_of_proc_stat_gives_all_and_idle_time)
{
    struct kh_cpu_ticks ticks = ticks_of("cpu  10143 2478 5289 244851 561 0 78 23 0 0\n"
                                         "cpu0 5000 1200 2600 122000 280 0 40 11 0 0\n");

    ck_assert_uint_eq(ticks.total, 10143 + 2478 + 5289 + 244851 + 561);
    ck_assert_uint_eq(ticks.idle, 244851);
    ck_assert_int_eq(kh_cpu_ticks_read(kh_str("cpu0 1 2 3 4 5\n"), &ticks, &err), KH_INVALID);
    ck_assert_int_eq(kh_cpu_ticks_read(kh_str(""), &ticks, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "/proc/stat: expected a first line that begins with cpu");
    ck_assert_int_eq(kh_cpu_ticks_read(kh_str("cpu  1 2 3 4\n5"), &ticks, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "/proc/stat: expected 5 numbers after cpu");
    ck_assert_int_eq(kh_cpu_ticks_read(kh_str("cpu  18446744073709551615 1 0 0 0\n"), &ticks, &err),
                     KH_INVALID);
}
END_TEST

START_TEST(a_machine_is_as_busy_as_it_was_not_idle)
{
    struct kh_cpu_ticks before = ticks_of("cpu  100 0 100 800 0 0 0 0 0 0\n");
    struct kh_cpu_ticks after = ticks_of("cpu  130 10 120 930 10 0 0 0 0 0\n");

    ck_assert_double_eq(kh_cpu_percent_of_ticks(&before, &after), 35); /* 70 of 200 */
    ck_assert_double_eq(kh_cpu_percent_of_ticks(&before, &before), 0);
    ck_assert_double_eq(kh_cpu_percent_of_ticks(&after, &before), 0);
}
END_TEST

/* proc_stat(5): iowait may decrease. */
START_TEST(a_wait_that_goes_back_is_no_work)
{
    struct kh_cpu_ticks before = ticks_of("cpu  100 0 100 800 50 0 0 0 0 0\n");
    struct kh_cpu_ticks after = ticks_of("cpu  100 0 100 900 10 0 0 0 0 0\n");

    ck_assert_double_eq(kh_cpu_percent_of_ticks(&before, &after), 0);
}
END_TEST

/* ---- ECS ---- */

/* As the endpoint of a Fargate task answers, with what does not matter here left out. */
#define ID_1 "cd189a933e5849daa93386466019ab50-2495160603"
#define ID_2 "5fc21e5b015f4d6fae2b2c4ad4b5ed2d-0179205828"

static const char container_json[] =
    "{\"DockerId\":\"" ID_1 "\",\"Name\":\"app\",\"DockerName\":\"app\",\"Labels\":{},"
    "\"DesiredStatus\":\"RUNNING\",\"KnownStatus\":\"RUNNING\",\"Limits\":{\"CPU\":10}}";

static const char task_json[] =
    "{\"Cluster\":\"default\",\"TaskARN\":\"arn:aws:ecs:us-west-2:111122223333:task/default/e9\","
    "\"Limits\":{\"CPU\":0.25,\"Memory\":512},\"Containers\":["
    "{\"DockerId\":\"" ID_2 "\",\"Name\":\"log\",\"Limits\":{\"CPU\":30,\"Memory\":128}},"
    "{\"DockerId\":\"" ID_1 "\",\"Name\":\"app\",\"Limits\":{\"CPU\":10}}],"
    "\"LaunchType\":\"FARGATE\"}";

static const char stats_json[] =
    "{\"read\":\"2020-10-02T00:51:13.410254284Z\",\"preread\":\"2020-10-02T00:51:12.406202398Z\","
    "\"pids_stats\":{\"current\":3},\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":360968065,"
    "\"percpu_usage\":[182359190,178608875],\"usage_in_kernelmode\":40000000},"
    "\"system_cpu_usage\":12220000000,\"online_cpus\":2,\"throttling_data\":{\"periods\":0}},"
    "\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":350968065},"
    "\"system_cpu_usage\":10220000000,\"online_cpus\":2},\"memory_stats\":{\"usage\":8507392}}";

START_TEST(an_ecs_container_knows_its_id)
{
    struct kh_ecs_container container;

    ck_assert_int_eq(kh_ecs_read_container(kh_str(container_json), &container, &err), KH_OK);
    ck_assert_str_eq(container.id, ID_1);
    ck_assert_int_eq(kh_ecs_read_container(kh_str("{\"DockerId\":7}"), &container, &err),
                     KH_INVALID);
    ck_assert_str_eq(err.text, "ECS container metadata: expected a DockerId");
    ck_assert_int_eq(kh_ecs_read_container(kh_str("<html>"), &container, &err), KH_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "ECS container metadata: "));
}
END_TEST

static struct kh_ecs_limit limit_of(const char *task)
{
    struct kh_ecs_container container = {.id = ID_1};
    struct kh_ecs_limit limit;

    ck_assert_msg(kh_ecs_read_task(kh_str(task), &container, &limit, &err) == KH_OK, "%s",
                  err.text);
    return limit;
}

START_TEST(an_ecs_container_may_use_its_share_of_the_task)
{
    struct kh_ecs_limit limit = limit_of(task_json);

    ck_assert_double_eq(limit.task_cpus, 0.25);
    ck_assert_double_eq(limit.share, 0.25); /* 10 of 40 */

    limit = limit_of("{\"Limits\":{\"Memory\":512},\"Containers\":[{\"DockerId\":\"" ID_2 "\","
                     "\"Limits\":{\"CPU\":8}}]}");
    ck_assert_double_eq(limit.task_cpus, 0);
    ck_assert_double_eq(limit.share, 0.25); /* not named: 2 of 8, as Java has it */
}
END_TEST

START_TEST(an_ecs_container_without_shares_counts_as_the_whole_task)
{
    struct kh_ecs_limit limit = limit_of("{\"Containers\":[{\"DockerId\":\"" ID_1
                                         "\",\"Limits\":{\"CPU\":0}},{\"DockerId\":\"x\"}]}");

    ck_assert_double_eq(limit.share, 1);
    limit = limit_of("{\"Containers\":[{\"DockerId\":\"" ID_1 "\",\"Limits\":{\"CPU\":-5}}]}");
    ck_assert_double_eq(limit.share, 1);
    limit = limit_of("{\"Containers\":[{\"DockerId\":\"" ID_1 "\",\"Limits\":{\"CPU\":1e999}}]}");
    ck_assert_double_eq(limit.share, 1);
    limit = limit_of("{}");
    ck_assert_double_eq(limit.share, 1);
}
END_TEST

static double percent_of(const char *stats, struct kh_ecs_limit limit)
{
    double percent = -2;

    ck_assert_msg(kh_ecs_read_stats(kh_str(stats), &limit, &percent, &err) == KH_OK, "%s",
                  err.text);
    return percent;
}

START_TEST(an_ecs_container_is_measured_against_what_it_may_use)
{
    /* 10 ms of its own in 2 s of the two CPUs together: 0.01 CPUs, of 0.0625. */
    ck_assert_double_eq_tol(percent_of(stats_json, limit_of(task_json)), 16, 1e-9);
    /* Without a limit of the task, of the two CPUs. */
    ck_assert_double_eq_tol(percent_of(stats_json, (struct kh_ecs_limit){.share = 1}), 0.5, 1e-9);
    /* Bursts above it are capped. */
    ck_assert_double_eq(
        percent_of(stats_json, (struct kh_ecs_limit){.task_cpus = 0.001, .share = 1}), 100);
}
END_TEST

START_TEST(the_first_look_at_an_ecs_container_is_0)
{
    struct kh_ecs_limit whole = {.share = 1};

    ck_assert_double_eq(percent_of("{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":5},"
                                   "\"system_cpu_usage\":10,\"online_cpus\":1},"
                                   "\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":0}}}",
                                   whole),
                        0);
    ck_assert_double_eq(percent_of("{\"cpu_stats\":{\"online_cpus\":1}}", whole), 0);
}
END_TEST

START_TEST(ecs_times_that_stand_still_or_go_back_are_no_surprise)
{
    struct kh_ecs_limit whole = {.share = 1};

#define STATS(used, system)                                                                 \
    "{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":" used ",\"percpu_usage\":[1]},"        \
    "\"system_cpu_usage\":" system "},\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":5}," \
    "\"system_cpu_usage\":10}}"
    ck_assert_double_eq(percent_of(STATS("6", "10"), whole), 100); /* as Java has it */
    ck_assert_double_eq(percent_of(STATS("4", "20"), whole), 0);
    ck_assert_double_eq(percent_of(STATS("6", "9"), whole), 0);
    ck_assert_double_eq(percent_of(STATS("6", "20"), whole), 10);
}
END_TEST

START_TEST(ecs_stats_that_are_not_there_yet_are_an_error)
{
    struct kh_ecs_limit whole = {.share = 1};
    static char big[KH_ECS_BYTES_MAX + 1];
    double percent;

    ck_assert_int_eq(kh_ecs_read_stats(kh_str("null"), &whole, &percent, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "ECS container stats: expected cpu_stats with online_cpus");
    ck_assert_int_eq(kh_ecs_read_stats(kh_str(""), &whole, &percent, &err), KH_INVALID);
    memset(big, ' ', sizeof(big));
    ck_assert_int_eq(kh_ecs_read_stats(kh_str_of(big, sizeof(big)), &whole, &percent, &err),
                     KH_TOOBIG);
    ck_assert_str_eq(err.text, "ECS container stats: longer than 1048576 bytes");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("cpu_usage");

    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, version_1_tells_what_was_used_in_nanoseconds);
    tcase_add_test(tcase, the_limit_of_version_1_is_quota_by_period);
    tcase_add_test(tcase, version_2_tells_what_was_used_in_microseconds_on_any_line);
    tcase_add_test(tcase, the_limit_of_version_2_is_two_numbers_or_none);
    tcase_add_test(tcase, a_set_of_cpus_has_a_size);
    tcase_add_test(tcase, a_file_over_its_limit_is_not_read);
    tcase_add_test(tcase, percent_is_of_the_limit_and_never_over_100);
    tcase_add_test(tcase, the_first_line_of_proc_stat_gives_all_and_idle_time);
    tcase_add_test(tcase, a_machine_is_as_busy_as_it_was_not_idle);
    tcase_add_test(tcase, a_wait_that_goes_back_is_no_work);
    tcase_add_test(tcase, an_ecs_container_knows_its_id);
    tcase_add_test(tcase, an_ecs_container_may_use_its_share_of_the_task);
    tcase_add_test(tcase, an_ecs_container_without_shares_counts_as_the_whole_task);
    tcase_add_test(tcase, an_ecs_container_is_measured_against_what_it_may_use);
    tcase_add_test(tcase, the_first_look_at_an_ecs_container_is_0);
    tcase_add_test(tcase, ecs_times_that_stand_still_or_go_back_are_no_surprise);
    tcase_add_test(tcase, ecs_stats_that_are_not_there_yet_are_an_error);
    return suite_run("cpu_usage", tcase);
}
