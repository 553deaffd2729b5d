#include "wire/cpu_usage.h"

#include <stdbool.h>

#include "base/assert.h"
#include "wire/json.h"

#define NS_PER_US 1000
/* A container whose share is not told has as much as the ECS agent gives by default. */
#define ECS_SHARE_DEFAULT 2
#define ECS_AMOUNT_MIN    1e-6
#define ECS_AMOUNT_MAX    1e9

static enum kh_rc check_size(struct kh_str text, const char *what, struct kh_err *err)
{
    if (text.n > KH_CPU_FILE_BYTES_MAX) {
        return kh_fail(err, KH_TOOBIG, "%s is longer than %d bytes", what, KH_CPU_FILE_BYTES_MAX);
    }
    return KH_OK;
}

static struct kh_str first_line(struct kh_str text)
{
    return kh_str_of(text.p, kh_str_find(text, '\n'));
}

/* Cut the next word off. */
static struct kh_str next_word(struct kh_str *rest)
{
    struct kh_str word;
    struct kh_str tail;

    *rest = kh_str_trim(*rest);
    (void)kh_str_cut(*rest, ' ', &word, &tail);
    *rest = tail;
    return word;
}

enum kh_rc kh_cpu_v1_used(struct kh_str usage, uint64_t *used_ns, struct kh_err *err)
{
    enum kh_rc rc = check_size(usage, "cpuacct.usage", err);

    if (rc == KH_OK && !kh_str_u64(kh_str_trim(usage), used_ns)) {
        rc = kh_fail(err, KH_INVALID, "cpuacct.usage: expected a number");
    }
    return rc;
}

enum kh_rc kh_cpu_v2_used(struct kh_str cpu_stat, uint64_t *used_ns, struct kh_err *err)
{
    enum kh_rc rc = check_size(cpu_stat, "cpu.stat", err);
    struct kh_str rest = cpu_stat;
    uint64_t used_us;

    while (rc == KH_OK && rest.n > 0) {
        struct kh_str line;
        struct kh_str tail;

        (void)kh_str_cut(rest, '\n', &line, &tail);
        rest = tail;
        if (kh_str_eq(next_word(&line), KH_STR("usage_usec"))) {
            if (!kh_str_u64(kh_str_trim(line), &used_us) || used_us > UINT64_MAX / NS_PER_US) {
                return kh_fail(err, KH_INVALID, "cpu.stat: expected a number after usage_usec");
            }
            *used_ns = used_us * NS_PER_US;
            return KH_OK;
        }
    }
    return rc != KH_OK ? rc : kh_fail(err, KH_INVALID, "cpu.stat: expected a line usage_usec");
}

enum kh_rc kh_cpu_v1_limit(struct kh_str quota, struct kh_str period, double *cpus,
                           struct kh_err *err)
{
    enum kh_rc rc = check_size(quota, "cpu.cfs_quota_us", err);
    int64_t quota_us;
    uint64_t period_us;

    if (rc == KH_OK) {
        rc = check_size(period, "cpu.cfs_period_us", err);
    }
    if (rc != KH_OK) {
        return rc;
    }
    if (!kh_str_i64(kh_str_trim(quota), &quota_us) || quota_us < -1 || quota_us == 0) {
        return kh_fail(err, KH_INVALID, "cpu.cfs_quota_us: expected a number above 0, or -1");
    }
    if (!kh_str_u64(kh_str_trim(period), &period_us) || period_us == 0) {
        return kh_fail(err, KH_INVALID, "cpu.cfs_period_us: expected a number above 0");
    }
    *cpus = quota_us == -1 ? 0 : (double)quota_us / (double)period_us;
    return KH_OK;
}

enum kh_rc kh_cpu_v2_limit(struct kh_str cpu_max, double *cpus, struct kh_err *err)
{
    enum kh_rc rc = check_size(cpu_max, "cpu.max", err);
    struct kh_str rest = first_line(cpu_max);
    struct kh_str most = next_word(&rest);
    uint64_t most_us;
    uint64_t period_us;

