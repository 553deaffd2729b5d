#include "tests/lib/assigning.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define LEASES_MAX  64
#define WORKERS_MAX 16

struct kh_ctx assigning_ctx;
struct kh_table assigning_table;
struct kh_wishes assigning_wishes;

static struct kh_map held;
static struct kh_lease leases[LEASES_MAX];
static size_t leases_n;
static struct kh_worker_stats stats[WORKERS_MAX];
static size_t stats_n;

void assigning_setup(void)
{
    memset(&assigning_ctx, 0, sizeof(assigning_ctx));
    kh_worker_config_default(&assigning_ctx.config);
    strcpy(assigning_ctx.config.worker_id, "me");
    kh_rand_init(&assigning_ctx.rand, 1);
    kh_table_init(&assigning_table);
    kh_wishes_init(&assigning_wishes);
    kh_map_init(&held);
    leases_n = 0;
    stats_n = 0;
}

void assigning_teardown(void)
{
    kh_table_fini(&assigning_table);
    kh_wishes_fini(&assigning_wishes);
    kh_map_fini(&held);
}

struct kh_lease *assigning_own(const char *owner, double kbps)
{
    struct kh_lease *lease = &leases[leases_n];

    ck_assert_uint_lt(leases_n, LEASES_MAX);
    *lease = (struct kh_lease){.has_throughput = kbps >= 0, .throughput_kbps = kbps < 0 ? 0 : kbps};
    (void)snprintf(lease->key, sizeof(lease->key), "%zu", leases_n++);
    strcpy(lease->owner, owner);
    return lease;
}

struct kh_table_row *assigning_row(const char *key)
{
    return kh_table_find(&assigning_table, key);
}

struct kh_worker_stats *assigning_report(const char *worker_id)
{
    struct kh_worker_stats *report = &stats[stats_n++];

    ck_assert_uint_le(stats_n, WORKERS_MAX);
    *report = (struct kh_worker_stats){.reported_wall_s = ASSIGNING_WALL_S};
    strcpy(report->worker_id, worker_id);
    return report;
}

void assigning_metric(struct kh_worker_stats *report, const char *name, double value, double limit)
{
    struct kh_metric *metric = &report->metrics[report->metrics_n++];

    *metric = (struct kh_metric){
        .values_n = 1, .values = {value}, .has_limit = limit > 0, .limit = limit};
    strcpy(metric->name, name);
}

void assigning_hold(const char *key)
{
    static int something;

    kh_map_add(&held, kh_str(key), &something);
}

void assigning_see(kh_ms now_ms)
{
    kh_table_update(&assigning_table, leases, leases_n, assigning_ctx.config.failover_ms, now_ms);
}

void assigning_run(kh_assign_policy *policy, bool rebalance, const struct kh_pin *pin,
                   kh_ms seen_at_ms)
{
    struct kh_assign_self self = {
        .ctx = &assigning_ctx, .held = &held, .seen_at_ms = seen_at_ms, .pin = pin};
    struct kh_assign_workers workers = {
        .stats = stats, .n = stats_n, .now_wall_s = ASSIGNING_WALL_S, .rebalance = rebalance};

    assigning_wishes.n = 0;
    policy(&assigning_table, &workers, &self, &assigning_wishes);
}

const char *assigning_to(const char *key)
{
    for (size_t i = 0; i < assigning_wishes.n; i++) {
        if (strcmp(assigning_wishes.items[i].row->lease.key, key) == 0) {
            return assigning_wishes.items[i].to;
        }
    }
    return "";
}

size_t assigning_count(const char *worker_id)
{
    size_t n = 0;

    for (size_t i = 0; i < assigning_wishes.n; i++) {
        n += strcmp(assigning_wishes.items[i].to, worker_id) == 0;
    }
    return n;
}