    if (rc != KH_OK) {
        return rc;
    }
    if (kh_str_eq(most, KH_STR("max"))) {
        *cpus = 0;
        return KH_OK;
    }
    if (!kh_str_u64(most, &most_us) || !kh_str_u64(kh_str_trim(rest), &period_us) || most_us == 0 ||
        period_us == 0) {
        return kh_fail(err, KH_INVALID, "cpu.max: expected two numbers above 0, or max");
    }
    *cpus = (double)most_us / (double)period_us;
    return KH_OK;
}

/* How many one piece of a set names, "3" or "0-3"; 0 if it is none. */
static uint64_t piece_size(struct kh_str piece)
{
    struct kh_str first;
    struct kh_str last;
    uint64_t low;
    uint64_t high;
    bool is_range = kh_str_cut(kh_str_trim(piece), '-', &first, &last);

    if (!kh_str_u64(first, &low) || low >= KH_CPUS_MAX) {
        return 0;
    }
    if (!is_range) {
        return 1;
    }
    return kh_str_u64(last, &high) && high >= low && high < KH_CPUS_MAX ? high - low + 1 : 0;
}

enum kh_rc kh_cpu_set_size(struct kh_str set, double *cpus, struct kh_err *err)
{
    enum kh_rc rc = check_size(set, "the set of CPUs", err);
    struct kh_str rest = kh_str_trim(set);
    uint64_t n = 0;

    while (rc == KH_OK && rest.n > 0) {
        struct kh_str piece;
        struct kh_str tail;
        uint64_t size;

        (void)kh_str_cut(rest, ',', &piece, &tail);
        rest = tail;
        size = piece_size(piece);
        if (size == 0) {
            n = 0;
            break;
        }
        n += size;
    }
    if (rc == KH_OK && n == 0) {
        rc = kh_fail(err, KH_INVALID, "the set of CPUs: expected numbers and ranges, as in 0-3,8");
    }
    *cpus = (double)n;
    return rc;
}

static double capped(double percent)
{
    return percent > 100 ? 100 : percent;
}

double kh_cpu_percent_of_limit(uint64_t used_ns, uint64_t span_ns, double cpus)
{
    kh_assert(cpus > 0);
    return span_ns == 0 ? 0 : capped((double)used_ns / (double)span_ns / cpus * 100);
}

enum kh_rc kh_cpu_ticks_read(struct kh_str proc_stat, struct kh_cpu_ticks *ticks,
                             struct kh_err *err)
{
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, FIELDS_N };
    struct kh_str rest = first_line(proc_stat);
    uint64_t fields[FIELDS_N];
    uint64_t total = 0;

    if (!kh_str_eq(next_word(&rest), KH_STR("cpu"))) {
        return kh_fail(err, KH_INVALID, "/proc/stat: expected a first line that begins with cpu");
    }
    for (unsigned i = 0; i < FIELDS_N; i++) {
        if (!kh_str_u64(next_word(&rest), &fields[i]) ||
            __builtin_add_overflow(total, fields[i], &total)) {
            return kh_fail(err, KH_INVALID, "/proc/stat: expected %d numbers after cpu", FIELDS_N);
        }
    }
    *ticks = (struct kh_cpu_ticks){.total = total, .idle = fields[IDLE]};
    return KH_OK;
}

double kh_cpu_percent_of_ticks(const struct kh_cpu_ticks *before, const struct kh_cpu_ticks *after)
{
    uint64_t total;
    uint64_t idle;

    /* The kernel says of iowait that it may go back. Then nothing can be said of this second, and
     * nothing much was done in it. */
    if (after->total <= before->total || after->idle < before->idle) {
        return 0;
    }
    total = after->total - before->total;
    idle = after->idle - before->idle;
    return idle >= total ? 0 : (double)(total - idle) / (double)total * 100;
}

/* ---- ECS ---- */

static enum kh_rc parse(struct kh_json **root, struct kh_str json, const char *what,
                        struct kh_err *err)
{
    enum kh_rc rc;

    if (json.n > KH_ECS_BYTES_MAX) {
        return kh_fail(err, KH_TOOBIG, "ECS %s: longer than %zu bytes", what, KH_ECS_BYTES_MAX);
    }
    rc = kh_json_parse(root, json, err);
    if (rc != KH_OK && err != NULL) {
        (void)kh_wrap(err, "ECS %s", what);
    }
    return rc;
}

enum kh_rc kh_ecs_read_container(struct kh_str json, struct kh_ecs_container *container,
                                 struct kh_err *err)
{
    struct kh_json *root = NULL;
    struct kh_str id;
    enum kh_rc rc = parse(&root, json, "container metadata", err);

    if (rc == KH_OK && (!kh_json_str(kh_json_get(root, "DockerId"), &id) ||
                        !kh_str_copy(container->id, sizeof(container->id), id))) {
        rc = kh_fail(err, KH_INVALID, "ECS container metadata: expected a DockerId");
    }
    kh_json_free(root);
    return rc;
}

/* A number of CPUs or shares; 0 if there is none that can be one. */
static double amount(const struct kh_json *object, const char *name)
{
    double value = 0;

    (void)!kh_json_double(kh_json_get(object, name), &value);
    return value >= ECS_AMOUNT_MIN && value <= ECS_AMOUNT_MAX ? value : 0;
}

enum kh_rc kh_ecs_read_task(struct kh_str json, const struct kh_ecs_container *container,
                            struct kh_ecs_limit *limit, struct kh_err *err)
{
    struct kh_json *root = NULL;
    const struct kh_json *containers;
    double mine = ECS_SHARE_DEFAULT;
    double sum = 0;
    enum kh_rc rc = parse(&root, json, "task metadata", err);

    if (rc != KH_OK) {
        return rc;
    }
    containers = kh_json_get(root, "Containers");
    for (size_t i = 0; i < kh_json_length(containers); i++) {
        const struct kh_json *one = kh_json_at(containers, i);
        double share = amount(kh_json_get(one, "Limits"), "CPU");
        struct kh_str id = KH_STR("");

        if (kh_json_str(kh_json_get(one, "DockerId"), &id) &&
            kh_str_eq(id, kh_str(container->id))) {
            mine = share;
        }
        sum += share;
    }
    *limit = (struct kh_ecs_limit){
        .task_cpus = amount(kh_json_get(root, "Limits"), "CPU"),
        .share = mine > 0 && sum > mine ? mine / sum : 1,
    };
    kh_json_free(root);
    return KH_OK;
}

struct ecs_times {
    int64_t used_ns;
    int64_t system_ns;
};

/* What is missing counts as 0, as it does before the first second is over. */
static struct ecs_times times_of(const struct kh_json *stats)
{
    struct ecs_times times = {0};

    (void)!kh_json_i64(kh_json_get(kh_json_get(stats, "cpu_usage"), "total_usage"), &times.used_ns);
    (void)!kh_json_i64(kh_json_get(stats, "system_cpu_usage"), &times.system_ns);
    return times;
}

static double online_cpus(const struct kh_json *stats)
{
    double n = amount(stats, "online_cpus");

    return n > 0 ? n
                 : (double)kh_json_length(
                       kh_json_get(kh_json_get(stats, "cpu_usage"), "percpu_usage"));
}

static double ecs_percent(struct ecs_times before, struct ecs_times now, double online,
                          const struct kh_ecs_limit *limit)
{
    double cpus = (limit->task_cpus > 0 ? limit->task_cpus : online) * limit->share;
    double used_ns = (double)now.used_ns - (double)before.used_ns;
    double system_ns = (double)now.system_ns - (double)before.system_ns;

    if ((before.used_ns == 0 && before.system_ns == 0) || used_ns < 0 || system_ns < 0) {
        return 0;
    }
    if (system_ns == 0) {
        return 100; /* Java's: nothing was left to the system */
    }
    return capped(used_ns / system_ns * online / cpus * 100);
}

enum kh_rc kh_ecs_read_stats(struct kh_str json, const struct kh_ecs_limit *limit, double *percent,
                             struct kh_err *err)
{
    struct kh_json *root = NULL;
    const struct kh_json *stats;
    double online;
    enum kh_rc rc = parse(&root, json, "container stats", err);

    kh_assert(limit->share > 0);
    if (rc != KH_OK) {
        return rc;
    }
    stats = kh_json_get(root, "cpu_stats");
    online = online_cpus(stats);
    if (online > 0) {
        *percent = ecs_percent(times_of(kh_json_get(root, "precpu_stats")), times_of(stats), online,
                               limit);
    } else {
        rc = kh_fail(err, KH_INVALID, "ECS container stats: expected cpu_stats with online_cpus");
    }
    kh_json_free(root);
    return rc;
}
